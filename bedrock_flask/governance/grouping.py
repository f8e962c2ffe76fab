"""Grouped work: what arrives while the same work is under way is done together, as one group, when that has ended.

A database commits a group as fast as one. The first caller leads: it does the work for itself and for all that wait, in
their order, and then hands over to one that has come meanwhile. Locks and events are those of threads, which gevent
replaces by those of greenlets.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item, Result]):
    """One item that waits for its turn; when it is `ready`, it has a result or an error, or leads the next group."""

    item: Item
    ready: Any = None
    leads: bool = False
    results: list[Result] = field(default_factory=list)
    error: BaseException | None = None


class Grouping(Generic[Item, Result]):
    """Does work for items in groups of at most `most`; the work returns one result for each item, in their order.

    `expects_more` says whether others are likely to come at once: then they have their turn before a group begins.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        most: int = 128,
        expects_more: Callable[[], bool] = lambda: False,
    ) -> None:
        self._work, self._most, self._expects_more = work, most, expects_more
        self._lock = threading.Lock()
        self._waiting: list[_Entry[Item, Result]] = []
        self._is_led = False

    def submit(self, item: Item) -> Result:
        """The result for one item; raises the error of its group."""
        entry: _Entry[Item, Result] = _Entry(item)
        with self._lock:
            self._waiting.append(entry)
            entry.leads, self._is_led = not self._is_led, True
            if not entry.leads:
                entry.ready = _make_gate()
        if not entry.leads:
            self._await_turn(entry)
        if entry.leads:
            self._lead(entry)
        if entry.error is not None:
            raise entry.error
        return entry.results[0]

    def _await_turn(self, entry: _Entry[Item, Result]) -> None:
        try:
            entry.ready.acquire()
        except BaseException:
            self._leave(entry)
            raise

    def _let_others_come(self, own: _Entry[Item, Result]) -> None:
        try:
            if self._expects_more():
                time.sleep(0)
        except BaseException:
            self._leave(own)
            raise

    def _leave(self, entry: _Entry[Item, Result]) -> None:
        """Take back an item whose caller was ended; if that one was to lead, the others need another one."""
        with self._lock:
            if entry in self._waiting:
                self._waiting.remove(entry)
        if entry.leads:
            self._hand_over()

    def _lead(self, own: _Entry[Item, Result]) -> None:
        self._let_others_come(own)
        with self._lock:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            results = self._work([entry.item for entry in group])
            for entry, result in zip(group, results, strict=True):
                entry.results.append(result)
        except BaseException as error:  # noqa: BLE001 - each caller of the group raises it
            for entry in group:
                entry.error = error
        finally:
            self._hand_over()
            for entry in group:
                if entry.ready is not None:
                    entry.ready.release()

    def _hand_over(self) -> None:
        """Let the first that waits lead the next group."""
        with self._lock:
            if not self._waiting:
                self._is_led = False
                return
            following = self._waiting[0]
            following.leads = True
        following.ready.release()


def _make_gate() -> Any:
    """A lock that is held: an event, for one that waits once, at a tenth of its price."""
    gate = threading.Lock()
    gate.acquire()
    return gate
