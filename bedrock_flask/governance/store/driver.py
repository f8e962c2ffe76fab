"""The driver's connection within a transaction: statements as text, in words that SQLite and Postgres both understand.

Core's execution would cost more than the statements. In Postgres each list of rows is sent at once.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from bedrock_flask.config.database import SQLITE, DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.store.schema import check_installation
from bedrock_flask.governance.store.session import WritingSession

Row = Mapping[str, Any]
_READ_CLOCK = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


class Driver:
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


def open_writer(url: DatabaseURL, pepper: ServerSecret) -> Callable[..., Any]:
    """A function that runs work, given a Driver and arguments, in a transaction; connected when it is first called."""
    return make_writer(open_session(url, pepper), is_sqlite=url.kind == SQLITE)


def open_session(url: DatabaseURL, pepper: ServerSecret, *, flushes: bool = False) -> WritingSession:
    """A session that writes, whose connections have been checked."""
    return WritingSession(url, lambda connection: check_installation(connection, pepper), flushes=flushes)


def make_writer(session: WritingSession, *, is_sqlite: bool) -> Callable[..., Any]:
    """A function that runs work, given a Driver and arguments, in a transaction of a session."""

    def transact(work: Callable[..., Any], *arguments: Any) -> Any:
        return session.run(lambda connection: work(Driver(connection, is_sqlite=is_sqlite), *arguments))

    return transact


@cache
def _translate(text: str) -> str:
    """A statement as psycopg takes it."""
    return _PARAMETER.sub(r"%(\1)s", text)


_PARAMETER = re.compile(r":(\w+)")
