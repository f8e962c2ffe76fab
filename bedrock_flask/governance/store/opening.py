"""The directory of a database, for the commands and for the admin API."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import select

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.store.directory import Directory
from bedrock_flask.governance.store.engine import COMMAND_PATIENCE, begin
from bedrock_flask.governance.store.schema import check_installation
from bedrock_flask.governance.store.tables import INSTALLATION


@contextmanager
def open_directory(
    url: DatabaseURL,
    pepper: ServerSecret,
    who: str,
    *,
    writes: bool,
    dialects: Collection[str],
    patience: float = COMMAND_PATIENCE,
) -> Iterator[Directory]:
    """The teams and keys in one transaction. One that reads sees one moment; those that write come one after another.

    So what one reads and then writes, no other has changed meanwhile.
    """
    with begin(url, writes=writes, patience=patience) as connection:
        check_installation(connection, pepper)
        if writes:
            # SQLite has locked the file already.
            connection.execute(select(INSTALLATION.c.version).with_for_update())
        yield Directory(connection, who, dialects)
