"""What Postgres does with all rows of a group in one statement, and so in one round trip: decide, reserve and write.

The rows are a parameter in JSON, so that a statement is prepared once for any number of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import LargeBinary, Table

from bedrock_flask.governance.store.engine import PreparedStatement
from bedrock_flask.governance.store.tables import LEDGER, METADATA

Row = Mapping[str, Any]
USAGE_DAILY = METADATA.tables["usage_daily"]
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
            INSERT INTO ledger ({", ".join(names)}) SELECT {_read(LEDGER, names)}
            FROM json_to_recordset($1::json) AS r({_describe(LEDGER, names)}) WHERE (SELECT fits FROM decided)
        )
        SELECT fits FROM decided
        """,  # noqa: S608 - names of columns
    )


def make_settling_statement(names: Sequence[str], group: Sequence[str], counts: Sequence[str]) -> PreparedStatement:
    """Settles rows if all of them are open, adds to the sums of their groups and to their counters, and says so.

    What is locked is locked in one order everywhere: rows by their ids, sums, then counters, for which others wait.
    """
    return PreparedStatement(
        "settle",
        f"""
        WITH given AS (
            SELECT * FROM json_to_recordset($1::json) AS r(id text, {_describe(LEDGER, names)})
        ), locked AS (
            SELECT l.id FROM ledger l WHERE l.state = 'OPEN' AND l.id IN (SELECT decode(id, 'hex') FROM given)
            ORDER BY l.id FOR UPDATE
        ), decided AS (
            SELECT count(*) = (SELECT count(*) FROM given) AS fits FROM locked
        ), settled AS (
            UPDATE ledger l SET {", ".join(f"{name} = r.{name}" for name in names)} FROM given r
            WHERE l.id = decode(r.id, 'hex') AND (SELECT fits FROM decided)
        ), counted AS (
            INSERT INTO usage_daily ({", ".join((*group, *counts))}) SELECT {_read(USAGE_DAILY, (*group, *counts))}
            FROM json_to_recordset($2::json) AS r({_describe(USAGE_DAILY, (*group, *counts))})
            WHERE (SELECT fits FROM decided)
            ON CONFLICT (day, digest) DO UPDATE
            SET {", ".join(f"{name} = usage_daily.{name} + excluded.{name}" for name in counts)} RETURNING 1
        ), changes AS (
            SELECT * FROM json_to_recordset($3::json) AS c(scope text, start bigint, reserved bigint, spent bigint)
        ), counters AS (
            SELECT s.scope, s.start FROM spending s JOIN changes c ON s.scope = c.scope AND s.start = c.start
            WHERE (SELECT fits FROM decided) AND (SELECT count(*) FROM counted) >= 0
            ORDER BY s.scope COLLATE "C", s.start FOR UPDATE OF s
        ), moved AS (
            UPDATE spending s SET reserved = s.reserved + c.reserved, spent = s.spent + c.spent
            FROM changes c JOIN counters k ON c.scope = k.scope AND c.start = k.start
            WHERE s.scope = c.scope AND s.start = c.start
        )
        SELECT fits FROM decided
        """,  # noqa: S608 - names of columns
    )


def write_rows(rows: Iterable[Row]) -> bytes:
    """Rows as a parameter."""
    return orjson.dumps([*rows], default=bytes.hex)


def _describe(table: Table, names: Iterable[str]) -> str:
    """Columns as the members of a row in JSON, where bytes are hexadecimal digits."""
    return ", ".join(f"{name} {_TYPES[str(table.c[name].type)]}" for name in names)


def _read(table: Table, names: Iterable[str]) -> str:
    """Columns from a row in JSON."""
    is_bytes = {name: isinstance(table.c[name].type, LargeBinary) for name in names}
    return ", ".join(f"decode(r.{name}, 'hex')" if is_bytes[name] else f"r.{name}" for name in is_bytes)
