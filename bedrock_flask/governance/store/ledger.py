"""The ledger in SQL: a few statements for any number of calls, in words that SQLite and Postgres both understand.

They run as text on the driver's connection. In Postgres each list of rows is sent at once, in one order everywhere, so
that two transactions never wait for each other: rows of the ledger by their id, those of `usage_daily`, then those of
`spending`, for which calls wait that are opened.
"""

import json
import re
import socket
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from operator import add, itemgetter
from typing import Any

from bedrock_flask.config.database import SQLITE, DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.budgets import Charge, Counter, admit
from bedrock_flask.governance.ledger_row import (
    CANCELLED,
    EST,
    FREE,
    OPEN,
    TOKEN_COUNTS,
    USAGE_COUNTS,
    Opening,
    Settlement,
    UsageGroup,
    compute_digest,
    make_group,
    write_tags,
)
from bedrock_flask.governance.store.schema import check_installation
from bedrock_flask.governance.store.session import WritingSession, checkpoint
from bedrock_flask.governance.stores import LedgerStore

Row = Mapping[str, Any]
_IDENTITY = ("id", "state", "request_id", "worker", "secret", "key", "team", "tags")
_CALL = ("dialect", "operation", "model", "stream", "opened", "reserved", "charges")
# What a settlement knows, or not, beside its state and its cost.
DETAILS = (
    "region",
    "surface",
    "tier",
    *TOKEN_COUNTS,
    "counts",
    "attempts",
    "upstream_request_id",
    "latency",
    "first",
    "status",
    "error",
)
_UNKNOWN: Row = dict.fromkeys(DETAILS)


def _list_parameters(names: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in names)


_INSERT = f"INSERT INTO ledger ({', '.join((*_IDENTITY, *_CALL))}) VALUES ({_list_parameters((*_IDENTITY, *_CALL))})"  # noqa: S608 - names of columns
_SETTLE = (
    f"UPDATE ledger SET {', '.join(f'{name} = :{name}' for name in ('state', 'settled', 'cost', *DETAILS))} "  # noqa: S608 - names of columns
    "WHERE id = :id AND state = 'OPEN'"
)
_READ_COUNTER = "SELECT spent + reserved FROM spending WHERE scope = :scope AND start = :start"
_BEGIN_COUNTER = (
    "INSERT INTO spending (scope, start, spent, reserved) VALUES (:scope, :start, 0, 0) ON CONFLICT DO NOTHING"
)
_ADD = (
    "UPDATE spending SET reserved = reserved + :reserved, spent = spent + :spent"
    " WHERE scope = :scope AND start = :start"
)
_GROUP = ("day", "digest", "team", "key", "model", "tags")
_COUNT = (
    f"INSERT INTO usage_daily ({', '.join((*_GROUP, *USAGE_COUNTS))}) "  # noqa: S608 - names of columns
    f"VALUES ({_list_parameters((*_GROUP, *USAGE_COUNTS))}) ON CONFLICT (day, digest) DO UPDATE "
    f"SET {', '.join(f'{name} = usage_daily.{name} + excluded.{name}' for name in USAGE_COUNTS)}"
)
_BEAT = (
    "INSERT INTO workers (id, box, began, seen) VALUES (:id, :box, :seen, :seen) "
    "ON CONFLICT (id) DO UPDATE SET seen = :seen"
)
_LEAVE = "DELETE FROM workers WHERE id = :id"
_FORGET = "DELETE FROM workers WHERE seen < :since"
_FIND_OPEN = "SELECT id, reserved, charges, opened, team, key, model, tags FROM ledger WHERE state = 'OPEN'"
_FIND_ORPHANS = (
    f"{_FIND_OPEN} "  # noqa: S608 - a statement of this module
    "AND worker NOT IN (SELECT id FROM workers WHERE seen >= :since) LIMIT 500"
)
_FIND_STRAYS = f"{_FIND_OPEN} AND worker = :worker AND opened < :before"
_READ_CLOCK = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


class _Driver:
    """A driver's connection within a transaction."""

    def __init__(self, connection: Any, *, is_sqlite: bool) -> None:
        self._connection, self.is_sqlite = connection, is_sqlite

    def run(self, text: str, rows: Sequence[Row]) -> None:
        """Run a statement for each row."""
        if self.is_sqlite:
            self._connection.executemany(text, rows)
        else:
            for _ in self._run_each(text, rows):
                pass

    def count(self, text: str, rows: Sequence[Row]) -> list[int]:
        """Run a statement for each row, and return how many it changed."""
        if self.is_sqlite:
            return [self._connection.execute(text, row).rowcount for row in rows]
        return [cursor.rowcount for cursor in self._run_each(text, rows)]

    def fetch(self, text: str, rows: Sequence[Row]) -> list[Any]:
        """The first value that a query finds for each row, or None; in Postgres what it finds is locked."""
        if self.is_sqlite:
            found = [self._connection.execute(text, row).fetchone() for row in rows]
        else:
            found = [cursor.fetchone() for cursor in self._run_each(f"{text} FOR UPDATE", rows)]
        return [row and row[0] for row in found]

    def select(self, text: str, row: Row) -> list[Any]:
        """The rows that a query finds."""
        return list(self._connection.execute(text if self.is_sqlite else _translate(text), row).fetchall())

    def read_clock(self) -> int:
        """The time of the database."""
        # A file of SQLite is on this machine.
        return int(time.time() * 1000) if self.is_sqlite else int(self.select(_READ_CLOCK, {})[0][0])

    def _run_each(self, text: str, rows: Sequence[Row]) -> Iterable[Any]:
        if not rows:
            return
        cursor = self._connection.cursor()
        if len(rows) == 1:
            # A pipeline of one costs twice as much.
            cursor.execute(_translate(text), rows[0])
        else:
            cursor.executemany(_translate(text), rows, returning=True)
        yield cursor
        while cursor.nextset():
            yield cursor


def open_ledger_store(url: DatabaseURL, pepper: ServerSecret) -> LedgerStore:
    """The ledger of a database, which is connected when it is first written."""
    session = WritingSession(url, lambda connection: check_installation(connection, pepper))
    is_sqlite = url.kind == SQLITE

    def transact(work: Any, *arguments: Any) -> Any:
        return session.run(lambda connection: work(_Driver(connection, is_sqlite=is_sqlite), *arguments))

    return LedgerStore(
        beat=lambda worker: transact(_beat, worker),
        open=lambda worker, openings: transact(_open, worker, openings),
        settle=lambda settlements: transact(_settle, settlements),
        reap=lambda age: transact(_reap, age),
        find_strays=lambda worker, before: transact(_find_strays, worker, before),
        leave=lambda worker: transact(_Driver.run, _LEAVE, [{"id": worker}]),
        flush=lambda: checkpoint(url),
    )


def _beat(driver: _Driver, worker: str) -> int:
    now = driver.read_clock()
    driver.run(_BEAT, [{"id": worker, "box": socket.gethostname(), "seen": now}])
    return now


def _open(driver: _Driver, worker: str, openings: Sequence[Opening]) -> Sequence[Counter | None]:
    charges = [opening.charges for opening in openings]
    refusals = admit(charges, _read_counters(driver, {each.counter for some in charges for each in some}))
    admitted = [opening for opening, refusal in zip(openings, refusals, strict=True) if refusal is None]
    _add(driver, [(charge, charge.amount, 0) for opening in admitted for charge in opening.charges])
    driver.run(_INSERT, [_make_row(worker, opening) for opening in admitted])
    return refusals


def _settle(driver: _Driver, settlements: Sequence[Settlement]) -> Collection[bytes]:
    ordered = sorted(settlements, key=lambda each: each.id)
    counts = driver.count(_SETTLE, [_make_settlement_row(each) for each in ordered])
    settled = [each for each, count in zip(ordered, counts, strict=True) if count]
    _count_usage(driver, settled)
    _add(driver, [(charge, -charge.amount, each.cost or 0) for each in settled for charge in each.charges])
    return {each.id for each in settled}


def _reap(driver: _Driver, age: int) -> int:
    now = driver.read_clock()
    orphans = driver.select(_FIND_ORPHANS, {"since": now - age})
    reaped = _settle(driver, [_make_estimate(now, *row) for row in orphans])
    # Ten times as late, so that the list of workers shows for a while what became of one.
    driver.run(_FORGET, [{"since": now - 10 * age}])
    return len(reaped)


def _find_strays(driver: _Driver, worker: str, before: int) -> Sequence[Settlement]:
    now = driver.read_clock()
    return [_make_estimate(now, *row) for row in driver.select(_FIND_STRAYS, {"worker": worker, "before": before})]


def _make_estimate(now: int, row_id: bytes, reserved: int | None, charges: str, *group: Any) -> Settlement:
    read = [Charge((scope, start), 0, amount) for scope, start, amount in json.loads(charges)]
    return Settlement(bytes(row_id), EST, now, reserved, make_group(*group), read)


def _read_counters(driver: _Driver, counters: Collection[Counter]) -> dict[Counter, int]:
    """What was spent and reserved in each, which is locked."""
    ordered = sorted(counters)
    rows = [{"scope": scope, "start": start} for scope, start in ordered]
    found = driver.fetch(_READ_COUNTER, rows)
    if None in found:
        driver.run(_BEGIN_COUNTER, [row for row, value in zip(rows, found, strict=True) if value is None])
        found = driver.fetch(_READ_COUNTER, rows)
    return dict(zip(ordered, found, strict=True))


def _add(driver: _Driver, changes: Iterable[tuple[Charge, int, int]]) -> None:
    """Add to what the counters of these charges have reserved and spent."""
    sums: dict[Counter, list[int]] = {}
    for charge, reserved, spent in changes:
        total = sums.setdefault(charge.counter, [0, 0])
        total[0] += reserved
        total[1] += spent
    rows = [
        {"scope": scope, "start": start, "reserved": reserved, "spent": spent}
        for (scope, start), (reserved, spent) in sorted(sums.items())
    ]
    driver.run(_ADD, rows)


def _count_usage(driver: _Driver, settlements: Iterable[Settlement]) -> None:
    """Add what is billed, or may be, to the sums of each group."""
    sums: dict[UsageGroup, list[int]] = {}
    for each in settlements:
        if each.state != FREE:
            counts, before = _list_counts(each), sums.get(each.group)
            sums[each.group] = list(map(add, before, counts)) if before else counts
    rows = [
        dict(zip((*_GROUP, *USAGE_COUNTS), (group.day, compute_digest(group), *group[1:], *counts), strict=True))
        for group, counts in sums.items()
    ]
    driver.run(_COUNT, sorted(rows, key=itemgetter("day", "digest")))


def _list_counts(settlement: Settlement) -> list[int]:
    """What a row adds to each of USAGE_COUNTS."""
    details: Row = settlement.details
    tokens = [details.get(name) or 0 for name in TOKEN_COUNTS]
    is_estimated = settlement.state in (EST, CANCELLED)
    return [1, *tokens, settlement.cost or 0, int(is_estimated), int(settlement.cost is None)]


def _make_row(worker: str, opening: Opening) -> Row:
    principal = opening.principal
    return {
        "id": opening.id,
        "state": OPEN,
        "request_id": opening.request_id,
        "worker": worker,
        "secret": principal.secret,
        "key": principal.key,
        "team": principal.team,
        "tags": write_tags(principal),
        "dialect": opening.dialect,
        "operation": opening.operation,
        "model": opening.model,
        "stream": opening.stream,
        "opened": opening.opened,
        "reserved": opening.reserved,
        "charges": json.dumps([(*charge.counter, charge.amount) for charge in opening.charges]),
    }


def _make_settlement_row(settlement: Settlement) -> Row:
    return {
        **_UNKNOWN,
        **settlement.details,
        "id": settlement.id,
        "state": settlement.state,
        "settled": settlement.settled,
        "cost": settlement.cost,
    }


@cache
def _translate(text: str) -> str:
    """A statement as psycopg takes it."""
    return _PARAMETER.sub(r"%(\1)s", text)


_PARAMETER = re.compile(r":(\w+)")
