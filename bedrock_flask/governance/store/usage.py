"""What was used and spent, summed up from what each day sums up to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import add
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, func, select

from bedrock_flask.governance.budgets import find_start
from bedrock_flask.governance.ledger_row import USAGE_COUNTS
from bedrock_flask.governance.store.tables import USAGE_DAILY, AnyRow

# What calls can be summed up by, beside one of their tags: `tag:NAME`. A day is its first millisecond.
GROUPS = ("team", "key", "model", "day")
TAG = "tag:"
_ANYTHING: Mapping[str, str] = MappingProxyType({})


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


def sum_usage(
    connection: Connection, by: Sequence[str], since: int, only: Mapping[str, str] = _ANYTHING
) -> Sequence[UsageSum]:
    """Each group of calls, by names of GROUPS and tags, in the order of their values.

    They were opened on the day of the time `since` or later. `only` has the values that some of those names must have.
    """
    names = (*by, *only)
    columns = [USAGE_DAILY.c[name] for name in dict.fromkeys(map(_name_column, names))]
    sums = [func.sum(USAGE_DAILY.c[name]) for name in USAGE_COUNTS]
    chosen = select(*columns, *sums).where(USAGE_DAILY.c.day >= find_start("day", since))
    for name, value in only.items():
        if not name.startswith(TAG):
            chosen = chosen.where(USAGE_DAILY.c[name] == value)
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in connection.execute(chosen.group_by(*columns)):
        values = {name: _find_value(row, name) for name in names}
        if all(values[name] == value for name, value in only.items()):
            group, counts = tuple(values[name] for name in by), [int(each) for each in row[len(columns) :]]
            found[group] = list(map(add, found[group], counts)) if group in found else counts
    return [_make_sum(group, found[group]) for group in sorted(found)]


def _name_column(name: str) -> str:
    return "tags" if name.startswith(TAG) else name


def _find_value(row: AnyRow, name: str) -> Any:
    if not name.startswith(TAG):
        return row._mapping[name]
    return json.loads(row.tags).get(name.removeprefix(TAG), "")


def _make_sum(group: tuple[Any, ...], counts: Sequence[int]) -> UsageSum:
    calls, *tokens, cost, estimated, unpriced = counts
    return UsageSum(group, calls, tuple(tokens), cost, estimated, unpriced)
