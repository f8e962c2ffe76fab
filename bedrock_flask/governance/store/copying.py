"""Copies of a database: all rows of one into another that is new, in one snapshot."""

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Table, insert, select

from bedrock_flask.config.database import SQLITE, DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.schema import check_installation, list_revisions, read_revision, upgrade
from bedrock_flask.governance.store.tables import INSTALLATION, METADATA

_ROWS_AT_ONCE = 1000


def copy(source: DatabaseURL, target: DatabaseURL, pepper: ServerSecret) -> dict[str, int]:
    """Copy all rows into a database without any, which gets the schema first; the number of rows of each table."""
    with begin(source, writes=False) as reading:
        check_installation(reading, pepper)
        if (revision := read_revision(reading)) != list_revisions()[-1]:
            raise StartupError(f"{source.describe()} has the schema {revision} of a later release, which can copy it")
        upgrade(target, pepper)
        with begin(target) as writing:
            _check_empty(writing, target)
            writing.execute(INSTALLATION.delete())
            return {table.name: _copy_table(reading, writing, table) for table in METADATA.sorted_tables}


def backup(source: DatabaseURL, path: str, pepper: ServerSecret) -> dict[str, int]:
    """Copy a database into a new file of SQLite, which is there when it is whole."""
    part = f"{path}.part"
    if Path(path).exists():
        raise StartupError(f"{path} exists already")
    _remove(part)
    try:
        copied = copy(source, DatabaseURL(SQLITE, f"sqlite:///{part}"), pepper)
        os.replace(part, path)
    finally:
        _remove(part)
    return copied


def _check_empty(connection: Connection, url: DatabaseURL) -> None:
    tables = [table for table in METADATA.sorted_tables if table is not INSTALLATION]
    if filled := [table.name for table in tables if connection.execute(select(table).limit(1)).first()]:
        raise StartupError(f"{url.describe()} has rows already: {', '.join(filled)}")


def _copy_table(reading: Connection, writing: Connection, table: Table) -> int:
    copied = 0
    for rows in _read_rows(reading, table):
        writing.execute(insert(table), rows)
        copied += len(rows)
    return copied


def _read_rows(connection: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    found = connection.execute(select(table), execution_options={"stream_results": True})
    for rows in found.partitions(_ROWS_AT_ONCE):
        yield [dict(row._mapping) for row in rows]


def _remove(path: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(path + suffix).unlink(missing_ok=True)
