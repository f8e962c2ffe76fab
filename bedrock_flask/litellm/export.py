"""The rows of LiteLLM's database, as one JSON document that psql has written.

Source: LiteLLM 1.110.2, `proxy/schema.prisma`. Columns that a release lacks are taken for empty.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.errors import StartupError

Row = Mapping[str, Any]
_TABLES = ("budgets", "keys", "models", "organizations", "teams", "users")


@dataclass(frozen=True)
class Export:
    """The rows of the tables that are read, and the budgets by their ids."""

    keys: Sequence[Row] = ()
    teams: Sequence[Row] = ()
    organizations: Sequence[Row] = ()
    users: Sequence[Row] = ()
    models: Sequence[Row] = ()
    budgets: Mapping[str, Row] = field(default_factory=dict)


def parse_export(text: str, path: str) -> Export:
    """The rows; StartupError if the document is another one."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StartupError(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict) or not set(document) <= set(_TABLES) or "keys" not in document:
        raise StartupError(f"{path} is not an export of LiteLLM's database: it has {', '.join(_TABLES)}")
    rows = {name: document.get(name) or [] for name in _TABLES}
    if wrong := [name for name, table in rows.items() if not _is_table(table)]:
        raise StartupError(f"{path}: {wrong[0]} are not rows")
    budgets = {str(row.get("budget_id")): row for row in rows.pop("budgets")}
    return Export(**rows, budgets=budgets)


def _is_table(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
