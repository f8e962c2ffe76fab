"""Turns of threads: few requests are worked on at a time until they wait for something.

Without turns, under load all threads of a worker want the interpreter at once. Each has it for a moment, and the main
thread, which accepts connections and answers health probes, is one among sixty.
"""

import contextlib
from collections.abc import Callable
from queue import Empty, SimpleQueue

# Requests that are worked on at a time: while one is in a system call, another has the interpreter.
_AT_A_TIME = 2
# Seconds after which a request begins without a turn: whatever holds the turns must not hold up everything.
_PATIENCE = 1.0


class ThreadTurns:
    """The turns of one worker, first come first served."""

    def __init__(self) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(_AT_A_TIME):
            self._free.put(None)

    def take(self) -> Callable[[], None]:
        """Wait for a turn; return what gives it back, which may be called more than once."""
        try:
            self._free.get(timeout=_PATIENCE)
        except Empty:
            return lambda: None
        held = [None]

        def release() -> None:
            # Two threads that release it at once must not give it back twice.
            with contextlib.suppress(IndexError):
                self._free.put(held.pop())

        return release
