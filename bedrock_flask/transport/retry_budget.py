"""A budget of retries across calls: in an outage, retries would triple the load on what is down already.

As the AWS SDKs' standard mode (a bucket of tokens that retries empty and answers fill again) and Finagle's RetryBudget
(a share of the calls), for each model: the throttles of one do not use up the retries of another.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

# Retries that a model has in reserve, what an answer adds to them, and what a second adds.
RESERVE, PER_ANSWER, PER_SECOND = 10.0, 0.25, 0.0625
_MOST_MODELS = 1000


@dataclass
class _Tokens:
    left: float
    counted_at: float


class RetryBudget:
    """The retries that are left for each model; one budget serves all threads of a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._models: OrderedDict[str, _Tokens] = OrderedDict()
        self._lock = Lock()

    def take(self, model: str) -> bool:
        """Whether one more retry may be made; it is then counted."""
        now = self._clock()
        with self._lock:
            tokens = self._models.pop(model, None) or _Tokens(RESERVE, now)
            self._models[model] = tokens
            if len(self._models) > _MOST_MODELS:
                self._models.popitem(last=False)
            tokens.left = min(tokens.left + (now - tokens.counted_at) * PER_SECOND, RESERVE)
            tokens.counted_at = now
            if tokens.left < 1:
                return False
            tokens.left -= 1
            return True

    def note_answer(self, model: str) -> None:
        """Count an answer. A model that was never retried has all its retries already."""
        if model in self._models:
            with self._lock:
                if tokens := self._models.get(model):
                    tokens.left = min(tokens.left + PER_ANSWER, RESERVE)
