"""Rows as the admin API answers them, and as commands show them: times are texts in UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bedrock_flask.governance.store.tables import AnyRow


def describe_team(row: AnyRow) -> dict[str, Any]:
    """A team."""
    return {"team": row.id, "parent": row.parent, **_describe_rules(row), "revoked": write_time(row.revoked)}


def describe_key(row: AnyRow, secrets: Iterable[AnyRow]) -> dict[str, Any]:
    """A key with its secrets, of which only the ids are known."""
    name = row.id.partition("/")[2]
    times = {"expires": write_time(row.expires), "revoked": write_time(row.revoked)}
    own = [_describe_secret(each) for each in secrets if each.key == row.id]
    return {"key": row.id, "team": row.team, "name": name, **_describe_rules(row), **times, "secrets": own}


def describe_audit(row: AnyRow) -> dict[str, Any]:
    """A row of the audit log."""
    described = {"id": row.id, "at": write_time(row.at), "who": row.who, "action": row.action, "object": row.object}
    return {**described, "before": row.before, "after": row.after}


def write_time(milliseconds: int | None) -> str | None:
    """A time as RFC 3339 has it; None for none."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _describe_rules(row: AnyRow) -> dict[str, Any]:
    budgets = {
        each["period"]: {name: value for name, value in each.items() if name != "period"} for each in row.budgets
    }
    rules = {"policy": row.policy, "limits": row.limits, "budgets": budgets, "tags": row.tags}
    return {**rules, "created": write_time(row.created)}


def _describe_secret(row: AnyRow) -> dict[str, Any]:
    return {"id": row.id, **{name: write_time(getattr(row, name)) for name in ("created", "expires", "revoked")}}
