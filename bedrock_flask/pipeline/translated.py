"""A request in one wire, sent to Bedrock through Converse or the model's own format, and answered in that wire."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bedrock_flask import headers
from bedrock_flask.call import Chunk
from bedrock_flask.converse import Event, Json, map_shape_errors
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.errors import InvalidBody, join_errors
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.batches import write_batches
from bedrock_flask.pipeline.caching import CacheWish, choose_caching
from bedrock_flask.pipeline.outputs import require_output
from bedrock_flask.pipeline.prepared import make_prepared_call, make_whole_response
from bedrock_flask.pipeline.request import check_deadline, send, send_stream, unsupported_policy
from bedrock_flask.pipeline.response import (
    StreamFormat,
    add_gateway_headers,
    forwarded_headers,
    stream_response,
)
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation.answer import StreamReader, open_answer, read_response
from bedrock_flask.translation.next_turn import ask_for_next_turn
from bedrock_flask.translation.repairs.record import CallerPath
from bedrock_flask.translation.request import PreparedRequest, build_bedrock_request
from bedrock_flask.wires.wire import EventWriter, Wire


@dataclass(frozen=True, kw_only=True)
class ResponseFormat:
    """How a dialect writes a Converse response: whole, or as chunks, each as an event, with `end` after the last.

    `write_text` writes the event of a chunk of plain text, whose JSON is given.
    """

    wire: Wire
    write_reply: Callable[[Any, str], Json]
    open_writer: Callable[[str], EventWriter]
    write_event: Callable[[Json], bytes]
    write_text: Callable[[bytes], bytes]
    stream_format: StreamFormat
    end: bytes = b""


def respond_via_converse(
    exchange: Exchange,
    model: Model,
    body: Json,
    response_format: ResponseFormat,
    *,
    stream: bool,
    unknown: Iterable[str] = (),
    dropped: Iterable[str] = (),
    cache_wish: CacheWish | None = None,
) -> Response:
    """The response to a body of the format's wire.

    `unknown` are paths of members that no schema knows, and so no model takes; `dropped` is what the dialect has left
    out already; `cache_wish` is what a request says of caching in a format that has no marks of its own.
    NotConversable for a model that writes no text.
    """
    prepared = prepare_request(exchange, model, body, response_format.wire, unknown, cache_wish)
    streams = stream and prepared.streams
    call = make_prepared_call(exchange, model, prepared, stream=streams)
    if stream:
        upstream = send_stream(exchange, call)
        writers = _make_chunk_writer(
            open_answer(call, prepared.names, prepared.answer_tool),
            response_format.open_writer(model.name),
            response_format,
        )
        parts = write_batches(upstream.batches, *writers)
        response = stream_response(exchange, parts, response_format.stream_format, forwarded_headers(upstream.headers))
    else:
        reply = send(exchange, call)
        read = read_response(reply, call, prepared.names, prepared.answer_tool)
        response = make_whole_response(exchange, reply, response_format.write_reply(read, model.name))
    if prepared.cached:
        response.headers[headers.CACHE] = ", ".join(prepared.cached)
    return add_gateway_headers(exchange, response, model, [*dropped, *prepared.dropped], prepared.translated)


def prepare_request(
    exchange: Exchange,
    model: Model,
    body: Json,
    wire: Wire,
    unknown: Iterable[str] = (),
    cache_wish: CacheWish | None = None,
) -> PreparedRequest:
    """A body of a wire as Bedrock takes it; what was dropped, and every fault, has the paths and words of this body.

    NotConversable for a model that writes no text.
    """
    require_output(model, "text")
    given = (exchange, model, wire, [*unknown], cache_wish)
    try:
        prepared = _prepare(body, *given)
        if not prepared.is_traced:
            # To know the places of all values costs more, and only who must name one needs them.
            prepared = _prepare(mark_places(body), *given)
    except InvalidBody:
        prepared = _prepare_with_places(body, *given)
    if not (prepared.dropped or prepared.translated):
        return prepared
    dropped, translated = (
        tuple(_rename_path(wire, path) for path in paths) for paths in (prepared.dropped, prepared.translated)
    )
    return replace(prepared, dropped=dropped, translated=translated)


def _prepare_with_places(
    body: Json, exchange: Exchange, model: Model, wire: Wire, unknown: Collection[str], cache_wish: CacheWish | None
) -> PreparedRequest:
    try:
        return _prepare(mark_places(body), exchange, model, wire, unknown, cache_wish)
    except InvalidBody as error:
        raise type(error)([replace(fault, path=_rename_path(wire, fault.path)) for fault in error.fields]) from None


def _prepare(
    body: Json, exchange: Exchange, model: Model, wire: Wire, unknown: Collection[str], cache_wish: CacheWish | None
) -> PreparedRequest:
    assert wire.read_request is not None  # noqa: S101 - a dialect's wire has it
    check_deadline(exchange)
    errors: list[InvalidBody] = []
    added: list[str] = []
    try:
        read = request = wire.read_request(body)
        if wire.writes_after_answer:
            request = ask_for_next_turn(read, model.capabilities)
        added = [] if request is read else ["messages"]
    except InvalidBody as error:
        errors.append(error)
        request = error.rest
    choice = choose_caching(exchange, model, request, cache_wish)
    request = choice.request
    if unknown:
        request = {**request, "extras": {**dict.fromkeys(unknown), **request.get("extras", {})}}
    try:
        prepared = build_bedrock_request(
            model,
            request,
            hints=wire.hints,
            policy=unsupported_policy(exchange, model),
            caching=choice.caching,
            check=partial(check_deadline, exchange),
        )
    except InvalidBody as error:
        errors.append(error)
    if errors:
        raise join_errors(errors)
    if not (choice.dropped or added):
        return prepared
    return replace(prepared, dropped=(*choice.dropped, *prepared.dropped), translated=(*added, *prepared.translated))


def _rename_path(wire: Wire, path: str) -> str:
    """The caller's word for a path that has not been traced to the caller's body."""
    return path if isinstance(path, CallerPath) else wire.rename_path(path)


def _make_chunk_writer(
    reader: StreamReader, writer: EventWriter, response_format: ResponseFormat
) -> tuple[Callable[[Chunk], bytes], Callable[[], bytes]]:
    """The function that writes one chunk of the model's as events of the client's format, and the one for the end."""
    find_text, write_text, write_event = reader.find_text, writer.write_text, response_format.write_event

    def write(chunk: Chunk) -> bytes:
        # Most chunks are plain texts: these are written by a template, all others by the functions of the formats.
        if (found := find_text(chunk)) and (text := write_text(*found)):
            return response_format.write_text(text)
        return write_all(partial(reader.read, chunk))

    def write_all(read: Callable[[], Iterable[Event]]) -> bytes:
        with map_shape_errors():
            each = (item for event in read() for item in event.items())
            return b"".join([write_event(chunk) for kind, payload in each for chunk in writer.write(kind, payload)])

    return write, lambda: write_all(reader.end) + response_format.end
