"""Warnings in SQL: written once for each budget, period and threshold, and taken by one worker at a time."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.budget_warning import BudgetWarning, find_reached, name_scopes
from bedrock_flask.governance.budgets import Budget, Counter, read_budgets
from bedrock_flask.governance.store.driver import Driver, Row, open_writer
from bedrock_flask.governance.stores import WarningStore

# Milliseconds until a warning that was taken may be taken again, for which one that is not accepted is sent, and for
# which it is remembered: longer than any period.
_LEASE, _TRIED, _REMEMBERED = 60_000, 3 * 86_400_000, 100 * 86_400_000
# Milliseconds until the second trial; each later one waits twice as long, up to an hour.
_FIRST_WAIT, _LONGEST_WAIT = 10_000, 3_600_000
# Warnings that a worker takes at a time: each may take seconds to be sent.
_MOST = 4
_BUDGETS = {kind: f"SELECT budgets FROM {kind}s WHERE id = :id" for kind in ("team", "key")}  # noqa: S608 - names of tables
_READ_SPENT = "SELECT spent FROM spending WHERE scope = :scope AND start = :start"
_COLUMNS = ("id", "scope", "start", "threshold", "reason", "budget", "spent", "at", "due", "attempts")
_WRITE = (
    f"INSERT INTO budget_warnings ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) "  # noqa: S608 - names of columns
    "ON CONFLICT (scope, start, threshold) DO NOTHING"
)
_FIND_DUE = (
    "SELECT id, scope, start, threshold, reason, budget, spent, at, due FROM budget_warnings "
    "WHERE due <= :now AND at > :oldest ORDER BY due LIMIT :most"
)
_TAKE = "UPDATE budget_warnings SET due = :later, attempts = attempts + 1 WHERE id = :id AND due = :due"
_READ_ATTEMPTS = "SELECT attempts FROM budget_warnings WHERE id = :id"
_END = "UPDATE budget_warnings SET due = :due WHERE id = :id"
_FORGET = "DELETE FROM budget_warnings WHERE at < :since"


def open_warning_store(url: DatabaseURL, pepper: ServerSecret) -> WarningStore:
    """The warnings of a database."""
    transact = open_writer(url, pepper)
    return WarningStore(
        write=lambda changed: transact(_write, changed),
        take=lambda: transact(_take),
        end=lambda warning, is_accepted: transact(_end, warning, is_accepted),
    )


def _write(driver: Driver, changed: Mapping[Counter, bool]) -> None:
    now = driver.read_clock()
    driver.run(_WRITE, [*_make_rows(driver, changed, now)])
    driver.run(_FORGET, [{"since": now - _REMEMBERED}])


def _make_rows(driver: Driver, changed: Mapping[Counter, bool], now: int) -> Iterator[Row]:
    budgets = {
        f"{budget.scope}/{budget.period}": budget
        for scope in name_scopes(changed)
        for budget in _find_budgets(driver, scope)
    }
    # In one order everywhere, so that no two transactions wait for each other.
    for (name, start), has_refused in sorted(changed.items()):
        if budget := budgets.get(name):
            spent = sum(row[0] for row in driver.select(_READ_SPENT, {"scope": name, "start": start}))
            own = {"scope": name, "start": start, "budget": budget.limit, "spent": spent, "at": now, "due": now}
            for threshold, reason in find_reached(budget, spent, has_refused=has_refused):
                yield {**own, "id": uuid.uuid4().hex, "threshold": threshold, "reason": reason, "attempts": 0}


def _find_budgets(driver: Driver, scope: str) -> Sequence[Budget]:
    kind, _, name = scope.partition(":")
    found: list[Any] = [row[0] for row in driver.select(_BUDGETS[kind], {"id": name})]
    # Postgres' driver has read it.
    return [
        budget for each in found for budget in read_budgets(scope, json.loads(each) if isinstance(each, str) else each)
    ]


def _take(driver: Driver) -> Sequence[BudgetWarning]:
    now = driver.read_clock()
    found = driver.select(_FIND_DUE, {"now": now, "oldest": now - _TRIED, "most": _MOST})
    counts = driver.count(_TAKE, [{"id": row[0], "due": row[8], "later": now + _LEASE} for row in found])
    return [
        BudgetWarning(row[0], (row[1], row[2]), *row[3:8]) for row, count in zip(found, counts, strict=True) if count
    ]


def _end(driver: Driver, warning: str, is_accepted: bool) -> None:
    due = None
    if not is_accepted:
        [(attempts,)] = driver.select(_READ_ATTEMPTS, {"id": warning})
        due = driver.read_clock() + min(_FIRST_WAIT << min(attempts - 1, 20), _LONGEST_WAIT)
    driver.run(_END, [{"id": warning, "due": due}])
