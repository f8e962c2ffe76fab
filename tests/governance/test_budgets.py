"""Budgets: which calls fit, and which period a time is in."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.governance.budgets import (
    PERIODS,
    Budget,
    Charge,
    admit,
    describe_counter,
    find_end,
    find_start,
    name_counter,
    parse_dollars,
    read_budgets,
    to_dollars,
    to_nanodollars,
)

KEY, TEAM = ("key:a/b/day", 0), ("team:a/day", 0)


def read_time(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def test_calls_fit_in_the_order_of_their_arrival() -> None:
    calls = [[Charge(KEY, 10, amount)] for amount in (6, 5, 4, 1)]
    assert admit(calls, {KEY: 0}) == [None, KEY, None, KEY]


def test_a_call_that_does_not_fit_somewhere_reserves_nothing_anywhere() -> None:
    both = [Charge(TEAM, 10, 6), Charge(KEY, 5, 6)]
    assert admit([both, [Charge(TEAM, 10, 10)]], {KEY: 0, TEAM: 0}) == [KEY, None]


def test_what_was_spent_before_counts() -> None:
    assert admit([[Charge(KEY, 10, 4)]], {KEY: 7}) == [KEY]
    assert admit([[Charge(KEY, 10, 3)]], {KEY: 7}) == [None]


@given(st.lists(st.integers(0, 100)), st.integers(0, 300))
def test_what_is_admitted_never_exceeds_the_limit(amounts: list[int], limit: int) -> None:
    calls = [[Charge(KEY, limit, amount)] for amount in amounts]
    refusals = admit(calls, {KEY: 0})
    assert sum(amount for amount, refusal in zip(amounts, refusals, strict=True) if refusal is None) <= limit


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("day", "2026-11-30T00:00", "2026-12-01T00:00"),
        ("week", "2026-11-30T00:00", "2026-12-07T00:00"),
        ("month", "2026-11-01T00:00", "2026-12-01T00:00"),
    ],
)
def test_a_period_is_that_of_the_calendar_in_utc(period: str, start: str, end: str) -> None:
    now = read_time("2026-11-30T21:30")
    assert find_start(period, now) == read_time(start)
    assert find_end(period, read_time(start)) == read_time(end)


@given(st.sampled_from(PERIODS), st.integers(0, 4102444800000))
def test_each_time_is_in_one_period(period: str, now: int) -> None:
    start = find_start(period, now)
    end = find_end(period, start)
    assert start <= now < end
    assert find_start(period, end - 1) == start
    assert find_start(period, end) == end


def test_amounts_are_exact() -> None:
    assert to_nanodollars(Decimal("0.0000000011")) == 2
    assert [to_dollars(amount) for amount in (0, 1, 10**9, 2500000)] == ["0.00", "0.000000001", "1.00", "0.0025"]


@given(st.integers(0, 10**18 - 1))
def test_an_amount_is_read_as_it_is_written(amount: int) -> None:
    assert parse_dollars(to_dollars(amount)) == amount


@pytest.mark.parametrize("text", ["", "-1", "1e3", "1,5", "0.0000000001", "\u0661", "10\n"])
def test_other_texts_are_no_amounts(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        parse_dollars(text)


def test_budgets_are_read_as_the_directory_stores_them() -> None:
    [budget] = read_budgets("team:a", [{"period": "day", "usd": "0.50", "unpriced": ["acme.x"]}])
    assert budget == Budget("team:a", "day", 500_000_000, frozenset({"acme.x"}))
    counter = name_counter(budget, read_time("2026-11-30T21:30"))
    assert counter == ("team:a/day", read_time("2026-11-30T00:00"))
    assert describe_counter(counter) == "The budget of the team 'a' for this day, which ends at 2026-12-01T00:00Z,"
