"""Retention: old rows and those of one key go, in small transactions, and nothing else."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.budgets import Charge
from bedrock_flask.governance.ledger_row import OK, Opening, Settlement
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.store import retention
from bedrock_flask.governance.store.audit import AuditQuery, read_audit, write_audit
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.ledger import open_ledger_store
from bedrock_flask.governance.store.retention import erase, prune
from bedrock_flask.governance.store.tables import METADATA, REPLAYS
from bedrock_flask.governance.stores import LedgerStore
from tests.governed import check_usage

DAY = 86_400_000
TODAY = int(time.time() * 1000) // DAY * DAY
ALL = ("ledger", "usage", "audit")


@pytest.fixture
def store(database: DatabaseURL, pepper: ServerSecret) -> LedgerStore:
    return open_ledger_store(database, pepper)


def make_opening(key: str, opened: int) -> Opening:
    team = key.partition("/")[0]
    charges = [Charge((f"key:{key}/day", 0), 10**9, 1)]
    return Opening(os.urandom(16), Principal(key, team), "r", "native", "Converse", "acme.x", False, opened, 1, charges)


def add_rows(store: LedgerStore, key: str, opened: int, count: int = 1) -> None:
    openings = [make_opening(key, opened) for _ in range(count)]
    store.open("w", openings)
    store.settle([Settlement(each.id, OK, opened, 1, each.group, each.charges) for each in openings])


def count_rows(database: DatabaseURL) -> Mapping[str, int]:
    tables = {"ledger": "ledger", "usage": "usage_daily", "audit": "audit", "spending": "spending"}
    with begin(database, writes=False) as connection:
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for name, table in tables.items()
        }


def test_what_is_old_goes_and_what_is_spent_stays(
    database: DatabaseURL, pepper: ServerSecret, store: LedgerStore
) -> None:
    for day in range(5):
        add_rows(store, "a/b", TODAY - day * DAY, 2)
    store.open("w", [make_opening("a/b", TODAY - 9 * DAY)])
    with begin(database) as connection:
        write_audit(connection, "x", "create team", "a", (None, None))
    # In the middle of a day.
    before = TODAY - 2 * DAY + DAY // 2
    assert prune(database, pepper, "me", ["ledger"], before) == {"ledger": 6}
    assert count_rows(database) == {"ledger": 5, "usage": 5, "audit": 2, "spending": 1}
    assert prune(database, pepper, "me", ["ledger", "usage"], before) == {"ledger": 0, "usage": 2}
    assert prune(database, pepper, "me", ["audit"], TODAY + 2 * DAY) == {"audit": 4}
    with begin(database, writes=False) as connection:
        [row] = read_audit(connection, AuditQuery())
    assert (row.who, row.action, row.object, row.after) == (
        "me",
        "prune",
        "audit",
        {"before": TODAY + 2 * DAY, "rows": 4},
    )


def test_all_of_one_key_or_team_is_erased(database: DatabaseURL, pepper: ServerSecret, store: LedgerStore) -> None:
    for key in ("a/b", "a/bc", "ab/b"):
        add_rows(store, key, TODAY - 9 * DAY, 2)
        add_rows(store, key, TODAY)
    open_still = make_opening("a/b", TODAY)
    store.open("w", [open_still])
    with begin(database) as connection:
        for name in ("a", "a/b", "a/b/secret", "a/bc", "ab", "a%"):
            write_audit(connection, "x", "create", name, (None, {"tags": {"name": "Ada"}}))
    assert erase(database, pepper, "me", "key:a/b", ["ledger"]) == {"ledger": 3}
    assert erase(database, pepper, "me", "key:a/b", ALL) == {"ledger": 0, "usage": 2, "audit": 3}
    check_usage(database)
    store.settle([Settlement(open_still.id, OK, TODAY, 1, open_still.group, open_still.charges)])
    check_usage(database)
    assert erase(database, pepper, "me", "team:a", ALL) == {"ledger": 4, "usage": 3, "audit": 3}
    check_usage(database)
    assert count_rows(database) == {"ledger": 3, "usage": 2, "audit": 3, "spending": 3}
    with begin(database, writes=False) as connection:
        found = [(row.action, row.object, row.after) for row in read_audit(connection, AuditQuery(who="me"))]
    assert found == [("erase team", "a", {"ledger": 4, "usage": 3, "audit": 3})]


def test_a_gateway_does_not_wait_for_many_rows_that_go(
    database: DatabaseURL, pepper: ServerSecret, store: LedgerStore
) -> None:
    for _ in range(30):
        add_rows(store, "a/b", TODAY - 9 * DAY, 400)
    removed: list[dict[str, int]] = []
    thread = threading.Thread(target=lambda: removed.append(erase(database, pepper, "me", "key:a/b", ALL)))
    thread.start()
    waits = []
    while thread.is_alive():
        began = time.monotonic()
        add_rows(store, "a/c", TODAY)
        waits.append(time.monotonic() - began)
        # As calls come; without a pause the file would be locked all the time by this loop.
        thread.join(0.005)
    assert removed == [{"ledger": 12_000, "usage": 1, "audit": 0}]
    assert len(waits) > 20
    # A statement of the gateway gives up after two seconds.
    assert max(waits) < 1
    check_usage(database)


def test_each_table_with_rows_of_callers_is_one_that_can_be_erased() -> None:
    named = {table.name for table in METADATA.sorted_tables if {"key", "team"} & set(table.c.keys())}
    # A key belongs to its team, and a secret to its key, for as long as names are not given twice.
    assert named - {"keys", "secrets"} == {"ledger", "usage_daily", "replays"}


def test_stored_answers_are_erased_when_they_are_whole(database: DatabaseURL, pepper: ServerSecret) -> None:
    answers = [("a/b", 200), ("a/b", None), ("a/bc", 200), ("ab/b", 200)]
    with begin(database) as connection:
        for key, status in answers:
            row = {"id": os.urandom(16), "key": key, "token": b"", "fingerprint": b"", "worker": "w", "request_id": "r"}
            connection.execute(REPLAYS.insert().values(**row, lost="", began=5, expires=9, status=status))
    assert erase(database, pepper, "me", "key:a/b", ["replays"]) == {"replays": 1}
    assert erase(database, pepper, "me", "team:a", ["replays"]) == {"replays": 1}
    assert prune(database, pepper, "me", ["replays"], 5) == {"replays": 0}
    assert prune(database, pepper, "me", ["replays"], 6) == {"replays": 1}
    with begin(database, writes=False) as connection:
        assert connection.execute(text("SELECT key, status FROM replays")).all() == [("a/b", None)]


def test_a_key_that_is_claimed_anew_while_old_answers_go_stays(
    database: DatabaseURL, pepper: ServerSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"id": b"i", "key": "a/b", "token": b"", "fingerprint": b"", "worker": "w", "request_id": "r", "lost": ""}
    with begin(database) as connection:
        connection.execute(REPLAYS.insert().values(**row, began=5, expires=9, status=200))
    find = retention._find

    def find_and_claim(*arguments: Any) -> Sequence[Any]:
        found = find(*arguments)
        with begin(database) as connection:
            connection.execute(REPLAYS.update().values(status=None))
        return found

    monkeypatch.setattr(retention, "_find", find_and_claim)
    assert prune(database, pepper, "me", ["replays"], 6) == {"replays": 0}
    with begin(database, writes=False) as connection:
        assert connection.execute(text("SELECT count(*) FROM replays")).scalar_one() == 1
