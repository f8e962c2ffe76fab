"""The ledger in both databases: rows and counters change together, and once."""

import os
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.errors import BudgetExceeded, StoreUnavailable
from bedrock_flask.governance.budgets import Charge, Counter
from bedrock_flask.governance.ledger import Ledger
from bedrock_flask.governance.ledger_row import CANCELLED, EST, FREE, OK, Opening, Settlement
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.store import schema
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.ledger import open_ledger_store
from bedrock_flask.governance.stores import CommitInDoubt, LedgerStore
from tests.databases import Postgres
from tests.governed import check_usage

KEY, TEAM = ("key:a/b/day", 0), ("team:a/day", 0)
CALLER = Principal("a/b", "a", ("a",), "secret", tags={"centre": "7"})


@pytest.fixture
def store(database: DatabaseURL, pepper: ServerSecret) -> LedgerStore:
    return open_ledger_store(database, pepper)


def make_opening(amount: int = 10, limit: int = 100, counters: tuple[Counter, ...] = (KEY, TEAM)) -> Opening:
    charges = [Charge(counter, limit, amount) for counter in counters]
    return Opening(os.urandom(16), CALLER, "r-1", "native", "Converse", "acme.x", False, 5, amount, charges)


def make_settlement(opening: Opening, cost: int | None = 7, state: str = OK) -> Settlement:
    details = {"input_tokens": 3, "status": 200}
    return Settlement(opening.id, state, 9, cost, opening.group, opening.charges, details)


def read_spending(database: DatabaseURL) -> dict[str, tuple[int, int]]:
    with begin(database, writes=False) as connection:
        rows = connection.execute(text("SELECT scope, spent, reserved FROM spending"))
        return {row.scope: (row.spent, row.reserved) for row in rows}


def read_states(database: DatabaseURL) -> list[str]:
    with begin(database, writes=False) as connection:
        return list(connection.execute(text("SELECT state FROM ledger ORDER BY state")).scalars())


def test_a_row_is_opened_with_its_reservations_and_settled_once(database: DatabaseURL, store: LedgerStore) -> None:
    opening = make_opening()
    assert store.open("w", [opening]) == [None]
    assert read_spending(database) == {"key:a/b/day": (0, 10), "team:a/day": (0, 10)}
    assert store.settle([make_settlement(opening)]) == {opening.id}
    assert store.settle([make_settlement(opening, 50), make_settlement(make_opening())]) == set()
    assert read_spending(database) == {"key:a/b/day": (7, 0), "team:a/day": (7, 0)}
    with begin(database, writes=False) as connection:
        [row] = connection.execute(text("SELECT * FROM ledger")).all()
    assert (bytes(row.id), row.state, row.reserved, row.cost) == (opening.id, OK, 10, 7)
    assert (row.key, row.team, row.tags, row.input_tokens, row.output_tokens) == (
        "a/b",
        "a",
        '{"centre": "7"}',
        3,
        None,
    )


def test_each_row_counts_once_in_the_sums_of_its_day(database: DatabaseURL, store: LedgerStore) -> None:
    """Whichever way it ends; one that is free, or still open, does not."""
    openings = [make_opening(10, 1000) for _ in range(8)]
    openings[1] = replace(openings[1], opened=86_400_000)
    openings[2] = replace(openings[2], model="acme." + "\u20ac" * 400)
    # Longer than what an index takes.
    long = {f"name-{number}": os.urandom(125).hex() for number in range(20)}
    openings[3] = replace(openings[3], principal=replace(CALLER, tags=long))
    store.open("w", openings)
    store.settle([make_settlement(each) for each in openings[:4]])
    costs = ((openings[0], 7, OK), (openings[4], 10, CANCELLED), (openings[5], 0, FREE), (openings[6], None, OK))
    store.settle([make_settlement(*each) for each in costs])
    check_usage(database)
    assert store.reap(0) == 1
    assert store.settle([make_settlement(openings[7])]) == set()
    check_usage(database)
    with begin(database, writes=False) as connection:
        rows = connection.execute(text("SELECT calls, cost, estimated, unpriced FROM usage_daily")).all()
    assert sorted(map(tuple, rows)) == [(1, 7, 0, 0)] * 3 + [(4, 27, 2, 1)]


def test_settlements_that_meet_lose_nothing_of_the_sums(database: DatabaseURL, pepper: ServerSecret) -> None:
    stores = [open_ledger_store(database, pepper) for _ in range(4)]

    def open_and_settle(store: LedgerStore, days: Sequence[int]) -> None:
        for _ in range(10):
            # Rows are settled in the order of their ids: here that of the days.
            ids = sorted(os.urandom(16) for _ in days)
            pairs = zip(ids, days, strict=True)
            openings = [replace(make_opening(1, 1, ()), id=id_, opened=86_400_000 * day) for id_, day in pairs]
            store.open("w", openings)
            store.settle([make_settlement(each) for each in openings])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_and_settle, stores, [range(1, 9), range(8, 0, -1)] * 2))
    check_usage(database)


def test_a_settlement_that_waits_for_a_sum_holds_no_later_one(postgres: Postgres, pepper: ServerSecret) -> None:
    """Otherwise two that have the same two groups could wait for each other."""
    url = parse_database_url(postgres.create_database())
    schema.upgrade(url, pepper)
    store = open_ledger_store(url, pepper)
    openings = [replace(make_opening(1, 100, ()), opened=86_400_000 * day) for day in (2, 1, 2, 1)]
    store.open("w", openings)
    store.settle([make_settlement(each) for each in openings[:2]])
    with ThreadPoolExecutor(1) as pool, begin(url) as connection:
        connection.execute(text("UPDATE usage_daily SET calls = calls WHERE day = 86400000"))
        settled = pool.submit(store.settle, [make_settlement(each) for each in openings[2:]])
        until = time.monotonic() + 20
        while not connection.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted")).all():
            assert time.monotonic() < until
            time.sleep(0.01)
        connection.execute(text("SELECT 1 FROM usage_daily WHERE day = 172800000 FOR UPDATE NOWAIT"))
        connection.commit()
        assert len(settled.result(20)) == 2
    check_usage(url)


def test_a_group_is_admitted_in_its_order(database: DatabaseURL, store: LedgerStore) -> None:
    group = [make_opening(60), make_opening(50), make_opening(40), make_opening(1, 1, ())]
    assert store.open("w", group) == [None, KEY, None, None]
    assert read_spending(database) == {"key:a/b/day": (0, 100), "team:a/day": (0, 100)}
    assert read_states(database) == ["OPEN"] * 3


def test_a_group_that_does_not_fit_as_a_whole_is_admitted_one_by_one(database: DatabaseURL, store: LedgerStore) -> None:
    """Also where all counters have begun, and a group that fits would be reserved in one step."""
    assert store.open("w", [make_opening(10)]) == [None]
    assert store.open("w", [make_opening(50), make_opening(41), make_opening(40)]) == [None, KEY, None]
    assert read_spending(database) == {"key:a/b/day": (0, 100), "team:a/day": (0, 100)}
    assert read_states(database) == ["OPEN"] * 3


def test_no_two_workers_admit_the_same_money(database: DatabaseURL, pepper: ServerSecret) -> None:
    stores = [open_ledger_store(database, pepper) for _ in range(4)]

    def open_many(store: LedgerStore) -> int:
        return sum(store.open("w", [make_opening(10, 100)]) == [None] for _ in range(20))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(open_many, stores)) == 10
    assert read_spending(database) == {"key:a/b/day": (0, 100), "team:a/day": (0, 100)}


def test_the_rows_of_a_worker_that_died_are_estimated_once(database: DatabaseURL, store: LedgerStore) -> None:
    store.beat("alive")
    store.beat("dead")
    kept, lost, unpriced = make_opening(), make_opening(), replace(make_opening(0), reserved=None)
    store.open("alive", [kept])
    store.open("dead", [lost, unpriced])
    assert store.reap(30_000) == 0
    with begin(database) as connection:
        connection.execute(text("UPDATE workers SET seen = seen - 31000 WHERE id = 'dead'"))
    assert store.reap(30_000) == 2
    assert store.reap(30_000) == 0
    assert store.settle([make_settlement(lost)]) == set()
    assert read_states(database) == [EST, EST, "OPEN"]
    assert read_spending(database)["key:a/b/day"] == (10, 10)
    store.leave("alive")
    assert store.reap(30_000) == 1
    assert read_spending(database)["key:a/b/day"] == (20, 0)


def test_a_worker_finds_its_own_rows_that_it_does_not_know(database: DatabaseURL, store: LedgerStore) -> None:
    store.beat("w")
    opening = make_opening()
    store.open("w", [opening])
    assert [(each.id, each.state, each.cost) for each in store.find_strays("w", 6)] == [(opening.id, EST, 10)]
    assert store.find_strays("w", 5) == []
    assert store.find_strays("other", 6) == []
    assert store.settle(store.find_strays("w", 6)) == {opening.id}
    check_usage(database)


def test_what_waits_is_written_when_the_worker_ends(database: DatabaseURL, store: LedgerStore) -> None:
    ledger = Ledger(store)
    openings = [make_opening(1, 1000) for _ in range(150)]
    for opening in openings:
        ledger.open(opening)
        ledger.settle(make_settlement(opening, 1))
    with pytest.raises(BudgetExceeded, match="The budget of the key 'a/b' for this day"):
        ledger.open(make_opening(101))
    ledger.close()
    assert read_states(database) == [OK] * 150
    with begin(database, writes=False) as connection:
        assert connection.execute(text("SELECT count(*) FROM workers")).scalar_one() == 0


def test_a_commit_in_doubt_is_free_because_no_call_was_made(database: DatabaseURL, store: LedgerStore) -> None:
    def open_and_lose(worker: str, openings: Sequence[Opening]) -> Sequence[Counter | None]:
        store.open(worker, openings)
        raise CommitInDoubt()

    ledger = Ledger(replace(store, open=open_and_lose))
    with pytest.raises(StoreUnavailable):
        ledger.open(make_opening())
    ledger.close()
    assert read_states(database) == [FREE]
    assert read_spending(database)["key:a/b/day"] == (0, 0)


def test_settlements_wait_for_a_store_that_is_away(database: DatabaseURL, store: LedgerStore) -> None:
    trials = iter([False, False, True])

    def settle_at_last(settlements: Sequence[Settlement]) -> Collection[bytes]:
        if not next(trials, True):
            raise StoreUnavailable()
        return store.settle(settlements)

    ledger = Ledger(replace(store, settle=settle_at_last))
    ledger.start()
    opening = make_opening()
    ledger.open(opening)
    ledger.settle(make_settlement(opening))
    until = time.monotonic() + 20
    while read_states(database) != [OK]:
        assert time.monotonic() < until
        time.sleep(0.02)
    ledger.close()


def test_a_durable_settlement_outlives_its_caller(database: DatabaseURL, store: LedgerStore) -> None:
    trials = iter([False])

    def settle_later(settlements: Sequence[Settlement]) -> Collection[bytes]:
        if not next(trials, True):
            raise KeyboardInterrupt
        return store.settle(settlements)

    ledger = Ledger(replace(store, settle=settle_later), is_durable=True)
    opening = make_opening()
    ledger.open(opening)
    with pytest.raises(KeyboardInterrupt):
        ledger.complete(make_settlement(opening))
    ledger.close()
    assert read_states(database) == [OK]
    assert read_spending(database)["key:a/b/day"] == (7, 0)


def test_a_file_that_another_process_writes_is_waited_for(tmp_path: Path, pepper: ServerSecret) -> None:
    url = parse_database_url(f"sqlite:///{tmp_path}/gateway.db")
    schema.upgrade(url, pepper)
    store = open_ledger_store(url, pepper)
    store.beat("w")
    with ThreadPoolExecutor(1) as pool:
        with begin(url) as connection:
            connection.execute(text("UPDATE workers SET seen = 0"))
            opened = pool.submit(store.open, "w", [make_opening()])
            time.sleep(0.3)
            assert not opened.done()
        assert opened.result(20) == [None]
    assert read_states(url) == ["OPEN"]
