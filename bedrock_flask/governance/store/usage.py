"""What was used and spent, summed up from the ledger."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, case, func, select

from bedrock_flask.governance.ledger_row import CANCELLED, EST, FREE, OPEN
from bedrock_flask.governance.store.tables import LEDGER, AnyRow

_DAY = 86_400_000
# What calls can be summed up by; a day is its first millisecond.
GROUPS: dict[str, ColumnElement[object]] = {
    "team": LEDGER.c.team,
    "key": LEDGER.c.key,
    "model": LEDGER.c.model,
    "day": LEDGER.c.opened - LEDGER.c.opened % _DAY,
}
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
# What is counted of each group.
COUNTS = ("calls", *_TOKENS)


def sum_usage(connection: Connection, by: Sequence[str], since: int) -> Sequence[AnyRow]:
    """For each group the calls that have ended and are billed, their tokens and their cost; the oldest is `since`.

    A row has the columns of `by` and of COUNTS, `cost` in nanodollars, and how many calls are in it whose
    cost is `estimated`, or is `unpriced` and so missing.
    """
    groups = [GROUPS[name].label(name) for name in by]
    sums = [
        func.count().label("calls"),
        *(_sum(LEDGER.c[name]).label(name) for name in _TOKENS),
        _sum(LEDGER.c.cost).label("cost"),
        _sum(case((LEDGER.c.state.in_((EST, CANCELLED)), 1), else_=0)).label("estimated"),
        _sum(case((LEDGER.c.cost.is_(None), 1), else_=0)).label("unpriced"),
    ]
    chosen = select(*groups, *sums).where(LEDGER.c.opened >= since, LEDGER.c.state.not_in((OPEN, FREE)))
    return connection.execute(chosen.group_by(*groups).order_by(*groups)).all()


def _sum(column: ColumnElement[object]) -> ColumnElement[object]:
    return func.coalesce(func.sum(column), 0)
