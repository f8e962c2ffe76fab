"""OpenAI's API: chat completions, responses and embeddings, for every model that can.

Source: OpenAI's API reference; the types of the `openai` package. The list of models stands with the native routes.
"""

import base64
import json
import struct
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request

from bedrock_flask import edge
from bedrock_flask.bodies import openai_chat_body, openai_embeddings_body, openai_responses_body
from bedrock_flask.call import IDLE, Idle, Stream
from bedrock_flask.edge import ErrorResponse, with_renderer
from bedrock_flask.errors import FieldError, GatewayError, InvalidBody, NotConversable
from bedrock_flask.fields import find_faults
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.embeddings import build_requests, embed
from bedrock_flask.pipeline.request import (
    add_gateway_headers,
    make_call,
    parse_json,
    reject_faults,
    resolve_model,
    send,
    unsupported_policy,
)
from bedrock_flask.pipeline.response import StreamFormat, forwarded_headers, stream_response, usage_headers
from bedrock_flask.pipeline.translated import ResponseFormat, respond_via_converse
from bedrock_flask.protocol import envelope, sse
from bedrock_flask.state import state_of
from bedrock_flask.translation.request import build_bedrock_request, is_conversable
from bedrock_flask.wires import openai_chat, openai_responses

DONE = sse.encode("[DONE]")
# Members of the envelope, which Bedrock takes elsewhere or not at all.
_ENVELOPE = ("model", "stream", "stream_options")

blueprint = Blueprint("openai", __name__)


def with_openai(app: Flask) -> Flask:
    """The routes under `/v1`, and the same where AWS's own OpenAI endpoint has them."""
    app.register_blueprint(blueprint, url_prefix="/v1")
    app.register_blueprint(blueprint, name="openai_of_aws", url_prefix="/openai/v1")
    return with_renderer(app, rendered, "/v1/", "/openai/")


@blueprint.post("/chat/completions")
def chat_completions() -> Response:
    """Write the next turn of a conversation."""
    data = edge.read_body()
    body = parse_json(data)
    unknown = reject_faults(find_faults(openai_chat_body.Body(), body))
    model, stream = resolve_model(body["model"]), bool(body.get("stream"))
    if openai_chat.WIRE.name in model.adapter.speaks:
        return _native_chat(model, data.decode(), body)
    with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    speech = CHAT if with_usage else CHAT_WITHOUT_USAGE
    return respond_via_converse(model, openai_chat.read_request(body), speech, stream=stream, unknown=unknown)


@blueprint.post("/responses")
def responses() -> Response:
    """Write a response; nothing is kept, so each request brings its own history."""
    body = parse_json(edge.read_body())
    unknown = reject_faults(find_faults(openai_responses_body.Body(), body))
    model, stream = resolve_model(body["model"]), bool(body.get("stream"))
    custom, namespaced = openai_responses.custom_tools(body), openai_responses.namespaced_tools(body)
    speech = ResponseFormat(
        whole=partial(openai_responses.write_reply, custom=custom, namespaced=namespaced),
        chunks=partial(openai_responses.write_chunks, custom=custom, namespaced=namespaced),
        event=lambda chunk: sse.encode(json.dumps(chunk, ensure_ascii=False), chunk["type"]),
        voice=StreamFormat(media_type=sse.MEDIA_TYPE, keepalive=sse.comment("still here"), error=_response_error),
        wire=openai_responses.WIRE,
    )
    return respond_via_converse(model, openai_responses.read_request(body), speech, stream=stream, unknown=unknown)


@blueprint.post("/embeddings")
def embeddings() -> Response:
    """Vectors for texts, in their order."""
    body = parse_json(edge.read_body())
    unknown = reject_faults(find_faults(openai_embeddings_body.Body(), body))
    model = resolve_model(body["model"])
    if model.capabilities.output != "embedding" or not is_conversable(model):
        raise NotConversable(f"'{model.name}' makes no embeddings that this gateway can read.")
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if blank := [f"input[{i}]" for i, text in enumerate(texts) if not text.strip()]:
        raise InvalidBody([FieldError(path, "must have a text") for path in blank])
    extras = {name: body[name] for name in ("dimensions", "user", "input_type") if body.get(name) is not None}
    extras |= dict.fromkeys(unknown)
    asked = [
        build_bedrock_request(model, request, hints=("user",), policy=unsupported_policy(model))
        for request in build_requests(texts, model.capabilities.batch, extras)
    ]
    calls = [make_call(model, each.body, operation=each.operation, wire=each.wire) for each in asked]
    found = embed(calls, state_of(current_app).handler, request.environ.get("gunicorn.socket"))
    used = found.usage.input or 0
    written = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector, body.get("encoding_format"))}
        for index, vector in enumerate(found.vectors)
    ]
    made = jsonify(object="list", data=written, model=model.name, usage={"prompt_tokens": used, "total_tokens": used})
    made.headers.update(usage_headers(g.account))
    return add_gateway_headers(made, model, asked[0].dropped if asked else ())


def _encoded(vector: list[float], form: str | None) -> Any:
    if form != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


# --- a model that speaks this wire itself -----------------------------------------------------------------------------


def _native_chat(model: Model, text: str, body: Any) -> Response:
    """The answer of a model whose own body this is: the text goes up as it came, but for the envelope."""
    stream = bool(body.get("stream")) and model.capabilities.streaming
    text = envelope.splice(text, _ENVELOPE, {})
    found = reject_faults(model.adapter.find_faults(parse_json(text.encode())))
    if found:
        g.logged["unknown_fields"] = found[:20]
    wire = openai_chat.WIRE.name
    operation = model.adapter.speaks[wire]
    reply = send(make_call(model, text.encode(), operation=operation, wire=wire, stream=stream, watched=stream))
    if isinstance(reply, Stream):
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        return add_gateway_headers(
            stream_response(_native_chunks(reply, with_usage), CHAT.voice, forwarded_headers(reply.headers)), model
        )
    headers = {**usage_headers(g.account), **forwarded_headers(reply.headers)}
    return add_gateway_headers(Response(reply.body, mimetype="application/json", headers=headers), model)


def _native_chunks(stream: Stream, with_usage: bool) -> Generator[bytes | Idle]:
    last: Any = {}
    account = g.account
    with closing(stream.chunks) as chunks:
        for chunk in chunks:
            if chunk is IDLE:
                yield chunk
                continue
            last = json.loads(chunk.data)
            yield sse.encode(chunk.data.decode())
    if with_usage and not last.get("usage"):
        counts = account.usage
        asked, said = (counts.input or 0) + (counts.cache_read or 0) + (counts.cache_write or 0), counts.output or 0
        used = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        yield sse.encode(json.dumps({**last, "choices": [], "usage": used}))
    yield DONE


# --- errors -----------------------------------------------------------------------------------------------------------

# Source: OpenAI's API reference, Error codes. SDKs choose the class by the status.
_TYPES = MappingProxyType(
    {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
        503: "service_unavailable_error",
        504: "timeout_error",
    }
)


def described(error: GatewayError) -> dict[str, Any]:
    """The error as OpenAI says it."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    param = error.fields[0].path[:500] if error.fields else None
    return {"message": error.detail, "type": kind, "param": param, "code": error.code}


def rendered(error: GatewayError, request_id: str) -> ErrorResponse:
    """The error as an answer of OpenAI's API."""
    return ErrorResponse(status=error.status, document={"error": described(error), "request_id": request_id})


def _chat_error(error: GatewayError, request_id: str) -> bytes:
    return sse.encode(json.dumps({"error": described(error), "request_id": request_id}))


def _response_error(error: GatewayError, request_id: str) -> bytes:
    # As the reference has it, and as SDKs look for it in any stream.
    told_ = described(error)
    flat = {"type": "error", "code": told_["code"], "message": told_["message"], "param": told_["param"]}
    return sse.encode(json.dumps({**flat, "error": told_, "request_id": request_id}), "error")


def _without_usage(events: Any, model: str) -> Iterator[Any]:
    """The chunks but for the one that has only the usage, which not every client bears unasked."""
    chunks: Generator[Any] = openai_chat.write_chunks(events, model)  # type: ignore[assignment]
    with closing(chunks):
        for chunk in chunks:
            if chunk is IDLE:
                yield chunk
            elif chunk["choices"]:
                yield {name: value for name, value in chunk.items() if name != "usage"}


CHAT = ResponseFormat(
    whole=openai_chat.write_reply,
    chunks=openai_chat.write_chunks,
    event=lambda chunk: sse.encode(json.dumps(chunk, ensure_ascii=False)),
    end=DONE,
    voice=StreamFormat(media_type=sse.MEDIA_TYPE, keepalive=sse.comment("still here"), error=_chat_error),
    wire=openai_chat.WIRE,
)
CHAT_WITHOUT_USAGE = replace(CHAT, chunks=_without_usage)
