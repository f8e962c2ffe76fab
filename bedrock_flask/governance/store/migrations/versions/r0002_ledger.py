"""The ledger, what each budget has spent, and the workers that write them."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

_TEXTS = ("state", "request_id", "worker", "secret", "key", "team", "tags", "dialect", "operation", "model")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "workers",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("box", sa.Text, nullable=False),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.Column("stream", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger),
        sa.Column("charges", sa.Text, nullable=False),
        sa.Column("settled", sa.BigInteger),
        sa.Column("cost", sa.BigInteger),
        sa.Column("region", sa.Text),
        sa.Column("surface", sa.Text),
        sa.Column("tier", sa.Text),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("cache_read_tokens", sa.BigInteger),
        sa.Column("cache_write_tokens", sa.BigInteger),
        sa.Column("counts", sa.Text),
        sa.Column("attempts", sa.BigInteger),
        sa.Column("upstream_request_id", sa.Text),
        sa.Column("latency", sa.BigInteger),
        sa.Column("first", sa.BigInteger),
        sa.Column("status", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_request_id", "ledger", ["request_id"])
    op.create_index("ix_ledger_opened", "ledger", ["opened"])
    is_open = sa.text("state = 'OPEN'")
    op.create_index("ix_ledger_open", "ledger", ["worker"], postgresql_where=is_open, sqlite_where=is_open)
    op.create_table(
        "spending",
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("scope", "start", name="pk_spending"),
    )


def downgrade() -> None:
    """Drop them, and all that is in them."""
    for table in ("spending", "ledger", "workers"):
        op.drop_table(table)
