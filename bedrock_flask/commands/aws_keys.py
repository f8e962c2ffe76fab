"""`bedrock-flask aws-keys [NAME]` prints the AWS key pairs that are derived from the gateway's keys."""

import os

import click

from bedrock_flask.config import PREFIX, settings
from bedrock_flask.errors import StartupError


@click.command()
@click.argument("name", required=False)
def aws_keys(name: str | None) -> None:
    """Print the AWS key pair of each API key.

    With NAME, prints only the pair of that key. The lines fit `export` and `.env` files of clients that sign their
    requests, as the AWS SDKs do. The pairs are derived from BEDROCK_FLASK_SIGNING_SECRET and the keys, and change with
    either.
    """
    config = settings.read_settings(os.environ)
    keys = config.api_keys
    if not keys:
        raise StartupError(f"no API keys are set: set {PREFIX}API_KEYS=name:secret")
    if not config.signing_secret:
        raise StartupError(f"{PREFIX}SIGNING_SECRET is not set, so the gateway accepts no signed requests")
    if name is not None and name not in keys.digests:
        raise StartupError(f"there is no key '{name}'; the keys are: {', '.join(keys.digests)}")
    for key in keys.digests if name is None else (name,):
        click.echo(
            f"AWS_ACCESS_KEY_ID={key}\nAWS_SECRET_ACCESS_KEY={keys.derive_aws_secret(key, config.signing_secret)}"
        )
