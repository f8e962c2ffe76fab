"""A number of places: what requests take, hold and give back, so that only so much is done at a time."""

import time
from queue import Empty, SimpleQueue

# Seconds within which a place comes free where calls are short; and those in which nobody waits after a wait in vain.
_SOON, _FULL = 0.04, 0.5


class Places:
    """A number of places that requests take and give back.

    `SimpleQueue` is safe under threads; a semaphore would take its lock twice for each request.
    """

    def __init__(self, number: int) -> None:
        self._number, self._free = number, SimpleQueue[None]()
        for _ in range(number):
            self._free.put(None)
        self._full_until = 0.0

    def take(self, seconds: float = 0.0) -> bool:
        """Take a place, for which the thread waits that long; False if none is free."""
        try:
            self._free.get(seconds > 0, seconds)
        except Empty:
            return False
        return True

    def take_soon(self) -> bool:
        """Take a place, for which the thread waits a moment; False if none came free, now or for another just before.

        Where calls are short, one does: a refusal would only have the caller come again.
        """
        if time.monotonic() < self._full_until:
            return False
        is_taken = self.take(_SOON)
        if not is_taken:
            self._full_until = time.monotonic() + _FULL
        return is_taken

    def give_back(self) -> None:
        """Give a place back."""
        if self._free.qsize() < self._number:
            self._free.put(None)

    def count_free(self) -> int:
        """How many can be taken now."""
        return self._free.qsize()
