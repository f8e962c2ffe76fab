"""The budget of retries: a quarter of the calls in the long run, and a reserve for each model."""

from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.transport.retry_budget import PER_ANSWER, PER_SECOND, RESERVE, RetryBudget


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def count_retries(budget: RetryBudget, model: str = "m") -> int:
    retries = 0
    while budget.take(model):
        retries += 1
    return retries


def test_an_outage_gets_the_reserve_and_no_more() -> None:
    budget = RetryBudget(Clock())
    assert count_retries(budget) == RESERVE
    assert count_retries(budget) == 0


def test_each_model_has_its_own() -> None:
    budget = RetryBudget(Clock())
    count_retries(budget)
    assert count_retries(budget, "other") == RESERVE


def test_answers_and_time_give_retries_back_up_to_the_reserve() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    count_retries(budget)
    for _ in range(round(2 / PER_ANSWER)):
        budget.note_answer("m")
    assert count_retries(budget) == 2
    clock.now += 3 / PER_SECOND
    assert count_retries(budget) == 3
    clock.now += 1e6
    assert count_retries(budget) == RESERVE


@given(st.lists(st.sampled_from(["retry", "answer"]), max_size=300))
def test_retries_stay_below_the_reserve_and_a_share_of_the_answers(events: list[str]) -> None:
    budget = RetryBudget(Clock())
    retries = 0
    for event in events:
        if event == "retry":
            retries += budget.take("m")
        else:
            budget.note_answer("m")
    assert retries <= RESERVE + PER_ANSWER * events.count("answer") + 1e-6


def test_a_full_outage_costs_little_more_than_its_calls() -> None:
    """Figure 10 of the promises: at most 1.2 attempts for each of 60 calls."""
    budget = RetryBudget(Clock())
    attempts = sum(1 + budget.take("m") + budget.take("m") for _ in range(60))
    assert attempts <= 1.2 * 60
