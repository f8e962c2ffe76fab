"""The database, for the commands that work on it."""

import getpass
import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from bedrock_flask.config import PREFIX
from bedrock_flask.config.settings import Settings, read_settings
from bedrock_flask.errors import StartupError

if TYPE_CHECKING:
    from bedrock_flask.governance.store.directory import Directory


def read_database_settings() -> Settings:
    """The settings; StartupError where they name no database."""
    settings = read_settings(os.environ)
    if not settings.database_url:
        raise StartupError(
            f"there is no database: set {PREFIX}DATABASE_URL=sqlite:///FILE and {PREFIX}KEY_PEPPER=SECRET"
        )
    return settings


def change_directory(settings: Settings) -> AbstractContextManager["Directory"]:
    """The teams and keys in one transaction, changed by the user of this machine."""
    return _open_directory(settings, writes=True)


def read_directory(settings: Settings) -> AbstractContextManager["Directory"]:
    """The teams and keys as they are at one moment; the calls of a gateway on SQLite do not wait for its end."""
    return _open_directory(settings, writes=False)


def _open_directory(settings: Settings, *, writes: bool) -> AbstractContextManager["Directory"]:
    from bedrock_flask.dialects import load_dialects
    from bedrock_flask.governance.store.opening import open_directory

    dialects = {dialect.name for dialect in load_dialects()} if writes else ()
    return open_directory(settings.database_url, settings.key_pepper, name_operator(), writes=writes, dialects=dialects)


def name_operator() -> str:
    """Who runs the command, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container may run as a number.
        return f"cli:{os.getuid()}"
