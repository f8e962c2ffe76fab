"""Usage as records: what calls sum up to, and what a key reads of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bedrock_flask.governance.budgets import Budget
from bedrock_flask.governance.ledger_row import USAGE_COUNTS

# What calls can be summed up by, beside one of their tags: `tag:NAME`. A day is its first millisecond.
GROUPS = ("team", "key", "model", "day")
TAG = "tag:"


@dataclass(frozen=True)
class UsageSum:
    """The calls of one group that have ended and are billed.

    group      the value of each thing that they are summed up by; empty for a tag that they do not have
    tokens     input, output, read from a cache, written to a cache
    cost       nanodollars
    estimated  how many of them have a cost that is estimated
    unpriced   how many have none, because no price is known
    """

    group: tuple[Any, ...]
    calls: int
    tokens: tuple[int, ...]
    cost: int
    estimated: int
    unpriced: int


def add_up(sums: Iterable[UsageSum]) -> UsageSum:
    """The sum of all, as one group."""
    rows = [(each.calls, *each.tokens, each.cost, each.estimated, each.unpriced) for each in sums]
    return make_sum((), [sum(column) for column in zip(*rows, strict=True)] or [0] * len(USAGE_COUNTS))


def make_sum(group: tuple[Any, ...], counts: Sequence[int]) -> UsageSum:
    """A sum by its USAGE_COUNTS."""
    calls, *tokens, cost, estimated, unpriced = counts
    return UsageSum(group, calls, tuple(tokens), cost, estimated, unpriced)


@dataclass(frozen=True)
class OwnUsage:
    """What a key has used: its calls by day and model, and each of its budgets with what is spent and reserved."""

    sums: Sequence[UsageSum]
    spending: Sequence[tuple[Budget, int, int]]
