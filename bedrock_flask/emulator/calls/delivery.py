"""Delivering a response: by the server, or by hand on the socket where a fault breaks it."""

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

from flask import Response

from bedrock_flask.closing import closing
from bedrock_flask.emulator.calls.presence import CallerLeft, Presence
from bedrock_flask.emulator.calls.response import (
    CUT,
    CUT_IN_CHUNK,
    CUT_IN_HEAD,
    NORMAL,
    RESET,
    UNTIL_CLOSE,
    EmulatorResponse,
)

SENT, LEFT = "sent", "client left"


class _Aborted(ConnectionResetError):
    """Makes gunicorn close the connection without another byte and without a line in its log."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the response is aborted on purpose")


def make_abandoned_response() -> EmulatorResponse:
    """Make the response to a caller that has left: nothing is sent."""

    def raise_caller_left() -> Iterator[bytes]:
        yield from ()
        raise CallerLeft()

    return EmulatorResponse(status=503, parts=raise_caller_left())


def deliver(response: EmulatorResponse, presence: Presence, on_end: Callable[[str], None]) -> Response:
    """Convert a response to Flask's; `on_end` is called once, with SENT or LEFT."""
    if response.delivery != NORMAL and presence.connection is None:
        raise RuntimeError("This fault needs the connection itself, which only gunicorn provides.")
    parts = _DELIVERIES[response.delivery](response, presence)
    body = _report_end(parts, presence, on_end)
    return Response(body, response.status, dict(response.headers), direct_passthrough=True)


def _report_end(parts: Iterator[bytes], presence: Presence, on_end: Callable[[str], None]) -> Iterator[bytes]:
    end = LEFT
    try:
        with closing(parts):
            for part in parts:
                if presence.has_left():
                    raise CallerLeft()
                yield part
        end = SENT
    except _Aborted:
        end = SENT
        raise
    except CallerLeft:
        raise _Aborted() from None
    finally:
        on_end(end)


def _send(response: EmulatorResponse, presence: Presence) -> Iterator[bytes]:
    with closing(response.parts) as parts:
        yield from parts


def _send_and_cut(response: EmulatorResponse, presence: Presence) -> Iterator[bytes]:
    yield from _send(response, presence)
    raise _Aborted()


def _send_and_reset(response: EmulatorResponse, presence: Presence) -> Iterator[bytes]:
    yield from _send(response, presence)
    _reset(_get_connection(presence))
    raise _Aborted()


def _cut_in_chunk(response: EmulatorResponse, presence: Presence) -> Iterator[bytes]:
    """Send each part as one HTTP chunk, but the last one in a chunk that announces more than twice its length."""
    yield from ()
    connection = _get_connection(presence)
    connection.sendall(_format_head(response, "Transfer-Encoding: chunked"))
    with closing(response.parts) as parts:
        previous = next(parts, b"")
        for part in parts:
            connection.sendall(b"%x\r\n%b\r\n" % (len(previous), previous))
            previous = part
        connection.sendall(b"%x\r\n%b" % (2 * len(previous) + 1, previous))
    raise _Aborted()


def _send_until_close(response: EmulatorResponse, presence: Presence) -> Iterator[bytes]:
    """Send the parts with neither a length nor chunks: only the end of the connection ends the body."""
    yield from ()
    connection = _get_connection(presence)
    with closing(response.parts) as parts:
        for piece in _pace(_format_head(response, "Connection: close"), response.header_pace, presence):
            connection.sendall(piece)
        for part in parts:
            connection.sendall(part)
    raise _Aborted()


def _pace(data: bytes, seconds: float, presence: Presence) -> Iterator[bytes]:
    """Yield the data byte by byte, waiting before each; at once if there is nothing to wait."""
    if not seconds:
        yield data
        return
    for byte in data:
        presence.wait(seconds)
        yield bytes((byte,))


def _cut_in_head(response: EmulatorResponse, presence: Presence) -> Iterator[bytes]:
    """Send half of the status line and the headers."""
    yield from ()
    head = _format_head(response, "Transfer-Encoding: chunked")
    with closing(response.parts):
        _get_connection(presence).sendall(head[: len(head) // 2])
    raise _Aborted()


_DELIVERIES: Mapping[str, Callable[[EmulatorResponse, Presence], Iterator[bytes]]] = {
    NORMAL: _send,
    CUT: _send_and_cut,
    CUT_IN_CHUNK: _cut_in_chunk,
    CUT_IN_HEAD: _cut_in_head,
    UNTIL_CLOSE: _send_until_close,
    RESET: _send_and_reset,
}


def _get_connection(presence: Presence) -> socket.socket:
    assert presence.connection is not None  # noqa: S101 - deliver() has checked it
    return presence.connection


def _format_head(response: EmulatorResponse, framing: str) -> bytes:
    headers = [f"{name}: {value}" for name, value in response.headers.items() if name.lower() != "content-length"]
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}", *headers, framing, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _reset(connection: socket.socket) -> None:
    """Make the peer see a reset at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # gunicorn would send a FIN first. A substitute under the same descriptor number closes the real socket now.
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(ours.fileno(), connection.fileno(), inheritable=False)
