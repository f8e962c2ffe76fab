"""The tables. Times are milliseconds since 1970 in UTC; the migrations create what is written here."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bedrock_flask.governance.ledger_row import USAGE_COUNTS

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

# The processes that write the ledger; `seen` is by the database's clock, every few seconds.
Table(
    "workers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("box", Text, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)

# One row for each call that AWS bills. Money is whole nanodollars. `tags` and `charges` are JSON, as text, because a
# driver writes it as it is; `charges` are the rows of `spending` that the reservation is in, until it is settled, and
# `counts`, which are JSON too, what was counted beside tokens (`prices/counted.py`).
LEDGER = Table(
    "ledger",
    METADATA,
    Column("id", LargeBinary, primary_key=True),
    Column("state", Text, nullable=False),
    Column("request_id", Text, nullable=False, index=True),
    Column("worker", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("stream", Boolean(create_constraint=False), nullable=False),
    Column("opened", BigInteger, nullable=False, index=True),
    Column("reserved", BigInteger),
    Column("charges", Text, nullable=False),
    Column("settled", BigInteger),
    Column("cost", BigInteger),
    Column("region", Text),
    Column("surface", Text),
    Column("tier", Text),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("counts", Text),
    Column("attempts", BigInteger),
    Column("upstream_request_id", Text),
    Column("latency", BigInteger),
    Column("first", BigInteger),
    Column("status", BigInteger),
    Column("error", Text),
)
_IS_OPEN = text("state = 'OPEN'")
# Few rows are open, however many there are.
Index("ix_ledger_open", LEDGER.c.worker, postgresql_where=_IS_OPEN, sqlite_where=_IS_OPEN)

# What each budget has spent, and has reserved for open calls, in the period that starts at `start`.
SPENDING = Table(
    "spending",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
)

# What the settled rows of the ledger sum up to, but for those that are FREE: one row for each UTC day on which calls
# were opened, and each team, key, model and set of tags, whose `digest` is that of `ledger_row.UsageGroup`.
USAGE_DAILY = Table(
    "usage_daily",
    METADATA,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("team", "key", "model", "tags")),
    *(Column(name, BigInteger, nullable=False) for name in USAGE_COUNTS),
    Index(None, "key", "day"),
)

# Requests with an idempotency key, by a digest of caller and key, until their time is over. One that is answered has a
# status; without a body the answer was too large. `lost` is the request whose worker died before it answered.
REPLAYS = Table(
    "replays",
    METADATA,
    Column("id", LargeBinary, primary_key=True),
    Column("key", Text, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("worker", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("lost", Text, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("status", BigInteger),
    Column("headers", Text),
    Column("body", LargeBinary),
)

# That a budget has reached a threshold: one row for each period and threshold. `due` is when it is sent next; null when
# the webhook has taken it. `budget` and `spent` are nanodollars at the time `at`.
Table(
    "budget_warnings",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("threshold", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("budget", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("due", BigInteger, index=True),
    Column("attempts", BigInteger, nullable=False),
)
