"""The native dialect: each model's own body, validated, sent and answered as the bytes that came."""

import dataclasses
import json
from collections.abc import Generator
from contextlib import closing
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, g, jsonify

from bedrock_flask import edge
from bedrock_flask.adapter import Adapter, isolate_plugin_errors
from bedrock_flask.call import IDLE, CallRecord, Chunk, Idle, Reply, Stream
from bedrock_flask.edge import render_problem, with_renderer
from bedrock_flask.errors import (
    FieldError,
    GatewayError,
    InvalidBody,
    MethodNotAllowed,
    NotStreamable,
    UpstreamProtocolError,
    problem_document,
    summarize_faults,
)
from bedrock_flask.fields import Boolean, Object, Schema, String, find_faults
from bedrock_flask.json_schema import to_json_schema
from bedrock_flask.models.models_file import WARN
from bedrock_flask.models.registry import GENERIC
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.request import add_gateway_headers, make_call, parse_json, resolve_model, send
from bedrock_flask.pipeline.response import StreamFormat, forwarded_headers, stream_response, usage_headers
from bedrock_flask.protocol import envelope, sse
from bedrock_flask.state import state_of

blueprint = Blueprint("native", __name__, url_prefix="/v1")


def with_native(app: Flask) -> Flask:
    """The routes under `/v1/models` and `/v1/invoke`."""
    app.register_blueprint(blueprint)
    return with_renderer(app, render_problem, "/v1/models", "/v1/invoke")


class InvokeBody(Schema):
    """The body of `POST /v1/invoke`."""

    model = String(
        required=True, min_length=1, max_length=2048, description="An alias, an adapter's name, a Bedrock id or an ARN."
    )
    input = Object(required=True, description="The model's own body.")
    stream = Boolean(description="Answer with server-sent events.")


@blueprint.post("/models/<path:name>/invoke")
def invoke(name: str) -> Response:
    """Call a model with its own body; the answer's bytes are Bedrock's."""
    model = resolve_model(name)
    return _answer(model, edge.read_body(), stream=False)


@blueprint.post("/models/<path:name>/invoke-stream")
def invoke_stream(name: str) -> Response:
    """Call a model with its own body; its chunks come as server-sent events, the usage in the last one."""
    model = resolve_model(name)
    return _answer(model, edge.read_body(), stream=True)


@blueprint.post("/invoke")
def invoke_by_body() -> Response:
    """Call the model that the body names with the text of its `input`, cut out as it was written."""
    data = edge.read_body()
    asked = parse_json(data)
    if found := find_faults(InvokeBody(), asked):
        raise InvalidBody(found)
    model = resolve_model(asked["model"])
    try:
        text = envelope.extract_member(data.decode(), "input")
        return _answer(model, text.encode(), stream=asked.get("stream", False), body=asked["input"])
    except InvalidBody as error:
        raise InvalidBody([dataclasses.replace(f, path=_below("input", f.path)) for f in error.fields]) from None


@blueprint.get("/models")
def list_models() -> Response:
    """The models that can be named: adapters and aliases, with the members of OpenAI's and of Anthropic's lists."""
    found = [_described(model) for model in state_of(current_app).models.list_models()]
    ends = {"first_id": found[0]["id"], "last_id": found[-1]["id"]} if found else {"first_id": None, "last_id": None}
    return jsonify(object="list", data=found, has_more=False, **ends)


@blueprint.get("/models/<path:name>")
def show_model(name: str) -> Response:
    """One model: what it is on Bedrock, and what it can do."""
    return jsonify(_described(resolve_model(name)))


@blueprint.get("/models/<path:name>/invoke")
@blueprint.get("/models/<path:name>/invoke-stream")
def only_post(name: str) -> Response:
    """Say what a GET of these addresses would otherwise hide: a model's name may hold slashes."""
    raise MethodNotAllowed("This address takes POST.", headers={"allow": "POST"})


@blueprint.get("/models/<path:name>/schema")
def show_schema(name: str) -> Response:
    """The JSON Schema (2020-12) of the model's own body."""
    response = jsonify(to_json_schema(resolve_model(name).adapter.schema))
    response.mimetype = "application/schema+json"
    return response


def _answer(model: Model, data: bytes, *, stream: bool, body: Any = None) -> Response:
    if stream and not model.capabilities.streaming:
        raise NotStreamable(f"'{model.name}' answers whole only: POST to /v1/models/{model.name}/invoke.")
    passed = _checked(model, parse_json(data) if body is None else body)
    if passed:
        g.logged["unknown_fields"] = [path[:200] for path in passed[:20]]
    reply = send(make_call(model, data, stream=stream, watched=stream))
    response = add_gateway_headers(_streamed(reply) if isinstance(reply, Stream) else _whole(reply), model)
    if passed:
        response.headers["x-bedrock-flask-unknown-fields"] = quote(", ".join(passed[:20]), safe="[], -_.")[:2000]
    return response


def _checked(model: Model, body: Any) -> list[str]:
    """The unknown fields that may pass; every other fault is an InvalidBody."""
    with isolate_plugin_errors(model.adapter):
        found: list[FieldError] = model.adapter.find_faults(body)
    refused = [fault for fault in found if not (fault.unknown and model.validate == WARN)]
    if refused and GENERIC in model.adapter.models:
        raise InvalidBody(
            refused, f"No plugin claims '{model.name}', so its body is read as Converse: {summarize_faults(refused)}"
        )
    if refused:
        raise InvalidBody(refused)
    return [fault.path for fault in found]


def _whole(reply: Reply) -> Response:
    headers = {**usage_headers(g.account), **forwarded_headers(reply.headers)}
    return Response(reply.body, mimetype="application/json", headers=headers)


def _streamed(stream: Stream) -> Response:
    return stream_response(_events(stream, g.account), VOICE, forwarded_headers(stream.headers))


def _events(stream: Stream, account: CallRecord) -> Generator[bytes | Idle]:
    with closing(stream.chunks) as chunks:
        for chunk in chunks:
            yield chunk if chunk is IDLE else _event(chunk)
    yield sse.encode(json.dumps(account.usage.known()), "usage")


def _error_event(error: GatewayError, request_id: str) -> bytes:
    return sse.encode(json.dumps(problem_document(error, request_id)), "error")


def _event(chunk: Chunk) -> bytes:
    # The marks of success and failure are the gateway's own.
    if chunk.event in ("usage", "error"):
        raise UpstreamProtocolError("Bedrock's stream has an event of no known type.")
    return sse.encode(chunk.data.decode("utf-8"), chunk.event)


VOICE = StreamFormat(media_type=sse.MEDIA_TYPE, keepalive=sse.comment("still here"), error=_error_event)


# When a model was released Bedrock tells nobody; clients want a time all the same.
_RELEASED = 0


def _described(model: Model) -> dict[str, Any]:
    adapter: Adapter = model.adapter
    return {
        "id": model.name,
        "object": "model",
        "type": "model",
        "created": _RELEASED,
        "created_at": "1970-01-01T00:00:00Z",
        "owned_by": adapter.name,
        "display_name": model.description or model.name,
        "name": model.name,
        "model": model.id,
        "adapter": adapter.name,
        "description": model.description,
        "region": model.region or None,
        "validate": model.validate,
        "operation": adapter.operation,
        "capabilities": dataclasses.asdict(model.capabilities),
        "patterns": list(adapter.models),
        "source": state_of(current_app).models.registry.sources[adapter.name],
        "sample": adapter.sample,
        "links": {
            "invoke": f"/v1/models/{model.name}/invoke",
            "schema": f"/v1/models/{model.name}/schema",
        },
    }


def _below(member: str, path: str) -> str:
    return f"{member}.{path}" if path and not path.startswith("[") else f"{member}{path}"
