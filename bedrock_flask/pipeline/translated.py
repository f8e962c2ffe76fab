"""A request of one wire, asked by Converse, and its answer in the same wire again: what translating dialects do."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, g, jsonify

from bedrock_flask.call import IDLE, Idle, Stream
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import InvalidBody, NotConversable
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.request import add_gateway_headers, make_call, send, unsupported_policy
from bedrock_flask.pipeline.response import StreamFormat, forwarded_headers, stream_response, usage_headers
from bedrock_flask.translation.answer import read_events, read_response
from bedrock_flask.translation.request import build_bedrock_request
from bedrock_flask.wires.wire import Wire


@dataclass(frozen=True, kw_only=True)
class ResponseFormat:
    """How a dialect says a Converse answer: whole, or as chunks, each written as an event, and what ends them well."""

    whole: Callable[[Any, str], Json]
    chunks: Callable[[Iterable[Any], str], Iterator[Any]]
    event: Callable[[Json], bytes]
    end: bytes = b""
    voice: StreamFormat
    wire: Wire


def respond_via_converse(
    model: Model,
    request: Request,
    speech: ResponseFormat,
    *,
    stream: bool,
    unknown: Iterable[str] = (),
    left: Iterable[str] = (),
) -> Response:
    """The answer to a canonical request; what nobody knows of it (`unknown`, by path) is nobody's to take either.

    NotConversable for a model that makes embeddings, and so has nothing to say.
    """
    if model.capabilities.output == "embedding":
        raise NotConversable(f"'{model.name}' makes embeddings and says nothing: POST to /v1/embeddings.")
    extras = {**dict.fromkeys(unknown), **request.get("extras", {})}
    with rename_paths_for(speech.wire):
        ready = build_bedrock_request(
            model, {**request, "extras": extras}, hints=speech.wire.hints, policy=unsupported_policy(model)
        )
    call = make_call(
        model,
        ready.body,
        operation=ready.operation,
        wire=ready.wire,
        stream=stream and model.capabilities.streaming,
        watched=stream,
    )
    reply = send(call)
    if isinstance(reply, Stream):
        parts = _parts(read_events(reply, call, ready.names), speech, model.name)
        made = stream_response(parts, speech.voice, forwarded_headers(reply.headers))
    else:
        made = jsonify(speech.whole(read_response(reply, call, ready.names), model.name))
        made.headers.update({**usage_headers(g.account), **forwarded_headers(reply.headers)})
    return add_gateway_headers(made, model, [*left, *map(speech.wire.word, ready.dropped)])


@contextmanager
def rename_paths_for(wire: Wire) -> Iterator[None]:
    """Let a fault of the canonical request name what the caller called it."""
    try:
        yield
    except InvalidBody as error:
        raise type(error)([replace(fault, path=wire.word(fault.path)) for fault in error.fields]) from None


def _parts(events: Generator[Any], speech: ResponseFormat, model: str) -> Generator[bytes | Idle]:
    # Whoever stops first closes the chain: the writer closes its events.
    with closing(speech.chunks(events, model)) as chunks:  # type: ignore[type-var]
        for chunk in chunks:
            yield chunk if chunk is IDLE else speech.event(chunk)
    yield speech.end
