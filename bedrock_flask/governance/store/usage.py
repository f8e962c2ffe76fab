"""What was used and spent, summed up from what each day sums up to."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import add
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, func, select

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.budgets import Budget, find_start, name_counter
from bedrock_flask.governance.ledger_row import USAGE_COUNTS
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.store.schema import check_installation
from bedrock_flask.governance.store.session import Session
from bedrock_flask.governance.store.tables import LEDGER, SPENDING, USAGE_DAILY, AnyRow
from bedrock_flask.governance.stores import UsageReader
from bedrock_flask.governance.usage import TAG, OwnUsage, UsageSum, make_sum

_ANYTHING: Mapping[str, str] = MappingProxyType({})


def open_usage_reader(url: DatabaseURL, pepper: ServerSecret) -> UsageReader:
    """A reader of what a key has used since a time; the database is connected when it is first read."""
    session = Session(url, lambda connection: check_installation(connection, pepper))
    return lambda principal, since, now: session.run(
        lambda connection: _read_own_usage(connection, principal, since, now)
    )


def _read_own_usage(connection: Connection, principal: Principal, since: int, now: int) -> OwnUsage:
    own = {"team": principal.team, "key": principal.key}
    budgets = [each for each in principal.budgets if each.scope == f"key:{principal.key}"]
    return OwnUsage(sum_usage(connection, ("day", "model"), since, own), list_spending(connection, budgets, now))


def list_spending(connection: Connection, budgets: Iterable[Budget], now: int) -> Sequence[tuple[Budget, int, int]]:
    """Each budget with what it has spent and reserved in the period that has the time `now`."""
    return [(budget, *_read_spending(connection, *name_counter(budget, now))) for budget in budgets]


def _read_spending(connection: Connection, scope: str, start: int) -> tuple[int, int]:
    found = connection.execute(select(SPENDING).where(SPENDING.c.scope == scope, SPENDING.c.start == start)).first()
    return (found.spent, found.reserved) if found else (0, 0)


def sum_usage(
    connection: Connection,
    by: Sequence[str],
    since: int,
    only: Mapping[str, str] = _ANYTHING,
    within: Collection[str] | None = None,
) -> Sequence[UsageSum]:
    """Each group of calls, by names of GROUPS and tags, in the order of their values.

    They were opened on the day of the time `since` or later. `only` has the values that some of those names must have,
    `within` the teams whose calls count; None for all.
    """
    names = (*by, *only)
    columns = [USAGE_DAILY.c[name] for name in dict.fromkeys(map(_name_column, names))]
    sums = [func.sum(USAGE_DAILY.c[name]) for name in USAGE_COUNTS]
    chosen = select(*columns, *sums).where(USAGE_DAILY.c.day >= find_start("day", since))
    if within is not None:
        chosen = chosen.where(USAGE_DAILY.c.team.in_(within))
    for name, value in only.items():
        if not name.startswith(TAG):
            chosen = chosen.where(USAGE_DAILY.c[name] == value)
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in connection.execute(chosen.group_by(*columns)):
        values = {name: _find_value(row, name) for name in names}
        if all(values[name] == value for name, value in only.items()):
            group, counts = tuple(values[name] for name in by), [int(each) for each in row[len(columns) :]]
            found[group] = list(map(add, found[group], counts)) if group in found else counts
    return [make_sum(group, found[group]) for group in sorted(found)]


def find_calls(connection: Connection, request_id: str) -> Sequence[AnyRow]:
    """The rows of the ledger of a request, in the order of its calls."""
    chosen = select(LEDGER).where(LEDGER.c.request_id == request_id)
    return connection.execute(chosen.order_by(LEDGER.c.opened, LEDGER.c.id)).all()


def _name_column(name: str) -> str:
    return "tags" if name.startswith(TAG) else name


def _find_value(row: AnyRow, name: str) -> Any:
    if not name.startswith(TAG):
        return row._mapping[name]
    return json.loads(row.tags).get(name.removeprefix(TAG), "")
