"""The ledger in SQL: a few statements for any number of calls, in words that SQLite and Postgres both understand.

They run as text on the driver's connection. In Postgres each list of rows is sent at once, in one order everywhere, so
that two transactions never wait for each other: rows of the ledger by their id, those of `usage_daily`, then those of
`spending`, for which calls wait that are opened.
"""

import json
import socket
from collections.abc import Collection, Iterable, Sequence
from operator import add, itemgetter
from typing import Any

import orjson

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
from bedrock_flask.governance.store.driver import Driver, Row, make_writer, open_session
from bedrock_flask.governance.store.engine import PostgresConnection
from bedrock_flask.governance.store.one_trip import make_opening_statement, make_settling_statement, write_rows
from bedrock_flask.governance.store.session import checkpoint
from bedrock_flask.governance.stores import LedgerStore

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
_SETTLED = ("state", "settled", "cost", *DETAILS)
_UNKNOWN: Row = dict.fromkeys(DETAILS)


def _list_parameters(names: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in names)


_INSERT = f"INSERT INTO ledger ({', '.join((*_IDENTITY, *_CALL))}) VALUES ({_list_parameters((*_IDENTITY, *_CALL))})"  # noqa: S608 - names of columns
_SETTLE = (
    f"UPDATE ledger SET {', '.join(f'{name} = :{name}' for name in _SETTLED)} "  # noqa: S608 - names of columns
    "WHERE id = :id AND state = 'OPEN'"
)
_OPEN = make_opening_statement((*_IDENTITY, *_CALL))
_READ_COUNTER = "SELECT spent + reserved FROM spending WHERE scope = :scope AND start = :start"
_RESERVE = (
    "UPDATE spending SET reserved = reserved + :amount"
    " WHERE scope = :scope AND start = :start AND spent + reserved + :amount <= :limit"
)
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
_SETTLE_AT_ONCE = make_settling_statement(_SETTLED, _GROUP, USAGE_COUNTS)
_BEAT = (
    "INSERT INTO workers (id, box, began, seen) VALUES (:id, :box, :seen, :seen) "
    "ON CONFLICT (id) DO UPDATE SET seen = :seen"
)
_LEAVE = "DELETE FROM workers WHERE id = :id"
_FORGET = "DELETE FROM workers WHERE seen < :since"
_FORGET_ANSWERS = "DELETE FROM replays WHERE expires <= :now"
_FIND_OPEN = "SELECT id, reserved, charges, opened, team, key, model, tags FROM ledger WHERE state = 'OPEN'"
_FIND_ORPHANS = (
    f"{_FIND_OPEN} "  # noqa: S608 - a statement of this module
    "AND worker NOT IN (SELECT id FROM workers WHERE seen >= :since) LIMIT 500"
)
_FIND_STRAYS = f"{_FIND_OPEN} AND worker = :worker AND opened < :before"


def open_ledger_store(url: DatabaseURL, pepper: ServerSecret, *, flushes: bool = False) -> LedgerStore:
    """The ledger of a database, which is connected when it is first written; in Postgres each commit is flushed."""
    session, is_sqlite = open_session(url, pepper, flushes=flushes), url.kind == SQLITE
    transact = make_writer(session, is_sqlite=is_sqlite)

    def open_rows(worker: str, openings: Sequence[Opening]) -> Sequence[Counter | None]:
        # All fit, mostly.
        rows, wanted = [_make_row(worker, each) for each in openings], _sum_up(openings)
        try:
            if is_sqlite:
                transact(_open_all, rows, wanted)
            else:
                session.run_alone(lambda connection: _open_at_once(connection, rows, wanted))
            return [None] * len(openings)
        except _DoesNotFitError:
            refusals: Sequence[Counter | None] = transact(_open, worker, openings)
            return refusals

    def settle_rows(settlements: Sequence[Settlement]) -> Collection[bytes]:
        # All are open, mostly; one statement costs Postgres' client less than three, and SQLite's as much.
        try:
            if not is_sqlite:
                session.run_alone(lambda connection: _settle_at_once(connection, settlements))
                return {each.id for each in settlements}
        except _DoesNotFitError:
            pass
        settled: Collection[bytes] = transact(_settle, settlements)
        return settled

    return LedgerStore(
        beat=lambda worker: transact(_beat, worker),
        open=open_rows,
        settle=settle_rows,
        reap=lambda age: transact(_reap, age),
        find_strays=lambda worker, before: transact(_find_strays, worker, before),
        leave=lambda worker: transact(Driver.run, _LEAVE, [{"id": worker}]),
        flush=lambda: checkpoint(url),
    )


def _beat(driver: Driver, worker: str) -> int:
    now = driver.read_clock()
    driver.run(_BEAT, [{"id": worker, "box": socket.gethostname(), "seen": now}])
    return now


class _DoesNotFitError(Exception):
    """A group cannot be done at once: something has no room, was settled before, or is not there yet."""


def _sum_up(openings: Iterable[Opening]) -> Sequence[Row]:
    """What calls reserve together of each counter, and the least limit that one of them has for it."""
    wanted: dict[Counter, dict[str, Any]] = {}
    for charge in (charge for opening in openings for charge in opening.charges):
        if (sums := wanted.get(charge.counter)) is None:
            scope, start = charge.counter
            wanted[charge.counter] = {"scope": scope, "start": start, "amount": charge.amount, "limit": charge.limit}
        else:
            sums["amount"] += charge.amount
            sums["limit"] = min(sums["limit"], charge.limit)
    return [*wanted.values()]


def _open_all(driver: Driver, rows: Sequence[Row], wanted: Sequence[Row]) -> None:
    """Open all rows; raises _DoesNotFitError, and then none is."""
    if not all(driver.count(_RESERVE, wanted)):
        raise _DoesNotFitError
    driver.run(_INSERT, rows)


def _open_at_once(connection: PostgresConnection, rows: Sequence[Row], wanted: Sequence[Row]) -> None:
    """The same in one statement."""
    if connection.run_prepared(_OPEN, write_rows(rows), write_rows(wanted)) != [b"t"]:
        raise _DoesNotFitError


def _open(driver: Driver, worker: str, openings: Sequence[Opening]) -> Sequence[Counter | None]:
    charges = [opening.charges for opening in openings]
    refusals = admit(charges, _read_counters(driver, {each.counter for some in charges for each in some}))
    admitted = [opening for opening, refusal in zip(openings, refusals, strict=True) if refusal is None]
    driver.run(_ADD, _sum_changes((charge, charge.amount, 0) for opening in admitted for charge in opening.charges))
    driver.run(_INSERT, [_make_row(worker, opening) for opening in admitted])
    return refusals


def _settle_at_once(connection: PostgresConnection, settlements: Sequence[Settlement]) -> None:
    """Settle all rows in one statement; raises _DoesNotFitError, and then none is, unless all are open."""
    rows = [_make_settlement_row(each) for each in settlements]
    parameters = (rows, _sum_usage(settlements), _sum_settled(settlements))
    if connection.run_prepared(_SETTLE_AT_ONCE, *map(write_rows, parameters)) != [b"t"]:
        raise _DoesNotFitError


def _settle(driver: Driver, settlements: Sequence[Settlement]) -> Collection[bytes]:
    ordered = sorted(settlements, key=lambda each: each.id)
    counts = driver.count(_SETTLE, [_make_settlement_row(each) for each in ordered])
    settled = [each for each, count in zip(ordered, counts, strict=True) if count]
    driver.run(_COUNT, _sum_usage(settled))
    driver.run(_ADD, _sum_settled(settled))
    return {each.id for each in settled}


def _reap(driver: Driver, age: int) -> int:
    now = driver.read_clock()
    orphans = driver.select(_FIND_ORPHANS, {"since": now - age})
    reaped = _settle(driver, [_make_estimate(now, *row) for row in orphans])
    # Ten times as late, so that the list of workers shows for a while what became of one.
    driver.run(_FORGET, [{"since": now - 10 * age}])
    driver.run(_FORGET_ANSWERS, [{"now": now}])
    return len(reaped)


def _find_strays(driver: Driver, worker: str, before: int) -> Sequence[Settlement]:
    now = driver.read_clock()
    return [_make_estimate(now, *row) for row in driver.select(_FIND_STRAYS, {"worker": worker, "before": before})]


def _make_estimate(now: int, row_id: bytes, reserved: int | None, charges: str, *group: Any) -> Settlement:
    read = [Charge((scope, start), 0, amount) for scope, start, amount in json.loads(charges)]
    return Settlement(bytes(row_id), EST, now, reserved, make_group(*group), read)


def _read_counters(driver: Driver, counters: Collection[Counter]) -> dict[Counter, int]:
    """What was spent and reserved in each, which is locked."""
    ordered = sorted(counters)
    rows = [{"scope": scope, "start": start} for scope, start in ordered]
    found = driver.fetch(_READ_COUNTER, rows)
    if None in found:
        driver.run(_BEGIN_COUNTER, [row for row, value in zip(rows, found, strict=True) if value is None])
        found = driver.fetch(_READ_COUNTER, rows)
    return dict(zip(ordered, found, strict=True))


def _sum_settled(settlements: Iterable[Settlement]) -> Sequence[Row]:
    """What settlements add to what counters have reserved and spent."""
    return _sum_changes((charge, -charge.amount, each.cost or 0) for each in settlements for charge in each.charges)


def _sum_changes(changes: Iterable[tuple[Charge, int, int]]) -> Sequence[Row]:
    """What these charges add to what their counters have reserved and spent, in the order of their names."""
    sums: dict[Counter, list[int]] = {}
    for charge, reserved, spent in changes:
        total = sums.setdefault(charge.counter, [0, 0])
        total[0] += reserved
        total[1] += spent
    return [
        {"scope": scope, "start": start, "reserved": reserved, "spent": spent}
        for (scope, start), (reserved, spent) in sorted(sums.items())
    ]


def _sum_usage(settlements: Iterable[Settlement]) -> Sequence[Row]:
    """What is billed, or may be, for each group, in the order of their digests."""
    sums: dict[UsageGroup, list[int]] = {}
    for each in settlements:
        if each.state != FREE:
            counts, before = _list_counts(each), sums.get(each.group)
            sums[each.group] = list(map(add, before, counts)) if before else counts
    rows = [
        dict(zip((*_GROUP, *USAGE_COUNTS), (group.day, compute_digest(group), *group[1:], *counts), strict=True))
        for group, counts in sums.items()
    ]
    return sorted(rows, key=itemgetter("day", "digest"))


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
        "charges": _write_charges(opening.charges),
    }


def _write_charges(charges: Sequence[Charge]) -> str:
    return orjson.dumps([(*charge.counter, charge.amount) for charge in charges]).decode() if charges else "[]"


def _make_settlement_row(settlement: Settlement) -> Row:
    return {
        **_UNKNOWN,
        **settlement.details,
        "id": settlement.id,
        "state": settlement.state,
        "settled": settlement.settled,
        "cost": settlement.cost,
    }
