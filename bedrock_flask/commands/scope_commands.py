"""The commands that keys and teams have alike: `show`, `policy`, `limit`, `budget`, `tag`; two options of `create`."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bedrock_flask.commands.budgets import parse_budgets, parse_thresholds, show_budgets
from bedrock_flask.commands.database import change_directory, read_database_settings, read_directory
from bedrock_flask.commands.limits import parse_limits
from bedrock_flask.commands.options import parse_tags
from bedrock_flask.commands.policies import change_policy, format_policy

if TYPE_CHECKING:
    from bedrock_flask.governance.store.directory import Directory

Command = TypeVar("Command", bound=Callable[..., Any])

_POLICY = """
Rules are lists, separated by commas: models (patterns of ids and aliases), dialects, regions, geographies (`eu`,
`global`, …) and networks. A rule with an empty value allows nothing; without it everything is allowed. most_tokens
bounds an answer, and what is prescribed is added to each call: guardrail=ID:VERSION, tier, metadata=NAME:VALUE,… and
parameters=temperature:0.2,topP:0.9. A call must satisfy the policies of its key, of the team and of all teams above it.
A change holds within five seconds.
"""
_LIMIT = """
They count together, on every machine, within five seconds of the change; the limits of the teams above hold too.
`none` removes a limit.
"""
_TAGS = """
Each call has them in the ledger, with those of the teams above; of two with one name the inner one counts. A change
holds within five seconds.
"""
_BUDGET = """
PERIOD is day, week or month, by the calendar in UTC: `day=10 month=250`. `day=none` removes one. A call that does not
fit is refused.
"""


def create_options(command: Command) -> Command:
    """The options of a command that creates a key or a team."""
    for option in (
        click.option(
            "--rule", "rules", multiple=True, metavar="RULE=VALUE", help="A rule of its policy; may be repeated."
        ),
        click.option(
            "--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag of every call; may be repeated."
        ),
    ):
        command = option(command)
    return command


def add_scope_commands(group: click.Group, kind: str, argument: str, owner: str) -> None:
    """Add the commands to the group of keys or of teams; the owner is who they are for, in their help."""
    named = click.argument("name", metavar=argument)

    @group.command(help=f"Show or change what the calls of {owner} may do.\n{_POLICY}")
    @named
    @click.argument("rules", nargs=-1, metavar="[RULE=VALUE]...")
    @click.option("--remove", multiple=True, metavar="RULE", help="Remove a rule; may be repeated.")
    def policy(name: str, rules: Sequence[str], remove: Sequence[str]) -> None:
        scope = f"{kind}:{name}"
        open_directory = change_directory if rules or remove else read_directory
        with open_directory(read_database_settings()) as directory:
            found = directory.find_policy(scope)
            if rules or remove:
                found = change_policy(found, rules, remove)
                directory.set_policy(scope, found)
        for line in format_policy(found):
            click.echo(line)

    @group.command(help=f"Show all that is known of {owner} as JSON, as the admin API answers it.")
    @named
    def show(name: str) -> None:
        with read_directory(read_database_settings()) as directory:
            click.echo(json.dumps(_describe(directory, kind, name), indent=2))

    @group.command(help=f"Show or change the tags of {owner}.\n{_TAGS}")
    @named
    @click.argument("tags", nargs=-1, metavar="[NAME=VALUE]...")
    @click.option("--remove", multiple=True, metavar="NAME", help="Remove a tag; may be repeated.")
    def tag(name: str, tags: Sequence[str], remove: Sequence[str]) -> None:
        changes = parse_tags(tags)
        open_directory = change_directory if tags or remove else read_directory
        with open_directory(read_database_settings()) as directory:
            found = _describe(directory, kind, name)["tags"]
            if tags or remove:
                found = {each: value for each, value in {**found, **changes}.items() if each not in remove}
                directory.set_tags(f"{kind}:{name}", found)
        for each, value in found.items():
            click.echo(f"{each}={value}")

    @group.command(help=f"Limit the calls of {owner}.\n{_LIMIT}")
    @named
    @click.option(
        "--model", default="", help="Only calls of this model: an adapter's name, or a pattern of Bedrock ids."
    )
    @click.option("--requests", metavar="N", help="The most requests a minute, or `none`.")
    @click.option("--tokens", metavar="N", help="The most tokens a minute, or `none`.")
    @click.option("--calls", metavar="N", help="The most calls at a time, or `none`.")
    def limit(name: str, model: str, **limits: str | None) -> None:
        changes = parse_limits(limits)
        with change_directory(read_database_settings()) as directory:
            directory.set_limits(f"{kind}:{name}", model, changes)

    @group.command(help=f"Set what {owner} may spend, and show what is spent.\n{_BUDGET}")
    @named
    @click.argument("budgets", nargs=-1, metavar="[PERIOD=USD]...")
    @click.option(
        "--allow-unpriced",
        "unpriced",
        multiple=True,
        metavar="ID",
        help="A model that may be called though its price is not known; may be repeated, and replaces those before.",
    )
    @click.option(
        "--warn-at",
        metavar="PERCENT,...",
        help="When the webhook gets a warning, such as `80,100`, or `none`; by default at 50, 80 and 100 per cent.",
    )
    def budget(name: str, budgets: Sequence[str], unpriced: Sequence[str], warn_at: str | None) -> None:
        scope, changes, thresholds = f"{kind}:{name}", parse_budgets(budgets), parse_thresholds(warn_at)
        is_changed = bool(changes or unpriced or thresholds is not None)
        open_directory = change_directory if is_changed else read_directory
        with open_directory(read_database_settings()) as directory:
            if is_changed:
                directory.set_budgets(scope, changes, unpriced, thresholds)
            show_budgets(directory, scope)


def _describe(directory: "Directory", kind: str, name: str) -> dict[str, Any]:
    from bedrock_flask.governance.store.views import describe_key, describe_team

    if kind == "team":
        return describe_team(directory.find_team(name))
    return describe_key(directory.find_key(name), directory.list_secrets(name))
