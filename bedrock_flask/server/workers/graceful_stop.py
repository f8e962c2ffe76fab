"""The order in which a worker goes: unready, not accepting, then the end of what is still open."""

import socket
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from bedrock_flask.server.workers.pace import Limits, Pacing
from bedrock_flask.transport.stopping import Shutdown

# Where the app keeps its state (`state.py`), which a worker must not import: gevent patches sockets first.
STATE = "bedrock_flask"
# Seconds for a request that is on its way over a kept-alive connection when the worker stops accepting.
_LAST_REQUEST = 2.0


class Drain:
    """What a worker does about stopping, looked at about once a second."""

    def __init__(self, worker: Any, limits: Limits) -> None:
        self.worker, self.limits = worker, limits
        # gunicorn would leave a recycled worker's streams at its graceful timeout; here `end_at` decides.
        worker.cfg.set("graceful_timeout", int(limits.recycle + limits.grace) + 60)
        self.connections: WeakSet[Pacing] = WeakSet()
        self._asked_at: float | None = None
        self._closed_at: float | None = None
        self._end_at: float | None = None

    def ask(self) -> None:
        """SIGTERM: be unready at once, accept for a little longer, end everything at the end of the grace."""
        if self._asked_at is None:
            now = time.monotonic()
            self._asked_at, self._end_at = now, now + self.limits.grace
            if stopping := self._stopping():
                stopping.begin()

    def look(self) -> None:
        """Take the next step, if its time has come."""
        now = time.monotonic()
        if stopping := self._stopping():
            stopping.interrupt_expired()
        if self._asked_at is not None and now >= self._asked_at + self.limits.delay:
            self.worker.alive = False
        if self.worker.alive:
            return
        if self._closed_at is None:
            self._closed_at = now
            self.worker.bridge.leave()
        if self._end_at is None:
            # It has served its number of requests and is replaced: its streams may take their time.
            self._end_at = now + self.limits.recycle
        if now >= self._closed_at + _LAST_REQUEST:
            self._close_idle()
        if now >= self._end_at:
            self.end()

    def end(self) -> None:
        """End what is still open."""
        if stopping := self._stopping():
            stopping.end()

    def _close_idle(self) -> None:
        for connection in list(self.connections):
            if connection.is_idle:
                # Its reader, a thread, a greenlet or the poller, sees the end and closes it.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)

    def _stopping(self) -> Shutdown | None:
        # The app of another project, or one that middleware wraps, has none.
        extensions = getattr(getattr(self.worker, "wsgi", None), "extensions", {})
        found: Shutdown | None = getattr(extensions.get(STATE), "shutdown", None)
        return found
