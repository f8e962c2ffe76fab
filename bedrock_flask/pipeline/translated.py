"""A request in one wire, sent to Bedrock through Converse or the model's own format, and answered in that wire."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, jsonify

from bedrock_flask import headers
from bedrock_flask.call import IDLE, Idle
from bedrock_flask.converse import Json, Request
from bedrock_flask.edge.context import request_context
from bedrock_flask.errors import InvalidBody, NotConversable
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.caching import CacheWish, choose_caching
from bedrock_flask.pipeline.request import make_call, send, send_stream, unsupported_policy
from bedrock_flask.pipeline.response import (
    StreamFormat,
    add_gateway_headers,
    forwarded_headers,
    stream_response,
    usage_headers,
)
from bedrock_flask.translation.answer import read_events, read_response
from bedrock_flask.translation.request import Caching, PreparedRequest, build_bedrock_request
from bedrock_flask.wires.wire import Wire


@dataclass(frozen=True, kw_only=True)
class ResponseFormat:
    """How a dialect writes a Converse response: whole, or as chunks, each as an event, with `end` after the last."""

    wire: Wire
    write_reply: Callable[[Any, str], Json]
    write_chunks: Callable[[Iterable[Any], str], Iterator[Any]]
    write_event: Callable[[Json], bytes]
    stream_format: StreamFormat
    end: bytes = b""


def respond_via_converse(
    model: Model,
    request: Request,
    response_format: ResponseFormat,
    *,
    stream: bool,
    unknown: Iterable[str] = (),
    dropped: Iterable[str] = (),
    cache_wish: CacheWish | None = None,
) -> Response:
    """The response to a canonical request.

    `unknown` are paths of members that no schema knows, and so no model takes; `dropped` is what the dialect has left
    out already; `cache_wish` is what a request says of caching in a format that has no marks of its own.
    NotConversable for an embedding model.
    """
    if model.capabilities.output == "embedding":
        raise NotConversable(f"'{model.name}' is an embedding model; use POST /v1/embeddings.")
    choice = choose_caching(model, request, cache_wish)
    prepared = prepare_request(model, choice.request, response_format.wire, unknown, choice.caching)
    streams = stream and prepared.streams
    call = make_call(
        model,
        prepared.body,
        operation=prepared.operation,
        wire=prepared.wire,
        stream=streams,
        guarded_by=prepared.safeguards,
    )
    if stream:
        upstream = send_stream(call)
        events = read_events(upstream, call, prepared.names, prepared.answer_tool)
        parts = _write_events(events, response_format, model.name)
        response = stream_response(parts, response_format.stream_format, forwarded_headers(upstream.headers))
    else:
        reply = send(call)
        answer = read_response(reply, call, prepared.names, prepared.answer_tool)
        response = jsonify(response_format.write_reply(answer, model.name))
        response.headers.update({**usage_headers(request_context().record), **forwarded_headers(reply.headers)})
    if prepared.cached:
        response.headers[headers.CACHE] = ", ".join(prepared.cached)
    rename = response_format.wire.rename_path
    all_dropped = [*dropped, *choice.dropped, *map(rename, prepared.dropped)]
    return add_gateway_headers(response, model, all_dropped, map(rename, prepared.translated))


def prepare_request(
    model: Model, request: Request, wire: Wire, unknown: Iterable[str] = (), caching: Caching | None = None
) -> PreparedRequest:
    """A canonical request of a wire as Bedrock takes it; faults are reported in the wire's own words."""
    extras = {**dict.fromkeys(unknown), **request.get("extras", {})}
    with rename_paths_for(wire):
        return build_bedrock_request(
            model,
            {**request, "extras": extras},
            hints=wire.hints,
            policy=unsupported_policy(model),
            caching=caching,
        )


@contextmanager
def rename_paths_for(wire: Wire) -> Iterator[None]:
    """Have the faults of a canonical request use the paths of the caller's own format."""
    try:
        yield
    except InvalidBody as error:
        raise type(error)([replace(fault, path=wire.rename_path(fault.path)) for fault in error.fields]) from None


def _write_events(events: Generator[Any], response_format: ResponseFormat, model: str) -> Generator[bytes | Idle]:
    # The chain is closed from either end: the writer closes its events.
    with closing(response_format.write_chunks(events, model)) as chunks:  # type: ignore[type-var]
        for chunk in chunks:
            yield chunk if chunk is IDLE else response_format.write_event(chunk)
    yield response_format.end
