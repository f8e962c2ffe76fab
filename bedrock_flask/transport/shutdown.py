"""How waits for Bedrock end: each at its own deadline, and all of them when the process shuts down."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bedrock_flask.errors import ShuttingDown


class Shutdown:
    """The end of one process: the worker begins and completes it; health, transport and retries look at it."""

    def __init__(self) -> None:
        self.begun = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[int, tuple[float, Callable[[], object]]] = {}
        self._number = 0

    def begin(self) -> None:
        """Report the process as not ready, so that load balancers send it no more requests."""
        self.begun = True

    def end(self) -> None:
        """Interrupt everything that waits for Bedrock."""
        self.begun = True
        self._over.set()
        self.interrupt_expired()

    def interrupt_expired(self) -> None:
        """Interrupt every wait whose deadline has passed; a worker calls this about once a second."""
        now = float("inf") if self._over.is_set() else time.monotonic()
        with self._lock:
            late = [interrupt for deadline, interrupt in self._open.values() if deadline <= now]
        for interrupt in late:
            # A connection that is closed already needs no interruption.
            with suppress(Exception):
                interrupt()

    def check(self) -> None:
        """Raise ShuttingDown once everything has been interrupted."""
        if self._over.is_set():
            raise ShuttingDown()

    def sleep(self, seconds: float) -> None:
        """Sleep, at most until everything is interrupted; then raise ShuttingDown."""
        self._over.wait(seconds)
        self.check()

    @contextmanager
    def interrupting(self, interrupt: Callable[[], object], deadline: float) -> Iterator[None]:
        """Have `interrupt` called, from another thread, if `deadline` passes or the process shuts down meanwhile."""
        with self._lock:
            self._number += 1
            number = self._number
            self._open[number] = (deadline, interrupt)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                del self._open[number]
