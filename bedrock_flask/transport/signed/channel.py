"""Bytes to and from an upstream over a socket that never blocks: plain, and through TLS.

TLS works on buffers in memory, so one read of the socket gives every record that has arrived, a proxy's TLS can hold
another TLS, and greenlets and threads wait for the same thing: the socket.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Protocol

# Bytes of one read of a socket, and of all reads that are passed on together.
_READ_BYTES, _MAX_READS = 65536, 4
# Bytes that are encrypted at a time: more would hold a second copy of a large body.
_WRITE_BYTES = 131072

IsAnswered = Callable[[], bool]


class Channel(Protocol):
    """A connection to an upstream; errors of the network are OSErrors."""

    sock: socket.socket

    def receive(self) -> bytes | None:
        """What has arrived, without waiting: None if nothing has, and no bytes at the end."""

    def send(self, data: bytes | memoryview, until: float, is_answered: IsAnswered) -> bool:
        """Send all; False if the upstream answers before it takes everything. TimeoutError at `until`."""


def never() -> bool:
    """The upstream is not expected to answer yet."""
    return False


class Plain:
    """TCP."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def receive(self) -> bytes | None:
        """What has arrived, without waiting: None if nothing has, and no bytes at the end."""
        try:
            received = self.sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        if len(received) < _READ_BYTES:
            return received
        pieces = [received]
        while len(pieces[-1]) == _READ_BYTES and len(pieces) < _MAX_READS:
            try:
                pieces.append(self.sock.recv(_READ_BYTES))
            except OSError:
                # Nothing more yet, or an error that the next read raises again.
                break
        return b"".join(pieces)

    def send(self, data: bytes | memoryview, until: float, is_answered: IsAnswered) -> bool:
        """Send all; False if the upstream answers before it takes everything. TimeoutError at `until`."""
        sent = self._send_some(data)
        if sent == len(data):
            return True
        rest = memoryview(data)[sent:]
        while rest:
            ready = wait_for(self.sock, select.POLLIN | select.POLLOUT, until)
            if ready & ~select.POLLOUT and is_answered():
                return False
            if ready & select.POLLOUT:
                rest = rest[self._send_some(rest) :]
        return True

    def _send_some(self, data: bytes | memoryview) -> int:
        try:
            return self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0


class Tls:
    """TLS over another channel; the certificate is verified for `host` by `handshake`."""

    def __init__(self, lower: Channel, context: ssl.SSLContext, host: str) -> None:
        self.sock = lower.sock
        self._lower = lower
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._ended = False

    def handshake(self, until: float) -> None:
        """Agree on keys, and verify the upstream's certificate; ssl.SSLError if it is not trusted."""
        while not self._is_agreed():
            self._flush(until, never)
            received = receive_within(self._lower, until)
            if not received:
                raise ssl.SSLEOFError("the upstream closed the connection within the TLS handshake")
            self._incoming.write(received)
        self._flush(until, never)

    def _is_agreed(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def receive(self) -> bytes | None:
        """What has arrived, without waiting: None if nothing has, and no bytes at the end.

        An end that TLS does not announce is an error: anybody on the way can close a TCP connection.
        """
        if self._ended:
            return b""
        received = self._lower.receive()
        if received is None:
            return None
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()
        pieces = []
        try:
            while piece := self._tls.read(_READ_BYTES):
                pieces.append(piece)
                if received and not self._incoming.pending:
                    return piece if len(pieces) == 1 else b"".join(pieces)
            self._ended = True
        except ssl.SSLWantReadError:
            # Half a record, or a message of TLS itself.
            pass
        return b"".join(pieces) if pieces or self._ended else None

    def send(self, data: bytes | memoryview, until: float, is_answered: IsAnswered) -> bool:
        """Send all; False if the upstream answers before it takes everything. TimeoutError at `until`."""
        rest = memoryview(data)
        while rest:
            written = self._tls.write(rest[:_WRITE_BYTES])
            rest = rest[written:]
            if not self._flush(until, is_answered):
                return False
        return True

    def _flush(self, until: float, is_answered: IsAnswered) -> bool:
        return self._lower.send(self._outgoing.read(), until, is_answered)


def receive_within(channel: Channel, until: float) -> bytes:
    """What arrives next, no bytes at the end; TimeoutError if nothing arrives until then."""
    while (received := channel.receive()) is None:
        wait_for(channel.sock, select.POLLIN, until)
    return received


def wait_for(sock: socket.socket, events: int, until: float) -> int:
    """The events of `poll` that have happened, after waiting for the first; TimeoutError if none does until then."""
    poll = select.poll()
    try:
        poll.register(sock, events)
    except ValueError:
        raise ConnectionAbortedError("the connection was closed meanwhile") from None
    ready = poll.poll(max(until - time.monotonic(), 0.0) * 1000)
    if not ready:
        raise TimeoutError
    return ready[0][1]
