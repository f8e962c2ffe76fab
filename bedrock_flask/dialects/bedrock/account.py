"""The operations of Bedrock's runtime that are on no model: guardrails and asynchronous calls, byte for byte.

Source: the service model of bedrock-runtime in botocore.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from bedrock_flask import headers
from bedrock_flask.call import Call
from bedrock_flask.converse import Json, map_shape_errors
from bedrock_flask.dialects.bedrock.operation_route import describe_operation
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.query import read_query
from bedrock_flask.edge.response import Response
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.pipeline.job_owners import TOKEN, is_own, mark_token, reject_foreign, show_own_token
from bedrock_flask.pipeline.passthrough import own_content_type, pass_reply
from bedrock_flask.pipeline.request import (
    make_account_call,
    parse_json,
    reject_faults,
    reject_safeguards,
    resolve_async_model,
)
from bedrock_flask.pipeline.response import record_headers
from bedrock_flask.protocol import envelope
from bedrock_flask.translation.async_invokes import find_faults
from bedrock_flask.wires.completeness import ACCOUNT

SERVED = tuple(ACCOUNT)
_SUMMARIES = "asyncInvokeSummaries"


def apply_guardrail(exchange: Exchange, guardrail: str, version: str) -> Response:
    """ApplyGuardrail: what a guardrail does to a text, without a model."""
    labels = {"guardrailIdentifier": guardrail, "guardrailVersion": version}
    return _pass(exchange, _make_call(exchange, "ApplyGuardrail", _read_json(exchange), labels=labels, arn=guardrail))


def invoke_guardrail_checks(exchange: Exchange) -> Response:
    """InvokeGuardrailChecks: checks of a text without a guardrail of the account."""
    return _pass(exchange, _make_call(exchange, "InvokeGuardrailChecks", _read_json(exchange)))


def start_async_invoke(exchange: Exchange) -> Response:
    """StartAsyncInvoke: the model may have any name that the gateway knows."""
    data = _read_json(exchange)
    body: Any = parse_json(data)
    name = body.get("modelId") if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise InvalidBody([FieldError("modelId", "is required, as a string")])
    reject_safeguards(exchange)
    model = resolve_async_model(exchange, name)
    if "modelInput" in body:
        reject_faults(find_faults(model, body["modelInput"], "modelInput")[0])
    changes = {"modelId": model.id} if model.id != name else {}
    if exchange.principal.team:
        changes[TOKEN] = mark_token(exchange, _choose_token(body))
    if changes:
        members = {name: json.dumps(value) for name, value in changes.items()}
        data = envelope.splice(data.decode(), (), members).encode()
    response = _pass(exchange, _make_call(exchange, "StartAsyncInvoke", data, model=model))
    response.headers[headers.MODEL] = model.id
    return response


def list_async_invokes(exchange: Exchange) -> Response:
    """ListAsyncInvokes: those of the caller's team, or without a team those of the account."""
    query = urlencode(read_query(exchange), quote_via=quote, safe="")
    call = _make_call(exchange, "ListAsyncInvokes", query=query)

    def select(answer: Json) -> Json:
        with map_shape_errors():
            jobs = [show_own_token(exchange, job) for job in answer[_SUMMARIES] if is_own(exchange, job)]
        return {**answer, _SUMMARIES: jobs}

    return _pass(exchange, call, select if exchange.principal.team else None)


def get_async_invoke(exchange: Exchange, arn: str) -> Response:
    """GetAsyncInvoke: how far an asynchronous call is."""
    call = _make_call(exchange, "GetAsyncInvoke", labels={"invocationArn": arn}, arn=arn)

    def show(answer: Json) -> Json:
        reject_foreign(exchange, answer)
        return show_own_token(exchange, answer)

    return _pass(exchange, call, show if exchange.principal.team else None)


def _choose_token(body: Json) -> str:
    """The caller's token, or a new one."""
    token = body.get(TOKEN)
    if token is not None and not isinstance(token, str):
        raise InvalidBody([FieldError(TOKEN, "must be a string")])
    return token or str(uuid.uuid4())


def _make_call(exchange: Exchange, operation: str, body: bytes = b"", **options: Any) -> Call:
    return make_account_call(exchange, operation, ACCOUNT[operation].name, body, **options)


def _read_json(exchange: Exchange) -> bytes:
    data = read_body(exchange)
    parse_json(data)
    return data


def _pass(exchange: Exchange, call: Call, edit: Callable[[Json], Json] | None = None) -> Response:
    response = pass_reply(exchange, call, own_content_type, edit)
    response.headers |= record_headers(exchange.record)
    return response


ROUTES = (
    describe_operation("ApplyGuardrail", "/guardrail/<path:guardrail>/version/<version>/apply", apply_guardrail),
    describe_operation("InvokeGuardrailChecks", "/guardrail-checks/invoke", invoke_guardrail_checks),
    describe_operation("StartAsyncInvoke", "/async-invoke", start_async_invoke),
    describe_operation("ListAsyncInvokes", "/async-invoke", list_async_invokes),
    describe_operation("GetAsyncInvoke", "/async-invoke/<path:arn>", get_async_invoke),
)
