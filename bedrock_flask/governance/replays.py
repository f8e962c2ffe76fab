"""Answers that are kept by idempotency keys, so that a request that is sent again has its effect once.

A request claims its key before it is served, and ends the claim with its answer, or gives it up. A claim ends too when
its worker has died.
"""

import logging
import threading
import time
from collections import deque
from dataclasses import replace

from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.replay_row import Answer, Claim, Ending, Holding
from bedrock_flask.governance.stores import CommitInDoubt, ReplayStore
from bedrock_flask.observability import logs

LOG = logging.getLogger("bedrock_flask.store")
# Seconds until the end of a claim is tried again that the database did not take, and how many wait with a body.
_AGAIN, _MOST_BODIES = 1.0, 64


class Replays:
    """Claims keys, and keeps answers of at most `most_bytes`."""

    def __init__(self, store: ReplayStore, most_bytes: int) -> None:
        self._store, self._most_bytes = store, most_bytes
        self._lock = threading.Lock()
        self._waiting: deque[Ending] = deque()
        self._is_writing = False

    def claim(self, claim: Claim) -> Holding:
        """What holds the id now. Raises StoreUnavailable, and then the claim ends by itself."""
        try:
            return self._store.claim(claim)
        except CommitInDoubt:
            self._end_later(Ending(claim.id, claim.token, None))
            raise

    def keep(self, claim: Claim, answer: Answer) -> None:
        """Keep the answer; of one that is too large only the status. It is tried until the database takes it."""
        if answer.body is not None and len(answer.body) > self._most_bytes:
            answer = replace(answer, body=None)
        self._end(Ending(claim.id, claim.token, answer))

    def give_up(self, claim: Claim) -> None:
        """Free the id: the request has no answer that would be the same again."""
        self._end(Ending(claim.id, claim.token, None))

    def _end(self, ending: Ending) -> None:
        try:
            self._store.end([ending])
        except StoreUnavailable:
            self._end_later(ending)

    def _end_later(self, ending: Ending) -> None:
        with self._lock:
            if ending.answer is not None and len(self._waiting) >= _MOST_BODIES:
                ending = replace(ending, answer=replace(ending.answer, body=None))
            self._waiting.append(ending)
            if self._is_writing:
                return
            self._is_writing = True
        threading.Thread(target=self._write_waiting, name="replays", daemon=True).start()

    def _write_waiting(self) -> None:
        """End the claims that wait, until none does."""
        while True:
            time.sleep(_AGAIN)
            with self._lock:
                some = list(self._waiting)
            try:
                self._store.end(some)
            except StoreUnavailable:
                continue
            except Exception as error:  # noqa: BLE001 - the thread must go on
                LOG.error("unexpected error in the replays: %s", logs.format_frames(error))
                continue
            with self._lock:
                for _ in some:
                    self._waiting.popleft()
                if not self._waiting:
                    self._is_writing = False
                    return
