"""The only retries: botocore's own are off.

A call is tried again only while no part of an answer has arrived: after an error that allows it (throttled, not ready,
500-class) or a connection that never worked. Never after a read timeout: the model may still run, and each attempt is
billed. Across calls a budget bounds them (`retry_budget.py`). Backoff is full jitter (AWS Architecture Blog,
"Exponential Backoff And Jitter"); `Retry-After` is its floor.
"""

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import DeadlineExceeded, GatewayError
from bedrock_flask.transport.reading import Reader
from bedrock_flask.transport.retry_budget import RetryBudget
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.throttles import Throttles

Answer = TypeVar("Answer")
ReplyOrStream = TypeVar("ReplyOrStream", Reply, Stream)

THROTTLED_BASE, BASE, CAP = 1.0, 0.1, 20.0


class Attempt(Protocol):
    """One attempt to make a call, over any transport; `read` reads the answer."""

    def __call__(self, call: Call, read: Callable[[Reader], ReplyOrStream], *, as_stream: bool) -> ReplyOrStream: ...


def make_handler(attempt: Attempt, settings: Settings, shutdown: Shutdown) -> Handler:
    """The handler that makes each call by attempts."""
    retried = partial(
        with_retries,
        max_attempts=settings.max_attempts,
        throttles=Throttles(),
        budget=RetryBudget(),
        sleep=shutdown.sleep,
    )
    return Handler(
        send=retried(partial(attempt, read=Reader.read_reply, as_stream=False)),
        send_stream=retried(partial(attempt, read=Reader.read_stream, as_stream=True)),
    )


def with_retries(
    attempt: Callable[[Call], Answer],
    max_attempts: int,
    *,
    throttles: Throttles,
    budget: RetryBudget,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> Callable[[Call], Answer]:
    """Try a call up to `max_attempts` times within its deadline, and once where the caller retries by itself.

    A throttle that reaches the caller says how long to wait.
    """

    def send(call: Call) -> Answer:
        while True:
            if call.remaining() <= 0:
                raise DeadlineExceeded()
            call.record.attempts += 1
            try:
                answer = attempt(call)
            except GatewayError as error:
                wait = compute_backoff(error, call.record.attempts, jitter())
                throttles.note_error(call.model, error)
                is_last = call.retries_itself or call.record.attempts >= max_attempts
                if not error.retryable or is_last:
                    raise
                if wait > CAP or wait >= call.remaining() or not budget.take(call.model):
                    raise
            else:
                throttles.note_answer(call.model)
                budget.note_answer(call.model)
                return answer
            sleep(wait)

    return send


def compute_backoff(error: GatewayError, attempts: int, jitter: float) -> float:
    """Seconds to wait after the nth attempt: a random share of an exponential ceiling, not less than `Retry-After`."""
    base = THROTTLED_BASE if error.status == 429 else BASE
    return max(read_retry_after(error) or 0.0, jitter * min(CAP, base * 2.0 ** (attempts - 1)))


def read_retry_after(error: GatewayError) -> float | None:
    """The seconds of a `Retry-After` header; its rarer date form is passed on but not waited for."""
    seconds = error.headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 10 else None
