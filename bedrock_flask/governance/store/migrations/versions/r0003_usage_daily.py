"""What the ledger sums up to by day, team, key, model and tags, with the rows that are there."""

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

_GROUP = ("team", "key", "model", "tags")
_COUNTS = (
    "calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost",
    "estimated",
    "unpriced",
)
_SUM_UP = """
    SELECT opened - opened % 86400000, team, key, model, tags, COUNT(*),
        SUM(COALESCE(input_tokens, 0)), SUM(COALESCE(output_tokens, 0)),
        SUM(COALESCE(cache_read_tokens, 0)), SUM(COALESCE(cache_write_tokens, 0)), SUM(COALESCE(cost, 0)),
        SUM(CASE WHEN state IN ('EST', 'CANCELLED') THEN 1 ELSE 0 END), SUM(CASE WHEN cost IS NULL THEN 1 ELSE 0 END)
    FROM ledger WHERE state NOT IN ('OPEN', 'FREE')
    GROUP BY opened - opened % 86400000, team, key, model, tags
"""


def upgrade() -> None:
    """Create the table, and sum up."""
    table = op.create_table(
        "usage_daily",
        sa.Column("day", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _GROUP),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint("day", "digest", name="pk_usage_daily"),
    )
    op.create_index("ix_usage_daily_key_day", "usage_daily", ["key", "day"])
    names = ("day", "digest", *_GROUP, *_COUNTS)
    rows = [
        dict(zip(names, (day, _compute_digest(row[:4]), *row[:4], *map(int, row[4:])), strict=True))
        for day, *row in op.get_bind().execute(sa.text(_SUM_UP))
    ]
    if rows:
        op.bulk_insert(table, rows)


def downgrade() -> None:
    """Drop the sums."""
    op.drop_table("usage_daily")


def _compute_digest(texts: Iterable[str]) -> bytes:
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=16).digest()
