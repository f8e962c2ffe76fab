"""The native dialect: each model's own body, validated, sent and answered as the bytes that came."""

import dataclasses
import json
import logging
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request, stream_with_context

from bedrock_flask import edge, log
from bedrock_flask.adapter import Adapter, answering_for
from bedrock_flask.aliases import WARN
from bedrock_flask.call import Call, Chunk, Reply, Stream
from bedrock_flask.errors import (
    FieldError,
    GatewayError,
    InvalidBody,
    MalformedBody,
    MethodNotAllowed,
    NotStreamable,
    first_fault,
    problem,
)
from bedrock_flask.fields import Boolean, Object, Schema, String, faults
from bedrock_flask.json_schema import document
from bedrock_flask.models import Model
from bedrock_flask.protocol import envelope, sse
from bedrock_flask.protocol import json as strict
from bedrock_flask.registry import GENERIC
from bedrock_flask.state import state_of

LOG = logging.getLogger("bedrock_flask.request")

blueprint = Blueprint("native", __name__, url_prefix="/v1")


def with_native(app: Flask) -> Flask:
    """The routes under `/v1/models` and `/v1/invoke`."""
    app.register_blueprint(blueprint)
    return app


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
    model = _named(name)
    return _answer(model, edge.body(), stream=False)


@blueprint.post("/models/<path:name>/invoke-stream")
def invoke_stream(name: str) -> Response:
    """Call a model with its own body; its chunks come as server-sent events, the usage in the last one."""
    model = _named(name)
    return _answer(model, edge.body(), stream=True)


@blueprint.post("/invoke")
def invoke_by_body() -> Response:
    """Call the model that the body names with the text of its `input`, cut out as it was written."""
    data = edge.body()
    told = _parsed(data)
    if found := faults(InvokeBody(), told):
        raise InvalidBody(found)
    model = _named(told["model"])
    try:
        text = envelope.cut(data.decode(), "input")
        return _answer(model, text.encode(), stream=told.get("stream", False), parsed=told["input"])
    except InvalidBody as error:
        raise InvalidBody([dataclasses.replace(f, path=_below("input", f.path)) for f in error.fields]) from None


@blueprint.get("/models")
def list_models() -> Response:
    """The models that can be named: adapters and aliases."""
    return jsonify(data=[_described(model) for model in state_of(current_app).models.listed()])


@blueprint.get("/models/<path:name>")
def show_model(name: str) -> Response:
    """One model: what it is on Bedrock, and what it can do."""
    return jsonify(_described(_named(name)))


@blueprint.get("/models/<path:name>/invoke")
@blueprint.get("/models/<path:name>/invoke-stream")
def only_post(name: str) -> Response:
    """Say what a GET of these addresses would otherwise hide: a model's name may hold slashes."""
    raise MethodNotAllowed("This address takes POST.", headers={"allow": "POST"})


@blueprint.get("/models/<path:name>/schema")
def show_schema(name: str) -> Response:
    """The JSON Schema (2020-12) of the model's own body."""
    response = jsonify(document(_named(name).adapter.schema))
    response.mimetype = "application/schema+json"
    return response


def _named(name: str) -> Model:
    g.logged["model"] = name[:256]
    model = state_of(current_app).models.resolve(name)
    g.logged |= {"adapter": model.adapter.name, "model_id": model.id}
    return model


def _answer(model: Model, data: bytes, *, stream: bool, parsed: Any = None) -> Response:
    if stream and not model.capabilities.streaming:
        raise NotStreamable(f"'{model.name}' answers whole only: POST to /v1/models/{model.name}/invoke.")
    passed = _checked(model, _parsed(data) if parsed is None else parsed)
    if passed:
        g.logged["unknown_fields"] = [path[:200] for path in passed[:20]]
    answer = state_of(current_app).handler(_call(model, data, stream))
    response = _streamed(answer) if isinstance(answer, Stream) else _whole(answer)
    response.headers["x-bedrock-flask-model"] = model.id
    response.headers["x-bedrock-flask-attempts"] = str(g.account.attempts)
    if passed:
        response.headers["x-bedrock-flask-unknown-fields"] = quote(", ".join(passed[:20]), safe="[], -_.")[:2000]
    return response


def _parsed(data: bytes) -> Any:
    try:
        return strict.parse(data)
    except strict.MalformedJSON as error:
        raise MalformedBody(error.message, error.path) from None


def _checked(model: Model, body: Any) -> list[str]:
    """The unknown fields that may pass; every other fault is an InvalidBody."""
    with answering_for(model.adapter):
        found: list[FieldError] = model.adapter.faults(body)
    refused = [fault for fault in found if not (fault.unknown and model.validate == WARN)]
    if refused and GENERIC in model.adapter.models:
        told = f"No plugin claims '{model.name}', so its body is read as Converse: {first_fault(refused)}"
        raise InvalidBody(refused, told)
    if refused:
        raise InvalidBody(refused)
    return [fault.path for fault in found]


def _call(model: Model, data: bytes, stream: bool) -> Call:
    state = state_of(current_app)
    return Call(
        adapter=model.adapter,
        operation=model.adapter.operation,
        model=model.id,
        body=data,
        stream=stream,
        region=model.region,
        headers={name: value for name, value in request.headers.items() if name.lower().startswith("x-amzn-bedrock-")},
        request_id=g.request_id,
        caller=g.key,
        deadline=time.monotonic() + state.settings.deadline,
        account=g.account,
    )


def _whole(reply: Reply) -> Response:
    response = Response(reply.body, mimetype="application/json")
    for name, count in g.account.usage.known().items():
        response.headers[f"x-bedrock-flask-{name.replace('_', '-')}"] = str(count)
    response.headers.update(
        {name: value for name, value in reply.headers.items() if name.startswith("x-amzn-bedrock-")}
    )
    return response


def _streamed(stream: Stream) -> Response:
    # The first event is awaited before the status is sent: an early refusal keeps its own status.
    chunks = stream.chunks
    first = next(chunks, None)
    response = Response(stream_with_context(_events(first, chunks)), mimetype="text/event-stream")
    response.headers.update({"cache-control": "no-cache", "x-accel-buffering": "no"})
    response.headers.update(
        {name: value for name, value in stream.headers.items() if name.startswith("x-amzn-bedrock-")}
    )
    return response


def _events(first: Chunk | None, chunks: Generator[Chunk]) -> Iterator[bytes]:
    with closing(chunks):
        try:
            if first is not None:
                yield _event(first)
            for chunk in chunks:
                yield _event(chunk)
            yield sse.encode(json.dumps(g.account.usage.known()), "usage")
        except GatewayError as error:
            yield _error_event(error)
        except GeneratorExit:
            g.account.error = "client_left"
            raise
        except Exception as error:  # noqa: BLE001 - the status is sent: whatever it is must end the stream as an error
            LOG.error("unforeseen error in stream %s: %s", g.request_id, log.frames(error))
            yield _error_event(GatewayError("The log has more under this request id."))


def _error_event(error: GatewayError) -> bytes:
    g.account.error = error.code
    return sse.encode(json.dumps(problem(error, g.request_id)), "error")


def _event(chunk: Chunk) -> bytes:
    return sse.encode(chunk.data.decode("utf-8"), chunk.event)


def _described(model: Model) -> dict[str, Any]:
    adapter: Adapter = model.adapter
    return {
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
