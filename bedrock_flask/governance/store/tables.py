"""The tables. Times are milliseconds since 1970 in UTC; the migrations create what is written here."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, LargeBinary, MetaData, Row, Table, Text, UniqueConstraint

AnyRow = Row[*tuple[Any, ...]]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row. `version` is incremented by each change of teams, keys and secrets, in its transaction.
INSTALLATION = Table(
    "installation",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("pepper_check", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
)

TEAMS = Table(
    "teams",
    METADATA,
    Column("id", Text, primary_key=True),
    # Deferred, so that a copy may insert teams in any order.
    Column("parent", Text, ForeignKey("teams.id", deferrable=True, initially="DEFERRED")),
    Column("policy", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
    Column("budgets", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger),
)

# The id is TEAM/NAME.
KEYS = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("team", Text, ForeignKey("teams.id"), nullable=False, index=True),
    Column("policy", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
    Column("budgets", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
)

SECRETS = Table(
    "secrets",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("key", Text, ForeignKey("keys.id"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
    UniqueConstraint("digest"),
)

# Who changed what; `before` and `after` are the row, without digests.
AUDIT = Table(
    "audit",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
)
