"""A session: one connection, for one caller at a time.

A database that is away is tried by one caller a second; all others are refused at once.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.errors import StartupError, StoreUnavailable
from bedrock_flask.governance.store.engine import open_engine, run_where_it_may_wait

LOG = logging.getLogger("bedrock_flask.store")
Result = TypeVar("Result")
# Seconds between two trials of a database that is away.
_TRIAL = 1.0
# Seconds in which a connection fails that the server has closed meanwhile; a new one is tried at once.
_AT_ONCE = 0.5


class Session:
    """Runs work that only reads, perhaps twice, on a connection; each new one is checked first."""

    def __init__(self, url: DatabaseURL, check: Callable[[Connection], None]) -> None:
        self._url, self._check = url, check
        self._engine = open_engine(url)
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._next_trial = 0.0
        self._is_away = False

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """The result of work in a transaction. Raises StoreUnavailable, whose cause may be the check's StartupError."""
        self._reject_if_away()
        with self._lock:
            # It may have failed for another one while this one waited.
            self._reject_if_away()
            try:
                result = run_where_it_may_wait(self._url, lambda: self._try_twice(work))
            except (SQLAlchemyError, OSError) as error:
                # Its text may have the statement, its parameters and the address.
                self._note_away(type(getattr(error, "orig", None) or error).__name__)
                raise StoreUnavailable() from None
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

    def _try_twice(self, work: Callable[[Connection], Result]) -> Result:
        was_open, began = self._connection is not None, time.monotonic()
        try:
            return self._try(work)
        except (SQLAlchemyError, OSError):
            if not was_open or time.monotonic() - began > _AT_ONCE:
                raise
        return self._try(work)

    def _try(self, work: Callable[[Connection], Result]) -> Result:
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(writes=False)
                with self._connection.begin():
                    self._check(self._connection)
            with self._connection.begin():
                return work(self._connection)
        except (SQLAlchemyError, OSError, StartupError):
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
