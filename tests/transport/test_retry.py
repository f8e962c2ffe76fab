"""One owner of retries: what is tried again, how long is waited, and when it ends."""

import time
from typing import Any

import pytest

from bedrock_flask.call import Call
from bedrock_flask.errors import (
    BedrockError,
    DeadlineExceeded,
    GatewayError,
    UpstreamStalled,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from bedrock_flask.models import loading
from bedrock_flask.transport.retry import CAP, compute_backoff, with_retries
from bedrock_flask.transport.retry_budget import RESERVE, RetryBudget
from bedrock_flask.transport.throttles import FORGOTTEN_AFTER, LONGEST, Throttles


@pytest.fixture(scope="module")
def adapter() -> Any:
    return loading.load_registry().adapters["nova"]


def throttled(**headers: str) -> BedrockError:
    return BedrockError("ThrottlingException", "slow down", 429, headers=headers)


class Upstream:
    """Fails in the given ways, then answers."""

    def __init__(self, *faults: GatewayError) -> None:
        self.faults = list(faults)
        self.waits: list[float] = []

    def __call__(self, call: Call) -> str:
        if self.faults:
            raise self.faults.pop(0)
        return "answer"

    def tried(self, adapter: Any, most: int = 3, seconds: float = 60.0, jitter: float = 0.5) -> Any:
        call = Call(
            adapter=adapter, operation="Converse", model="m", body=b"", deadline=time.monotonic() + seconds
        )  # fmt: skip
        send = with_retries(
            self, most, throttles=Throttles(), budget=RetryBudget(), sleep=self.waits.append, jitter=lambda: jitter
        )
        return send(call), call.record.attempts


@pytest.mark.parametrize(
    "fault",
    [
        throttled(),
        UpstreamUnreachable(),
        *(BedrockError(name, "", None) for name in ("InternalServerException", "ServiceUnavailableException")),
        BedrockError("ModelNotReadyException", "", 429),
        BedrockError("", "", 502),
        BedrockError("", "", 529),
    ],
)
def test_what_may_pass_is_tried_again(adapter: Any, fault: GatewayError) -> None:
    assert Upstream(fault).tried(adapter) == ("answer", 2)


@pytest.mark.parametrize(
    "fault",
    [
        UpstreamTimeout(),
        UpstreamStalled(),
        *(
            BedrockError(name, "", None)
            for name in ("ValidationException", "ModelTimeoutException", "ModelErrorException")
        ),
        BedrockError("ServiceQuotaExceededException", "", 400),
        BedrockError("AccessDeniedException", "", 403),
    ],
)
def test_what_may_be_billed_or_cannot_pass_is_not(adapter: Any, fault: GatewayError) -> None:
    upstream = Upstream(fault)
    with pytest.raises(type(fault)) as error:
        upstream.tried(adapter)
    assert error.value is fault
    assert upstream.waits == []


def test_attempts_end(adapter: Any) -> None:
    upstream = Upstream(*(throttled() for _ in range(9)))
    with pytest.raises(BedrockError):
        upstream.tried(adapter, most=3)
    assert len(upstream.faults) == 6


def test_waits_are_jittered_and_grow(adapter: Any) -> None:
    upstream = Upstream(*(throttled() for _ in range(3)))
    upstream.tried(adapter, most=4)
    assert upstream.waits == [0.5, 1.0, 2.0]
    assert compute_backoff(throttled(), 1, 0.0) == 0.0
    assert compute_backoff(throttled(), 50, 1.0) == CAP


def test_retry_after_is_the_least_wait(adapter: Any) -> None:
    upstream = Upstream(throttled(**{"retry-after": "7"}))
    upstream.tried(adapter)
    assert upstream.waits == [7.0]


@pytest.mark.parametrize("expected", ["3600", "Mon, 23 Nov 2026 20:00:00 GMT"])
def test_a_long_retry_after_is_passed_on_and_a_date_not_waited_for(adapter: Any, expected: str) -> None:
    upstream = Upstream(throttled(**{"retry-after": expected}), throttled(**{"retry-after": expected}))
    if expected.isdigit():
        with pytest.raises(BedrockError) as error:
            upstream.tried(adapter, seconds=86_400)
        assert error.value.headers["retry-after"] == expected
        assert upstream.waits == []
    else:
        assert upstream.tried(adapter)[0] == "answer"


def test_no_attempt_begins_that_the_deadline_forbids(adapter: Any) -> None:
    upstream = Upstream(throttled(**{"retry-after": "7"}))
    with pytest.raises(BedrockError):
        upstream.tried(adapter, seconds=5)
    assert upstream.waits == []
    with pytest.raises(DeadlineExceeded):
        Upstream().tried(adapter, seconds=0)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def advise(throttles: Throttles, error: GatewayError | None = None, model: str = "m") -> int:
    error = error or throttled()
    throttles.note_error(model, error)
    return int(error.headers["retry-after"])


def test_a_caller_that_waits_as_advised_waits_twice_as_long_each_time() -> None:
    clock = Clock()
    throttles = Throttles(clock)
    waits = []
    for _ in range(9):
        waits.append(advise(throttles))
        # Others that are throttled meanwhile change nothing.
        assert {advise(throttles) for _ in range(50)} == {waits[-1]}
        clock.now += waits[-1]
    assert waits == [1, 1, 2, 4, 8, 16, LONGEST, LONGEST, LONGEST]
    assert advise(throttles, model="another") == 1
    clock.now += FORGOTTEN_AFTER + 1
    assert advise(throttles) == 1


def test_the_advice_is_over_soon_after_the_throttle_is() -> None:
    clock = Clock()
    throttles = Throttles(clock)
    for _ in range(7):
        clock.now += advise(throttles)
    waits = []
    for _ in range(6):
        throttles.note_answer("m")
        waits.append(advise(throttles))
    assert waits == [15, 8, 4, 2, 1, 1]


def test_only_a_throttle_has_an_advice_and_what_bedrock_says_remains() -> None:
    throttles = Throttles()
    assert advise(throttles, throttled(**{"retry-after": "7"})) == 7
    for error in (
        BedrockError("InternalServerException", "", 500),
        BedrockError("ServiceQuotaExceededException", "", 400),
    ):
        throttles.note_error("m", error)
        assert error.headers == {}
    for model in range(3000):
        advise(throttles, model=str(model))
    assert len(throttles._spans) <= 1000


def test_the_budget_of_a_model_ends_its_retries(adapter: Any) -> None:
    budget, upstream = RetryBudget(), Upstream(*[BedrockError("", "", 502)] * 60)
    send = with_retries(upstream, 3, throttles=Throttles(), budget=budget, sleep=upstream.waits.append)
    attempts = 0
    for _ in range(30):
        call = Call(adapter=adapter, operation="Converse", model="m", body=b"", deadline=time.monotonic() + 60)
        with pytest.raises(BedrockError):
            send(call)
        attempts += call.record.attempts
    assert attempts == 30 + RESERVE
