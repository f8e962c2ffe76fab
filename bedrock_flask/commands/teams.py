"""`bedrock-flask teams` creates, lists, limits and revokes the teams that own keys."""

from collections.abc import Sequence

import click

from bedrock_flask.commands.budgets import UNPRICED, parse_budgets, show_budgets
from bedrock_flask.commands.database import change_directory, read_database_settings
from bedrock_flask.commands.options import format_time, limit_options, parse_limits, parse_tags
from bedrock_flask.commands.output.table import format_table
from bedrock_flask.commands.policies import change_policy, format_policy
from bedrock_flask.governance.limits import describe_limits


@click.group()
def teams() -> None:
    """Create, list, limit and revoke teams.

    Each key in the database belongs to a team. They are in BEDROCK_FLASK_DATABASE_URL.
    """


@teams.command()
@click.argument("name")
@click.option("--parent", default="", help="The team above it, whose rules hold for it too.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag of every call; may be repeated.")
@click.option("--rule", "rules", multiple=True, metavar="RULE=VALUE", help="A rule of its policy; may be repeated.")
def create(name: str, parent: str, tags: Sequence[str], rules: Sequence[str]) -> None:
    """Create the team NAME."""
    given = parse_tags(tags)
    with change_directory(read_database_settings()) as directory:
        directory.create_team(name, parent, given)
        if rules:
            directory.set_team_policy(name, change_policy({}, rules, ()))


@teams.command("list")
def list_() -> None:
    """List all teams."""
    with change_directory(read_database_settings()) as directory:
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
@click.argument("rules", nargs=-1, metavar="[RULE=VALUE]...")
@click.option("--remove", multiple=True, metavar="RULE", help="Remove a rule; may be repeated.")
def policy(name: str, rules: Sequence[str], remove: Sequence[str]) -> None:
    """Show or change what the calls of a team may do, and of the teams below it.

    Rules are lists, separated by commas: models (patterns of ids and aliases), dialects, regions, geographies (`eu`,
    `global`, …) and networks. A rule with an empty value allows nothing; without it everything is allowed. most_tokens
    bounds an answer, and what is prescribed is added to each call: guardrail=ID:VERSION, tier and
    metadata=NAME:VALUE,…. A call must satisfy the policies of its key, of the team and of all teams above it. A change
    holds within five seconds.
    """
    with change_directory(read_database_settings()) as directory:
        found = directory.read_team_policy(name)
        if rules or remove:
            found = change_policy(found, rules, remove)
            directory.set_team_policy(name, found)
    for line in format_policy(found):
        click.echo(line)


@teams.command()
@click.argument("name")
@limit_options
def limit(name: str, model: str, **limits: str | None) -> None:
    """Limit the calls of all keys of the team NAME and the teams below it, together.

    It holds within five seconds, on every machine. `none` removes a limit.
    """
    changes = parse_limits(limits)
    with change_directory(read_database_settings()) as directory:
        directory.limit_team(name, model, changes)


@teams.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke the team NAME: within five seconds no key of it, or of a team below it, is valid.

    It cannot be undone. Calls in progress end as usual.
    """
    with change_directory(read_database_settings()) as directory:
        directory.revoke_team(name)


@teams.command()
@click.argument("name")
@click.argument("budgets", nargs=-1, metavar="[PERIOD=USD]...")
@click.option("--allow-unpriced", "unpriced", multiple=True, metavar="ID", help=UNPRICED)
def budget(name: str, budgets: Sequence[str], unpriced: Sequence[str]) -> None:
    """Set what the team NAME and the teams below it may spend, and show what is spent.

    PERIOD is day, week or month, by the calendar in UTC: `day=10 month=250`. `day=none` removes one. A call that does
    not fit is refused.
    """
    changes = parse_budgets(budgets)
    with change_directory(read_database_settings()) as directory:
        if changes or unpriced:
            directory.set_team_budgets(name, changes, unpriced)
        show_budgets(directory, f"team:{name}")
