"""Budgets: how much money a key or a team may spend a day, week or month, and which calls fit."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any

PERIODS = ("day", "week", "month")
# The thresholds of a budget that names none, in per cent, and the most that one may name.
WARN_AT, _MOST_THRESHOLDS = (50, 80, 100), 10
_NANODOLLARS = Decimal(10**9)
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_MODEL = re.compile(r"[\x21-\x7e]{1,2048}")
_DAY, _DAY_LENGTH = timedelta(days=1), 86_400_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What a key or a team may spend in each period.

    scope     `key:TEAM/NAME` or `team:NAME`
    period    one of PERIODS, by the calendar in UTC
    limit     nanodollars
    unpriced  the ids of models that may be called though their price is not known
    warn_at   the thresholds, in per cent, at which a warning is sent
    """

    scope: str
    period: str
    limit: int
    unpriced: frozenset[str] = frozenset()
    warn_at: tuple[int, ...] = WARN_AT


# The row of `spending` that counts for a budget: its scope with the period, and the start of the period.
Counter = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call reserves of one budget."""

    counter: Counter
    limit: int
    amount: int


def to_nanodollars(dollars: Decimal) -> int:
    """Whole nanodollars, rounded up."""
    return int((dollars * _NANODOLLARS).to_integral_value(ROUND_CEILING))


def to_dollars(nanodollars: int) -> str:
    """An amount in US dollars, exactly: `0.0025`."""
    text = f"{nanodollars // 10**9}.{nanodollars % 10**9:09}".rstrip("0")
    return f"{text}{'0' * max(0, 2 - len(text.partition('.')[2]))}"


def parse_dollars(text: str) -> int:
    """The nanodollars of an amount such as `10` or `0.50`. Raises ValueError."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"'{text[:50]}' is not an amount in US dollars such as 10 or 0.50")
    return to_nanodollars(Decimal(text))


def find_budgets_fault(rows: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with the budgets that a scope is to have, in words; empty if nothing."""
    for row in rows:
        period, unpriced = str(row["period"]), row.get("unpriced", [])
        if period not in PERIODS:
            return f"'{period[:50]}' is not a period: {', '.join(PERIODS)}"
        try:
            parse_dollars(str(row.get("usd", "")))
        except ValueError as error:
            return str(error)
        if wrong := [name for name in unpriced if not isinstance(name, str) or not _MODEL.fullmatch(name)]:
            return f"'{str(wrong[0])[:100]}' is not the id of a model"
        thresholds = row.get("warn_at", [])
        if len(thresholds) > _MOST_THRESHOLDS or not all(each in range(1, 101) for each in thresholds):
            return f"thresholds are at most {_MOST_THRESHOLDS} whole numbers from 1 to 100, in per cent"
    return ""


def read_budgets(scope: str, rows: Iterable[Mapping[str, Any]]) -> tuple[Budget, ...]:
    """The budgets of a scope, as the directory stores them."""
    return tuple(
        Budget(
            scope,
            row["period"],
            parse_dollars(row["usd"]),
            frozenset(row.get("unpriced", ())),
            tuple(sorted(set(row.get("warn_at", WARN_AT)))),
        )
        for row in rows
    )


def find_start(period: str, now: int) -> int:
    """The start of the period that has the time `now`."""
    return _find_start(period, now - now % _DAY_LENGTH)


@lru_cache(maxsize=64)
def _find_start(period: str, midnight: int) -> int:
    day = datetime.fromtimestamp(midnight / 1000, UTC)
    if period == "week":
        day -= _DAY * day.weekday()
    elif period == "month":
        day = day.replace(day=1)
    return int(day.timestamp()) * 1000


def find_end(period: str, start: int) -> int:
    """The start of the period after that which starts at `start`."""
    # No month has more than 31 days, and each that follows has more than four.
    length = {"day": _DAY, "week": _DAY * 7, "month": _DAY * 32}[period]
    return find_start(period, start + int(length.total_seconds()) * 1000)


def name_counter(budget: Budget, now: int) -> Counter:
    """The counter of a budget at the time `now`."""
    return (f"{budget.scope}/{budget.period}", find_start(budget.period, now))


def describe_owner(scope: str) -> str:
    """Whose a scope is: `key 'acme/nightly'`."""
    kind, _, name = scope.partition(":")
    return f"{kind} '{name}'"


def describe_counter(counter: Counter) -> str:
    """A budget in words, with the time at which the next period begins."""
    scope, start = counter
    owner, _, period = scope.rpartition("/")
    end = datetime.fromtimestamp(find_end(period, start) / 1000, UTC)
    return f"The budget of the {describe_owner(owner)} for this {period}, which ends at {end:%Y-%m-%dT%H:%MZ},"


def admit(calls: Sequence[Sequence[Charge]], counters: Mapping[Counter, int]) -> list[Counter | None]:
    """For each call, in order, the counter in which it does not fit, or None: it fits into every budget.

    `counters` is what was spent and reserved before; what a call reserves counts for those after it.
    """
    taken = dict(counters)
    refusals: list[Counter | None] = []
    for charges in calls:
        short = next((each.counter for each in charges if taken[each.counter] + each.amount > each.limit), None)
        if short is None:
            for each in charges:
                taken[each.counter] += each.amount
        refusals.append(short)
    return refusals
