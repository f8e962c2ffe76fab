"""`bedrock-flask teams` creates, lists, limits and revokes the teams that own keys."""

from collections.abc import Sequence

import click

from bedrock_flask.commands.database import change_directory, read_database_settings, read_directory
from bedrock_flask.commands.options import format_time, parse_tags
from bedrock_flask.commands.output.table import format_table
from bedrock_flask.commands.policies import change_policy
from bedrock_flask.commands.scope_commands import add_scope_commands, create_options
from bedrock_flask.governance.limits import describe_limits


@click.group()
def teams() -> None:
    """Create, list, limit and revoke teams.

    Each key in the database belongs to a team. They are in BEDROCK_FLASK_DATABASE_URL.
    """


@teams.command()
@click.argument("name")
@click.option("--parent", default="", help="The team above it, whose rules hold for it too.")
@create_options
def create(name: str, parent: str, tags: Sequence[str], rules: Sequence[str]) -> None:
    """Create the team NAME."""
    given = parse_tags(tags)
    with change_directory(read_database_settings()) as directory:
        directory.create_team(name, parent, given)
        if rules:
            directory.set_policy(f"team:{name}", change_policy({}, rules, ()))


@teams.command("list")
def list_() -> None:
    """List all teams."""
    with read_directory(read_database_settings()) as directory:
        found = directory.list_teams()
    header = ("team", "parent", "created", "revoked", "limits")
    rows = [
        (
            team.id,
            team.parent or "-",
            format_time(team.created),
            format_time(team.revoked),
            describe_limits(team.limits),
        )
        for team in found
    ]
    for line in format_table([header, *rows]):
        click.echo(line)


@teams.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke the team NAME: within five seconds no key of it, or of a team below it, is valid.

    It cannot be undone. Calls in progress end as usual.
    """
    with change_directory(read_database_settings()) as directory:
        directory.revoke_team(name)


add_scope_commands(teams, "team", "NAME", "a team and the teams below it")
