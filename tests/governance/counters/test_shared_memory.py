"""Counters in shared memory: no minute has more than a limit, over all workers of a box, whatever happens to them."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.counters import shared_memory
from bedrock_flask.governance.counters.shared_memory import SharedMemory
from bedrock_flask.governance.limits import Admission, Claim, Limits, ScopedLimits

REQUESTS, TOKENS, CALLS = 4, 100, 3
PATIENCE = 30
FORK = multiprocessing.get_context("fork")


def make_claim(taken: int = 0, *, scope: str = "key:a/b", tree: str = "a", **limits: int) -> Claim:
    return Claim(tree, [ScopedLimits(scope, Limits(**limits))], taken)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Taken:
    """One call that was admitted: when, what is counted of it, and whether it is still made."""

    at: float
    admission: Admission
    tokens: int
    is_open: bool = True


WAITS = st.tuples(st.just("wait"), st.sampled_from([0.01, 0.4, 0.99, 1.0, 7.3, 30.0, 59.0, 59.99, 60.0, 61.0, 500.0]))
CLAIMS = st.tuples(st.just("claim"), st.integers(0, TOKENS + 10))
ENDS = st.tuples(st.just("end"), st.integers(0, 10), st.floats(0, 1))
STEPS = st.lists(st.one_of(CLAIMS, WAITS, ENDS), max_size=60)


@given(STEPS)
@example([("wait", 0.99), ("claim", 60), ("wait", 59.99), ("claim", 60)])
def test_no_minute_ever_has_more_than_the_limits(steps: list[tuple[Any, ...]]) -> None:
    clock = Clock()
    memory, taken = SharedMemory(monotonic=clock), list[Taken]()
    for step, *values in steps:
        if step == "wait":
            clock.now += values[0]
        elif step == "claim":
            claim = make_claim(values[0], requests=REQUESTS, tokens=TOKENS, calls=CALLS)
            admission = memory.admit(claim)
            if admission.refused is None:
                taken.append(Taken(clock.now, admission, values[0]))
        elif opened := [each for each in taken if each.is_open]:
            call = opened[values[0] % len(opened)]
            claim = make_claim(call.tokens, requests=REQUESTS, tokens=TOKENS, calls=CALLS)
            call.tokens, call.is_open = int(call.tokens * values[1]), False
            memory.settle(claim, call.admission, call.tokens)
        for each in taken:
            window = [other for other in taken if each.at <= other.at <= each.at + 60]
            assert len(window) <= REQUESTS
            assert sum(other.tokens for other in window) <= TOKENS
        assert sum(each.is_open for each in taken) <= CALLS


@given(st.lists(st.tuples(st.integers(1, TOKENS), st.floats(0, 20)), min_size=1, max_size=20), st.integers(1, TOKENS))
def test_a_refused_call_fits_after_the_time_that_its_refusal_names(
    earlier: list[tuple[int, float]], tokens: int
) -> None:
    clock = Clock()
    memory = SharedMemory(monotonic=clock)
    for count, seconds in earlier:
        memory.admit(make_claim(count, tokens=TOKENS))
        clock.now += seconds
    admission = memory.admit(make_claim(tokens, tokens=TOKENS))
    if admission.refused is not None:
        assert admission.wait is not None
        assert 1 <= admission.wait <= 61
        clock.now += admission.wait
        assert memory.admit(make_claim(tokens, tokens=TOKENS)).refused is None


def test_all_scopes_take_a_call_or_none_does() -> None:
    memory = SharedMemory()
    both = [ScopedLimits("team:a", Limits(requests=5)), ScopedLimits("key:a/b", Limits(requests=1))]
    assert memory.admit(Claim("a", both, 0)).refused is None
    refused = memory.admit(Claim("a", both, 0)).refused
    assert refused is not None
    assert refused.scope == "key:a/b"
    levels = memory.admit(make_claim(scope="team:a", requests=5)).levels
    assert levels[0].remaining == 3


def test_a_claim_that_never_fits_has_no_time_to_wait_for() -> None:
    memory = SharedMemory()
    assert memory.admit(make_claim(11, tokens=10)).wait is None
    assert memory.admit(make_claim(requests=0)).wait is None
    assert memory.admit(make_claim(10, tokens=10)).refused is None


def test_tokens_that_a_call_took_beyond_its_claim_count() -> None:
    memory = SharedMemory()
    claim = make_claim(10, tokens=100)
    memory.settle(claim, memory.admit(claim), 95)
    assert memory.admit(claim).refused is not None
    assert memory.admit(make_claim(5, tokens=100)).refused is None


def test_tokens_of_a_call_whose_use_is_not_known_stay_counted() -> None:
    memory = SharedMemory()
    claim = make_claim(60, tokens=100)
    memory.settle(claim, memory.admit(claim), None)
    assert memory.admit(claim).refused is not None


def test_tokens_are_not_given_back_to_a_second_that_has_been_used_again() -> None:
    clock = Clock()
    memory = SharedMemory(monotonic=clock)
    claim = make_claim(100, tokens=100)
    first = memory.admit(claim)
    clock.now += 61
    assert memory.admit(claim).refused is None
    memory.settle(claim, first, 0)
    assert memory.admit(make_claim(1, tokens=100)).refused is not None


def test_a_scope_that_is_not_used_any_more_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "_SLOTS", 4)
    monkeypatch.setattr(shared_memory, "_TRIES", 4)
    clock = Clock()
    memory = SharedMemory(monotonic=clock)
    held = memory.admit(make_claim(scope="key:held", calls=1))
    for number in range(3):
        memory.admit(make_claim(scope=f"key:{number}", requests=1))
    with pytest.raises(StoreUnavailable):
        memory.admit(make_claim(scope="key:more", requests=1))
    clock.now += 61
    assert [memory.admit(make_claim(scope=f"key:new{number}", requests=1)).refused for number in range(3)] == [None] * 3
    assert memory.admit(make_claim(scope="key:held", calls=1)).refused is not None
    assert held.refused is None


# --- processes --------------------------------------------------------------------------------------------------------


def run_in_workers(number: int, work: Callable[[int], int]) -> list[int]:
    """Run work in forked processes at the same time, and return what each returns."""
    begin, results = FORK.Event(), FORK.Queue()

    def run(worker: int) -> None:
        begin.wait(PATIENCE)
        results.put(work(worker))

    workers = [FORK.Process(target=run, args=(worker,)) for worker in range(number)]
    for worker in workers:
        worker.start()
    begin.set()
    found = [results.get(timeout=PATIENCE) for _ in workers]
    for worker in workers:
        worker.join(PATIENCE)
    return found


@pytest.mark.parametrize("kind", ["requests", "tokens", "calls"])
def test_workers_that_race_admit_as_many_as_fit_and_no_more(kind: str) -> None:
    memory = SharedMemory(columns=5)
    columns = [memory.take_column() for _ in range(4)]
    limits = {kind: 100 if kind == "tokens" else 10}

    def work(worker: int) -> int:
        memory.use_column(columns[worker])
        claims = (memory.admit(make_claim(10, **limits)) for _ in range(25))
        return sum(admission.refused is None for admission in claims)

    assert sum(run_in_workers(4, work)) == 10


def test_what_many_workers_take_and_give_back_leaves_nothing_behind() -> None:
    memory = SharedMemory(columns=5)
    columns = [memory.take_column() for _ in range(4)]

    def work(worker: int) -> int:
        memory.use_column(columns[worker])
        claim = make_claim(3, tokens=1_000_000, calls=1000)
        for _ in range(300):
            memory.settle(claim, memory.admit(claim), 0)
        return 0

    run_in_workers(4, work)
    levels = memory.admit(make_claim(0, tokens=1_000_000, calls=1000)).levels
    assert [(level.kind, level.remaining) for level in levels] == [("tokens", 1_000_000), ("calls", 999)]


def test_the_lock_of_a_worker_that_is_killed_is_released() -> None:
    memory = SharedMemory(columns=2)
    claim = make_claim(requests=5)
    locked = FORK.Event()

    def hold() -> None:
        with memory._lock("a"):
            locked.set()
            time.sleep(PATIENCE)

    worker = FORK.Process(target=hold)
    worker.start()
    assert locked.wait(PATIENCE)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join(PATIENCE)
    began = time.monotonic()
    assert memory.admit(claim).refused is None
    assert time.monotonic() - began < 1


def test_calls_of_a_worker_that_has_ended_are_not_counted_and_its_column_is_used_again() -> None:
    memory = SharedMemory(columns=3)
    claim, first, second = make_claim(calls=3), memory.take_column(), memory.take_column()

    def take(column: int, number: int) -> int:
        memory.use_column(column)
        return sum(memory.admit(claim).refused is None for _ in range(number))

    assert run_in_workers(1, lambda _: take(first, 2)) == [2]
    assert run_in_workers(1, lambda _: take(second, 2)) == [1]
    memory.free_column(first)
    assert memory.take_column() == first
    assert run_in_workers(1, lambda _: take(first, 9)) == [2]
    memory.free_column(second)
    assert run_in_workers(1, lambda _: take(first, 9)) == [1]
