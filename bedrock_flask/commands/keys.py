"""`bedrock-flask keys` creates, lists, limits, rotates and revokes the keys in the database."""

import time
from collections.abc import Sequence

import click

from bedrock_flask.commands.budgets import UNPRICED, parse_budgets, show_budgets
from bedrock_flask.commands.database import change_directory, read_database_settings
from bedrock_flask.commands.options import format_time, limit_options, parse_duration, parse_limits, parse_tags
from bedrock_flask.commands.output.table import format_table
from bedrock_flask.commands.policies import change_policy, format_policy
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.key_text import NewKey, compute_digest, derive_aws_secret
from bedrock_flask.governance.limits import describe_limits


@click.group()
def keys() -> None:
    """Create, list, limit, rotate and revoke keys of the database.

    They are in BEDROCK_FLASK_DATABASE_URL. A key is named TEAM/NAME and has one secret, or several while it is rotated.
    """


@keys.command()
@click.argument("key", metavar="TEAM/NAME")
@click.option("--expires", metavar="TIME", default="", help="The time after which it is not valid, such as 90d or 12h.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag of every call; may be repeated.")
@click.option("--rule", "rules", multiple=True, metavar="RULE=VALUE", help="A rule of its policy; may be repeated.")
def create(key: str, expires: str, tags: Sequence[str], rules: Sequence[str]) -> None:
    """Create the key TEAM/NAME, and print it.

    It is shown once. The lines fit `export` and `.env` files: the key, for Bearer and `x-api-key`, and the AWS key pair
    for clients that sign their requests.
    """
    settings, given = read_database_settings(), parse_tags(tags)
    team, _, name = key.partition("/")
    if not name:
        raise StartupError(f"'{key}' is not TEAM/NAME")
    end = int((time.time() + parse_duration(expires)) * 1000) if expires else None
    with change_directory(settings) as directory:
        new = directory.create_key(settings.key_pepper, team, name, end, given)
        if rules:
            directory.set_key_policy(key, change_policy({}, rules, ()))
    _print_key(settings, new)


@keys.command("list")
@click.argument("team", default="")
def list_(team: str) -> None:
    """List all keys with their secrets, or those of TEAM."""
    header = ("key", "secret", "created", "expires", "revoked", "limits")
    with change_directory(read_database_settings()) as directory:
        rows = [
            (
                key.id,
                secret.id,
                format_time(secret.created),
                format_time(min(filter(None, (secret.expires, key.expires)), default=None)),
                format_time(secret.revoked or key.revoked),
                describe_limits(key.limits),
            )
            for key in directory.list_keys(team)
            for secret in directory.list_secrets(key.id)
        ]
    for line in format_table([header, *rows]):
        click.echo(line)


@keys.command()
@click.argument("key", metavar="TEAM/NAME")
@click.option(
    "--overlap", default="24h", show_default=True, help="The time for which the secrets before it stay valid."
)
def rotate(key: str, overlap: str) -> None:
    """Give a key a new secret, and print it as `create` does.

    The key keeps its name, its budgets and its usage.
    """
    settings = read_database_settings()
    with change_directory(settings) as directory:
        new = directory.rotate_key(settings.key_pepper, key, parse_duration(overlap))
    _print_key(settings, new)


@keys.command()
@click.argument("key", metavar="TEAM/NAME")
@click.argument("rules", nargs=-1, metavar="[RULE=VALUE]...")
@click.option("--remove", multiple=True, metavar="RULE", help="Remove a rule; may be repeated.")
def policy(key: str, rules: Sequence[str], remove: Sequence[str]) -> None:
    """Show or change what the calls of a key may do.

    Rules are lists, separated by commas: models (patterns of ids and aliases), dialects, regions, geographies (`eu`,
    `global`, …) and networks. A rule with an empty value allows nothing; without it everything is allowed. most_tokens
    bounds an answer, and what is prescribed is added to each call: guardrail=ID:VERSION, tier and
    metadata=NAME:VALUE,…. A call must satisfy the policies of its key, of the team and of all teams above it. A change
    holds within five seconds.
    """
    with change_directory(read_database_settings()) as directory:
        found = directory.read_key_policy(key)
        if rules or remove:
            found = change_policy(found, rules, remove)
            directory.set_key_policy(key, found)
    for line in format_policy(found):
        click.echo(line)


@keys.command()
@click.argument("key", metavar="TEAM/NAME")
@limit_options
def limit(key: str, model: str, **limits: str | None) -> None:
    """Limit the calls of a key.

    It holds within five seconds, on every machine, and the limits of its teams hold too. `none` removes a limit.
    """
    changes = parse_limits(limits)
    with change_directory(read_database_settings()) as directory:
        directory.limit_key(key, model, changes)


@keys.command()
@click.argument("key", metavar="TEAM/NAME")
@click.option("--secret", default="", help="Revoke only the secret with this id.")
def revoke(key: str, secret: str) -> None:
    """Revoke a key within five seconds, or one of its secrets.

    It cannot be undone. Calls in progress end as usual.
    """
    with change_directory(read_database_settings()) as directory:
        if secret:
            directory.revoke_secret(key, secret)
        else:
            directory.revoke_key(key)


@keys.command()
@click.argument("key", metavar="TEAM/NAME")
@click.argument("budgets", nargs=-1, metavar="[PERIOD=USD]...")
@click.option("--allow-unpriced", "unpriced", multiple=True, metavar="ID", help=UNPRICED)
def budget(key: str, budgets: Sequence[str], unpriced: Sequence[str]) -> None:
    """Set what a key may spend, and show what is spent.

    PERIOD is day, week or month, by the calendar in UTC: `day=10 month=250`. `day=none` removes one. A call that does
    not fit is refused.
    """
    changes = parse_budgets(budgets)
    with change_directory(read_database_settings()) as directory:
        if changes or unpriced:
            directory.set_key_budgets(key, changes, unpriced)
        show_budgets(directory, f"key:{key}")


def _print_key(settings: Settings, new: NewKey) -> None:
    pepper = settings.key_pepper
    aws_secret = derive_aws_secret(pepper, new.id, compute_digest(pepper, new.text))
    click.echo(f"API_KEY={new.text}\nAWS_ACCESS_KEY_ID={new.id}\nAWS_SECRET_ACCESS_KEY={aws_secret}")
    click.echo("This is shown once.", err=True)
