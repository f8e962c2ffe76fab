"""Engines: connections to SQLite and Postgres that wait for a bounded time, and never hold up other greenlets."""

import os
import select
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import psycopg
from psycopg import pq, waiting
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from bedrock_flask.config.database import SQLITE, DatabaseURL
from bedrock_flask.errors import StartupError

Result = TypeVar("Result")
# Seconds for a connection, for an answer and for a lock; commands may move many rows, and wait longer for a lock.
PATIENCE, COMMAND_PATIENCE, _LONGEST_LOCK = 2.0, 3600.0, 30.0
_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


@dataclass(frozen=True)
class PreparedStatement:
    """A statement of Postgres' that each connection prepares when it first runs it."""

    name: str
    text: str


class PostgresConnection(psycopg.Connection[Any]):
    """A connection whose answers have a limit: a server that is stopped closes nothing, and answers nothing."""

    patience = PATIENCE
    _known: frozenset[str] = frozenset()

    def run_prepared(self, statement: PreparedStatement, *parameters: bytes) -> Sequence[bytes | None]:
        """The first column of what a statement returns, as texts: one round trip, without a cursor, which costs more.

        Outside of a transaction it is one of its own.
        """
        name = statement.name.encode()
        try:
            if statement.name not in self._known:
                self.pgconn.send_prepare(name, statement.text.encode())
                self._await_result()
                self._known |= {statement.name}
            self.pgconn.send_query_prepared(name, parameters)
            result = self._await_result()
        except BaseException:
            if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
                # Its answer would be read as that of the next statement.
                self.pgconn.finish()
            raise
        return [result.get_value(row, 0) for row in range(result.ntuples)]

    def reject_closed(self) -> None:
        """Raise an OperationalError for a connection that the server has closed meanwhile."""
        self.pgconn.consume_input()

    def _await_result(self) -> Any:
        """The result of a statement, once its transaction is committed: a commit that fails is a second result."""
        server = self.pgconn
        while server.flush():
            self._await(waiting.WAIT_W)
        results = []
        while True:
            while server.is_busy():
                self._await(waiting.WAIT_R)
                server.consume_input()
            result = server.get_result()
            if result is None:
                break
            results.append(result)
        for result in results:
            if result.status not in _DONE:
                raise psycopg.errors.error_from_result(result)
        if not results:
            raise psycopg.OperationalError("the connection was closed")
        return results[0]

    def _await(self, event: int) -> None:
        if not wait_for_socket(self.pgconn.socket, event, self.patience):
            self.pgconn.finish()
            raise psycopg.OperationalError("no answer in time")

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer; an OperationalError closes the connection, since an answer may still arrive."""
        try:
            return waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=self.patience)
        except psycopg.OperationalError:
            self.pgconn.finish()
            raise


def open_engine(url: DatabaseURL, patience: float = PATIENCE) -> Engine:
    """An engine without a pool: each user keeps its connection. One that only reads has the option `writes=False`."""
    if url.kind == SQLITE:
        engine = create_engine("sqlite://", creator=partial(_connect_sqlite, url.path, patience), poolclass=NullPool)
        # Otherwise the driver begins transactions itself, and only before some statements.
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        "postgresql+psycopg://", creator=lambda: _connect_postgres(url.text, patience), poolclass=NullPool
    )


def create_file(url: DatabaseURL) -> None:
    """Create the file of a SQLite database, readable by its owner only, unless it exists."""
    if url.kind == SQLITE:
        try:
            os.close(os.open(url.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StartupError(f"{url.path} cannot be written: {error.strerror}") from None


@contextmanager
def begin(url: DatabaseURL, *, writes: bool = True, patience: float = COMMAND_PATIENCE) -> Iterator[Connection]:
    """A transaction, for commands: what fails is a StartupError in one line. One that only reads sees one moment."""
    if url.kind == SQLITE and not Path(url.path).exists():
        raise StartupError(f"{url.path} does not exist: bedrock-flask db upgrade creates it")
    engine = open_engine(url, patience)
    try:
        with engine.connect() as connection:
            isolation = {} if writes or url.kind == SQLITE else {"isolation_level": "REPEATABLE READ"}
            connection.execution_options(writes=writes, **isolation)
            with connection.begin():
                yield connection
    except DBAPIError as error:
        # The statement and its parameters are not shown.
        reason = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise StartupError(f"{url.describe()}: {reason[0]}") from None
    finally:
        engine.dispose()


def run_where_it_may_wait(url: DatabaseURL, work: Callable[[], Result]) -> Result:
    """The result of work with a database: SQLite would hold up all greenlets, so a thread of the system does it."""
    if url.kind == SQLITE and _is_patched():
        import gevent

        return gevent.get_hub().threadpool.apply(work)
    return work()


def wait_for_socket(descriptor: int, event: int, seconds: float) -> bool:
    """Wait until a socket can be read or written; False if that takes longer. Other greenlets go on meanwhile."""
    if _is_patched():
        return _wait_in_greenlet(descriptor, event, seconds)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN if event == waiting.WAIT_R else select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


def _wait_in_greenlet(descriptor: int, event: int, seconds: float) -> bool:
    from gevent import socket as gevent_socket

    wait = gevent_socket.wait_read if event == waiting.WAIT_R else gevent_socket.wait_write
    try:
        wait(descriptor, seconds)
    except TimeoutError:
        return False
    return True


def _is_patched() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _connect_sqlite(path: str, patience: float) -> sqlite3.Connection:
    # A missing file is not created: that is the business of `bedrock-flask db upgrade`.
    address = f"file:{quote(path)}?mode=rw"
    wait = min(patience, _LONGEST_LOCK)
    connection = sqlite3.connect(address, wait, isolation_level=None, check_same_thread=False, uri=True)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes", True) else "BEGIN")


def _connect_postgres(text: str, patience: float) -> PostgresConnection:
    connection = PostgresConnection.connect(text, connect_timeout=int(PATIENCE), application_name="bedrock-flask")
    connection.patience = patience
    return connection
