"""Copies: all rows of one moment, into a database that has none, of either kind."""

from pathlib import Path

import pytest
from sqlalchemy import select

from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.server_secret import ServerSecret, parse_server_secret
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.key_text import NewKey
from bedrock_flask.governance.store import copying, schema
from bedrock_flask.governance.store.directory import Directory
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.key_store import find_secrets
from bedrock_flask.governance.store.tables import METADATA


@pytest.fixture
def key(database: DatabaseURL, pepper: ServerSecret) -> NewKey:
    with begin(database) as connection:
        directory = Directory(connection, "test")
        # The name of the one below comes first.
        directory.create_team("z", tags={"name": "Zürich"})
        directory.create_team("a", "z")
        return directory.create_key(pepper, "a", "key")


def read_all(url: DatabaseURL) -> dict[str, list[tuple[object, ...]]]:
    with begin(url, writes=False) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
        }


def test_a_backup_has_every_row_and_can_be_brought_back(
    database: DatabaseURL, pepper: ServerSecret, key: NewKey, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "backup.db"
    counts = copying.backup(database, str(file), pepper)
    assert {table: count for table, count in counts.items() if count} == {
        "installation": 1,
        "teams": 2,
        "keys": 1,
        "secrets": 1,
        "audit": 4,
    }
    saved = parse_database_url(f"sqlite:///{file}")
    assert read_all(saved) == read_all(database)
    assert list(tmp_path.glob("*.part*")) == []
    for address in (f"sqlite:///{tmp_path}/again.db", request.getfixturevalue("postgres").create_database()):
        again = parse_database_url(address)
        copying.copy(saved, again, pepper)
        assert read_all(again) == read_all(database)
        with begin(again) as connection:
            assert find_secrets(connection, [key.id])


def test_rows_are_never_mixed(database: DatabaseURL, pepper: ServerSecret, key: NewKey, tmp_path: Path) -> None:
    target = parse_database_url(f"sqlite:///{tmp_path}/target.db")
    copying.copy(database, target, pepper)
    before = read_all(target)
    with pytest.raises(StartupError, match="has rows already: audit, teams, keys, secrets"):
        copying.copy(database, target, pepper)
    assert read_all(target) == before
    with pytest.raises(StartupError, match="exists already"):
        copying.backup(database, str(tmp_path / "target.db"), pepper)
    assert read_all(target) == before


def test_a_copy_has_the_same_pepper(database: DatabaseURL, pepper: ServerSecret, tmp_path: Path) -> None:
    other = parse_server_secret("another-pepper-0123456789abcdef-and-more")
    with pytest.raises(StartupError, match="BEDROCK_FLASK_KEY_PEPPER"):
        copying.backup(database, str(tmp_path / "backup.db"), other)
    assert not (tmp_path / "backup.db").exists()


def test_a_database_without_this_schema_is_not_copied(
    database: DatabaseURL, pepper: ServerSecret, tmp_path: Path
) -> None:
    schema.downgrade(database, "base")
    with pytest.raises(StartupError, match="run bedrock-flask db upgrade"):
        copying.backup(database, str(tmp_path / "backup.db"), pepper)
    assert list(tmp_path.glob("backup*")) == []


def test_a_backup_is_of_one_moment_and_holds_up_nobody(
    database: DatabaseURL, pepper: ServerSecret, key: NewKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program writes between two tables of the copy: it does not wait, and the copy does not have it."""
    copy_table, written = copying._copy_table, []

    def write_between(*arguments: object) -> int:
        if not written:
            written.append(True)
            with begin(database) as connection:
                Directory(connection, "test").create_team("meanwhile")
        return copy_table(*arguments)  # type: ignore[arg-type]

    # The first statement of the copy has looked at the revision.
    monkeypatch.setattr(copying, "_copy_table", write_between)
    counts = copying.backup(database, str(tmp_path / "backup.db"), pepper)
    assert (counts["teams"], counts["audit"]) == (2, 4)
    assert len(read_all(database)["teams"]) == 3
