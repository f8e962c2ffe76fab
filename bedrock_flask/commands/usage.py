"""`bedrock-flask usage` shows who has used and spent how much."""

import csv
import sys
import time
from collections.abc import Sequence

import click

from bedrock_flask.commands.database import read_database_settings, read_directory
from bedrock_flask.commands.options import parse_duration
from bedrock_flask.commands.output.table import format_table
from bedrock_flask.errors import StartupError
from bedrock_flask.governance import focus
from bedrock_flask.governance.budgets import to_dollars
from bedrock_flask.governance.ledger_row import TOKEN_COUNTS
from bedrock_flask.governance.store.usage import sum_usage
from bedrock_flask.governance.times import write_day
from bedrock_flask.governance.usage import GROUPS, TAG, UsageSum

_BY = f"{', '.join(GROUPS)} or {TAG}NAME"


@click.command()
@click.option("--by", multiple=True, default=("team",), show_default=True, help=f"{_BY}; may be repeated.")
@click.option("--only", multiple=True, help="team=NAME, key=TEAM/NAME, model=ID or tag:NAME=VALUE; may be repeated.")
@click.option("--last", default="30d", show_default=True, help="The time to look back, such as 7d; days are whole.")
@click.option("--csv", "is_csv", is_flag=True, help="Print CSV.")
@click.option("--focus", "is_focus", is_flag=True, help="Print CSV in the columns of FOCUS 1.2, a row for each of all.")
def usage(by: Sequence[str], only: Sequence[str], last: str, is_csv: bool, is_focus: bool) -> None:
    """Show who has used and spent how much.

    Each call that AWS bills and that has ended counts, on the UTC day on which it began. `estimated` calls are charged
    at what was reserved for them, because nobody knows what AWS bills; the cost of `unpriced` ones is not known and not
    in the sum.
    """
    # One that is repeated is one column.
    groups = focus.BY if is_focus else tuple(dict.fromkeys(map(_check_group, by)))
    chosen = dict(map(_parse_only, only))
    since = int((time.time() - parse_duration(last)) * 1000)
    with read_directory(read_database_settings()) as directory:
        found = sum_usage(directory.connection, groups, since, chosen)
    if is_focus:
        writer = csv.DictWriter(sys.stdout, focus.COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(focus.describe_row, found))
        return
    header = (*groups, "calls", *TOKEN_COUNTS, "cost_usd", "estimated", "unpriced")
    rows = [_write_row(groups, each) for each in found]
    if is_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
        return
    for line in format_table([header, *rows]):
        click.echo(line)


def _check_group(name: str) -> str:
    if name not in GROUPS and not (name.startswith(TAG) and name != TAG):
        raise StartupError(f"'{name[:50]}' is not what calls are summed up by: {_BY}")
    return name


def _parse_only(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or name == "day":
        raise StartupError(f"'{pair[:100]}' is not NAME=VALUE, such as team=research or tag:centre=7")
    return _check_group(name), value


def _write_row(groups: Sequence[str], found: UsageSum) -> tuple[str, ...]:
    pairs = zip(groups, found.group, strict=True)
    names = (write_day(value) if name == "day" else value or "-" for name, value in pairs)
    counts = map(str, (found.calls, *found.tokens))
    return (*names, *counts, to_dollars(found.cost), str(found.estimated), str(found.unpriced))
