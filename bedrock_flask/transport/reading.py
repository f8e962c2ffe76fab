"""Read what Bedrock sends to its honest end: botocore lets a body that is cut short pass for a whole one."""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol

import urllib3.exceptions

from bedrock_flask.call import Call, Chunk
from bedrock_flask.errors import DeadlinePassed, Garbled, Refused, Stalled, Truncated
from bedrock_flask.protocol import eventstream
from bedrock_flask.stopping import Stopping

EVENT_STREAM = "application/vnd.amazon.eventstream"
_PIECE = 65536


class Body(Protocol):
    """A response body that is still on the wire: botocore's StreamingBody."""

    _raw_stream: Any

    def set_socket_timeout(self, timeout: float) -> None: ...


def whole(
    body: Body, headers: Mapping[str, str], call: Call, *, silence: float, most: int, stopping: Stopping
) -> bytes:
    """The whole body. Truncated when it ends early, Garbled when it is larger than `most` bytes."""
    pieces, size = [], 0
    for piece in _pieces(body, headers, call, silence, stopping):
        size += len(piece)
        if size > most:
            raise Garbled(f"Bedrock's answer is larger than {most} bytes.")
        pieces.append(piece)
    return b"".join(pieces)


def chunks(
    body: Body, headers: Mapping[str, str], call: Call, *, silence: float, stopping: Stopping
) -> Generator[Chunk]:
    """The events of an event stream as they come; an exception or error frame raises what it says."""
    decoder = eventstream.Decoder()
    with closing(_pieces(body, headers, call, silence, stopping)) as pieces:
        for piece in pieces:
            yield from _chunks(decoder, piece)
    try:
        decoder.close()
    except eventstream.EventStreamError:
        raise Truncated("Bedrock's stream ended within an event.") from None


def _chunks(decoder: eventstream.Decoder, piece: bytes) -> Iterator[Chunk]:
    try:
        frames: Sequence[eventstream.Frame] = decoder.feed(piece)
        fault = None
    except eventstream.EventStreamError as error:
        frames, fault = error.frames, error
    for frame in frames:
        yield _chunk(frame)
    if fault is not None:
        raise Garbled(f"Bedrock's stream cannot be read: {fault}.")


def _chunk(frame: eventstream.Frame) -> Chunk:
    told = {name: value for name, value in frame.headers.items() if isinstance(value, str)}
    kind, event = told.get(":message-type", ""), told.get(":event-type", "")
    if kind == "exception":
        raise Refused(told.get(":exception-type", ""), _message(frame.payload))
    if kind == "error":
        raise Refused(told.get(":error-code", ""), told.get(":error-message", ""))
    # `usage` and `error` are the gateway's own events: the marks of success and failure.
    if kind != "event" or not event.isidentifier() or event in ("usage", "error"):
        raise Garbled("Bedrock's stream has an event of no known type.")
    try:
        return Chunk(event, eventstream.chunk_bytes(frame) if event == "chunk" else frame.payload)
    except eventstream.EventStreamError:
        raise Garbled("Bedrock's stream has a chunk that holds none.") from None


def _message(payload: bytes) -> str:
    try:
        document = json.loads(payload)
        return str(document.get("message") or document.get("Message") or document.get("originalMessage") or "")
    except (ValueError, AttributeError, RecursionError):
        return ""


def _pieces(body: Body, headers: Mapping[str, str], call: Call, silence: float, stopping: Stopping) -> Generator[bytes]:
    """The bytes as they come, each read bounded by the silence allowed and by the call's deadline."""
    raw, got = body._raw_stream, 0
    announced = headers.get("content-length", "")
    if headers.get("content-encoding", "identity") != "identity":
        raw.close()
        raise Garbled("Bedrock's answer is compressed, which was not asked for.")
    try:
        with stopping.interrupting(raw.shutdown, call.deadline):
            # A body that has come to its end is closed, and its connection may be at work for another call already.
            while not raw.closed:
                left = call.remaining()
                if left <= 0:
                    raise DeadlinePassed()
                body.set_socket_timeout(min(silence, left))
                with _honest(call, stopping):
                    piece = raw.read1(_PIECE)
                if not piece:
                    break
                got += len(piece)
                yield piece
            # An interrupted body ends like one that is over.
            in_time(call, stopping)
        if announced.isdigit() and got != int(announced):
            raise Truncated(f"Bedrock's answer ended after {got} of {announced} bytes.")
    finally:
        # A body read to its end has gone back to the pool already; any other connection is closed.
        raw.close()


@contextmanager
def _honest(call: Call, stopping: Stopping) -> Iterator[None]:
    try:
        yield
    except urllib3.exceptions.ReadTimeoutError:
        if call.remaining() <= 0:
            raise DeadlinePassed() from None
        raise Stalled("Bedrock's answer began and then fell silent.") from None
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        in_time(call, stopping)
        raise Truncated("The connection to Bedrock broke within an answer.") from None


def in_time(call: Call, stopping: Stopping) -> None:
    """ShuttingDown or DeadlinePassed, where what came was cut for that."""
    stopping.check()
    if call.remaining() <= 0:
        raise DeadlinePassed()
