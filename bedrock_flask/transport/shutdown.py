"""How waits for Bedrock end: each at its own deadline, and all of them when the process shuts down."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from bedrock_flask.errors import ShuttingDown


class Shutdown:
    """The end of one process: the worker begins and completes it; health, transport and retries look at it."""

    def __init__(self) -> None:
        self.begun = False
        self._over = threading.Event()
        # A set needs no lock: to add, to remove and to copy are one step each for other threads.
        self._open: set[_Interruptible] = set()

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
        for each in self._open.copy():
            if each.deadline <= now:
                # A connection that is closed already needs no interruption.
                with suppress(Exception):
                    each.interrupt()

    def check(self) -> None:
        """Raise ShuttingDown once everything has been interrupted."""
        if self._over.is_set():
            raise ShuttingDown()

    def sleep(self, seconds: float) -> None:
        """Sleep, at most until everything is interrupted; then raise ShuttingDown."""
        self._over.wait(seconds)
        self.check()

    def interrupting(self, interrupt: Callable[[], object], deadline: float) -> "_Interruptible":
        """A context in which `interrupt` is called, from another thread, at `deadline` or when the process shuts down.

        Raises ShuttingDown where that has happened already.
        """
        return _Interruptible(self, interrupt, deadline)


class _Interruptible:
    """A wait that can be interrupted, while its context lasts."""

    __slots__ = ("_shutdown", "deadline", "interrupt")

    def __init__(self, shutdown: Shutdown, interrupt: Callable[[], object], deadline: float) -> None:
        self._shutdown, self.interrupt, self.deadline = shutdown, interrupt, deadline

    def __enter__(self) -> None:
        self._shutdown._open.add(self)
        try:
            self._shutdown.check()
        except BaseException:
            self._shutdown._open.discard(self)
            raise

    def __exit__(self, *error: object) -> None:
        self._shutdown._open.discard(self)
