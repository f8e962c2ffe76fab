"""Counters in memory that all workers of one box share.

gunicorn's master makes the memory before it starts a worker, and gives each a column. The memory is divided into
stripes, and a stripe into slots: a slot counts for one scope, in the stripe of its tree. So an admission takes one
lock. The kernel releases it when its holder dies, and what its holder has left undone counts only for that slot and
minute: each number stands for itself, and sums are computed anew.

A slot is a row of 32-bit numbers: four of its scope's digest, the second in which it was changed last, a counter of
requests and one of tokens for each second of the window, and how many calls each worker makes now. Half of that is the
epoch of the worker: one that ends takes its epoch along, and what it has left is not counted any more.
"""

import fcntl
import hashlib
import mmap
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from bedrock_flask.config.limits import REQUESTS, TOKENS
from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.counters import Counters
from bedrock_flask.governance.limits import (
    WINDOW,
    Admission,
    Claim,
    Counted,
    Excess,
    Limits,
    decide,
    refuse,
)

# Memory that is never written to costs nothing. The last is the number of slots in which a scope is looked for.
_STRIPES, _SLOTS, _TRIES = 8, 16_384, 32
# The seconds that a window touches.
_SECONDS = WINDOW + 1
# Where the parts of a slot begin.
_LATEST, _REQUESTS, _TOKENS, _CALLS = 4, 5, 5 + _SECONDS, 5 + 2 * _SECONDS
_WORD, _MOST, _HALF = 4, 0xFFFFFFFF, 16
_LOW = (1 << _HALF) - 1


class SharedMemory:
    """The counters of one box. Its processes share them if it is made before they are forked."""

    def __init__(self, columns: int = 1, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._columns, self._monotonic = columns, monotonic
        self._size = _CALLS + columns
        # The epoch of each column, then the slots.
        words = columns + _STRIPES * _SLOTS * self._size
        self._words = memoryview(mmap.mmap(-1, words * _WORD)).cast("I")
        # A file of which no byte is written: the kernel's locks are those of a file, and of a process.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is as long in use as the memory
        self._threads = [threading.Lock() for _ in range(_STRIPES)]
        self._epoch = 0
        self._column = self.take_column()

    def counters(self) -> Counters:
        """The counters as the gateway uses them."""
        return Counters(self.admit, self.settle)

    # --- workers ------------------------------------------------------------------------------------------------------

    def take_column(self) -> int:
        """A column for a new worker; where all are taken it shares the last one."""
        free = (column for column in range(self._columns) if not self._words[column])
        column = next(free, self._columns - 1)
        self._epoch = self._epoch % _LOW + 1
        self._words[column] = self._words[column] or self._epoch
        return column

    def use_column(self, column: int) -> None:
        """Count the calls of this process in this column."""
        self._column = column

    def free_column(self, column: int) -> None:
        """Forget the calls of a worker that has ended."""
        self._words[column] = 0

    # --- claims -------------------------------------------------------------------------------------------------------

    def admit(self, claim: Claim) -> Admission:
        """Count a call if it fits into all of its limits; StoreUnavailable where there is no room for its scopes."""
        with self._lock(claim.tree) as stripe:
            now = int(self._monotonic())
            found = [self._find_slot(stripe, each.scope, now) for each in claim.limits]
            slots = [slot for slot in found if slot is not None]
            if len(slots) < len(found):
                raise StoreUnavailable("there are more limits than can be counted")
            counted = [self._count(slot, each.limits, now) for slot, each in zip(slots, claim.limits, strict=True)]
            levels, excess = decide(claim, counted)
            if excess is not None:
                return refuse(levels, excess, self._list_ages(slots[excess.place], excess, now))
            for slot, each in zip(slots, claim.limits, strict=True):
                self._take(slot, each.limits, now, claim.tokens)
            return Admission(levels, second=now)

    def settle(self, claim: Claim, admission: Admission, used: int | None) -> None:
        """End an admitted call: count the tokens that it took in place of those that it claimed, if they are known."""
        more = 0 if used is None else used - claim.tokens
        with self._lock(claim.tree) as stripe:
            now = int(self._monotonic())
            for each in claim.limits:
                slot = self._find_slot(stripe, each.scope, now)
                if slot is None:
                    continue
                if each.limits.tokens is not None and more:
                    self._correct(slot, admission.second, now, more)
                if each.limits.calls is not None:
                    self._add_call(slot, -1)

    @contextmanager
    def _lock(self, tree: str) -> Iterator[int]:
        """The stripe of a tree, which nobody else uses meanwhile."""
        stripe = _digest(tree)[0] % _STRIPES
        with self._threads[stripe]:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, stripe)
            try:
                yield stripe
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, stripe)

    # --- slots --------------------------------------------------------------------------------------------------------

    def _find_slot(self, stripe: int, scope: str, now: int) -> int | None:
        """Where the slot of a scope begins, whose counters are those of this second; None if all are in use."""
        words, digest = self._words, _digest(scope)
        first, base = int.from_bytes(digest[:4], "little"), self._columns + stripe * _SLOTS * self._size
        reusable: int | None = None
        for number in range(first, first + _TRIES):
            slot = base + number % _SLOTS * self._size
            if words[slot : slot + _LATEST].tobytes() == digest:
                self._advance(slot, now)
                return slot
            is_empty = not words[slot + _LATEST]
            if reusable is None and (is_empty or self._is_idle(slot, now)):
                reusable = slot
            if is_empty:
                break
        if reusable is None:
            return None
        words[reusable : reusable + self._size] = memoryview(bytes(self._size * _WORD)).cast("I")
        words[reusable : reusable + _LATEST] = memoryview(digest).cast("I")
        words[reusable + _LATEST] = now
        return reusable

    def _is_idle(self, slot: int, now: int) -> bool:
        return now - self._words[slot + _LATEST] > WINDOW and not self._count_calls(slot)

    def _advance(self, slot: int, now: int) -> None:
        """Empty the counters of the seconds that have passed."""
        words = self._words
        latest = words[slot + _LATEST]
        if latest == now:
            return
        for second in range(max(latest, now - _SECONDS) + 1, now + 1):
            place = slot + second % _SECONDS
            words[place + _REQUESTS] = words[place + _TOKENS] = 0
        words[slot + _LATEST] = now

    def _count(self, slot: int, limits: Limits, now: int) -> Counted:
        requests, tokens = limits.requests is not None, limits.tokens is not None
        return Counted(
            sum(self._words[slot + _REQUESTS : slot + _TOKENS]) if requests else 0,
            sum(self._words[slot + _TOKENS : slot + _CALLS]) if tokens else 0,
            self._count_calls(slot) if limits.calls is not None else 0,
            self._find_reset(slot + _REQUESTS, now) if requests else 0,
            self._find_reset(slot + _TOKENS, now) if tokens else 0,
        )

    def _find_reset(self, begin: int, now: int) -> int:
        """Seconds until what was taken last is free again."""
        taken = (_SECONDS - age for age in range(_SECONDS) if self._words[begin + (now - age) % _SECONDS])
        return next(taken, 0)

    def _count_calls(self, slot: int) -> int:
        words, calls = self._words, slot + _CALLS
        return sum(
            cell & _LOW
            for epoch, cell in zip(words[: self._columns], words[calls : calls + self._columns], strict=True)
            if cell and cell >> _HALF == epoch
        )

    def _list_ages(self, slot: int, excess: Excess, now: int) -> Mapping[int, int]:
        begin = {REQUESTS: _REQUESTS, TOKENS: _TOKENS}.get(excess.level.kind)
        if begin is None:
            return {}
        return {age: self._words[slot + begin + (now - age) % _SECONDS] for age in range(min(_SECONDS, now + 1))}

    def _take(self, slot: int, limits: Limits, now: int, tokens: int) -> None:
        words, place = self._words, slot + now % _SECONDS
        if limits.requests is not None:
            words[place + _REQUESTS] += 1
        if limits.tokens is not None:
            words[place + _TOKENS] += tokens
        if limits.calls is not None:
            self._add_call(slot, 1)

    def _correct(self, slot: int, second: int, now: int, more: int) -> None:
        """Add tokens now, or take them from where they were counted if that second still counts."""
        if more < 0 and now - second > WINDOW:
            return
        place = slot + _TOKENS + (now if more > 0 else second) % _SECONDS
        self._words[place] = min(max(self._words[place] + more, 0), _MOST)

    def _add_call(self, slot: int, more: int) -> None:
        place = slot + _CALLS + self._column
        epoch, cell = self._words[self._column], self._words[place]
        calls = cell & _LOW if cell >> _HALF == epoch else 0
        self._words[place] = epoch << _HALF | min(max(calls + more, 0), _LOW)


@lru_cache(maxsize=16_384)
def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_LATEST * _WORD).digest()


class Box:
    """The memory of this box: shared by gunicorn's workers, and in any other process its own."""

    def __init__(self) -> None:
        self._memory: SharedMemory | None = None

    def share(self, workers: int) -> None:
        """Make the memory for this process and those that it starts; for a while old workers live beside new ones."""
        self._memory = SharedMemory(4 * workers + 1)

    def open(self) -> SharedMemory:
        """The memory."""
        if self._memory is None:
            self._memory = SharedMemory()
        return self._memory

    def take_column(self) -> int:
        """A column for a new worker."""
        return self._memory.take_column() if self._memory is not None else 0

    def use_column(self, column: int) -> None:
        """Count the calls of this process in its column."""
        if self._memory is not None:
            self._memory.use_column(column)

    def free_column(self, column: int) -> None:
        """Forget the calls of a worker that has ended."""
        if self._memory is not None:
            self._memory.free_column(column)


BOX = Box()
