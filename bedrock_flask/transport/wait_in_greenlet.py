"""The wait of a greenlet: the event loop's watchers are created once for a call, not once for each of its events."""

import socket
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent import monkey

from bedrock_flask.protocol.sockets import has_disconnected
from bedrock_flask.transport.wait import GONE, IDLE, READY, Outcome

_READ = 1
# The longest run of a timer: a watch that nobody closes is dropped after it.
_LONGEST = 30.0


def is_patched() -> bool:
    """Whether gevent has replaced the blocking functions of this process, as its worker does."""
    patched: bool = monkey.is_module_patched("select")
    return patched


class GreenletWatch:
    """A watch of a greenlet, see `wait.Watch`.

    A watcher runs only while the greenlet waits, which costs no system call where the same watcher has run before.
    One timer runs on from wait to wait. It is set anew only when it ends, or for a wait that must end before it: most
    waits are over long before.
    """

    def __init__(self, upstream: socket.socket, client: socket.socket | None) -> None:
        self._hub = hub = gevent.get_hub()
        self._client = client
        self._timer: Any = None
        self._upstream_watcher = hub.loop.io(upstream.fileno(), _READ)
        self._client_watcher = None if client is None else hub.loop.io(client.fileno(), _READ)
        self._until, self._timer_ends = 0.0, 0.0
        self._waiting: Any = None
        self._woken: Any = None
        # Whether the other greenlets have had their turn since this one last found data without a wait.
        self._has_yielded = False

    def wait(self, has_data: Callable[[bool], bool], seconds: float) -> Outcome:
        """See `Watch.wait`."""
        if has_data(False):
            # Otherwise a greenlet would never yield to the others while its upstream is fast.
            if not self._has_yielded:
                gevent.sleep(0)
            self._has_yielded = not self._has_yielded
            return READY
        if seconds <= 0:
            return IDLE
        now = time.monotonic()
        self._until = now + seconds
        if not now < self._timer_ends <= self._until:
            self._start_timer(now, seconds)
        while True:
            outcome: Outcome = self._sleep()
            if outcome is IDLE or (outcome is READY and has_data(True)):
                return outcome
            if outcome is GONE:
                if self._client is None or has_disconnected(self._client):
                    return GONE
                self.forget_client()

    def forget_client(self) -> None:
        """See `Watch.forget_client`."""
        if self._client_watcher is not None:
            self._client_watcher.close()
            self._client = self._client_watcher = None

    def close(self) -> None:
        """See `Watch.close`."""
        if self._timer is not None:
            self._timer.close()
        self._upstream_watcher.close()
        if self._client_watcher is not None:
            self._client_watcher.close()

    def _sleep(self) -> Any:
        self._woken, self._waiting = None, gevent.getcurrent()
        upstream, client, wake = self._upstream_watcher, self._client_watcher, self._wake
        try:
            upstream.start(wake, READY)
            if client is not None:
                client.start(wake, GONE)
            while self._woken is None:
                self._hub.switch()
        finally:
            self._waiting, self._has_yielded = None, True
            upstream.stop()
            if client is not None:
                client.stop()
        return self._woken

    def _wake(self, outcome: Outcome) -> None:
        self._woken = outcome
        if self._waiting is not None:
            self._waiting.switch()

    def _start_timer(self, now: float, seconds: float) -> None:
        seconds = min(seconds, _LONGEST)
        if self._timer is not None:
            self._timer.close()
        self._timer = self._hub.loop.timer(seconds)
        self._timer_ends = now + seconds
        self._timer.start(self._end_timer)

    def _end_timer(self) -> None:
        self._timer_ends = 0.0
        if self._waiting is None:
            return
        now = time.monotonic()
        if now < self._until:
            self._start_timer(now, self._until - now)
        else:
            self._wake(IDLE)
