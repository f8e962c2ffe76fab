"""`bedrock-flask db` keeps the database of teams and keys: its schema, copies of it, backups."""

import re
import time
from collections.abc import Sequence

import click

from bedrock_flask.commands.database import name_operator, read_database_settings
from bedrock_flask.commands.options import parse_duration
from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.store import copying, retention, schema
from bedrock_flask.governance.store.retention import KEPT


@click.group()
def db() -> None:
    """Migrate, copy or back up the database.

    It is the one in BEDROCK_FLASK_DATABASE_URL.
    """


@db.command()
def upgrade() -> None:
    """Create the tables, or migrate them to this release.

    A file of SQLite is created if it does not exist. The gateway never migrates by itself. The release before this one
    still works on the new schema, so a gateway may be upgraded after its database.
    """
    settings = read_database_settings()
    revision = schema.upgrade(settings.database_url, settings.key_pepper)
    click.echo(f"{settings.database_url.describe()} has the schema {revision}")


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Migrate the tables back to REVISION, or by as many steps as `-1`.

    What newer tables and columns hold is lost: make a backup first.
    """
    settings = read_database_settings()
    found = schema.downgrade(settings.database_url, revision)
    click.echo(f"{settings.database_url.describe()} has {f'the schema {found}' if found else 'no schema'}")


@db.command()
@click.argument("target")
def copy(target: str) -> None:
    """Copy all rows into the database TARGET, which has none.

    Brings a backup back, and moves from SQLite to Postgres. TARGET is an address like BEDROCK_FLASK_DATABASE_URL, with
    the same pepper.
    """
    settings = read_database_settings()
    address = _parse_address(target)
    _print_counts(copying.copy(settings.database_url, address, settings.key_pepper), address.describe())


@db.command()
@click.argument("file", type=click.Path(dir_okay=False))
def backup(file: str) -> None:
    """Copy all rows into FILE, a new database of SQLite.

    The gateway may run meanwhile: the copy has the rows of one moment. A key can be used only with the same pepper,
    which is not in the file.
    """
    settings = read_database_settings()
    _print_counts(copying.backup(settings.database_url, file, settings.key_pepper), file)


@db.command()
@click.argument("tables", nargs=-1, required=True, type=click.Choice(tuple(KEPT)))
@click.option("--older-than", "age", required=True, help="The age of what is removed, such as 90d.")
def prune(tables: Sequence[str], age: str) -> None:
    """Remove old rows of the ledger, of the sums of each day, of the audit log, or stored answers.

    The sums stay when the rows of the ledger go, so that `usage` shows what was spent; they are removed by whole days.
    Calls in progress stay. The gateway may run meanwhile. The audit log says what was removed.
    """
    settings = read_database_settings()
    before = int((time.time() - parse_duration(age)) * 1000)
    names = tuple(dict.fromkeys(tables))
    _print_removed(retention.prune(settings.database_url, settings.key_pepper, name_operator(), names, before))


@db.command()
@click.argument("scope")
@click.argument("tables", nargs=-1, type=click.Choice(tuple(KEPT)))
def erase(scope: str, tables: Sequence[str]) -> None:
    """Remove all rows of one key or team: of the ledger, the sums of each day and the audit log, and stored answers.

    SCOPE is key:TEAM/NAME, team:NAME, or key:NAME for a static key; with TABLES only those are erased. A team is erased
    without those below it. The key itself stays, so that its name is not given twice, and so does what its budgets have
    spent. Calls in progress stay: revoke the key first. The gateway may run meanwhile. The audit log says who has
    erased how many rows of what.
    """
    if not re.fullmatch(r"(key|team):.+", scope):
        raise StartupError(f"'{scope[:100]}' is not key:TEAM/NAME or team:NAME")
    settings = read_database_settings()
    names = tuple(dict.fromkeys(tables or KEPT))
    _print_removed(retention.erase(settings.database_url, settings.key_pepper, name_operator(), scope, names))


def _print_removed(counts: dict[str, int]) -> None:
    for table, count in counts.items():
        click.echo(f"{table}: {count} removed")


def _parse_address(text: str) -> DatabaseURL:
    try:
        return parse_database_url(text)
    except ValueError as error:
        raise StartupError(f"TARGET {error}") from None


def _print_counts(counts: dict[str, int], target: str) -> None:
    for table, count in counts.items():
        click.echo(f"{table}: {count}")
    click.echo(f"copied to {target}")
