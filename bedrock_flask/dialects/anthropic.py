"""Anthropic's API: `POST /v1/messages` and its token count, for every chat model.

Claude is called in its own wire: the text is sent as it came, except for its envelope. Other models are called through
Converse. Source: Anthropic's API reference, Messages and Errors; `bedrock/anthropic_betas.py` has what Bedrock refuses.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.bedrock import anthropic_betas
from bedrock_flask.bedrock.server_tools import find_server_members
from bedrock_flask.bodies import anthropic_body, anthropic_messages_body
from bedrock_flask.bodies.answers import InputTokens, MessagesAnswer
from bedrock_flask.call import Chunk
from bedrock_flask.converse import member
from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.limit_headers import ANTHROPIC_HEADERS, write_anthropic
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import (
    CONNECTION_LOST,
    FieldError,
    GatewayError,
    InvalidBody,
    RefusedSafeguard,
    Unsupported,
    UpstreamProtocolError,
    UpstreamTruncated,
    describe_faults,
)
from bedrock_flask.fields import find_faults
from bedrock_flask.models.models_file import DROP, ERROR
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline import counting
from bedrock_flask.pipeline.counting import add_count_headers, make_converse_payload, make_payload
from bedrock_flask.pipeline.passthrough import pass_reply, pass_stream
from bedrock_flask.pipeline.request import (
    check_deadline,
    make_call,
    parse_json,
    reject_faults,
    report_unknown,
    requested_policy,
    resolve_model,
    take_safeguards,
    unknown_paths,
    unsupported_policy,
)
from bedrock_flask.pipeline.response import StreamFormat, add_gateway_headers
from bedrock_flask.pipeline.surfaces import resolve_after, serve
from bedrock_flask.pipeline.translated import ResponseFormat, prepare_request, respond_via_converse
from bedrock_flask.pipeline.web_images import reject_urls, take_images
from bedrock_flask.protocol import envelope, long_strings, sse
from bedrock_flask.protocol.json_items import remove_items
from bedrock_flask.protocol.json_path import Path, copy_without, format_path
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation.answer_tool import AnswerTool
from bedrock_flask.translation.extras import SAFEGUARDS, explain_safeguard
from bedrock_flask.translation.messages import edit_members, edit_turns
from bedrock_flask.translation.messages.take_answer import make_chunk_taker, take_answer
from bedrock_flask.translation.repairs.record import trace_faults
from bedrock_flask.translation.server_tools import explain
from bedrock_flask.wires import anthropic

WIRE = anthropic.WIRE
MESSAGES, COUNT_TOKENS = anthropic_messages_body.Body(), anthropic_messages_body.CountTokensBody()
# Members of the envelope, which Bedrock takes elsewhere.
_ENVELOPE = frozenset({"model", "stream"})


def create_message(exchange: Exchange) -> Response:
    """Write the next turn of a conversation."""
    data = read_body(exchange)
    data, body = take_safeguards(exchange, data, parse_json(data))
    faults = find_faults(MESSAGES, body)
    model = resolve_after(exchange, body, faults, WIRE.name)
    unknown, stream = unknown_paths(faults), bool(body.get("stream"))
    data, body = take_images(exchange, model, data, body)
    if WIRE.name not in model.adapter.speaks or (stream and not model.capabilities.streaming):
        betas = _list_betas(exchange, body)
        return respond_via_converse(exchange, model, body, FORMAT, stream=stream, unknown=unknown, dropped=betas)
    reject_urls(data, body)
    text, put_back = long_strings.shorten(data)
    native = _edit_for_bedrock(exchange, model, text, body, unknown)
    call = make_call(
        exchange,
        model,
        put_back(native.text),
        operation=model.adapter.speaks[WIRE.name],
        wire=WIRE.name,
        stream=stream,
    )
    if stream:
        writer = _ChunkWriter(native.answer_tool)
        response = pass_stream(exchange, call, writer.write, STREAM_FORMAT, write_end=writer.end)
    else:
        edit = partial(take_answer, tool=native.answer_tool) if native.answer_tool else None
        response = pass_reply(exchange, call, edit=edit)
    return add_gateway_headers(exchange, response, model, native.dropped, native.translated)


def count_tokens(exchange: Exchange) -> Response:
    """Count the tokens of a request, as Bedrock counts them, or estimate them if the caller asks for that."""
    data = read_body(exchange)
    data, body = take_safeguards(exchange, data, parse_json(data))
    faults = find_faults(COUNT_TOKENS, body)
    reject_faults(faults)
    unknown, model = unknown_paths(faults), serve(exchange, resolve_model(exchange, body["model"]), WIRE.name)
    counter = counting.find_counter(exchange, model)
    if WIRE.name in model.adapter.speaks:
        text, put_back = long_strings.shorten(data)
        native = _edit_for_bedrock(exchange, model, text, body, unknown, only_counted=True)
        payload: bytes | None = put_back(native.text)
        if not counter:
            payload = make_payload(invokeModel={"body": base64.b64encode(put_back(native.text)).decode()})
        dropped: Sequence[str] = native.dropped
        translated: Sequence[str] = native.translated
    else:
        prepared = prepare_request(exchange, model, body, WIRE, unknown)
        payload = make_converse_payload(prepared)
        dropped = [*_list_betas(exchange, body), *prepared.dropped]
        translated = prepared.translated
        counter = ""
    count = counting.count_tokens(exchange, model, payload, lambda: anthropic.read_request(body), counter=counter)
    return add_count_headers(
        exchange, make_json_response({"input_tokens": count.tokens}), model, count, dropped, translated
    )


# --- Claude's own body ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _NativeBody:
    """A body as Bedrock takes it, and the names of what was dropped from it or is there in another form."""

    text: str
    dropped: Sequence[str]
    translated: Sequence[str] = ()
    answer_tool: AnswerTool | None = None
    is_traced: bool = True


def _edit_for_bedrock(
    exchange: Exchange, model: Model, text: str, body: Any, unknown: Collection[str], *, only_counted: bool = False
) -> _NativeBody:
    """Claude's own body as Bedrock takes it: the text is kept, except for what Bedrock refuses and its envelope.

    What was dropped, and every fault, has the path of this body, though turns may have moved before it was found.
    """
    try:
        native = _edit(exchange, model, text, body, unknown, only_counted=only_counted)
        if native.is_traced:
            return native
    except InvalidBody:
        pass
    return _edit(exchange, model, text, mark_places(body), unknown, only_counted=only_counted)


def _edit(
    exchange: Exchange, model: Model, text: str, body: Any, unknown: Collection[str], *, only_counted: bool
) -> _NativeBody:
    check = partial(check_deadline, exchange)
    edited = edit_members(body, model.capabilities, check)
    if edited.rejected:
        raise RefusedSafeguard(edited.rejected)
    wanted = [
        *_read_betas(exchange, body),
        *edited.betas,
        *([anthropic_betas.LONG_CONTEXT] if model.needs_long_context else []),
    ]
    betas, refused_betas = anthropic_betas.select_betas(wanted, edited.body, model.capabilities.refused_betas)
    removed = anthropic_betas.find_refused_members(edited.body, betas)
    # An unknown member may be new on Bedrock: Bedrock decides, unless the caller wants it dropped.
    if unsupported_policy(exchange, model) != DROP:
        new = {*unknown}
        removed = [path for path in removed if format_path(path) not in new]
    dropped = [format_path(path) for path in removed if path[0] not in _ENVELOPE]
    if not only_counted:
        _reject_lost_safeguards(model, edited.body, removed)
    _check_policy(exchange, dropped, model)
    billing = dict.fromkeys(anthropic_betas.find_billing_blocks(body))
    known = copy_without(dict(edited.body), removed)
    _reject_emptied_turns(model, edited.body, known, removed)
    if billing:
        known = {**known, "system": [block for index, block in enumerate(known["system"]) if index not in billing]}
    turned = edit_turns(known, model.capabilities, check)
    if turned.rejected:
        raise RefusedSafeguard(turned.rejected)
    if turned.refused and unsupported_policy(exchange, model) != DROP:
        raise Unsupported([FieldError(path, f"'{model.name}' cannot take this") for path in turned.refused])
    final = {name: value for name, value in turned.body.items() if name != "anthropic_beta"}
    final["anthropic_version"] = _choose_version(exchange, body, model.capabilities.api_versions)
    if betas:
        final["anthropic_beta"] = betas
    if only_counted and "max_tokens" not in body:
        final["max_tokens"] = _find_least_max_tokens(body)
    _check_body(exchange, model, final)
    unedited = dict(body)
    if billing and edited.body.get("system") is body["system"] and ("system",) not in {path[:1] for path in removed}:
        text, unedited["system"] = remove_items(text, "system", billing), known["system"]
    changed = {name: value for name, value in final.items() if name not in unedited or value is not unedited[name]}
    return _NativeBody(
        envelope.splice(
            text,
            unedited.keys() - final.keys(),
            {name: json.dumps(value, ensure_ascii=False) for name, value in changed.items()},
        ),
        [
            *dropped,
            *edited.reported,
            *turned.reported,
            *turned.refused,
            *(f"anthropic-beta: {beta}" for beta in refused_betas),
            *(f"system[{index}]" for index in billing),
        ],
        (*edited.translated, *turned.translated),
        turned.answer_tool,
        not any("[" in path for path in (*turned.reported, *turned.refused, *turned.translated)),
    )


def _check_body(exchange: Exchange, model: Model, body: Mapping[str, Any]) -> None:
    with isolate_plugin_errors(model.adapter):
        faults = model.adapter.find_faults(body)
    reject_faults(trace_faults(body, faults), model)
    report_unknown(exchange, faults)


def _check_policy(exchange: Exchange, dropped: Collection[str], model: Model) -> None:
    """Raise Unsupported if the caller wants an error and the tables would drop members."""
    if dropped and requested_policy(exchange) == ERROR:
        raise Unsupported([FieldError(path, f"'{model.name}' cannot take this") for path in dropped])


def _reject_lost_safeguards(model: Model, body: Any, removed: Collection[Path]) -> None:
    """Raise RefusedSafeguard if Bedrock's table takes out a safeguard, every tool, or the one that must be called."""
    names = [str(path[0]) for path in removed if len(path) == 1]
    faults = [explain_safeguard(name, model.name) for name in names if name in SAFEGUARDS and body[name] is not None]
    tools: list[Any] = body.get("tools") or []
    lost = [int(path[1]) for path in removed if len(path) == 2 and path[0] == "tools"]
    if "tools" in names:
        lost = [*range(len(tools))]
    if len(lost) == len(tools) or ("tool_choice" in names and member(body, "tool_choice", "type") == "tool"):
        faults += [explain(f"tools[{index}]", str(tools[index].get("type"))) for index in lost]
        faults += [explain(name, kind) for name, kind in find_server_members(body) if name in names]
    if faults:
        raise RefusedSafeguard(faults)


def _reject_emptied_turns(
    model: Model, body: Mapping[str, Any], known: Mapping[str, Any], removed: Collection[Path]
) -> None:
    """Raise RefusedSafeguard if all that a turn of the user's has is taken out."""
    turns = zip(body["messages"], known["messages"], strict=True)
    emptied = {
        index
        for index, (before, after) in enumerate(turns)
        if after["role"] == "user" and before.get("content") and not after.get("content")
    }
    paths = [path for path in removed if path[0] == "messages" and len(path) > 1 and path[1] in emptied]
    if paths:
        why = f"'{model.name}' cannot take this, and its turn has nothing else"
        raise RefusedSafeguard([FieldError(format_path(path), why) for path in paths])


def _find_least_max_tokens(body: Any) -> int:
    """A max_tokens that leaves room for a thinking budget, for a request whose tokens are only counted."""
    budget = (body.get("thinking") or {}).get("budget_tokens")
    # A value that is not a number is left to the adapter's schema.
    return budget + 1 if isinstance(budget, int) else 1


def _read_betas(exchange: Exchange, body: Any) -> list[str]:
    header = [beta.strip() for beta in exchange.header("anthropic-beta").split(",")]
    return [*filter(None, header), *(body.get("anthropic_beta") or ())]


def _list_betas(exchange: Exchange, body: Any) -> list[str]:
    """The betas of a request through Converse, which has none: the members that they unlock are decided on."""
    return [f"anthropic-beta: {beta}" for beta in _read_betas(exchange, body)]


def _choose_version(exchange: Exchange, body: Any, known: Sequence[str]) -> str:
    """The newest version that the model takes and that is not later than the caller's, or else the oldest one.

    Bedrock has its own name for the first version. If no version of a model is known, the caller's is sent unchanged.
    """
    version: str = body.get("anthropic_version") or exchange.header("anthropic-version").strip()
    if not known:
        return version or anthropic_body.VERSION
    wanted = _read_date(version)
    return next((each for each in reversed(known) if _read_date(each) <= wanted), known[0])


def _read_date(version: str) -> str:
    return version.removeprefix("bedrock-")


class _ChunkWriter:
    """Writes the chunks of one stream of Claude's as they came, whose answer may be the input of a tool."""

    def __init__(self, answer_tool: AnswerTool | None) -> None:
        self._taker = make_chunk_taker(answer_tool) if answer_tool is not None else None
        self._is_over = False

    def write(self, chunk: Chunk) -> bytes:
        """One chunk; nothing after the last one."""
        if self._taker is None:
            return self._write(chunk)
        taken = (json.dumps(each).encode() for each in self._taker.take(chunk.document))
        return b"".join([self._write(Chunk(chunk.event, data)) for data in taken])

    def end(self) -> bytes:
        """Nothing; UpstreamTruncated if the last chunk did not come."""
        if not self._is_over:
            raise UpstreamTruncated(f"{CONNECTION_LOST} Bedrock's stream ended without its terminal event.")
        return b""

    def _write(self, chunk: Chunk) -> bytes:
        """One chunk as it came, but for line ends of Unicode, named by its type."""
        if self._is_over:
            return b""
        kind = chunk.sketch.get("type")
        if not isinstance(kind, str) or not kind.isidentifier() or kind == "error":
            raise UpstreamProtocolError("Bedrock's stream has a chunk of an unknown type.")
        self._is_over = kind == "message_stop"
        return sse.encode_json_text(chunk.data, kind)


# --- formats ----------------------------------------------------------------------------------------------------------

# Source: Anthropic's API reference, Errors. SDKs choose the class of an exception by the status.
_ERROR_TYPES = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        503: "overloaded_error",
        504: "timeout_error",
    }
)


def error_document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The error in the form of Anthropic's API."""
    kind = _ERROR_TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    described: dict[str, Any] = {"type": kind, "message": error.detail, "code": error.code}
    if error.fields:
        described["errors"] = describe_faults(error.fields)
    return {"type": "error", "error": described, "request_id": request_id}


STREAM_FORMAT = StreamFormat(
    media_type=sse.MEDIA_TYPE,
    keepalive=sse.encode('{"type": "ping"}', "ping"),
    write_error=lambda error, request_id: sse.encode(json.dumps(error_document(error, request_id)), "error"),
)
FORMAT = ResponseFormat(
    wire=WIRE,
    write_reply=anthropic.write_reply,
    open_writer=anthropic.open_writer,
    write_event=lambda chunk: sse.encode_json(chunk, chunk["type"]),
    write_text=lambda text: sse.encode_line(text, "content_block_delta"),
    stream_format=STREAM_FORMAT,
)

_MESSAGES = [{"role": "user", "content": "What is 2+2?"}]
DIALECT = Dialect(
    title="Anthropic",
    # AWS's own endpoint for Anthropic's API has its routes below the second path.
    mounts=("", "/anthropic"),
    error_prefixes=("/v1/messages", "/anthropic/"),
    render_error=render_as(error_document),
    write_levels=write_anthropic,
    routes=(
        Route(
            path="/v1/messages",
            respond=create_message,
            summary="Messages",
            body=anthropic_messages_body.Body,
            answer=MessagesAnswer,
            stream=sse.MEDIA_TYPE,
            sample={"model": "claude", "max_tokens": 64, "messages": _MESSAGES},
        ),
        Route(
            path="/v1/messages/count_tokens",
            respond=count_tokens,
            summary="Tokens of a request, counted by Bedrock, or an estimate on request",
            body=anthropic_messages_body.CountTokensBody,
            answer=InputTokens,
            sample={"model": "claude", "messages": _MESSAGES},
        ),
    ),
    request_headers=(re.compile(r"(anthropic-|x-stainless-)[a-z0-9-]+\Z", re.I),),
    response_headers=ANTHROPIC_HEADERS,
)
