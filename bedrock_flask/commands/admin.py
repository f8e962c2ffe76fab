"""`bedrock-flask admin` serves the admin API, on an address of its own."""

import os
from typing import Any

import click

from bedrock_flask.commands.database import read_directory
from bedrock_flask.config import PREFIX, settings
from bedrock_flask.errors import StartupError
from bedrock_flask.server.ports import is_free


@click.command()
@click.option("--admin-host", "--host", help="Address to bind.")
@click.option("--admin-port", "--port", type=int, help="Port to bind.")
def admin(**options: Any) -> None:
    """Serve the admin API: teams, keys, the audit log and what is spent.

    It needs BEDROCK_FLASK_DATABASE_URL, and BEDROCK_FLASK_ADMIN_KEYS with the secrets of its operators or
    BEDROCK_FLASK_ADMIN_LOGIN_FILE with the OpenID provider of people.
    """
    config = settings.read_settings(settings.merge_options(os.environ, options))
    if not (config.database_url and (config.admin_keys or config.admin_login_file)):
        raise StartupError(
            f"the admin API is closed: set {PREFIX}DATABASE_URL, and {PREFIX}ADMIN_KEYS=NAME:SECRET with a secret such "
            f"as openssl rand -hex 32 prints, or {PREFIX}ADMIN_LOGIN_FILE"
        )
    # Its schema and the pepper are checked before anybody waits for an answer.
    with read_directory(config):
        pass
    if not is_free(config.admin_host, config.admin_port):
        raise StartupError(f"port {config.admin_port} is in use: choose another with --port")
    from bedrock_flask.admin.server import serve

    serve(config)
