"""Rows as the admin API answers them, and as commands show them: times as texts in UTC, and money in dollars."""

from collections.abc import Iterable, Mapping
from typing import Any

from bedrock_flask.governance.budgets import Budget, find_end, name_counter, to_dollars
from bedrock_flask.governance.store.tables import AnyRow
from bedrock_flask.governance.times import write_time


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


def describe_spending(budget: Budget, spent: int, reserved: int, now: int) -> dict[str, Any]:
    """A budget, and what is spent and reserved of it in the period that has the time `now`."""
    _, start = name_counter(budget, now)
    money = {"usd": budget.limit, "spent": spent, "reserved": reserved}
    times = {"start": write_time(start), "end": write_time(find_end(budget.period, start))}
    dollars = {name: to_dollars(amount) for name, amount in money.items()}
    return {
        "period": budget.period,
        **times,
        **dollars,
        "unpriced": sorted(budget.unpriced),
        "warn_at": [*budget.warn_at],
    }


def read_budget_rows(budgets: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The budgets of a view as the directory stores them."""
    return [{"period": period, **budget} for period, budget in budgets.items()]


def _describe_rules(row: AnyRow) -> dict[str, Any]:
    budgets = {
        each["period"]: {name: value for name, value in each.items() if name != "period"} for each in row.budgets
    }
    rules = {"policy": row.policy, "limits": row.limits, "budgets": budgets, "tags": row.tags}
    return {**rules, "created": write_time(row.created)}


def _describe_secret(row: AnyRow) -> dict[str, Any]:
    return {"id": row.id, **{name: write_time(getattr(row, name)) for name in ("created", "expires", "revoked")}}
