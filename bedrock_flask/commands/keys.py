"""`bedrock-flask keys` creates, lists, limits, rotates and revokes the keys in the database."""

import time
from collections.abc import Sequence

import click

from bedrock_flask.commands.database import change_directory, read_database_settings, read_directory
from bedrock_flask.commands.options import format_time, parse_duration, parse_tags
from bedrock_flask.commands.output.table import format_table
from bedrock_flask.commands.policies import change_policy
from bedrock_flask.commands.scope_commands import add_scope_commands, create_options
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
@create_options
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
            directory.set_policy(f"key:{key}", change_policy({}, rules, ()))
    _print_key(settings, new)


@keys.command("list")
@click.argument("team", default="")
def list_(team: str) -> None:
    """List all keys with their secrets, or those of TEAM."""
    header = ("key", "secret", "created", "expires", "revoked", "limits")
    with read_directory(read_database_settings()) as directory:
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


add_scope_commands(keys, "key", "TEAM/NAME", "a key")


def _print_key(settings: Settings, new: NewKey) -> None:
    pepper = settings.key_pepper
    aws_secret = derive_aws_secret(pepper, new.id, compute_digest(pepper, new.text))
    click.echo(f"API_KEY={new.text}\nAWS_ACCESS_KEY_ID={new.id}\nAWS_SECRET_ACCESS_KEY={aws_secret}")
    click.echo("This is shown once.", err=True)
