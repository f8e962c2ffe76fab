"""The audit log: who changed what. A row is written in the transaction of the change that it describes."""

import itertools
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select

from bedrock_flask.governance.store.tables import AUDIT, AnyRow

# What is written in one millisecond by one process keeps its order.
_NUMBERS = itertools.count()


@dataclass(frozen=True, kw_only=True)
class AuditQuery:
    """Which rows of the audit log are meant; an empty member restricts nothing.

    object  a team, a key or a secret (`TEAM/NAME/ID`), and what belongs to it
    since   milliseconds since 1970; `until` too, which is excluded
    after   the id of a row: those that are older
    within  teams, to whose objects the rows are restricted; None for no restriction
    """

    object: str = ""
    who: str = ""
    action: str = ""
    since: int = 0
    until: int | None = None
    after: str = ""
    within: Collection[str] | None = None
    most: int = 100


def write_audit(connection: Connection, who: str, action: str, name: str, change: tuple[Any, Any]) -> None:
    """Write a row; the change is what was before it, and what is after it."""
    now = int(time.time() * 1000)
    # By their ids rows are in the order in which they were written.
    row = {"id": f"{now:012x}{next(_NUMBERS) % 0x10000:04x}{os.urandom(8).hex()}", "at": now, "who": who}
    before, after = change
    connection.execute(
        insert(AUDIT).values({**row, "action": action, "object": name, "before": before, "after": after})
    )


def read_audit(connection: Connection, query: AuditQuery) -> Sequence[AnyRow]:
    """The rows of a query, the newest first."""
    conditions = [AUDIT.c.at >= query.since, *_list_conditions(query)]
    if query.after:
        last = select(AUDIT.c.at).where(AUDIT.c.id == query.after).scalar_subquery()
        conditions.append(or_(AUDIT.c.at < last, and_(AUDIT.c.at == last, AUDIT.c.id < query.after)))
    chosen = select(AUDIT).where(*conditions).order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc())
    return connection.execute(chosen.limit(query.most)).all()


def _list_conditions(query: AuditQuery) -> Sequence[ColumnElement[bool]]:
    conditions = [AUDIT.c[name] == value for name in ("who", "action") if (value := getattr(query, name))]
    if query.until is not None:
        conditions.append(AUDIT.c.at < query.until)
    if query.object:
        conditions.append(belongs_to(query.object))
    if query.within is not None:
        conditions.append(or_(AUDIT.c.id.is_(None), *map(belongs_to, sorted(query.within))))
    return conditions


def belongs_to(name: str) -> ColumnElement[bool]:
    """Whether a row is about a team, a key or a secret of this name, or about what belongs to it."""
    return or_(AUDIT.c.object == name, AUDIT.c.object.startswith(f"{name}/", autoescape=True))


def describe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table for the audit log, without its digest."""
    return {name: value for name, value in row.items() if name != "digest"}
