"""`bedrock-flask aws-keys [NAME]`: the AWS key pair that each key of the gateway is too."""

import os

import click

from bedrock_flask.config import PREFIX, settings
from bedrock_flask.errors import StartupError


@click.command()
@click.argument("name", required=False)
def aws_keys(name: str | None) -> None:
    """Print the AWS key pair of each key, or of the key NAME, as lines for `export` and `.env` files.

    For clients that sign their requests as AWS's SDKs do. The secrets are derived from BEDROCK_FLASK_SIGNING_SECRET and
    from the keys themselves: change either, and other pairs are printed.
    """
    told = settings.read_settings(os.environ)
    keys = told.api_keys
    if not keys:
        raise StartupError(f"there are no keys: set {PREFIX}API_KEYS=name:secret")
    if not told.signing_secret:
        raise StartupError(f"there is no {PREFIX}SIGNING_SECRET, and without one the gateway takes no signed requests")
    if name is not None and name not in keys.digests:
        raise StartupError(f"there is no key '{name}'; there are: {', '.join(keys.digests)}")
    for key in keys.digests if name is None else (name,):
        click.echo(f"AWS_ACCESS_KEY_ID={key}\nAWS_SECRET_ACCESS_KEY={keys.derive_aws_secret(key, told.signing_secret)}")
