"""`bedrock-flask usage` shows who has used and spent how much."""

import csv
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from bedrock_flask.commands.database import read_database_settings, read_directory
from bedrock_flask.commands.options import parse_duration
from bedrock_flask.commands.output.table import format_table
from bedrock_flask.governance.budgets import to_dollars
from bedrock_flask.governance.store.usage import COUNTS, GROUPS, sum_usage


@click.command()
@click.option(
    "--by",
    multiple=True,
    type=click.Choice(tuple(GROUPS)),
    default=("team",),
    show_default=True,
    help="May be repeated.",
)
@click.option("--last", default="30d", show_default=True, help="The time to look back, such as 7d or 12h.")
@click.option("--csv", "is_csv", is_flag=True, help="Print CSV.")
def usage(by: Sequence[str], last: str, is_csv: bool) -> None:
    """Show who has used and spent how much.

    Each call that AWS bills and that has ended counts. `estimated` calls are charged at what was reserved for them,
    because nobody knows what AWS bills; the cost of `unpriced` ones is not known and not in the sum.
    """
    # One that is repeated is one column.
    groups = tuple(dict.fromkeys(by))
    since = int((time.time() - parse_duration(last)) * 1000)
    with read_directory(read_database_settings()) as directory:
        found = sum_usage(directory.connection, groups, since)
    header = (*groups, *COUNTS, "cost_usd", "estimated", "unpriced")
    rows = [_write_row(groups, row) for row in found]
    if is_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
        return
    for line in format_table([header, *rows]):
        click.echo(line)


def _write_row(groups: Sequence[str], row: Any) -> tuple[str, ...]:
    names = (_format_day(row.day) if group == "day" else getattr(row, group) or "-" for group in groups)
    counts = (str(int(getattr(row, name))) for name in COUNTS)
    return (*names, *counts, to_dollars(int(row.cost)), str(int(row.estimated)), str(int(row.unpriced)))


def _format_day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"
