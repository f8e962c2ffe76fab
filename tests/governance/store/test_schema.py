"""The schema: migrations up and down on both databases, and which database a gateway serves."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.server_secret import ServerSecret, parse_server_secret
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.ledger_row import EST, FREE, OK, Opening, Settlement
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.store import schema
from bedrock_flask.governance.store.directory import Directory
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.ledger import open_ledger_store
from bedrock_flask.governance.store.tables import METADATA
from tests.governed import check_usage

OTHER = parse_server_secret("another-pepper-0123456789abcdef-and-more")


def test_the_migrations_create_the_tables_that_the_code_reads(database: DatabaseURL) -> None:
    with begin(database) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_migrated_database_stays_as_it_is(database: DatabaseURL, pepper: ServerSecret) -> None:
    with begin(database) as connection:
        Directory(connection, "test").create_team("research")
    assert schema.upgrade(database, pepper) == schema.list_revisions()[-1]
    with begin(database) as connection:
        assert [team.id for team in Directory(connection, "test").list_teams()] == ["research"]


def test_each_migration_goes_down_and_up_with_rows(database: DatabaseURL, pepper: ServerSecret) -> None:
    with begin(database) as connection:
        directory = Directory(connection, "test")
        directory.create_team("research", tags={"centre": "7"})
        directory.create_key(pepper, "research", "nightly")
    for _ in schema.list_revisions():
        schema.downgrade(database, "-1")
    with begin(database) as connection:
        assert schema.read_revision(connection) == ""
    assert schema.upgrade(database, pepper) == schema.list_revisions()[-1]
    with begin(database) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_rows_that_are_there_are_summed_up(database: DatabaseURL, pepper: ServerSecret) -> None:
    store = open_ledger_store(database, pepper)
    openings = [make_opening(opened=day * 86_400_000, tags={"centre": "7"} if day else {}) for day in (0, 0, 0, 2, 2)]
    store.open("w", openings)
    costs = ((4, OK), (None, OK), (6, EST), (0, FREE))
    store.settle(
        [
            Settlement(opening.id, state, 9, cost, opening.group, (), {"input_tokens": 3})
            for opening, (cost, state) in zip(openings, costs, strict=False)
        ]
    )
    schema.downgrade(database, "0002")
    schema.upgrade(database, pepper)
    check_usage(database)
    # It goes on with the same rows.
    store.settle([Settlement(openings[4].id, OK, 9, 5, openings[4].group)])
    check_usage(database)
    with begin(database, writes=False) as connection:
        assert connection.execute(text("SELECT calls FROM usage_daily ORDER BY day")).scalars().all() == [3, 1]


def make_opening(opened: int, tags: dict[str, str]) -> Opening:
    caller = Principal("a/b", "a", ("a",), "secret", tags=tags)
    return Opening(os.urandom(16), caller, "r-1", "native", "Converse", "acme.x", False, opened, 6)


def test_a_migration_that_fails_leaves_nothing_behind(database: DatabaseURL, pepper: ServerSecret) -> None:
    """In SQLite too, where a driver would commit before each change of the schema."""
    schema.downgrade(database, "base")
    with begin(database) as connection:
        connection.execute(text("CREATE TABLE audit (id BIGINT)"))
    with pytest.raises(StartupError, match="audit"):
        schema.upgrade(database, pepper)
    with begin(database) as connection:
        assert inspect(connection).get_table_names() == ["alembic_version", "audit"]
        assert schema.read_revision(connection) == ""


def test_a_gateway_needs_a_schema(database_address: str, pepper: ServerSecret) -> None:
    url = parse_database_url(database_address)
    schema.create_file(url)
    with begin(url) as connection, pytest.raises(StartupError, match="no schema: run bedrock-flask db upgrade"):
        schema.check_installation(connection, pepper)


def test_a_gateway_does_not_serve_an_older_schema(database: DatabaseURL, pepper: ServerSecret) -> None:
    schema.downgrade(database, "0001")
    with begin(database) as connection, pytest.raises(StartupError, match="the older schema 0001"):
        schema.check_installation(connection, pepper)


def test_a_gateway_serves_the_schema_of_a_later_release(database: DatabaseURL, pepper: ServerSecret) -> None:
    with begin(database) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
        schema.check_installation(connection, pepper)


def test_no_migration_takes_from_the_release_before_what_it_reads_and_writes(database: DatabaseURL) -> None:
    """Each only adds, and what it adds to a table may be left out by those that do not know it."""
    later = read_columns(database)
    for revision in schema.list_revisions()[:0:-1]:
        schema.downgrade(database, "-1")
        earlier = read_columns(database)
        for table, columns in earlier.items():
            assert columns.keys() <= later[table].keys(), f"{revision} drops columns of {table}"
            added = [column for name, column in later[table].items() if name not in columns]
            assert all(column["nullable"] or column["default"] for column in added), f"{revision} requires columns"
        later = earlier


def read_columns(database: DatabaseURL) -> dict[str, dict[str, Any]]:
    """The columns of each table by their names."""
    with begin(database, writes=False) as connection:
        inspector = inspect(connection)
        return {
            table: {column["name"]: column for column in inspector.get_columns(table)}
            for table in inspector.get_table_names()
        }


def test_with_another_pepper_no_key_would_be_known(database: DatabaseURL) -> None:
    with begin(database) as connection, pytest.raises(StartupError, match="BEDROCK_FLASK_KEY_PEPPER") as caught:
        schema.check_installation(connection, OTHER)
    assert OTHER.text not in str(caught.value)
    with pytest.raises(StartupError, match="BEDROCK_FLASK_KEY_PEPPER"):
        schema.upgrade(database, OTHER)


def test_only_its_owner_reads_the_file(tmp_path: Path, pepper: ServerSecret) -> None:
    schema.upgrade(parse_database_url(f"sqlite:///{tmp_path}/a.db"), pepper)
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600


def test_what_cannot_be_reached_is_one_line_without_the_password(pepper: ServerSecret) -> None:
    url = parse_database_url("postgresql://user:canary-password@127.0.0.1:9/gateway")
    with pytest.raises(StartupError, match=r"^postgresql://user@127.0.0.1:9/gateway: ") as caught:
        schema.upgrade(url, pepper)
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)
