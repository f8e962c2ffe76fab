"""What is no longer kept: rows that are old, and those of one key or team.

They are found without a lock, and deleted by few at a time, so that a gateway which writes waits for a moment only.
What is in progress stays, and so do the counters of budgets.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select, tuple_

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.budgets import find_start
from bedrock_flask.governance.ledger_row import OPEN
from bedrock_flask.governance.store.audit import belongs_to, write_audit
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.schema import check_installation
from bedrock_flask.governance.store.tables import AUDIT, LEDGER, REPLAYS, USAGE_DAILY

# What can be removed, by its name for operators.
KEPT: Mapping[str, Table] = {"ledger": LEDGER, "usage": USAGE_DAILY, "audit": AUDIT, "replays": REPLAYS}
# Rows that are found at once, and those that one transaction deletes.
_FOUND, _AT_ONCE = 10_000, 500
# Seconds between two transactions, at least: who waits for a file of SQLite looks at it again and again.
_PAUSE = 0.01
_DAY, _LONG_CALL = 86_400_000, 600_000
_HAS_ENDED, _IS_ANSWERED = LEDGER.c.state != OPEN, REPLAYS.c.status.is_not(None)
Condition = ColumnElement[bool]


def prune(url: DatabaseURL, pepper: ServerSecret, who: str, names: Sequence[str], before: int) -> dict[str, int]:
    """Remove what is older than a time from the tables of these names; the number of rows of each.

    A day of usage is removed when all of it is older.
    """
    with begin(url, writes=False) as connection:
        check_installation(connection, pepper)
    older: Mapping[str, Condition] = {
        "ledger": and_(LEDGER.c.opened < before, _HAS_ENDED),
        "usage": USAGE_DAILY.c.day < find_start("day", before),
        "audit": AUDIT.c.at < before,
        "replays": and_(REPLAYS.c.began < before, _IS_ANSWERED),
    }
    counts = {name: _remove(url, KEPT[name], older[name]) for name in names}
    with begin(url) as connection:
        for name, count in counts.items():
            write_audit(connection, who, "prune", name, (None, {"before": before, "rows": count}))
    return counts


def erase(url: DatabaseURL, pepper: ServerSecret, who: str, scope: str, names: Sequence[str]) -> dict[str, int]:
    """Remove all of `key:TEAM/NAME` or `team:NAME` from the tables of these names; the number of rows of each."""
    with begin(url, writes=False) as connection:
        check_installation(connection, pepper)
    kind, _, name = scope.partition(":")
    own: Mapping[str, Condition] = {
        "ledger": and_(LEDGER.c[kind] == name, _HAS_ENDED),
        "usage": USAGE_DAILY.c[kind] == name,
        "audit": belongs_to(name),
        "replays": and_(_is_of(kind, name), _IS_ANSWERED),
    }
    now = int(time.time() * 1000)
    # Nothing is added any more to the sums before yesterday; what settles meanwhile was opened a moment ago.
    yesterday, moment = find_start("day", now) - _DAY, now - _LONG_CALL
    many = {**own, "usage": and_(own["usage"], USAGE_DAILY.c.day < yesterday)}
    few = {"usage": USAGE_DAILY.c.day >= yesterday, "ledger": LEDGER.c.opened >= moment}
    counts = {each: _remove(url, KEPT[each], many[each]) for each in names}
    with begin(url) as connection:
        # Together, so that sums stay those of rows; and the sums first, because a settlement locks them last.
        for each in filter(names.__contains__, few):
            counts[each] += connection.execute(delete(KEPT[each]).where(few[each], own[each])).rowcount
        write_audit(connection, who, f"erase {kind}", name, (None, counts))
    return counts


def _is_of(kind: str, name: str) -> Condition:
    """Whether a stored answer is one for a key, or for one of a team's, whose names begin with the team's."""
    return REPLAYS.c.key == name if kind == "key" else REPLAYS.c.key.startswith(f"{name}/", autoescape=True)


def _remove(url: DatabaseURL, table: Table, condition: Condition) -> int:
    """Delete rows, and return how many."""
    removed = 0
    while True:
        rows = _find(url, table, condition)
        for at in range(0, len(rows), _AT_ONCE):
            began = time.monotonic()
            with begin(url) as connection:
                removed += _delete(connection, table, rows[at : at + _AT_ONCE], condition)
            time.sleep(max(time.monotonic() - began, _PAUSE))
        if len(rows) < _FOUND:
            return removed


def _find(url: DatabaseURL, table: Table, condition: Condition) -> Sequence[Any]:
    with begin(url, writes=False) as connection:
        return connection.execute(select(*table.primary_key).where(condition).limit(_FOUND)).all()


def _delete(connection: Connection, table: Table, rows: Sequence[Any], condition: Condition) -> int:
    """Delete those of which the condition still holds: an idempotency key may have been claimed anew."""
    key = list(table.primary_key)
    is_one = key[0].in_([row[0] for row in rows]) if len(key) == 1 else tuple_(*key).in_([tuple(row) for row in rows])
    return connection.execute(delete(table).where(is_one, condition)).rowcount
