"""Gateways whose database has the schema of another release."""

from pathlib import Path

import pytest
from sqlalchemy import text

from bedrock_flask.config.database import parse_database_url
from bedrock_flask.governance.store import schema
from bedrock_flask.governance.store.engine import begin
from tests.databases import create_address
from tests.doubles import StartGateway
from tests.governed import Governed, create_tables

# What a migration of a later release does.
LATER = (
    "ALTER TABLE ledger ADD COLUMN later TEXT",
    "ALTER TABLE keys ADD COLUMN later BIGINT",
    "CREATE TABLE later (id BIGINT)",
    "UPDATE alembic_version SET version_num = 'later'",
)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_release_before_serves_a_newer_schema(
    kind: str,
    request: pytest.FixtureRequest,
    start_gateway: StartGateway,
    plain_environ: dict[str, str],
    tmp_path: Path,
) -> None:
    own = create_tables(address := create_address(request, kind, tmp_path))
    with begin(parse_database_url(address)) as connection:
        for statement in LATER:
            connection.execute(text(statement))
    governed = Governed(start_gateway(**own), plain_environ | own)
    governed.change("create_team", "research")
    key = governed.create_key()
    governed.change("set_budgets", f"key:{key.name}", {"day": "10"})
    assert governed.is_served(key.text)
    [row] = governed.await_rows(key.name, 1)
    assert row["state"] == "OK"
    governed.change("revoke_key", key.name)
    assert governed.await_refusal(key.text) < 5


def test_an_older_schema_is_refused_at_the_start_with_the_command_that_is_missing(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    own = create_tables(address := f"sqlite:///{tmp_path}/gateway.db")
    schema.downgrade(parse_database_url(address), "-1")
    with pytest.raises(AssertionError, match=r"older schema \d+: run bedrock-flask db upgrade"):
        start_gateway(**own)
