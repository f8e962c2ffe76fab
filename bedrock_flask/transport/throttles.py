"""How long a caller should wait after a throttle: about as long as the model has been throttled already."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from bedrock_flask.errors import GatewayError

# Seconds: the longest wait that is recommended, and the silence after which a throttle is a new one.
LONGEST, FORGOTTEN_AFTER = 30, 90
_MOST_MODELS = 1000


@dataclass
class _Span:
    began: float
    last: float


class Throttles:
    """The models that are throttled now. A caller that waits as advised finds its wait doubled each time.

    Each success halves the advice, so it is over soon after the throttle is, and callers whose siblings get through
    now and then are still slowed down. One record serves all threads of a process.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spans: OrderedDict[str, _Span] = OrderedDict()
        self._lock = Lock()

    def note_error(self, model: str, error: GatewayError) -> None:
        """Give a throttle of this model a `retry-after`, unless Bedrock sent one."""
        if not error.passes_with_time:
            return
        now = self._clock()
        with self._lock:
            span = self._spans.pop(model, None)
            if span is None or now - span.last > FORGOTTEN_AFTER:
                span = _Span(now, now)
            span.last = now
            self._spans[model] = span
            if len(self._spans) > _MOST_MODELS:
                self._spans.popitem(last=False)
        error.headers.setdefault("retry-after", str(min(max(math.ceil(now - span.began), 1), LONGEST)))

    def note_answer(self, model: str) -> None:
        """Halve the advice of a model that answered."""
        if model not in self._spans:
            return
        now = self._clock()
        with self._lock:
            span = self._spans.pop(model, None)
            if span is not None and now - span.began > 2:
                span.began = now - min(now - span.began, LONGEST) / 2
                self._spans[model] = span
