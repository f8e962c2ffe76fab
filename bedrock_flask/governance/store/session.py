"""A session: one connection, for one caller at a time.

A database that is away is tried by one caller a second; all others are refused at once.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bedrock_flask.config.database import SQLITE, DatabaseURL
from bedrock_flask.errors import StartupError, StoreUnavailable
from bedrock_flask.governance.store.engine import PATIENCE, PostgresConnection, open_engine, run_where_it_may_wait
from bedrock_flask.governance.stores import CommitInDoubt

LOG = logging.getLogger("bedrock_flask.store")
Result = TypeVar("Result")
# Seconds between two trials of a database that is away.
_TRIAL = 1.0
# Seconds in which a connection fails that the server has closed meanwhile; a new one is tried at once.
_AT_ONCE = 0.5
_FAILURES = (SQLAlchemyError, sqlite3.Error, psycopg.Error, OSError)


class Session:
    """Runs work that only reads, perhaps twice, on a connection; each new one is checked first."""

    def __init__(self, url: DatabaseURL, check: Callable[[Connection], None]) -> None:
        self._url, self._check = url, check
        self._engine = open_engine(url)
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._next_trial = 0.0
        self._is_away = False
        self._is_committing = False

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """The result of work in a transaction. Raises StoreUnavailable, whose cause may be the check's StartupError."""
        self._reject_if_away()
        with self._lock:
            # It may have failed for another one while this one waited.
            self._reject_if_away()
            try:
                result = self._try_where_it_may_wait(work)
            except _FAILURES as error:
                # Its text may have the statement, its parameters and the address.
                self._note_away(type(getattr(error, "orig", None) or error).__name__)
                raise CommitInDoubt() if self._is_committing else StoreUnavailable() from None
            except StartupError as error:
                self._note_away(error.detail)
                raise StoreUnavailable() from error
            if self._is_away:
                LOG.warning("the database answers again")
            self._is_away = False
            return result

    def _reject_if_away(self) -> None:
        if self._is_away and time.monotonic() < self._next_trial:
            raise StoreUnavailable()

    def _note_away(self, reason: str) -> None:
        if not self._is_away:
            LOG.error("calls are refused until the database answers: %s", reason)
        self._is_away, self._next_trial = True, time.monotonic() + _TRIAL

    def _try_where_it_may_wait(self, work: Callable[[Connection], Result]) -> Result:
        return run_where_it_may_wait(self._url, lambda: self._try_twice(work))

    def _try_twice(self, work: Callable[[Connection], Result]) -> Result:
        was_open, began = self._connection is not None, time.monotonic()
        try:
            return self._try(work)
        except _FAILURES:
            if not was_open or self._is_committing or time.monotonic() - began > _AT_ONCE:
                raise
        return self._try(work)

    def _try(self, work: Callable[[Connection], Result]) -> Result:
        self._is_committing = False
        try:
            return self._transact(self._connection or self._open(), work)
        except (*_FAILURES, StartupError):
            self._drop()
            raise

    def _open(self) -> Connection:
        self._connection = connection = self._engine.connect().execution_options(writes=False)
        with connection.begin():
            self._check(connection)
        return connection

    def _transact(self, connection: Connection, work: Callable[[Connection], Result]) -> Result:
        with connection.begin():
            return work(connection)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


@dataclass(frozen=True)
class _Alone(Generic[Result]):
    """Work that is one statement."""

    work: Callable[[PostgresConnection], Result]

    def __call__(self, connection: PostgresConnection) -> Result:
        return self.work(connection)


class _BusyError(Exception):
    """Another process writes to the file just now."""


class WritingSession(Session):
    """Runs work that writes, on the driver's own connection, because Core's execution costs more than the statements.

    What fails in its commit raises CommitInDoubt. SQLite is tried in the calling thread first, which cannot wait.
    """

    def __init__(self, url: DatabaseURL, check: Callable[[Connection], None], *, flushes: bool = False) -> None:
        super().__init__(url, check)
        self._flushes = flushes

    # Whether the next transaction may wait for another process, and whether the connection does.
    _waits = _is_patient = True

    def _try_where_it_may_wait(self, work: Callable[[Any], Result]) -> Result:
        # A commit that is flushed waits for the disk.
        if self._url.kind == SQLITE and self._connection is not None and not self._flushes:
            self._waits = False
            try:
                return self._try(work)
            except _BusyError:
                pass
        self._waits = True
        return super()._try_where_it_may_wait(work)

    def _open(self) -> Connection:
        connection = super()._open()
        if self._url.kind == SQLITE:
            # Its writing to the disk would be waited for; `checkpoint` does it elsewhere.
            _find_driver(connection).execute("PRAGMA wal_autocheckpoint = 0")
            if self._flushes:
                _find_driver(connection).execute("PRAGMA synchronous = FULL")
        else:
            # A statement may be a transaction of its own; all others begin theirs.
            _find_driver(connection).autocommit = True
        self._is_patient = True
        return connection

    def run_alone(self, work: Callable[[PostgresConnection], Result]) -> Result:
        """The result of work that is one statement, which Postgres runs as a transaction of its own."""
        result: Result = self.run(cast(Any, _Alone(work)))
        return result

    def _transact(self, connection: Connection, work: Callable[[Any], Result]) -> Result:
        driver = _find_driver(connection)
        if isinstance(work, _Alone):
            return self._run_statement(driver, cast(Callable[[PostgresConnection], Result], work))
        if self._url.kind == SQLITE:
            self._begin(driver)
        else:
            driver.execute("BEGIN")
        try:
            result = work(driver)
            self._is_committing = True
            driver.commit()
        except BaseException:
            if not self._is_committing:
                # One that is lost cannot, and need not.
                with contextlib.suppress(*_FAILURES):
                    driver.rollback()
            raise
        self._is_committing = False
        return result

    def _run_statement(self, driver: PostgresConnection, work: Callable[[PostgresConnection], Result]) -> Result:
        driver.reject_closed()
        self._is_committing = True
        try:
            result = work(driver)
        except psycopg.Error as error:
            # What the server refuses has not happened.
            self._is_committing = error.sqlstate is None
            raise
        self._is_committing = False
        return result

    def _begin(self, driver: Any) -> None:
        if self._waits != self._is_patient:
            driver.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000) if self._waits else 0}")
            self._is_patient = self._waits
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if self._waits or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise _BusyError from None


def checkpoint(url: DatabaseURL) -> None:
    """Bring what was committed to SQLite's file to the disk; Postgres has done that in each commit."""
    if url.kind == SQLITE:
        run_where_it_may_wait(url, lambda: _checkpoint(open_engine(url)))


def _checkpoint(engine: Engine) -> None:
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()
        engine.dispose()


def _find_driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection
