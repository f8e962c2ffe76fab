"""The ledger of one worker: a row is committed before each call, and settled once when the call has ended.

Rows are opened in groups, while their callers wait. Settlements are written a moment later by a thread, which also lets
the database know that the worker lives, and settles what dead ones have left open.
"""

import atexit
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bedrock_flask.errors import BudgetExceeded, StoreUnavailable
from bedrock_flask.governance.budgets import Counter, describe_counter
from bedrock_flask.governance.grouping import Grouping
from bedrock_flask.governance.ledger_row import FREE, Opening, Settlement
from bedrock_flask.governance.stores import CommitInDoubt, LedgerStore
from bedrock_flask.observability import logs

if TYPE_CHECKING:
    # It needs the package requests.
    from bedrock_flask.governance.budget_watch import BudgetWatch

LOG = logging.getLogger("bedrock_flask.store")
# Seconds between signs of life, until a worker that gives none is dead, and between two rounds of the reaper.
_BEAT, _DEAD, _REAP = 5.0, 30.0, 10.0
# Seconds after which what was committed is brought to the disk, where a commit does not do that.
_FLUSH = 1.0
# Seconds in which settlements are gathered, between two looks at what else is due, and until another trial.
_GATHER, _LOOK, _AGAIN = 0.04, 1.0, 0.5
# Settlements of one transaction, and those that wait at most while the database is away.
_MOST, _MOST_WAITING = 256, 10_000
# Seconds after which a commit in doubt has happened or never will.
_CERTAIN = 300.0


class Ledger:
    """Opens and settles rows; what cannot be committed raises StoreUnavailable, and no call is made."""

    def __init__(self, store: LedgerStore, watch: "BudgetWatch | None" = None, *, is_durable: bool = False) -> None:
        self._store, self._watch, self.is_durable = store, watch, is_durable
        self.worker = uuid.uuid4().hex
        # Work that never waits, as SQLite's, would otherwise be done for one call at a time.
        self._grouping = Grouping(self._open_group, expects_more=lambda: len(self._live) > 1)
        self._closing = Grouping(self._settle_group)
        self._waiting: deque[Settlement] = deque()
        # Rows that this worker has opened and not settled; and those that it may have opened, for which no call was
        # made, each with the time of its commit.
        self._live: set[bytes] = set()
        self._doubtful: dict[bytes, float] = {}
        self._wake, self._ended = threading.Event(), threading.Event()
        # The clock of the database, less that of this machine.
        self._offset: int | None = None
        self._is_dirty = False
        self._next_beat = self._next_flush = 0.0
        # Others can only have shown that they live while the database was there.
        self._next_reap = time.monotonic() + _DEAD

    def start(self) -> None:
        """Write settlements until the process ends."""
        threading.Thread(target=self._write_behind, name="ledger", daemon=True).start()
        atexit.register(self.close)

    def open(self, opening: Opening) -> None:
        """Commit a row and what it reserves; raises BudgetExceeded if it does not fit."""
        self._live.add(opening.id)
        is_open = False
        try:
            refusal = self._grouping.submit(opening)
            is_open = refusal is None
        finally:
            if not is_open:
                self._live.discard(opening.id)
        if refusal is not None:
            if self._watch is not None:
                self._watch.note([refusal], has_refused=True)
            raise BudgetExceeded(f"{describe_counter(refusal)} has no room for this call.")

    def settle(self, settlement: Settlement) -> None:
        """Settle a row a moment later, also if the database is away until then."""
        if len(self._waiting) >= _MOST_WAITING:
            # Found again among the strays.
            self._live.discard(settlement.id)
            return
        self._waiting.append(settlement)
        if not self._wake.is_set():
            self._wake.set()

    def complete(self, settlement: Settlement) -> None:
        """Settle the row of an answer that is whole: where the ledger is durable, before the client has it.

        Raises StoreUnavailable if that cannot be committed; it is settled all the same when the database is back.
        """
        if not self.is_durable:
            self.settle(settlement)
            return
        try:
            self._closing.submit(settlement)
        except BaseException:
            # Also where the caller is ended meanwhile: nothing else settles a row that the worker knows.
            self.settle(settlement)
            raise

    def find_time(self) -> int:
        """The database's time, as far as this worker knows it."""
        return int(time.time() * 1000) + (self._offset or 0)

    def close(self) -> None:
        """Write what is left, and let the others know that this worker has ended."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._wake.set()
        try:
            while self._waiting:
                self._write()
            if self._offset is not None:
                self._store.leave(self.worker)
        except StoreUnavailable:
            LOG.error("%d calls could not be settled, and will be charged as estimated", len(self._waiting))

    def _open_group(self, openings: Sequence[Opening]) -> Sequence[Counter | None]:
        if self._offset is None:
            self._beat()
        self._is_dirty = True
        try:
            return self._store.open(self.worker, openings)
        except CommitInDoubt:
            now = self.find_time()
            for each in openings:
                self._doubtful[each.id] = time.monotonic()
                error = {"error": StoreUnavailable.code}
                self.settle(Settlement(each.id, FREE, now, 0, each.group, each.charges, error))
            raise

    def _settle_group(self, settlements: Sequence[Settlement]) -> Sequence[None]:
        self._settle_now(settlements)
        return [None] * len(settlements)

    def _write_behind(self) -> None:
        while not self._ended.is_set():
            if self._wake.wait(_LOOK):
                # What comes meanwhile is written with it.
                self._ended.wait(_GATHER)
                self._wake.clear()
            try:
                # What comes while these are written is gathered again: small groups cost most.
                for _ in range(0, len(self._waiting), _MOST):
                    self._write()
                self._look_around(time.monotonic())
            except StoreUnavailable:
                self._next_reap = time.monotonic() + _DEAD
                self._ended.wait(_AGAIN)
            except Exception as error:  # noqa: BLE001 - the thread must go on
                LOG.error("unexpected error in the ledger: %s", logs.format_frames(error))
                self._ended.wait(_AGAIN)
            if self._waiting:
                self._wake.set()

    def _write(self) -> None:
        some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
        try:
            self._settle_now(some)
        except BaseException:
            self._waiting.extendleft(reversed(some))
            raise

    def _settle_now(self, some: Sequence[Settlement]) -> None:
        settled = self._store.settle(some)
        self._is_dirty = True
        if lost := sum(each.id not in settled and each.id not in self._doubtful for each in some):
            LOG.warning("%d calls were settled before they ended: this worker was taken for dead", lost)
        self._live.difference_update(each.id for each in some)
        if self._watch is not None:
            self._watch.note({charge.counter for each in some for charge in each.charges})

    def _look_around(self, now: float) -> None:
        """Do what is due, whether or not there are calls."""
        if self._is_dirty and now >= self._next_flush:
            self._is_dirty, self._next_flush = False, now + _FLUSH
            self._store.flush()
        if now >= self._next_beat:
            self._beat()
        if now >= self._next_reap:
            self._next_reap = now + _REAP
            if reaped := self._store.reap(int(_DEAD * 1000)):
                LOG.warning("%d calls of workers that were killed are charged as estimated", reaped)
            self._settle_strays(now)

    def _beat(self) -> None:
        self._offset = self._store.beat(self.worker) - int(time.time() * 1000)
        self._next_beat = time.monotonic() + _BEAT

    def _settle_strays(self, now: float) -> None:
        """Settle the open rows of this worker of which it does not know: a commit was in doubt, or too many waited."""
        for row, begun in list(self._doubtful.items()):
            if now - begun > _CERTAIN:
                del self._doubtful[row]
        strays = self._store.find_strays(self.worker, self.find_time() - int(_DEAD * 1000))
        unknown = [each for each in strays if each.id not in self._live]
        if unknown:
            self._store.settle(
                [replace(each, state=FREE, cost=0) if each.id in self._doubtful else each for each in unknown]
            )
