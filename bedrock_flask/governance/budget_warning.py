"""Warnings: a budget has reached a threshold, or has refused a call."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bedrock_flask.governance.budgets import Budget, Counter, find_end, to_dollars
from bedrock_flask.governance.times import write_time

SPENT, REFUSED = "spent", "refused"
# The percentage of a budget that has refused a call.
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class BudgetWarning:
    """That a budget has reached a threshold, in per cent, in the period of a counter.

    reason  SPENT, or REFUSED where the rest of the budget had no room for a call
    """

    id: str
    counter: Counter
    threshold: int
    reason: str
    limit: int
    spent: int
    at: int


def find_reached(budget: Budget, spent: int, *, has_refused: bool) -> Iterator[tuple[int, str]]:
    """The thresholds of a budget that are reached, each with the reason."""
    for threshold in budget.warn_at:
        if spent * _WHOLE >= budget.limit * threshold:
            yield threshold, SPENT
        elif has_refused and threshold == _WHOLE:
            yield threshold, REFUSED


def write_warning(warning: BudgetWarning) -> dict[str, Any]:
    """A warning as a message."""
    name, start = warning.counter
    scope, _, period = name.rpartition("/")
    return {
        "type": "budget.threshold",
        "timestamp": write_time(warning.at),
        "data": {
            "scope": scope,
            "period": period,
            "start": write_time(start),
            "end": write_time(find_end(period, start)),
            "threshold": warning.threshold,
            "reason": warning.reason,
            "usd": to_dollars(warning.limit),
            "spent": to_dollars(warning.spent),
        },
    }


def name_scopes(counters: Iterable[Counter]) -> set[str]:
    """The keys and teams whose budgets these counters count for."""
    return {name.rpartition("/")[0] for name, _ in counters}
