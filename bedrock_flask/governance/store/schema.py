"""The schema: migrations, and whether a database is one that this gateway can serve."""

import hmac
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, insert, select

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.key_text import compute_pepper_check
from bedrock_flask.governance.store.engine import begin, create_file
from bedrock_flask.governance.store.tables import INSTALLATION

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(url: DatabaseURL, pepper: ServerSecret) -> str:
    """Migrate a database up, and return its revision; a new one gets its check value of the pepper."""
    create_file(url)
    with begin(url) as connection:
        _run(command.upgrade, connection, "head")
        installed = connection.execute(select(INSTALLATION)).first()
        if installed is None:
            row = {"id": 1, "pepper_check": compute_pepper_check(pepper), "version": 1}
            connection.execute(insert(INSTALLATION).values(row))
        else:
            _check_pepper(connection, pepper)
        return read_revision(connection)


def downgrade(url: DatabaseURL, revision: str) -> str:
    """Migrate a database down to a revision, or a number of steps such as `-1`, and return its revision."""
    with begin(url) as connection:
        _run(command.downgrade, connection, revision)
        return read_revision(connection)


def read_revision(connection: Connection) -> str:
    """The revision of a database; empty for one that has no schema."""
    return MigrationContext.configure(connection).get_current_revision() or ""


@cache
def list_revisions() -> tuple[str, ...]:
    """All revisions of this release, the oldest first."""
    return tuple(script.revision for script in _read_scripts().walk_revisions())[::-1]


def check_installation(connection: Connection, pepper: ServerSecret) -> None:
    """Raise StartupError unless the database has the schema of this release, or of a later one, and this pepper."""
    found, known = read_revision(connection), list_revisions()
    if not found or (found in known and found != known[-1]):
        raise StartupError(
            f"the database has {f'the older schema {found}' if found else 'no schema'}: run bedrock-flask db upgrade"
        )
    _check_pepper(connection, pepper)


def _check_pepper(connection: Connection, pepper: ServerSecret) -> None:
    stored = connection.execute(select(INSTALLATION.c.pepper_check)).scalar_one()
    if not hmac.compare_digest(stored, compute_pepper_check(pepper)):
        raise StartupError(
            "BEDROCK_FLASK_KEY_PEPPER is not the one with which the keys in the database were created, so none is known"
        )


def _run(migrate: Any, connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        migrate(config, revision)
    except CommandError as error:
        raise StartupError(str(error)) from None


def _read_scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_MIGRATIONS))
