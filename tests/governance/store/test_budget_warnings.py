"""Warnings in both databases: each threshold of a budget is warned of once a period, whoever notices it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.budget_warning import REFUSED, SPENT, write_warning
from bedrock_flask.governance.budget_watch import BudgetWatch
from bedrock_flask.governance.budgets import Counter, find_start
from bedrock_flask.governance.store.budget_warnings import open_warning_store
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.stores import WarningStore
from tests.governed import change_directory

Spend = Callable[[str, str], Counter]


@pytest.fixture
def store(database: DatabaseURL, pepper: ServerSecret) -> WarningStore:
    change_directory(database, "create_team", "acme")
    change_directory(database, "set_budgets", "team:acme", {"day": "10", "month": "100"}, (), [50, 80, 100])
    change_directory(database, "create_key", pepper, "acme", "k")
    change_directory(database, "set_budgets", "key:acme/k", {"day": "1"}, (), [])
    return open_warning_store(database, pepper)


@pytest.fixture
def spend(database: DatabaseURL) -> Spend:
    def set_spent(scope: str, dollars: str) -> Counter:
        """Set what the counter of a day, or a month, has spent."""
        start = find_start(scope.rpartition("/")[2], int(time.time() * 1000))
        row = {"scope": scope, "start": start, "spent": int(float(dollars) * 10**9)}
        with begin(database) as connection:
            connection.execute(text("DELETE FROM spending WHERE scope = :scope"), row)
            connection.execute(text("INSERT INTO spending VALUES (:scope, :start, :spent, 0)"), row)
        return scope, start

    return set_spent


def test_each_threshold_is_warned_of_once_a_period(database: DatabaseURL, store: WarningStore, spend: Spend) -> None:
    store.write({spend("team:acme/day", "4.99"): False})
    assert store.take() == []
    counter = spend("team:acme/day", "8.5")
    for _ in range(3):
        store.write({counter: False, spend("key:acme/k/day", "9"): False, ("team:other/day", 0): False})
    found = {(each.counter, each.threshold, each.reason, each.spent) for each in store.take()}
    assert found == {(counter, 50, SPENT, 8_500_000_000), (counter, 80, SPENT, 8_500_000_000)}
    store.write({spend("team:acme/day", "10"): False, spend("team:acme/month", "50"): False})
    assert {(each.counter[0], each.threshold) for each in store.take()} == {
        ("team:acme/day", 100),
        ("team:acme/month", 50),
    }
    with begin(database) as connection:
        connection.execute(text("UPDATE spending SET start = start + 86400000 WHERE scope = 'team:acme/day'"))
    store.write({("team:acme/day", counter[1] + 86_400_000): False})
    assert [each.threshold for each in store.take()] == [50, 80, 100]


def test_a_refusal_for_lack_of_room_counts_as_the_whole(store: WarningStore, spend: Spend) -> None:
    store.write({spend("team:acme/day", "9.5"): True})
    assert {(each.threshold, each.reason) for each in store.take()} == {(50, SPENT), (80, SPENT), (100, REFUSED)}
    assert store.take() == []


def test_a_warning_is_taken_by_one_and_again_when_it_is_not_accepted(
    database: DatabaseURL, pepper: ServerSecret, store: WarningStore, spend: Spend
) -> None:
    store.write({spend("team:acme/day", "5"): False})
    stores = [open_warning_store(database, pepper) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        [warning] = [each for some in pool.map(lambda each: each.take(), stores) for each in some]
    waits = []
    for _ in range(12):
        before = int(time.time() * 1000)
        store.end(warning.id, False)
        with begin(database) as connection:
            [due] = connection.execute(text("SELECT due FROM budget_warnings")).scalars()
            connection.execute(text("UPDATE budget_warnings SET due = 0"))
        waits.append(round((due - before) / 1000))
        assert [each.id for each in store.take()] == [warning.id]
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
    # A worker that was killed while it sent one leaves it to the others.
    assert store.take() == []
    with begin(database) as connection:
        connection.execute(text("UPDATE budget_warnings SET due = due - 61000"))
    assert [each.id for each in store.take()] == [warning.id]
    store.end(warning.id, True)
    with begin(database) as connection:
        assert connection.execute(text("SELECT due FROM budget_warnings")).scalar_one() is None
        connection.execute(text("UPDATE budget_warnings SET due = 0, at = at - 3 * 86400000"))
    # In vain for three days.
    assert store.take() == []


def test_a_message_says_whose_budget_it_is(store: WarningStore, spend: Spend) -> None:
    store.write({spend("team:acme/day", "5"): False})
    [warning] = store.take()
    message = write_warning(warning)
    assert message["type"] == "budget.threshold"
    day = time.strftime("%Y-%m-%d", time.gmtime(warning.counter[1] / 1000))
    data = message["data"]
    assert data["start"].startswith(day)
    assert {name: data[name] for name in ("scope", "period", "threshold", "reason", "usd", "spent")} == {
        "scope": "team:acme",
        "period": "day",
        "threshold": 50,
        "reason": "spent",
        "usd": "10.00",
        "spent": "5.00",
    }


def test_what_the_database_does_not_take_is_looked_at_again() -> None:
    written: list[dict[Counter, bool]] = []

    def write(changed: dict[Counter, bool]) -> None:
        written.append(dict(changed))
        if len(written) == 1:
            raise StoreUnavailable()

    watch = BudgetWatch(WarningStore(write, lambda: [], lambda warning, is_accepted: None), None)  # type: ignore[arg-type]
    watch.note([("a/day", 1)])
    watch.note([("a/day", 1)], has_refused=True)
    watch.note([("a/day", 1), ("b/day", 1)])
    with pytest.raises(StoreUnavailable):
        watch.look()
    watch.look()
    watch.look()
    assert written == [{("a/day", 1): True, ("b/day", 1): False}] * 2
