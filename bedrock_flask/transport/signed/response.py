"""One response of an upstream, read strictly: by llhttp without its leniencies, and by what it leaves to others.

llhttp refuses a bare LF, two lengths, a length beside chunks, a size of a chunk that is not hexadecimal, control
characters in a header. Refused here: another protocol, an old or a new version, more than ten interim responses, a
head, trailers or extensions of chunks beyond a bound. Where bytes follow the end, the connection is closed.
"""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from select import POLLIN

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from bedrock_flask.transport.pending import Head, MalformedResponse, Truncated
from bedrock_flask.transport.signed.channel import Channel, wait_for

_MAX_INTERIM, _MAX_HEADERS = 10, 100
# Bytes that arrive without one of the body among them: a head, trailers, extensions. What one read gives comes on top.
_MAX_FRAMING_BYTES = 65536
_VERSIONS = frozenset({"1.0", "1.1"})
_SWITCHING_PROTOCOLS = 101
_BODILESS = frozenset({_SWITCHING_PROTOCOLS, 204, 304})


# One for all: it is held for a moment, and each response would need one of its own.
_RELEASES = threading.Lock()


class _AnotherResponse(Exception):
    """Bytes behind the end of the response."""


class Response:
    """The response to the request that `send` sends on a channel; `keep` takes the channel back for another request.

    The members that begin with `on_` are called by the parser.
    """

    def __init__(self, channel: Channel, keep: Callable[[Channel], None]) -> None:
        self.sock: socket.socket = channel.sock
        self._send = channel.send
        self._channel: Channel | None = channel
        self._receive = channel.receive
        self._keep = keep
        self._parts: list[bytes] = []
        self.on_body = self._parts.append
        self._headers: dict[str, str] = {}
        self._header_count = 0
        self._head: Head | None = None
        self._error: Exception | None = None
        self._interim = self._framing = 0
        self._is_begun = self._is_within_head = self._is_complete = self._is_reusable = self._ends_with_connection = (
            False
        )
        self._parser = HttpResponseParser(self)

    def send(self, request: Sequence[bytes], until: float) -> None:
        """Send the pieces of the request, or as much as the upstream takes before it answers; OSError if no more."""
        try:
            is_sent = all(self._send(piece, until, self._is_answered) for piece in request)
        except BrokenPipeError:
            # The upstream may have answered before it closed the connection.
            is_sent = False
        except TimeoutError:
            raise ConnectionAbortedError("the upstream did not take the request in time") from None
        if not is_sent:
            self._keep = _discard

    def has_data(self, readable: bool) -> bool:
        """Whether a read would return at once; `readable` says that the socket has data, or its end."""
        if readable and not self._is_ready():
            self._take()
        return self._is_ready()

    def begin(self, seconds: float) -> Head:
        """The head, which must arrive within this many seconds a read; a few interim responses are skipped."""
        while self._head is None:
            if self._error is not None:
                raise self._error
            if not self._take():
                wait_for(self.sock, POLLIN, time.monotonic() + seconds)
        self._is_begun = True
        return self._head

    def read(self, seconds: float) -> bytes:
        """All of the body that has arrived; waits at most `seconds` for its next byte, and is empty at its end."""
        parts = self._parts
        until = 0.0
        while not parts and not self._is_over():
            if not self._take():
                until = until or time.monotonic() + seconds
                wait_for(self.sock, POLLIN, until)
        body = b"".join(parts) if len(parts) != 1 else parts[0]
        parts.clear()
        if self._is_complete:
            # Another connection is closed by `close`, when nobody watches it any longer.
            if self._is_reusable:
                self._release()
        elif not body and self._error is not None:
            raise self._error
        return body

    def shutdown(self) -> None:
        """End the wait of the thread that reads; another thread calls this, perhaps after the end of the body."""
        # At its end, the connection may serve another call already.
        with _RELEASES:
            if self._channel is not None:
                self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Discard the response; the connection of a body that was read to its end is in its pool already."""
        self._is_reusable = False
        self._release()

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise _AnotherResponse
        self._is_within_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is not None:
            # A trailer.
            return
        self._header_count += 1
        if self._header_count > _MAX_HEADERS:
            raise MalformedResponse("too many headers")
        headers, lower, text = self._headers, name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")
        headers[lower] = f"{headers[lower]}, {text}" if lower in headers else text

    def on_headers_complete(self) -> None:
        self._is_within_head = False
        parser = self._parser
        status = parser.get_status_code()
        if parser.get_http_version() not in _VERSIONS or status < 100:
            raise MalformedResponse("another protocol, or a status that is none")
        if status < 200 and status != _SWITCHING_PROTOCOLS:
            self._interim += 1
            if self._interim > _MAX_INTERIM:
                raise MalformedResponse("too many interim responses")
            self._headers, self._header_count = {}, 0
            return
        headers = self._headers
        announces = "content-length" in headers or "transfer-encoding" in headers
        self._head = Head(status, headers)
        if status in _BODILESS:
            self._is_complete = True
            self._is_reusable = not announces and status != _SWITCHING_PROTOCOLS and parser.should_keep_alive()
        else:
            self._is_reusable = parser.should_keep_alive()
            self._ends_with_connection = not announces

    def on_message_complete(self) -> None:
        # The end of an interim response is none.
        if self._head is not None:
            self._is_complete = True

    def _is_answered(self) -> bool:
        """Whether the upstream answers before it has taken the whole request; an interim response does not count."""
        if self._head is None and self._error is None:
            self._take()
        return self._head is not None or self._error is not None

    def _is_over(self) -> bool:
        return self._is_complete or self._error is not None

    def _is_ready(self) -> bool:
        if self._is_complete or self._error is not None:
            return True
        if self._is_begun:
            return bool(self._parts)
        # As for any transport, a head that has begun is read, each read within its own time.
        return self._head is not None or self._is_within_head

    def _take(self) -> bool:
        """Read and parse what has arrived, without waiting; False if nothing has."""
        try:
            received = self._receive()
        except OSError as error:
            self._error = error
            return True
        if received is None:
            return False
        if received:
            self._parse(received)
        else:
            self._end()
        return True

    def _parse(self, received: bytes) -> None:
        parts = self._parts
        before = len(parts)
        try:
            # llhttp would skip empty lines, and take the protocols of radios.
            if not self._framing and self._head is None and not received.startswith(b"H"):
                raise MalformedResponse("not HTTP")
            self._parser.feed_data(received)
        except (HttpParserError, HttpParserUpgrade, MalformedResponse) as error:
            self._is_reusable = False
            if not self._is_complete:
                self._error = MalformedResponse(str(error))
        self._framing = 0 if len(parts) > before else self._framing + len(received)
        if self._framing > _MAX_FRAMING_BYTES and not self._is_over():
            self._error = MalformedResponse("too many bytes that are not of the body")

    def _end(self) -> None:
        """The upstream has closed the connection."""
        self._is_reusable = False
        if self._head is not None and self._ends_with_connection:
            self._is_complete = True
        elif self._is_within_head:
            self._error = MalformedResponse("the upstream closed the connection within the head of its answer")
        elif self._head is None:
            self._error = ConnectionResetError("the upstream closed the connection before it answered")
        else:
            self._error = Truncated("the upstream closed the connection within its answer")

    def _release(self) -> None:
        """Give the connection back if another request can use it, or else close it; once."""
        with _RELEASES:
            channel, self._channel = self._channel, None
        if channel is None:
            return
        # The parser calls this object, and this object the parser: without this, both would wait for a collector.
        del self._parser
        if self._is_reusable:
            self._keep(channel)
        else:
            channel.sock.close()


def _discard(channel: Channel) -> None:
    channel.sock.close()
