"""How slowly a client may send and read: a thread, or a greenlet, is not its to hold.

A client that sends is held to an average rate once its patience is used up, as Apache's mod_reqtimeout does
(RequestReadTimeout, MinRate); one that reads has its patience for each piece.
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

# Bytes a second: what a client that sends must keep up on average.
RATE = 8192
# Bytes: what a client that reads must take within its patience.
_PIECE = 65536


@dataclass(frozen=True)
class Limits:
    """What a worker is told by the gunicorn configuration, in seconds; `body` in bytes."""

    client: float = 30.0
    delay: float = 0.0
    grace: float = 60.0
    recycle: float = 3600.0
    body: int = 25_000_000


# Threads and greenlets have socket classes of their own; this goes before either.
if TYPE_CHECKING:
    _Socket = socket.socket
else:
    _Socket = object


class Pacing(_Socket):
    """A connection with a pace: put before a socket class, as in `class Paced(Pacing, socket.socket)`.

    The clock of a request begins with its first byte and ends when something is sent; between requests nothing is
    bounded here, for there keep-alive has its own limit.
    """

    patience = 30.0
    # Whether its worker reads on after an answer until the client has closed.
    lingers = False
    # The request that is being answered, as gunicorn knows it.
    request: Any = None
    # How many requests on it are being answered.
    serving = 0
    # What was taken from the socket already and is yet to be read.
    held = b""
    _since: float | None = None
    _got = 0

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered or has begun to come."""
        return not self.serving and self._since is None

    def hold(self, piece: bytes) -> None:
        """Give back what was taken, for whoever reads next."""
        self._count(piece)
        self.held += piece

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read as a socket does; a client that is too slow is told as a reset connection."""
        if flags:
            return super().recv(size, flags)
        if self.held:
            piece, self.held = self.held[:size], self.held[size:]
            return piece
        allowed = self.gettimeout()
        left = self._left()
        if allowed == 0 or left is None or (allowed is not None and allowed <= left):
            piece = super().recv(size)
        else:
            piece = self._in_time(left, partial(super().recv, size), allowed)
        self._count(piece)
        return piece

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all; a reader has its patience for each piece."""
        self._since, self._got = None, 0
        allowed, rest = self.gettimeout(), memoryview(data)
        while rest:
            piece, rest = rest[:_PIECE], rest[_PIECE:]
            self._in_time(self.patience, partial(super().sendall, piece, flags), allowed)

    def _count(self, piece: bytes) -> None:
        self._since = time.monotonic() if self._since is None else self._since
        self._got += len(piece)

    def _left(self) -> float | None:
        """Seconds that the request may still be silent; None before it has begun."""
        if self._since is None:
            return None
        return max(self._since + self.patience + self._got / RATE - time.monotonic(), 0.001)

    def _in_time(self, seconds: float, act: Callable[[], T], before: float | None) -> T:
        self.settimeout(seconds)
        try:
            return act()
        except TimeoutError:
            # gunicorn closes on this without a line in its log.
            raise ConnectionResetError(errno.ECONNRESET, "the client is too slow") from None
        finally:
            if self.fileno() >= 0:
                self.settimeout(before)


class Paced(Pacing, socket.socket):
    """A plain connection with a pace, for the worker of threads."""

    lingers = True


def paced(client: socket.socket, patience: float) -> Paced:
    """The same connection with a pace."""
    made = Paced(client.family, client.type, client.proto, fileno=client.detach())
    made.patience = patience
    return made


@dataclass(frozen=True)
class Ends:
    """The two ends of a connection, and the kind of their addresses."""

    family: int
    here: Any
    there: Any


class Bridged(_Socket):
    """A call of HTTP/2 on its way to the worker: put before a socket class, it tells of the connection it came by.

    Who may ask at all is told by these addresses; those of the socket itself are nobody's.
    """

    ends: Ends

    @property
    def family(self) -> int:  # type: ignore[override]  # what the standard library says of it is a number, too
        return self.ends.family

    def getsockname(self) -> Any:
        return self.ends.here

    def getpeername(self) -> Any:
        return self.ends.there


@contextmanager
def serving(connection: Any, request: Any = None) -> Iterator[None]:
    """Mark a connection as at work, if it is one with a pace."""
    if not isinstance(connection, Pacing):
        yield
        return
    connection.serving += 1
    connection.request = request
    try:
        yield
    finally:
        connection.serving -= 1
