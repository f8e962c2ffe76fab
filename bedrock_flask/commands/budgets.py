"""Budgets of keys and teams, for the commands that set and show them."""

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bedrock_flask.commands.output.table import format_table
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.budgets import to_dollars

if TYPE_CHECKING:
    from bedrock_flask.governance.store.directory import Directory

_NONE = "none"


def parse_budgets(pairs: Sequence[str]) -> dict[str, str | None]:
    """The amounts of `day=10` pairs by their periods; None for `day=none`."""
    budgets: dict[str, str | None] = {}
    for pair in pairs:
        period, equals, dollars = pair.partition("=")
        if not equals:
            raise StartupError(f"'{pair[:50]}' is not a budget: PERIOD=USD, such as day=10 or month=250.50")
        budgets[period] = None if dollars == _NONE else dollars
    return budgets


def parse_thresholds(text: str | None) -> list[int] | None:
    """The thresholds of `80,100` in per cent; none for `none`, and None without an option."""
    if text is None:
        return None
    parts = [] if text == _NONE else [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,3}", part, re.ASCII) for part in parts):
        raise StartupError(f"'{text[:50]}' is not a list of thresholds in per cent, such as 80,100")
    return [int(part) for part in parts]


def show_budgets(directory: "Directory", scope: str) -> None:
    """Print the budgets of `team:NAME` or `key:TEAM/NAME`, and what is spent of each."""
    rows = [
        (
            budget.period,
            *map(to_dollars, (budget.limit, spent, reserved)),
            ",".join(map(str, budget.warn_at)) or "-",
            " ".join(sorted(budget.unpriced)) or "-",
        )
        for budget, spent, reserved in directory.list_spending(scope, int(time.time() * 1000))
    ]
    for line in format_table([("period", "usd", "spent", "reserved", "warns at %", "allowed without a price"), *rows]):
        click.echo(line)
