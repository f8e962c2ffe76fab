"""The native API: each model's own body, validated, sent and answered byte for byte."""

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from bedrock_flask.bedrock.model_ids import is_own_model, is_prompt
from bedrock_flask.call import Call, Chunk
from bedrock_flask.dialect import Dialect, ErrorResponse, Route
from bedrock_flask.dialects.native import jobs
from bedrock_flask.dialects.native.model_list import list_models, show_model
from bedrock_flask.dialects.native.openapi import describe_paths
from bedrock_flask.dialects.native.usage import show_usage
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.limit_headers import write_openai
from bedrock_flask.edge.rendering import problem_document, render_problem
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import (
    FieldError,
    GatewayError,
    InvalidBody,
    MethodNotAllowed,
    NotStreamable,
    OnlyAsynchronous,
    UpstreamProtocolError,
    summarize_faults,
)
from bedrock_flask.fields import Boolean, Object, Schema, String, find_faults
from bedrock_flask.json_schema import DIALECT as JSON_SCHEMA
from bedrock_flask.json_schema import to_joint_schema, to_json_schema
from bedrock_flask.models.models_file import WARN
from bedrock_flask.models.registry import GENERIC
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.passthrough import own_content_type, pass_reply, pass_stream
from bedrock_flask.pipeline.request import (
    find_native_faults,
    is_json,
    make_call,
    parse_json,
    reject_native_faults,
    report_unknown,
    resolve_model,
    resolve_native_model,
)
from bedrock_flask.pipeline.response import StreamFormat, add_gateway_headers
from bedrock_flask.pipeline.surfaces import serve_native
from bedrock_flask.protocol import envelope, sse
from bedrock_flask.protocol.json_path import prefix_path
from bedrock_flask.translation.async_invokes import is_only_async
from bedrock_flask.wires import find_wire
from bedrock_flask.wires.completeness import OPAQUE
from bedrock_flask.wires.openai_errors import write_error


class InvokeBody(Schema):
    """The body of `POST /v1/invoke`."""

    model = String(
        required=True, min_length=1, max_length=2048, description="An alias, an adapter's name, a Bedrock id or an ARN."
    )
    input = Object(required=True, description="The model's own body.")
    stream = Boolean(description="Answer with server-sent events.")


INVOKE = InvokeBody()


def invoke(exchange: Exchange, name: str) -> Response:
    """Call a model with its own body; the answer's bytes are Bedrock's."""
    model = resolve_native_model(exchange, name)
    return _invoke(exchange, model, read_body(exchange), stream=False)


def invoke_stream(exchange: Exchange, name: str) -> Response:
    """Call a model with its own body; its chunks come as server-sent events, the usage in the last one."""
    model = resolve_native_model(exchange, name)
    return _invoke(exchange, model, read_body(exchange), stream=True)


def invoke_by_body(exchange: Exchange) -> Response:
    """Call the model that the body names with the text of its `input`, cut out as it was written."""
    data = read_body(exchange)
    document = parse_json(data)
    if faults := find_faults(INVOKE, document):
        raise InvalidBody(faults)
    model = resolve_native_model(exchange, document["model"])
    try:
        text = envelope.extract_member(data.decode(), "input")
        return _invoke(exchange, model, text.encode(), stream=document.get("stream", False), body=document["input"])
    except InvalidBody as error:
        raise InvalidBody([dataclasses.replace(f, path=prefix_path("input", f.path)) for f in error.fields]) from None


def reject_get(exchange: Exchange, name: str) -> Response:
    """Refuse a GET of these addresses, which would otherwise name a model: a model's name may hold slashes."""
    raise MethodNotAllowed("This address takes POST.", headers={"allow": "POST"})


def show_schema(exchange: Exchange, name: str) -> Response:
    """The JSON Schema (2020-12) of the model's own body."""
    model = serve_native(exchange, resolve_model(exchange, name))
    forms = model.adapter.forms
    if _is_opaque(model):
        schema = _describe_any_body(model)
    elif len(forms) > 1:
        schema = to_joint_schema([form.schema for form in forms], [form.sample for form in forms])
    else:
        schema = to_json_schema(model.adapter.schema)
    return make_json_response(schema, content_type="application/schema+json")


def _is_opaque(model: Model) -> bool:
    """Whether no plugin knows the body of a model, which may be of any form: the account's own, by its ARN alone."""
    return is_own_model(model.id) and GENERIC in model.adapter.models


def _describe_any_body(model: Model) -> dict[str, Any]:
    """A schema that every body satisfies, and how a model gets one of its own."""
    description = (
        f"'{model.name}' is a model of the account's own, whose format no plugin knows: any bytes are sent as they "
        "come, and Bedrock alone checks them. An alias in the models file can name the `adapter` of its family."
    )
    return {"$schema": JSON_SCHEMA, "title": "any body", "description": description}


def _invoke(exchange: Exchange, model: Model, data: bytes, *, stream: bool, body: Any = None) -> Response:
    if is_only_async(model):
        raise OnlyAsynchronous(
            f"Bedrock calls '{model.name}' asynchronously only; use POST /v1/models/{model.name}/jobs."
        )
    if stream and not model.capabilities.streaming:
        raise NotStreamable(f"'{model.name}' does not stream; use POST /v1/models/{model.name}/invoke.")
    model = serve_native(exchange, model)
    if _is_opaque(model):
        call = _make_opaque_call(exchange, model, data, stream=stream)
    else:
        body = parse_json(data) if body is None else body
        model = model.for_body(body)
        report_unknown(exchange, _check_body(exchange, model, body, stream=stream))
        call = make_call(exchange, model, data, stream=stream)
    wire = find_wire(call.adapter, call.wire)
    if stream:
        write_chunk, write_end = _write_opaque if wire.is_opaque else _write_json, partial(_write_usage, exchange)
        response = pass_stream(exchange, call, write_chunk, STREAM_FORMAT, write_end=write_end)
    else:
        response = pass_reply(exchange, call, own_content_type)
    return add_gateway_headers(exchange, response, model)


def _make_opaque_call(exchange: Exchange, model: Model, data: bytes, *, stream: bool) -> Call:
    # What is not JSON has the type that the caller says.
    forward = () if stream else ("accept",) if is_json(data) else ("accept", "content-type")
    return make_call(exchange, model, data, operation="InvokeModel", wire=OPAQUE.name, stream=stream, forward=forward)


def _check_body(exchange: Exchange, model: Model, body: Any, *, stream: bool) -> list[FieldError]:
    """The unknown fields and values that may pass; every other fault is an InvalidBody."""
    faults = find_native_faults(model, body, stream=stream)
    if is_prompt(model.id) and isinstance(body, dict) and "messages" not in body:
        # A managed prompt brings its own messages.
        faults = [fault for fault in faults if fault.path != "messages"]
    refused = [fault for fault in faults if model.validate != WARN or not fault.may_be_new]
    if refused and GENERIC in model.adapter.models:
        detail = (
            f"No plugin claims '{model.name}', so its body is read as Converse: {summarize_faults(refused)}. Its own "
            f"format can be sent to /model/{model.name}/invoke, or a plugin can claim it (bedrock-flask new-plugin)."
        )
        raise InvalidBody(refused, detail)
    reject_native_faults(exchange, model, body, refused)
    return faults


def _write_json(chunk: Chunk) -> bytes:
    return _write_chunk(chunk, sse.encode_json_text)


def _write_opaque(chunk: Chunk) -> bytes:
    return _write_chunk(chunk, sse.encode_bytes)


def _write_chunk(chunk: Chunk, encode: Callable[[bytes, str], bytes]) -> bytes:
    # Only the gateway itself reports success and failure.
    if chunk.event in ("usage", "error"):
        raise UpstreamProtocolError("Bedrock's stream has an event of an unknown type.")
    try:
        return encode(chunk.data, chunk.event)
    except UnicodeDecodeError:
        raise UpstreamProtocolError("Bedrock's stream has a chunk that is not text.") from None


def _write_usage(exchange: Exchange) -> bytes:
    return sse.encode(json.dumps(exchange.record.usage.to_dict()), "usage")


def _write_error(error: GatewayError, request_id: str) -> bytes:
    return sse.encode(json.dumps(problem_document(error, request_id)), "error")


STREAM_FORMAT = StreamFormat(media_type=sse.MEDIA_TYPE, keepalive=sse.comment("still here"), write_error=_write_error)


def render_error(error: GatewayError, exchange: Exchange) -> ErrorResponse:
    """The problem document; a GET is how OpenAI's and Anthropic's SDKs list models, and they look for `error` in it."""
    rendered = render_problem(error, exchange)
    if exchange.method != "GET":
        return rendered
    return dataclasses.replace(rendered, document={**rendered.document, "error": write_error(error)})


DIALECT = Dialect(
    title="Native",
    routes=(
        Route(path="/models/<path:name>/invoke", respond=invoke),
        Route(path="/models/<path:name>/invoke-stream", respond=invoke_stream),
        Route(path="/invoke", respond=invoke_by_body),
        *jobs.ROUTES,
        Route(path="/usage", respond=show_usage, method="GET"),
        Route(path="/models", respond=list_models, method="GET"),
        Route(path="/models/<path:name>", respond=show_model, method="GET"),
        Route(path="/models/<path:name>/invoke", respond=reject_get, method="GET"),
        Route(path="/models/<path:name>/invoke-stream", respond=reject_get, method="GET"),
        Route(path="/models/<path:name>/schema", respond=show_schema, method="GET"),
    ),
    mounts=("/v1",),
    error_prefixes=("/v1/models", "/v1/invoke", "/v1/usage"),
    render_error=render_error,
    write_levels=write_openai,
    describe_paths=describe_paths,
)
