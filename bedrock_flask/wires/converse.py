"""The wire of Converse and ConverseStream, the canonical form itself: reading and writing change nothing.

A chunk is `{event type: payload}`.
"""

from collections.abc import Iterable, Iterator

from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.converse import Event, Json, Request, Response, member
from bedrock_flask.wires.wire import Wire


def is_complete(reply: Json) -> bool:
    """Whether a reply has a message and a stop reason."""
    return isinstance(member(reply, "output", "message"), dict) and bool(member(reply, "stopReason"))


def is_stop(chunk: Json) -> bool:
    """Whether this is the `messageStop` event."""
    return bool(member(chunk, "messageStop", "stopReason"))


def is_terminal(chunk: Json) -> bool:
    """Whether this is the `metadata` event, which comes after `messageStop`."""
    return "metadata" in chunk


def read_usage(document: Json) -> Usage:
    """The counts of a reply, or of the `metadata` event."""
    return from_members(member(document, "usage")).merge(from_members(member(document, "metadata", "usage")))


def read_request(body: Json) -> Request:
    """The body itself."""
    return body


def read_reply(reply: Json) -> Response:
    """The reply itself."""
    return reply


def read_chunks(chunks: Iterable[Json]) -> Iterator[Event]:
    """The chunks themselves."""
    return iter(chunks)


def write_reply(response: Response, model_id: str) -> Json:
    """The response itself."""
    return response


def write_chunks(events: Iterable[Event], model_id: str) -> Iterator[Json]:
    """The events themselves."""
    return iter(events)


WIRE = Wire(
    name="converse",
    is_complete=is_complete,
    is_stop=is_stop,
    is_terminal=is_terminal,
    read_usage=read_usage,
    read_request=read_request,
    read_reply=read_reply,
    read_chunks=read_chunks,
    write_reply=write_reply,
    write_chunks=write_chunks,
)
