"""A session: a database that is killed, stopped, locked or gone is an error soon, and used again when it is back."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.server_secret import ServerSecret, parse_server_secret
from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.store import schema
from bedrock_flask.governance.store.directory import Directory
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.key_store import open_key_store
from bedrock_flask.governance.stores import KeyStore
from tests.databases import Postgres

PATIENCE = 30


@pytest.fixture
def postgres_url(postgres: Postgres, pepper: ServerSecret) -> DatabaseURL:
    url = parse_database_url(postgres.create_database())
    schema.upgrade(url, pepper)
    return url


@pytest.fixture
def store(postgres_url: DatabaseURL, pepper: ServerSecret) -> KeyStore:
    store = open_key_store(postgres_url, pepper)
    store.read_version()
    return store


def await_version(store: KeyStore) -> float:
    """The seconds until a store answers again."""
    began = time.monotonic()
    while True:
        try:
            store.read_version()
            return time.monotonic() - began
        except StoreUnavailable:
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.05)


def test_a_killed_server_is_away_and_back(postgres: Postgres, store: KeyStore) -> None:
    postgres.kill()
    with pytest.raises(StoreUnavailable):
        store.read_version()
    postgres.start()
    assert await_version(store) < 5


def test_a_server_that_was_started_again_is_not_away(postgres: Postgres, store: KeyStore) -> None:
    """The old connection is closed, and a new one answers: nobody is refused."""
    postgres.kill()
    postgres.start()
    assert store.read_version() > 0


def test_a_stopped_server_is_away_in_two_seconds_and_then_at_once(postgres: Postgres, store: KeyStore) -> None:
    postgres.pause()
    try:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.read_version()
        assert 1 < time.monotonic() - began < 4
        # Nobody queues behind the next trial.
        began, refused = time.monotonic(), 0
        while time.monotonic() - began < 0.5:
            with pytest.raises(StoreUnavailable):
                store.read_version()
            refused += 1
        assert refused > 100
    finally:
        postgres.resume()
    assert await_version(store) < 5


def test_those_who_wait_for_the_same_trial_are_refused_with_it(postgres: Postgres, store: KeyStore) -> None:
    postgres.pause()
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            waiting = [pool.submit(store.read_version) for _ in range(20)]
            assert all(isinstance(each.exception(PATIENCE), StoreUnavailable) for each in waiting)
        assert time.monotonic() - began < 5
    finally:
        postgres.resume()


def test_a_reader_does_not_wait_for_a_writer_of_sqlite(tmp_path: Path, pepper: ServerSecret) -> None:
    url = parse_database_url(f"sqlite:///{tmp_path}/a.db")
    schema.upgrade(url, pepper)
    store = open_key_store(url, pepper)
    before = store.read_version()
    with begin(url) as connection:
        Directory(connection, "test").create_team("research")
        assert store.read_version() == before
    assert store.read_version() > before


def test_a_locked_file_is_away_in_two_seconds_and_back(tmp_path: Path, pepper: ServerSecret) -> None:
    url = parse_database_url(f"sqlite:///{tmp_path}/a.db")
    schema.upgrade(url, pepper)
    store = open_key_store(url, pepper)
    holder = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    # In WAL mode only this lock keeps readers out.
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.read_version()
    assert time.monotonic() - began < 4
    holder.execute("COMMIT")
    holder.close()
    assert await_version(store) < 5


def test_a_database_of_another_pepper_is_away(postgres_url: DatabaseURL) -> None:
    """Where it was away at the start; nobody is refused as unknown."""
    store = open_key_store(postgres_url, parse_server_secret("another-pepper-0123456789abcdef-and-more"))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.read_version()


def test_a_file_that_is_not_there_is_not_created(tmp_path: Path, pepper: ServerSecret) -> None:
    store = open_key_store(parse_database_url(f"sqlite:///{tmp_path}/a.db"), pepper)
    with pytest.raises(StoreUnavailable):
        store.read_version()
    assert list(tmp_path.iterdir()) == []


def test_many_threads_share_one_connection(store: KeyStore) -> None:
    gate = threading.Barrier(16)

    def read(_: int) -> int:
        gate.wait(PATIENCE)
        return sum(store.read_version() for _ in range(20))

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(read, range(16)))) == 1
