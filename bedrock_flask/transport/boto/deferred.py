"""A response that has not begun: botocore signs and sends, and the gateway reads the answer itself.

The connections of `defer_responses` answer each request at once with a placeholder. The caller then decides how long to
wait for the real response, and can watch its own client meanwhile (`wait.py`).
"""

import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
import urllib3.exceptions
from urllib3._collections import HTTPHeaderDict

from bedrock_flask.transport.pending import Head, MalformedResponse, Truncated

_CHUNK_END = b"\r\n"
_MAX_INTERIM, _MAX_TRAILERS, _MAX_LINE = 10, 100, 65536
_PIECE_BYTES = 65536
# What an attempt to receive raises where there is nothing, or where the connection or its reader is closed.
_BROKEN = (OSError, ValueError, AttributeError)
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}[ \t]*(?:;.*)?\r?\n", re.DOTALL)
# What lies behind the data of a chunk: the next one with at least one byte of it, or the end of the body.
_NEXT_CHUNK = re.compile(rb"\r\n(?:0{0,8}[1-9A-Fa-f][0-9A-Fa-f]{0,7}\r\n.|0\r\n\r\n)", re.DOTALL)


class _Answer(http.client.HTTPResponse):
    """A response that is read strictly, with a limit on what was not requested: interim responses and trailers."""

    _interim = 0

    def _read_status(self) -> Any:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # http.client's own reader of the line
        if status // 100 != 1 or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
            return version, status, reason
        self._interim += 1
        if self._interim > _MAX_INTERIM:
            raise http.client.HTTPException("too many interim responses")
        # The one interim status that http.client skips.
        return version, http.client.CONTINUE, reason

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(_MAX_LINE)
        if not _CHUNK_SIZE.fullmatch(line):
            raise http.client.IncompleteRead(b"")
        return int(line.partition(b";")[0], 16)

    def _read_and_discard_trailer(self) -> None:
        for _ in range(_MAX_TRAILERS):
            if self.fp.readline(_MAX_LINE) in (b"\r\n", b"\n", b""):
                return
        raise http.client.HTTPException("too many trailers")

    def is_at_end(self) -> bool:
        """Whether the body ends without a further byte."""
        return self.isclosed() or (self.length == 0 and not self.chunked)


class DeferredResponse:
    """What urllib3 and botocore take for a response: the request is sent, `begin` reads the head of the response."""

    # The members that they read; urllib3 sets the last three.
    status, reason, version, version_string, length_remaining = 200, "OK", 11, "HTTP/1.1", None
    retries: Any = None
    _connection: Any = None
    _pool: Any = None
    _received: urllib3.HTTPResponse | None = None
    _is_over = False
    _lost: OSError | None = None

    def __init__(self, connection: Any, begin: Any) -> None:
        self.headers = HTTPHeaderDict()
        self.sock: socket.socket = connection.sock
        self._sent_on, self._begin = connection, begin
        self._response = _Answer(self.sock, method="POST")

    def get_redirect_location(self) -> bool:
        """No redirect is followed."""
        return False

    def has_data(self, readable: bool) -> bool:
        """Whether a read would return at once; `readable` says that the socket has data, or its end."""
        if self._is_over or self._response.is_at_end():
            return True
        try:
            held = self._peek()
        except ssl.SSLWantReadError:
            return False
        except _BROKEN:
            # The read will raise the error.
            return True
        if self._response.chunk_left == 0 and _CHUNK_END.startswith(held):
            # The end of a chunk is not data, and hides what is behind it.
            return readable or bool(getattr(self.sock, "pending", int)())
        return bool(held) or readable

    def begin(self, seconds: float) -> Head:
        """The head of the response; each read may take this many seconds."""
        connection = self._sent_on
        # Use the response whose reader `has_data` has peeked at, because a new one would have another reader.
        connection.response_class = lambda *_, **__: self._response
        connection.timeout = seconds
        with self._map_errors(MalformedResponse):
            self._raise_if_lost()
            try:
                received: urllib3.HTTPResponse = self._begin()
            finally:
                # Otherwise the connection would reference this response, and this response the connection.
                connection.response_class = http.client.HTTPResponse
        received._connection, received._pool = connection, self._pool
        self._received = received
        return Head(received.status, {name.lower(): value for name, value in received.headers.itermerged()})

    def read(self, seconds: float) -> bytes:
        """All that can be had now of the body; waits at most `seconds` for its next byte, and is empty at its end."""
        response, pieces, size = self._response, [], 0
        if self._is_over:
            return b""
        with self._map_errors(Truncated):
            self._raise_if_lost()
            self.sock.settimeout(seconds)
            while piece := response.read1(_PIECE_BYTES):
                pieces.append(piece)
                size += len(piece)
                if response.is_at_end() or size >= _PIECE_BYTES or not self._has_more():
                    break
            if response.is_at_end():
                self._finish()
        return b"".join(pieces)

    def shutdown(self) -> None:
        """End the wait of the thread that reads the response."""
        # At its end, the connection may serve another call already.
        if not self._is_over:
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Discard the response, and its connection unless the body was read to its end."""
        if not self._is_over:
            self._is_over = True
            self._response.close()
            self._sent_on.close()

    def _peek(self) -> bytes:
        """What has been received and not read; if there is nothing, one attempt to receive, which may raise.

        Data that TLS has received may hold no byte of the response (a session ticket): only an attempt shows it.
        """
        before = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            held: bytes = self._response.fp.peek(1)
        except ssl.SSLWantReadError:
            raise
        except OSError as error:
            # The system reports an error once: the next read would find the end of the body.
            self._lost = error
            raise
        finally:
            if self.sock.fileno() >= 0:
                self.sock.settimeout(before)
        return held

    def _raise_if_lost(self) -> None:
        if self._lost is not None:
            raise self._lost

    def _has_more(self) -> bool:
        """Whether another read needs nothing of the connection but what has been received already."""
        try:
            held = self._peek()
        except _BROKEN:
            return False
        if self._response.chunked and self._response.chunk_left == 0:
            return _NEXT_CHUNK.match(held) is not None
        return bool(held)

    def _finish(self) -> None:
        """Put the connection into its pool; Truncated if fewer bytes arrived than were announced."""
        if self._response.length:
            raise Truncated(f"{self._response.length} bytes are missing")
        self._is_over = True
        self._response.close()
        if self._received is not None:
            self._received.release_conn()

    @contextmanager
    def _map_errors(self, malformed: type[MalformedResponse | Truncated]) -> Iterator[None]:
        try:
            yield
        except urllib3.exceptions.TimeoutError:
            raise TimeoutError from None
        except http.client.RemoteDisconnected:
            raise
        except (http.client.HTTPException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise malformed(str(error)) from None


def defer_responses(client: Any) -> Any:
    """The same botocore client, whose calls return as soon as they are sent: their raw body is a DeferredResponse."""
    # No setting of botocore reaches these; tests/transport would see answers come whole.
    classes = client._endpoint.http_session._pool_classes_by_scheme
    for scheme, pool in classes.items():
        classes[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": _defer_connection(pool.ConnectionCls)})
    return client


def _defer_connection(kind: type[Any]) -> type[Any]:
    class Connection(kind):  # type: ignore[misc]  # either of botocore's, for http and https
        def getresponse(self) -> Any:
            return DeferredResponse(self, super().getresponse)

    return Connection
