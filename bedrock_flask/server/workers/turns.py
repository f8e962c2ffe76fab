"""Turns of greenlets: of many calls each begins in its turn, and the loop looks at its sockets between them.

Without turns, all requests that one look at the sockets finds are worked on before the next look: a health probe, and a
call that has its answer, would wait for hundreds of them.
"""

import time
from collections import deque
from typing import Any

from gevent.hub import Waiter

# Seconds that are given to requests before the loop looks at its sockets again.
_SECONDS = 0.005


class Turns:
    """The requests that wait to begin, on one loop, first come first served."""

    def __init__(self, loop: Any) -> None:
        self._timer = loop.timer(0.0)
        self._waiting: deque[Any] = deque()

    def wait(self) -> float:
        """Wait for the greenlet's turn; the seconds that it took."""
        began = time.monotonic()
        waiter: Any = Waiter()
        self._waiting.append(waiter)
        if not self._timer.active:
            self._timer.start(self._give)
        waiter.get()
        return time.monotonic() - began

    def _give(self) -> None:
        """Let requests begin for a while; runs once in a turn of the loop, in the hub."""
        until = time.monotonic() + _SECONDS
        while self._waiting and time.monotonic() < until:
            self._waiting.popleft().switch(None)
        if self._waiting:
            self._timer.start(self._give)
