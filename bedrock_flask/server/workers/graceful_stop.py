"""How a worker stops: it becomes unready, then stops accepting, then ends what is still open."""

import socket
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from bedrock_flask.server.workers.pace import Limits, RateLimited
from bedrock_flask.transport.shutdown import Shutdown

# Where the app keeps its state. `state.py` must not be imported here, because gevent patches sockets first.
STATE = "bedrock_flask"
# Seconds for a request that is in flight on a kept-alive connection when the worker stops accepting.
_LAST_REQUEST_GRACE = 2.0


class GracefulStop:
    """The steps of one worker's stop; the worker calls `advance` about once a second."""

    def __init__(self, worker: Any, limits: Limits) -> None:
        self.worker, self.limits = worker, limits
        # gunicorn would cut a recycled worker's streams at its own graceful timeout; here `_end_at` decides.
        worker.cfg.set("graceful_timeout", int(limits.recycle + limits.grace) + 60)
        self.connections: WeakSet[RateLimited] = WeakSet()
        self._requested_at: float | None = None
        self._closed_at: float | None = None
        self._end_at: float | None = None

    def begin(self) -> None:
        """On SIGTERM: become unready at once, accept for `limits.delay` more, end everything after `limits.grace`.

        After a reload other workers accept already: this one stops accepting at once, and nobody need see it unready.
        """
        if self._requested_at is None:
            now, is_replaced = time.monotonic(), getattr(self.worker, "is_replaced", lambda: False)()
            self._requested_at, self._end_at = now, now + self.limits.grace
            if is_replaced:
                self._requested_at -= self.limits.delay
            elif shutdown := self._find_shutdown():
                shutdown.begin()

    def advance(self) -> None:
        """Take the next steps whose time has come."""
        now = time.monotonic()
        if shutdown := self._find_shutdown():
            shutdown.interrupt_expired()
        if self._requested_at is not None and now >= self._requested_at + self.limits.delay:
            self.worker.alive = False
        if self.worker.alive:
            return
        if self._closed_at is None:
            self._closed_at = now
            self.worker.bridge.refuse_new_calls()
        if self._end_at is None:
            # A worker that is replaced after its number of requests gives its streams more time.
            self._end_at = now + self.limits.recycle
        if now >= self._closed_at + _LAST_REQUEST_GRACE:
            self._close_idle()
        if now >= self._end_at:
            self.end()

    def end(self) -> None:
        """Interrupt every call that is still open."""
        if shutdown := self._find_shutdown():
            shutdown.end()

    def _close_idle(self) -> None:
        for connection in list(self.connections):
            if connection.is_idle:
                # Its reader (a thread, a greenlet or the poller) sees the end of the stream and closes it.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)

    @property
    def has_gateway(self) -> bool:
        """Whether the worker serves the gateway, and not another project's app."""
        return self._find_shutdown() is not None

    def _find_shutdown(self) -> Shutdown | None:
        # Another project's app, or one wrapped in middleware, has none.
        extensions = getattr(getattr(self.worker, "wsgi", None), "extensions", {})
        shutdown: Shutdown | None = getattr(extensions.get(STATE), "shutdown", None)
        return shutdown
