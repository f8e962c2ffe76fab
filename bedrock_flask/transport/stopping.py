"""How waits end: each by its own deadline, and all when the process stops, which it says in good time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bedrock_flask.errors import ShuttingDown

KEY = "bedrock_flask.stopping"


class Shutdown:
    """One process's way to its end; the worker moves it on, health, transport and retries look at it."""

    def __init__(self) -> None:
        self.begun = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[int, tuple[float, Callable[[], object]]] = {}
        self._number = 0

    def begin(self) -> None:
        """The process gets no more requests from whoever asks for its readiness."""
        self.begun = True

    def end(self) -> None:
        """The time is over: interrupt everything that waits for Bedrock."""
        self.begun = True
        self._over.set()
        self.look()

    def look(self) -> None:
        """Interrupt what has waited past its deadline; a worker does so about once a second."""
        now = float("inf") if self._over.is_set() else time.monotonic()
        with self._lock:
            late = [interrupt for deadline, interrupt in self._open.values() if deadline <= now]
        for interrupt in late:
            # A connection that is closed already needs no interrupting.
            with suppress(Exception):
                interrupt()

    def check(self) -> None:
        """ShuttingDown when the time is over."""
        if self._over.is_set():
            raise ShuttingDown()

    def sleep(self, seconds: float) -> None:
        """Sleep, at most until the time is over; then ShuttingDown."""
        self._over.wait(seconds)
        self.check()

    @contextmanager
    def interrupting(self, interrupt: Callable[[], object], deadline: float) -> Iterator[None]:
        """Let `interrupt` be called, from another thread, if `deadline` passes or the process stops meanwhile."""
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
