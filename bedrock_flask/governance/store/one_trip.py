"""What Postgres does with all rows of a group in one statement, and so in one round trip: decide, reserve and write.

The rows are a parameter in JSON, so that a statement is prepared once for any number of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import LargeBinary

from bedrock_flask.governance.store.engine import PreparedStatement
from bedrock_flask.governance.store.tables import LEDGER

Row = Mapping[str, Any]
_TYPES = {"TEXT": "text", "BIGINT": "bigint", "BOOLEAN": "boolean", "BLOB": "text"}


def make_opening_statement(names: Sequence[str]) -> PreparedStatement:
    """Inserts rows and adds what they reserve if all of it fits, and says whether it does.

    The counters are locked in the order of their names, byte by byte, as everywhere; then each is read anew.
    """
    return PreparedStatement(
        "open",
        f"""
        WITH wanted AS (
            SELECT * FROM json_to_recordset($2::json) AS w(scope text, start bigint, amount bigint, "limit" bigint)
        ), locked AS (
            SELECT s.scope, s.start, s.spent + s.reserved + w.amount <= w."limit" AS fits
            FROM spending s JOIN wanted w ON s.scope = w.scope AND s.start = w.start
            ORDER BY s.scope COLLATE "C", s.start FOR UPDATE OF s
        ), decided AS (
            SELECT count(*) = (SELECT count(*) FROM wanted) AND coalesce(bool_and(fits), TRUE) AS fits FROM locked
        ), reserved AS (
            UPDATE spending s SET reserved = s.reserved + w.amount FROM wanted w
            WHERE s.scope = w.scope AND s.start = w.start AND (SELECT fits FROM decided)
        ), opened AS (
            INSERT INTO ledger ({", ".join(names)}) SELECT {_read(names)}
            FROM json_to_recordset($1::json) AS r({_describe(names)}) WHERE (SELECT fits FROM decided)
        )
        SELECT fits FROM decided
        """,  # noqa: S608 - names of columns
    )


def make_settling_statement(names: Sequence[str]) -> PreparedStatement:
    """Settles the rows that are open, which are locked in the order of their ids, and returns their ids."""
    changes = ", ".join(f"{name} = r.{name}" for name in names)
    return PreparedStatement(
        "settle",
        f"""
        WITH given AS (
            SELECT * FROM json_to_recordset($1::json) AS r(id text, {_describe(names)})
        ), locked AS (
            SELECT l.id FROM ledger l WHERE l.state = 'OPEN' AND l.id IN (SELECT decode(id, 'hex') FROM given)
            ORDER BY l.id FOR UPDATE
        )
        UPDATE ledger l SET {changes} FROM given r
        WHERE l.id = decode(r.id, 'hex') AND l.state = 'OPEN' AND l.id IN (SELECT id FROM locked)
        RETURNING r.id
        """,  # noqa: S608 - names of columns
    )


def write_rows(rows: Iterable[Row]) -> bytes:
    """Rows as a parameter."""
    return orjson.dumps([*rows], default=bytes.hex)


def _describe(names: Iterable[str]) -> str:
    """Columns as the members of a row in JSON, where bytes are hexadecimal digits."""
    return ", ".join(f"{name} {_TYPES[str(LEDGER.c[name].type)]}" for name in names)


def _read(names: Iterable[str]) -> str:
    """Columns from a row in JSON."""
    return ", ".join(f"decode(r.{name}, 'hex')" if _is_bytes(name) else f"r.{name}" for name in names)


def _is_bytes(name: str) -> bool:
    return isinstance(LEDGER.c[name].type, LargeBinary)
