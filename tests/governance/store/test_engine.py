"""Engines: what waits for a database holds up no greenlet."""

import contextlib
import subprocess
import sys

import psycopg
import pytest

from bedrock_flask.config.database import parse_database_url
from bedrock_flask.governance.store.engine import PostgresConnection, PreparedStatement, open_engine
from tests.databases import Postgres

PATIENCE = 30

CODE = """
import gevent.monkey
gevent.monkey.patch_all()
import gevent
from bedrock_flask.config.database import parse_database_url
from bedrock_flask.governance.store.engine import run_where_it_may_wait

# As C code of a driver does.
block = gevent.monkey.get_original("time", "sleep")
turns = []

def count():
    while True:
        turns.append(1)
        gevent.sleep(0.01)

counting = gevent.spawn(count)
gevent.sleep(0)
result = run_where_it_may_wait(parse_database_url("sqlite:///a.db"), lambda: block(0.5) or "done")
print(result, len(turns) > 10)
"""


STATEMENT = """
import gevent.monkey
gevent.monkey.patch_all()
import sys
import gevent
from bedrock_flask.config.database import parse_database_url
from bedrock_flask.governance.store.engine import PreparedStatement, open_engine

turns = []

def count():
    while True:
        turns.append(1)
        gevent.sleep(0.01)

pooled = open_engine(parse_database_url(sys.argv[1])).raw_connection()
connection = pooled.dbapi_connection
counting = gevent.spawn(count)
gevent.sleep(0)
connection.run_prepared(PreparedStatement("wait", "SELECT pg_sleep($1::float)"), b"0.5")
print(len(turns) > 10)
"""


def test_a_prepared_statement_is_waited_for_as_greenlets_do(postgres: Postgres) -> None:
    command = [sys.executable, "-c", STATEMENT, postgres.create_database()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "True\n"


def test_sqlite_waits_in_a_thread_of_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "done True\n"


def test_psycopg_waits_as_greenlets_do() -> None:
    """It chooses how to wait when it is imported, which is after gevent has replaced the sockets."""
    code = (
        "import gevent.monkey; gevent.monkey.patch_all(); from psycopg import waiting; print(waiting.wait.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "psycopg.waiting\n"


def test_a_prepared_statement_is_done_when_its_commit_is(postgres: Postgres) -> None:
    """A constraint that is checked in the commit makes an error of a statement that has returned its rows."""
    engine = open_engine(parse_database_url(postgres.create_database()))
    with contextlib.closing(engine.raw_connection()) as pooled:
        connection = pooled.dbapi_connection
        assert isinstance(connection, PostgresConnection)
        connection.autocommit = True
        connection.execute("CREATE TABLE once (id BIGINT UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        insert = PreparedStatement("insert", "INSERT INTO once VALUES ($1::bigint) RETURNING id")
        assert connection.run_prepared(insert, b"1") == [b"1"]
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.run_prepared(insert, b"1")
        assert connection.run_prepared(insert, b"2") == [b"2"]


def test_a_prepared_statement_has_a_limit_and_what_answers_late_is_not_read(postgres: Postgres) -> None:
    engine = open_engine(parse_database_url(postgres.create_database()), patience=0.2)
    with contextlib.closing(engine.raw_connection()) as pooled:
        connection = pooled.dbapi_connection
        assert isinstance(connection, PostgresConnection)
        connection.autocommit = True
        with pytest.raises(psycopg.OperationalError):
            connection.run_prepared(PreparedStatement("wait", "SELECT pg_sleep($1::float)"), b"5")
        with pytest.raises(psycopg.OperationalError):
            connection.reject_closed()
