"""Anthropic's API: `POST /v1/messages` and its token count, for every chat model.

Claude is asked on its own wire: the text goes up as it came, but for its envelope. Other models are asked by Converse.
Source: Anthropic's API reference, Messages and Errors; what Bedrock differs in stands in `betas.py`.
"""

import base64
import json
from collections.abc import Collection, Generator, Iterable
from contextlib import closing
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request

from bedrock_flask import edge
from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.bedrock import anthropic_betas
from bedrock_flask.bodies import anthropic_body, anthropic_messages_body
from bedrock_flask.call import IDLE, Chunk, Idle, Reply, Stream
from bedrock_flask.edge import ErrorResponse, with_renderer
from bedrock_flask.errors import (
    BedrockError,
    FieldError,
    GatewayError,
    NotConversable,
    Unsupported,
    UpstreamProtocolError,
)
from bedrock_flask.fields import find_faults
from bedrock_flask.models.models_file import DROP, ERROR
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.request import (
    POLICY,
    add_gateway_headers,
    make_call,
    parse_json,
    reject_faults,
    resolve_model,
    send,
    unsupported_policy,
)
from bedrock_flask.pipeline.response import StreamFormat, forwarded_headers, stream_response, usage_headers
from bedrock_flask.pipeline.translated import ResponseFormat, rename_paths_for, respond_via_converse
from bedrock_flask.protocol import envelope, sse
from bedrock_flask.protocol.json_items import remove_items
from bedrock_flask.protocol.json_path import format_path
from bedrock_flask.state import state_of
from bedrock_flask.translation.request import build_bedrock_request
from bedrock_flask.wires import anthropic

WIRE = anthropic.WIRE
# The version of Anthropic's API that Bedrock has always had, by both names. Later ones go as they come, as Anthropic's
# own client for Bedrock sends them.
FIRST = MappingProxyType({"": anthropic_body.VERSION, "2023-06-01": anthropic_body.VERSION})
COUNTING = "CountTokens"

blueprint = Blueprint("anthropic", __name__)


def with_anthropic(app: Flask) -> Flask:
    """The routes under `/v1/messages`, and the same where AWS's own Anthropic endpoint has them."""
    app.register_blueprint(blueprint, url_prefix="/v1/messages")
    app.register_blueprint(blueprint, name="anthropic_of_aws", url_prefix="/anthropic/v1/messages")
    return with_renderer(app, rendered, "/v1/messages", "/anthropic/")


@blueprint.post("")
def create() -> Response:
    """Write the next turn of a conversation."""
    data = edge.read_body()
    body = parse_json(data)
    unknown = reject_faults(find_faults(anthropic_messages_body.Body(), body))
    model, stream = resolve_model(body["model"]), bool(body.get("stream"))
    if WIRE.name not in model.adapter.speaks:
        request_ = anthropic.read_request(body)
        return respond_via_converse(model, request_, SPEECH, stream=stream, unknown=unknown, left=_left_betas(body))
    text, dropped = _native(model, data.decode(), body, unknown)
    operation = model.adapter.speaks[WIRE.name]
    reply = send(make_call(model, text.encode(), operation=operation, wire=WIRE.name, stream=stream, watched=stream))
    if isinstance(reply, Stream):
        return add_gateway_headers(
            stream_response(_passed(reply), VOICE, forwarded_headers(reply.headers)), model, dropped
        )
    return add_gateway_headers(_whole(reply), model, dropped)


@blueprint.post("/count_tokens")
def count_tokens() -> Response:
    """The tokens of a request, as Bedrock counts them."""
    data = edge.read_body()
    body = parse_json(data)
    unknown = reject_faults(find_faults(anthropic_messages_body.CountTokensBody(), body))
    model = resolve_model(body["model"])
    if WIRE.name in model.adapter.speaks:
        text, dropped = _native(model, data.decode(), body, unknown, counted_only=True)
        asked: Any = {"invokeModel": {"body": base64.b64encode(text.encode()).decode()}}
    else:
        request_ = anthropic.read_request(body)
        extras = {**request_.get("extras", {}), **dict.fromkeys(unknown)}
        with rename_paths_for(WIRE):
            ready = build_bedrock_request(
                model, {**request_, "extras": extras}, hints=WIRE.hints, policy=unsupported_policy(model)
            )
        if ready.operation != "Converse":
            raise NotConversable(f"Bedrock counts no tokens for '{model.name}'.")
        dropped = [*_left_betas(body), *map(WIRE.word, ready.dropped)]
        asked = {"converse": {name: value for name, value in json.loads(ready.body).items() if name in _COUNTED}}
    # Bedrock counts by the model's own id only.
    bare = replace(model, id=state_of(current_app).models.registry.strip_profile_prefix(model.base or model.id))
    call = make_call(bare, json.dumps({"input": asked}).encode(), operation=COUNTING, wire="count_tokens")
    try:
        reply = send(call)
    except BedrockError as error:
        if error.status == 400:
            error.detail = f"Bedrock counts no tokens of this for '{model.name}': {error.detail}"
        raise
    assert isinstance(reply, Reply)  # noqa: S101 - it was not asked as a stream
    return add_gateway_headers(jsonify(input_tokens=json.loads(reply.body)["inputTokens"]), model, dropped)


# What CountTokens takes of a Converse request. Source: AWS API reference, ConverseTokensRequest.
_COUNTED = frozenset({"messages", "system", "toolConfig", "additionalModelRequestFields"})


def _native(
    model: Model, text: str, body: Any, unknown: Collection[str], *, counted_only: bool = False
) -> tuple[str, list[str]]:
    """Claude's own body as Bedrock takes it, all text kept but for the envelope, and what was left out of it."""
    sent, left = anthropic_betas.select_betas(_betas(body), body)
    gone = [format_path(path) for path in anthropic_betas.find_refused_members(body, sent)]
    # What nobody knows may be what AWS released on Tuesday: Bedrock decides, unless the caller has it left out.
    new = [path for path in unknown if unsupported_policy(model) != DROP]
    gone = [path for path in gone if path not in new]
    _check_policy([path for path in gone if path not in _ENVELOPE], model)
    billing = anthropic_betas.find_billing_blocks(body)
    if billing:
        text = remove_items(text, "system", billing)
    # A member of the body itself may have any name.
    nested = {path for path in gone if path not in body}
    put_in = {
        "anthropic_version": json.dumps(_version(body)),
        **({"anthropic_beta": json.dumps(sent)} if sent else {}),
        **({"max_tokens": str(_room(body))} if counted_only and "max_tokens" not in body else {}),
        **_rewritten(text, nested),
    }
    taken_out = {path for path in gone if path not in nested} | ({"anthropic_beta"} if not sent else set())
    text = envelope.splice(text, taken_out, put_in)
    with isolate_plugin_errors(model.adapter):
        found = model.adapter.find_faults(parse_json(text.encode()))
    if passed := reject_faults(found):
        g.logged["unknown_fields"] = passed[:20]
    dropped = [path for path in gone if path not in _ENVELOPE] + [f"anthropic-beta: {beta}" for beta in left]
    return text, [*dropped, *(f"system[{index}]" for index in billing)]


def _room(body: Any) -> int:
    """A max_tokens that a budget for thinking fits in, where tokens are only counted."""
    budget = (body.get("thinking") or {}).get("budget_tokens") or 0
    return int(budget) + 1


def _check_policy(gone: Collection[str], model: Model) -> None:
    """What goes by the table goes unasked, but not for somebody who has said that nothing may."""
    if gone and request.headers.get(POLICY, "").strip().lower() == ERROR:
        raise Unsupported([FieldError(path, f"'{model.name}' cannot take this") for path in gone])


# Members of the envelope: they are heeded, and Bedrock takes them elsewhere.
_ENVELOPE = frozenset({"model", "stream"})


def _betas(body: Any) -> list[str]:
    header = [beta.strip() for line in request.headers.getlist("anthropic-beta") for beta in line.split(",")]
    return [*filter(None, header), *(body.get("anthropic_beta") or ())]


def _left_betas(body: Any) -> list[str]:
    """Converse knows no betas: what they unlock is placed, refused or dropped by its own name."""
    return [f"anthropic-beta: {beta}" for beta in _betas(body)]


def _version(body: Any) -> str:
    said = body.get("anthropic_version") or request.headers.get("anthropic-version", "").strip()
    return FIRST.get(said, said)


def _rewritten(text: str, paths: Iterable[str]) -> dict[str, str]:
    """The members of the body that lose something within them, as JSON text without it."""
    body = parse_json(text.encode())
    names = {path.partition(".")[0].partition("[")[0] for path in paths}
    # The later ones first: an item that leaves a list moves those behind it.
    for path in sorted(paths, key=_steps, reverse=True):
        _forget(body, _steps(path))
    return {name: json.dumps(body[name], ensure_ascii=False) for name in names if name in body}


def _steps(path: str) -> list[tuple[int, str]]:
    """The steps of `tools[2].custom`, each an index or a name."""
    parts = path.replace("]", "").replace("[", ".").split(".")
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _forget(value: Any, steps: list[tuple[int, str]]) -> None:
    for index, name in steps[:-1]:
        value = value[name] if index < 0 else value[index]
    index, name = steps[-1]
    del value[name if index < 0 else index]


def _whole(reply: Reply) -> Response:
    headers = {**usage_headers(g.account), **forwarded_headers(reply.headers)}
    return Response(reply.body, mimetype="application/json", headers=headers)


def _passed(stream: Stream) -> Generator[bytes | Idle]:
    """Claude's own chunks as they came, each named by its type."""
    with closing(stream.chunks) as chunks:
        for chunk in chunks:
            yield chunk if chunk is IDLE else _passed_chunk(chunk)


def _passed_chunk(chunk: Chunk) -> bytes:
    kind = json.loads(chunk.data).get("type")
    if not isinstance(kind, str) or not kind.isidentifier() or kind == "error":
        raise UpstreamProtocolError("Bedrock's stream has a chunk of no known type.")
    return sse.encode(chunk.data.decode(), kind)


# --- errors -----------------------------------------------------------------------------------------------------------

# Source: Anthropic's API reference, Errors. SDKs choose the class by the status.
_TYPES = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        503: "overloaded_error",
        504: "timeout_error",
    }
)


def document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The error as Anthropic says it."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    described = {"type": kind, "message": error.detail, "code": error.code}
    if error.fields:
        described["errors"] = [{"path": f.path[:500], "message": f.message[:1000]} for f in error.fields[:100]]  # type: ignore[assignment]
    return {"type": "error", "error": described, "request_id": request_id}


def rendered(error: GatewayError, request_id: str) -> ErrorResponse:
    """The error as an answer of Anthropic's API."""
    return ErrorResponse(status=error.status, document=document(error, request_id))


VOICE = StreamFormat(
    media_type=sse.MEDIA_TYPE,
    keepalive=sse.encode('{"type": "ping"}', "ping"),
    error=lambda error, request_id: sse.encode(json.dumps(document(error, request_id)), "error"),
)
SPEECH = ResponseFormat(
    whole=anthropic.write_reply,
    chunks=anthropic.write_chunks,
    event=lambda chunk: sse.encode(json.dumps(chunk, ensure_ascii=False), chunk["type"]),
    voice=VOICE,
    wire=WIRE,
)
