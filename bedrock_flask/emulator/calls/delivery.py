"""An answer before it is sent, and the ways in which it can be sent; some of them are faults."""

import errno
import json
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Response

from bedrock_flask.closing import closing
from bedrock_flask.emulator.calls.presence import CallerLeft, Presence
from bedrock_flask.emulator.calls.refusals import Refusal
from bedrock_flask.protocol import eventstream

T = TypeVar("T")

# How an answer is put on the wire: as HTTP has it, or by hand to break it where HTTP would not.
AS_IT_IS = "as it is"
CUT = "cut"
IN_CHUNK = "in chunk"
UNTIL_CLOSE = "until close"
IN_HEAD = "in head"
RESET = "reset"

SENT, LEFT = "sent", "client left"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status, headers and the parts of the body: a whole body is one part, a stream has one for each frame."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Iterable[bytes] = ()
    stream: bool = False
    sending: str = AS_IT_IS
    # Seconds before each byte of the status line and the headers, where those are sent by hand until close.
    pace: float = 0

    def but(self, **changes: Any) -> "Answer":
        """The same, with some things changed."""
        return replace(self, **changes)


class _Broken(ConnectionResetError):
    """Makes gunicorn close the connection without another byte and without a line in its log."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the answer is broken off on purpose")


def whole(body: bytes, headers: Mapping[str, str] | None = None, *, status: int = 200) -> Answer:
    """A whole body, JSON unless the headers say otherwise."""
    told = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    return Answer(status=status, headers=told, parts=(body,))


def streamed(frames: Iterable[bytes], headers: Mapping[str, str] | None = None) -> Answer:
    """An event stream; its first frame is awaited here, so that what fails before it keeps its own status."""
    return Answer(
        headers={"Content-Type": eventstream.MEDIA_TYPE, **(headers or {})}, parts=_primed(iter(frames)), stream=True
    )


def _primed(frames: Iterator[bytes]) -> Iterator[bytes]:
    first = next(frames, None)

    def parts() -> Iterator[bytes]:
        with closing(frames):
            if first is not None:
                yield first
                yield from frames

    return parts()


def refused(refusal: Refusal) -> Answer:
    """An error as Bedrock's front door tells it."""
    headers = {"x-amzn-ErrorType": f"{refusal.name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    if refusal.retry_after:
        headers["Retry-After"] = refusal.retry_after
    return whole(json.dumps(refusal.document).encode(), headers, status=refusal.status)


def abandoned() -> Answer:
    """No answer, for nobody waits for it."""

    def parts() -> Iterator[bytes]:
        yield from ()
        raise CallerLeft()

    return Answer(status=503, parts=parts())


def deliver(answer: Answer, presence: Presence, ended: Callable[[str], None]) -> Response:
    """The answer as a response that tells, once, how it ended."""
    if answer.sending != AS_IT_IS and presence.connection is None:
        raise RuntimeError("This fault needs the connection itself, which only gunicorn lends.")
    send = _SENDING[answer.sending](answer, presence)
    return Response(_told(send, presence, ended), answer.status, dict(answer.headers), direct_passthrough=True)


def _told(parts: Iterator[bytes], presence: Presence, ended: Callable[[str], None]) -> Iterator[bytes]:
    how = LEFT
    try:
        with closing(parts):
            for part in parts:
                if presence.left():
                    raise CallerLeft()
                yield part
        how = SENT
    except _Broken:
        how = SENT
        raise
    except CallerLeft:
        raise _Broken() from None
    finally:
        ended(how)


def _plainly(answer: Answer, presence: Presence) -> Iterator[bytes]:
    with closing(answer.parts) as parts:
        yield from parts


def _then_cut(answer: Answer, presence: Presence) -> Iterator[bytes]:
    yield from _plainly(answer, presence)
    raise _Broken()


def _then_reset(answer: Answer, presence: Presence) -> Iterator[bytes]:
    yield from _plainly(answer, presence)
    _reset(_connection(presence))
    raise _Broken()


def _in_chunk(answer: Answer, presence: Presence) -> Iterator[bytes]:
    """All parts as chunks of their own, but the last one in a chunk that announces twice as much and more."""
    yield from ()
    connection = _connection(presence)
    connection.sendall(_head(answer, "Transfer-Encoding: chunked"))
    with closing(answer.parts) as parts:
        held = next(parts, b"")
        for part in parts:
            connection.sendall(b"%x\r\n%b\r\n" % (len(held), held))
            held = part
        connection.sendall(b"%x\r\n%b" % (2 * len(held) + 1, held))
    raise _Broken()


def _until_close(answer: Answer, presence: Presence) -> Iterator[bytes]:
    """The parts with neither a length nor chunks: where the body ends only the end of the connection says."""
    yield from ()
    connection = _connection(presence)
    with closing(answer.parts) as parts:
        for piece in _paced(_head(answer, "Connection: close"), answer.pace, presence):
            connection.sendall(piece)
        for part in parts:
            connection.sendall(part)
    raise _Broken()


def _paced(data: bytes, pace: float, presence: Presence) -> Iterator[bytes]:
    if not pace:
        yield data
        return
    for byte in data:
        presence.wait(pace)
        yield bytes((byte,))


def _in_head(answer: Answer, presence: Presence) -> Iterator[bytes]:
    """Half of the status line and the headers."""
    yield from ()
    head = _head(answer, "Transfer-Encoding: chunked")
    with closing(answer.parts):
        _connection(presence).sendall(head[: len(head) // 2])
    raise _Broken()


_SENDING: Mapping[str, Callable[[Answer, Presence], Iterator[bytes]]] = {
    AS_IT_IS: _plainly,
    CUT: _then_cut,
    IN_CHUNK: _in_chunk,
    UNTIL_CLOSE: _until_close,
    IN_HEAD: _in_head,
    RESET: _then_reset,
}


def _connection(presence: Presence) -> socket.socket:
    assert presence.connection is not None  # noqa: S101 - deliver() has refused it
    return presence.connection


def _head(answer: Answer, framing: str) -> bytes:
    told = [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() != "content-length"]
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *told, framing, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _reset(connection: socket.socket) -> None:
    """Make the peer see a reset at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # gunicorn would say goodbye with a FIN first. A stand-in under the same number lets go of the real socket now.
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(ours.fileno(), connection.fileno(), inheritable=False)
