"""Databases with a schema, for the tests of governance."""

import pytest

from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.server_secret import ServerSecret, parse_server_secret
from bedrock_flask.governance.store import schema
from tests.databases import PEPPER


@pytest.fixture(scope="session")
def pepper() -> ServerSecret:
    """The pepper of every database."""
    return parse_server_secret(PEPPER)


@pytest.fixture
def database(database_address: str, pepper: ServerSecret) -> DatabaseURL:
    """A database with the schema of this release."""
    url = parse_database_url(database_address)
    schema.upgrade(url, pepper)
    return url
