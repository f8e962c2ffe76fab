"""Whether the caller is still there: its socket is looked at, never read."""

import socket
import time
from collections.abc import Callable
from contextvars import ContextVar

_LOOK_EVERY = 0.02

# How the engine that serves this call learns of a caller who left while the model says nothing.
_LEFT: ContextVar[Callable[[], bool]] = ContextVar("left", default=lambda: False)


class CallerLeft(Exception):
    """Nobody waits for this answer any more."""


class Presence:
    """The caller of one call, and the server that may stop meanwhile."""

    def __init__(self, connection: socket.socket | None, stopping: Callable[[], bool] = lambda: False) -> None:
        self.connection, self.stopping = connection, stopping

    def left(self) -> bool:
        """Whether the caller has closed its side, which for HTTP/1.1 clients means that it has gone."""
        if self.connection is None:
            return False
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True

    def wait(self, seconds: float) -> None:
        """Wait, at most until the caller leaves or the server stops; then CallerLeft."""
        end = time.monotonic() + seconds
        while (remaining := end - time.monotonic()) > 0:
            if self.left() or self.stopping():
                raise CallerLeft()
            time.sleep(min(_LOOK_EVERY, remaining))

    def announce(self) -> None:
        """Let `caller_left()` tell of this caller in this thread, which serves one at a time, from now on."""
        _LEFT.set(self.left)


def caller_left() -> bool:
    """Whether the caller of the call that this thread serves has left."""
    return _LEFT.get()()
