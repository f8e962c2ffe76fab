"""Warnings that a budget has reached a threshold."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "budget_warnings",
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("threshold", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("budget", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("scope", "start", "threshold", name="pk_budget_warnings"),
    )
    op.create_index("ix_budget_warnings_due", "budget_warnings", ["due"])


def downgrade() -> None:
    """Drop the warnings."""
    op.drop_table("budget_warnings")
