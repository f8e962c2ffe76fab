"""A minimum rate at which clients must send and read, so that a slow one cannot occupy a thread or a greenlet.

A client that sends must keep an average rate once its patience is used up, as with Apache's mod_reqtimeout
(RequestReadTimeout, MinRate); a client that reads has its patience for each chunk.
"""

import errno
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

# Bytes per second that a sending client must average.
MIN_RATE = 8192
# Bytes that a reading client must take within its patience.
_CHUNK = 65536


@dataclass(frozen=True)
class Limits:
    """What the gunicorn configuration tells a worker: all in seconds, except `body`, which is in bytes."""

    client: float = 30.0
    delay: float = 0.0
    grace: float = 60.0
    recycle: float = 3600.0
    body: int = 25_000_000


# Threads and greenlets use different socket classes; the mixins below precede either.
if TYPE_CHECKING:
    _Socket = socket.socket
else:
    _Socket = object


class RateLimited(_Socket):
    """A mixin that limits the rate of a socket class, as in `class RateLimitedSocket(RateLimited, socket.socket)`.

    The clock of a request starts with its first byte and stops when something is sent. Between requests the keep-alive
    timeout applies instead.
    """

    patience = 30.0
    # Whether the worker reads on after the response until the client has closed.
    lingers = False
    # gunicorn's request that is being answered.
    request: Any = None
    # How many of its requests are being answered.
    active_requests = 0
    # Seconds that its request has waited in the worker.
    waited = 0.0
    # Bytes that were read from the socket ahead of their reader.
    buffered = b""
    # What came first of a request that is not answered yet: who calls what, if it cannot be read.
    first_bytes = b""
    _began_at: float | None = None
    _received = 0

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered or has begun to arrive."""
        return not self.active_requests and self._began_at is None

    def buffer(self, chunk: bytes) -> None:
        """Put bytes back that were read, for the next `recv`."""
        self._count_received(chunk)
        self.buffered += chunk

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive as a socket does. Raises ConnectionResetError if the client is too slow."""
        if flags:
            return super().recv(size, flags)
        if self.buffered:
            chunk, self.buffered = self.buffered[:size], self.buffered[size:]
            return chunk
        return self._receive(size)

    def read_ahead(self, size: int) -> bool:
        """Receive more bytes into the buffer; False if the client has ended its side."""
        chunk = self._receive(size)
        self.buffered += chunk
        return bool(chunk)

    def receive_into(self, buffer: memoryview) -> int:
        """Receive more of a request into a buffer; the number of bytes, 0 at the end.

        Raises ConnectionResetError if the client is too slow.
        """
        if self.buffered:
            chunk = self.recv(len(buffer))
            buffer[: len(chunk)] = chunk
            return len(chunk)
        received = self._within_rate(partial(super().recv_into, buffer))
        self._received += received
        return received

    def _receive(self, size: int) -> bytes:
        chunk = self._within_rate(partial(super().recv, size))
        self._count_received(chunk)
        return chunk

    def _within_rate(self, receive: Callable[[], T]) -> T:
        timeout = self.gettimeout()
        remaining = self._remaining_seconds()
        if timeout == 0 or remaining is None or (timeout is not None and timeout <= remaining):
            return receive()
        return self._with_timeout(remaining, receive, timeout)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send as a socket does; the client has its patience for each chunk."""
        self._began_at, self._received, self.first_bytes = None, 0, b""
        sent = self._send_at_once(data)
        if sent == len(data):
            return
        timeout, rest = self.gettimeout(), memoryview(data)[sent:]
        while rest:
            chunk, rest = rest[:_CHUNK], rest[_CHUNK:]
            self._with_timeout(self.patience, partial(super().sendall, chunk, flags), timeout)

    def _send_at_once(self, data: Any) -> int:
        """Send what the connection takes without a wait, in most cases all; the number of its bytes."""
        try:
            return super().send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _count_received(self, chunk: bytes) -> None:
        if self._began_at is None:
            self._began_at, self.first_bytes = time.monotonic(), chunk
        self._received += len(chunk)

    def _remaining_seconds(self) -> float | None:
        """Seconds that the client may still be silent; None before the request has begun."""
        if self._began_at is None:
            return None
        return max(self._began_at + self.patience + self._received / MIN_RATE - time.monotonic(), 0.001)

    def _with_timeout(self, seconds: float, operation: Callable[[], T], previous: float | None) -> T:
        self.settimeout(seconds)
        try:
            return operation()
        except TimeoutError:
            # gunicorn closes the connection on this error without logging it.
            raise ConnectionResetError(errno.ECONNRESET, "the client is too slow") from None
        finally:
            if self.fileno() >= 0:
                self.settimeout(previous)


class RateLimitedSocket(RateLimited, socket.socket):
    """A rate-limited plain socket, for the worker of threads."""

    lingers = True


def limit_rate(client: socket.socket, patience: float) -> RateLimitedSocket:
    """Wrap an accepted connection; the original object is detached."""
    connection = RateLimitedSocket(client.family, client.type, client.proto, fileno=client.detach())
    connection.patience = patience
    return connection


@dataclass(frozen=True)
class Addresses:
    """The two addresses of a connection and their family."""

    family: int
    local: Any
    peer: Any


class BridgedSocket(_Socket):
    """A mixin for the socket of one HTTP/2 call: it has the addresses of the client's connection.

    Authentication depends on these addresses; those of the socket pair itself mean nothing.
    """

    addresses: Addresses

    @property
    def family(self) -> int:  # type: ignore[override]  # an int in the standard library, too
        return self.addresses.family

    def getsockname(self) -> Any:
        return self.addresses.local

    def getpeername(self) -> Any:
        return self.addresses.peer


@contextmanager
def track_request(connection: Any, request: Any = None) -> Iterator[None]:
    """Count a request of a rate-limited connection while it is answered; other connections are left alone."""
    if not isinstance(connection, RateLimited):
        yield
        return
    connection.active_requests += 1
    connection.request = request
    try:
        yield
    finally:
        connection.active_requests -= 1
