"""The operations of Bedrock's runtime that are on no model: guardrails and asynchronous calls, byte for byte.

Source: the service model of bedrock-runtime in botocore.
"""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, request

from bedrock_flask import headers
from bedrock_flask.call import Call
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.context import request_context
from bedrock_flask.errors import FieldError, InvalidBody, RefusedSafeguard
from bedrock_flask.pipeline.passthrough import own_content_type, pass_reply
from bedrock_flask.pipeline.region import choose_region
from bedrock_flask.pipeline.request import make_account_call, parse_json, resolve_model
from bedrock_flask.pipeline.response import record_headers
from bedrock_flask.protocol import envelope
from bedrock_flask.translation.safeguards import HEADERS
from bedrock_flask.wires.completeness import ACCOUNT

SERVED = tuple(ACCOUNT)

blueprint = Blueprint("account", __name__)


@blueprint.post("/guardrail/<path:guardrail>/version/<version>/apply")
def apply_guardrail(guardrail: str, version: str) -> Response:
    """ApplyGuardrail: what a guardrail does to a text, without a model."""
    labels = {"guardrailIdentifier": guardrail, "guardrailVersion": version}
    return _pass(_make_call("ApplyGuardrail", _read_json(), labels=labels, arn=guardrail))


@blueprint.post("/guardrail-checks/invoke")
def invoke_guardrail_checks() -> Response:
    """InvokeGuardrailChecks: checks of a text without a guardrail of the account."""
    return _pass(_make_call("InvokeGuardrailChecks", _read_json()))


@blueprint.post("/async-invoke")
def start_async_invoke() -> Response:
    """StartAsyncInvoke: the model may have any name that the gateway knows."""
    data = _read_json()
    body: Any = parse_json(data)
    name = body.get("modelId") if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise InvalidBody([FieldError("modelId", "is required, as a string")])
    _reject_safeguards()
    model = resolve_model(name)
    if model.id != name:
        data = envelope.splice(data.decode(), (), {"modelId": json.dumps(model.id)}).encode()
    region = choose_region(model.region, is_alias=bool(model.base))
    call = replace(_make_call("StartAsyncInvoke", data), adapter=model.adapter, region=region)
    response = _pass(call)
    response.headers[headers.MODEL] = model.id
    return response


@blueprint.get("/async-invoke")
def list_async_invokes() -> Response:
    """ListAsyncInvokes: those of the account, whichever key started them."""
    query = urlencode([*request.args.items(multi=True)], quote_via=quote, safe="")
    return _pass(_make_call("ListAsyncInvokes", query=query))


@blueprint.get("/async-invoke/<path:arn>")
def get_async_invoke(arn: str) -> Response:
    """GetAsyncInvoke: how far an asynchronous call is."""
    return _pass(_make_call("GetAsyncInvoke", labels={"invocationArn": arn}, arn=arn))


def _reject_safeguards() -> None:
    """Refuse what a call of a model takes as headers, and an asynchronous one does not take at all."""
    if found := [name.lower() for name, _ in request.headers if name.lower() in HEADERS]:
        raise RefusedSafeguard([FieldError(name, "an asynchronous call does not take it") for name in found])


def _make_call(operation: str, body: bytes = b"", **options: Any) -> Call:
    return make_account_call(operation, ACCOUNT[operation].name, body, **options)


def _read_json() -> bytes:
    data = read_body()
    parse_json(data)
    return data


def _pass(call: Call) -> Response:
    response = pass_reply(call, own_content_type)
    response.headers.update(record_headers(request_context().record))
    return response
