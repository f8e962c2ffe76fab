"""Whether the caller still waits for its response: its socket is peeked at, never read."""

import socket
import time
from collections.abc import Callable
from contextvars import ContextVar

from bedrock_flask.protocol.sockets import has_disconnected

_POLL_SECONDS = 0.02

# Lets the engine that serves this call notice that the caller has left while the model writes nothing.
_HAS_LEFT: ContextVar[Callable[[], bool]] = ContextVar("has_left", default=lambda: False)


class CallerLeft(Exception):
    """Nobody waits for this response any more."""


class Presence:
    """The caller of one call, and whether the server is stopping meanwhile."""

    def __init__(self, connection: socket.socket | None, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self.connection, self.is_stopping = connection, is_stopping

    def has_left(self) -> bool:
        """Whether the caller has closed its side, which for HTTP/1.1 clients means that it has gone."""
        return self.connection is not None and has_disconnected(self.connection)

    def wait(self, seconds: float) -> None:
        """Wait. CallerLeft as soon as the caller leaves or the server stops."""
        end = time.monotonic() + seconds
        while (remaining := end - time.monotonic()) > 0:
            if self.has_left() or self.is_stopping():
                raise CallerLeft()
            time.sleep(min(_POLL_SECONDS, remaining))

    def announce(self) -> None:
        """Let `has_caller_left()` report on this caller from now on in this thread, which serves one at a time."""
        _HAS_LEFT.set(self.has_left)


def has_caller_left() -> bool:
    """Whether the caller of the call that this thread serves has left."""
    return _HAS_LEFT.get()()
