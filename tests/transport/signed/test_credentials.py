"""Credentials: no call waits for a renewal that it does not need, and a failed one costs nothing while keys last."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from bedrock_flask.errors import CredentialsError, DeadlineExceeded
from bedrock_flask.transport.signed import credentials
from bedrock_flask.transport.signed.credentials import Credentials, Frozen, Identity

PATIENCE = 10
OLD, NEW = Frozen("OLD", "s"), Frozen("NEW", "s")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that waits for nothing fails soon."""
    monkeypatch.setattr(credentials, "_MAX_WAIT", PATIENCE)


class Clock:
    """A clock that a test sets; it goes on by itself."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Script:
    """A source of identities: each attempt waits until the test says how it ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun = threading.Semaphore(0)
        self.outcomes: list[Any] = []
        self.may_end = threading.Semaphore(0)
        self.running = self.most_running = self.found = 0

    def find(self) -> Callable[[], tuple[Identity, float]]:
        self.found += 1
        return self.read

    def read(self) -> tuple[Identity, float]:
        with self.lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.begun.release()
        assert self.may_end.acquire(timeout=PATIENCE)
        with self.lock:
            self.running -= 1
            outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome[0], time.time() + outcome[1]

    def end(self, *outcomes: Any) -> None:
        """Let the running attempt, or the next ones, end so: with an error, or an identity and its seconds of life."""
        self.outcomes += outcomes
        for _ in outcomes:
            self.may_end.release()

    def await_attempt(self) -> None:
        assert self.begun.acquire(timeout=PATIENCE)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses after failures, which are not made."""
    found: list[float] = []
    monkeypatch.setattr(credentials, "time", SimpleNamespace(sleep=found.append, monotonic=time.monotonic))
    return found


@pytest.fixture
def held(script: Script, clock: Clock) -> Credentials:
    """Credentials that have found OLD, which is valid for an hour."""
    found = Credentials(script.find, clock)
    script.end((OLD, 3600))
    assert found.current() == OLD
    script.await_attempt()
    return found


def renewed(found: Credentials) -> Credentials:
    """The same credentials once they have renewed themselves."""
    until = time.monotonic() + PATIENCE
    while found._attempt is not None:
        assert time.monotonic() < until
        threading.Event().wait(0.001)
    return found


def test_calls_go_on_with_what_is_valid_while_one_thread_renews(
    held: Credentials, script: Script, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "_wait", lambda *_: pytest.fail("a call waits"))
    clock.ahead = 3600 - 13 * 60
    assert held.current() == OLD
    script.await_attempt()
    assert [held.current() for _ in range(50)] == [OLD] * 50
    script.end((NEW, 3600))
    assert renewed(held).current() == NEW
    assert (script.most_running, script.found) == (1, 1)


def test_nothing_is_renewed_before_it_is_due(held: Credentials, script: Script, clock: Clock) -> None:
    clock.ahead = 3600 - 15 * 60
    assert held.current() == OLD
    assert held._attempt is None


def test_a_failed_renewal_costs_no_call_anything(
    held: Credentials, script: Script, clock: Clock, pauses: list[float]
) -> None:
    clock.ahead = 3600 - 13 * 60
    for _ in range(12):
        assert held.current() == OLD
        script.await_attempt()
        script.end(OSError())
        renewed(held)
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == 15
    assert held.current() == OLD
    script.end((NEW, 3600))
    assert renewed(held).current() == NEW
    assert script.found == 1


def call_at_once(found: Credentials, number: int, monkeypatch: pytest.MonkeyPatch) -> list[Future[Identity]]:
    """Calls of as many threads, each of which waits for the attempt that runs."""
    waiting, wait = threading.Semaphore(0), found._wait

    def wait_noticed(*given: Any) -> Identity:
        waiting.release()
        return wait(*given)

    monkeypatch.setattr(found, "_wait", wait_noticed)
    pool = ThreadPoolExecutor(number)
    calls = [pool.submit(found.current) for _ in range(number)]
    for _ in range(number):
        assert waiting.acquire(timeout=PATIENCE)
    pool.shutdown(wait=False)
    return calls


def test_shortly_before_the_end_calls_wait_for_the_renewal_and_take_the_old_if_it_fails(
    held: Credentials, script: Script, clock: Clock, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.ahead = 3600 - 5
    calls = call_at_once(held, 20, monkeypatch)
    assert not any(call.done() for call in calls)
    script.end(OSError())
    assert {call.result(PATIENCE) for call in calls} == {OLD}
    calls = call_at_once(held, 20, monkeypatch)
    script.end((NEW, 7200))
    assert {call.result(PATIENCE) for call in calls} == {NEW}
    assert script.most_running == 1


def test_after_the_end_calls_wait_for_one_renewal(
    held: Credentials, script: Script, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.ahead = 3601
    calls = call_at_once(held, 200, monkeypatch)
    script.end((NEW, 7200))
    assert {call.result(PATIENCE) for call in calls} == {NEW}
    assert script.most_running == 1


def test_a_failure_after_the_end_is_an_error_for_all_that_waited(
    held: Credentials, script: Script, clock: Clock, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.ahead = 3601
    calls = call_at_once(held, 20, monkeypatch)
    script.end(OSError())
    errors = [call.exception(PATIENCE) for call in calls]
    assert {type(error) for error in errors} == {CredentialsError}
    assert len(set(map(id, errors))) == 20
    script.end((NEW, 7200))
    assert held.current() == NEW
    # Files and environment were read again.
    assert script.found == 2


def test_a_call_that_saw_the_old_keys_does_not_renew_the_new(held: Credentials, script: Script, clock: Clock) -> None:
    old = held._held
    clock.ahead = 3601
    script.end((NEW, 7200))
    assert held.current() == NEW
    assert held._start_attempt(old).done.is_set()
    assert held._attempt is None


def test_a_call_waits_no_longer_than_its_deadline(script: Script) -> None:
    found = Credentials(script.find)
    with pytest.raises(DeadlineExceeded):
        found.current(deadline=time.monotonic() + 0.01)
    script.end((NEW, 3600))
    assert found.current() == NEW


def test_a_search_that_never_ends_is_an_error_after_a_minute(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_MAX_WAIT", 0.01)
    found = Credentials(script.find)
    with pytest.raises(CredentialsError, match="in time"):
        found.current(deadline=time.monotonic() + 3600)
    script.end((NEW, 3600))
    monkeypatch.setattr(credentials, "_MAX_WAIT", PATIENCE)
    assert found.current() == NEW


def test_a_deadline_within_the_last_seconds_takes_what_is_valid(
    held: Credentials, script: Script, clock: Clock
) -> None:
    clock.ahead = 3600 - 5
    assert held.current(deadline=time.monotonic() + 0.01) == OLD
    script.end((NEW, 3600))


def test_a_wait_ends_with_the_process(script: Script) -> None:
    def check() -> None:
        raise CredentialsError("shutting down")

    with pytest.raises(CredentialsError, match="shutting down"):
        Credentials(script.find).current(check=check)
    script.end((NEW, 3600))


@pytest.mark.parametrize("error", [OSError("secret"), KeyError(), RuntimeError(), AttributeError()])
def test_whatever_a_provider_raises_is_an_error_of_the_gateways_credentials(
    script: Script, error: Exception, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    found = Credentials(script.find)
    script.end(error, (NEW, 3600))
    with pytest.raises(CredentialsError) as failed:
        found.current()
    assert "secret" not in str(failed.value) + caplog.text
    assert found.current() == NEW


def test_credentials_that_are_found_expired_are_not_used(script: Script) -> None:
    script.end((OLD, -1))
    with pytest.raises(CredentialsError, match="expired"):
        Credentials(script.find).current()


def test_a_thread_that_cannot_start_costs_nothing_while_the_keys_are_valid(
    held: Credentials, script: Script, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    clock.ahead = 3600 - 13 * 60
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert held.current() == OLD
        clock.ahead = 3601
        with pytest.raises(CredentialsError):
            held.current()
    clock.ahead = 0
    assert held.current() == OLD


def test_a_short_life_is_renewed_after_its_half(script: Script, clock: Clock) -> None:
    found = Credentials(script.find, clock)
    script.end((OLD, 60))
    found.current()
    script.await_attempt()
    clock.ahead = 25
    assert found.current() == OLD
    assert found._attempt is None
    clock.ahead = 35
    assert found.current() == OLD
    script.await_attempt()
    script.end((NEW, 60))
    clock.ahead = 0
    assert renewed(found).current() == NEW
