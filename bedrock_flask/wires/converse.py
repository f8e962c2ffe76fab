"""The wire of Converse and ConverseStream, the canonical form itself: reading and writing change nothing.

A chunk is `{event type: payload}`.
"""

import orjson

from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.converse import Json, Request, Response, member
from bedrock_flask.wires.converse_events import PIECES
from bedrock_flask.wires.wire import ChunkReader, EventWriter, Wire


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


def find_text(delta: bytes) -> tuple[int, str] | None:
    """The number of a block and a piece of its text, if that is all that the JSON of a `contentBlockDelta` holds."""
    try:
        document = orjson.loads(delta)
        index, piece = document["contentBlockIndex"], document["delta"]
        text = piece["text"]
    except (ValueError, TypeError, LookupError):
        return None
    is_plain = type(text) is str and type(index) is int and len(piece) == 1
    return (index, text) if is_plain else None


def read_request(body: Json) -> Request:
    """The body itself."""
    return body


def read_reply(reply: Json) -> Response:
    """The reply itself."""
    return reply


def open_reader() -> ChunkReader:
    """A reader that returns the chunks themselves."""
    return ChunkReader(lambda chunk: (chunk,))


def write_reply(response: Response, model_id: str) -> Json:
    """The response itself."""
    return response


def open_writer(model_id: str) -> EventWriter:
    """A writer that returns the events themselves."""
    return EventWriter(lambda kind, payload: ({kind: payload},))


WIRE = Wire(
    name="converse",
    is_complete=is_complete,
    is_stop=is_stop,
    is_terminal=is_terminal,
    pieces=PIECES,
    read_usage=read_usage,
    read_request=read_request,
    read_reply=read_reply,
    open_reader=open_reader,
    write_reply=write_reply,
    open_writer=open_writer,
)
