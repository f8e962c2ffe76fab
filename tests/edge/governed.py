"""A gateway with a database: keys with policies, and requests by them."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from sqlalchemy import update

from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.governance.store.directory import Directory
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.tables import KEYS, TEAMS
from tests.databases import PEPPER
from tests.doubles import Gateway, StartGateway
from tests.governed import PATIENCE, change_directory, create_tables

_NUMBERS = itertools.count()
_PEPPER = parse_server_secret(PEPPER)


@dataclass(frozen=True)
class GovernedGateway:
    """A gateway, and the database of its teams and keys."""

    gateway: Gateway
    database: DatabaseURL

    def create_key(self, policy: Mapping[str, Any], team_policy: Mapping[str, Any] | None = None) -> str:
        """A key with this policy, of a team of its own below `acme`."""
        team = f"t{next(_NUMBERS)}"
        with begin(self.database) as connection:
            directory = Directory(connection, "test")
            directory.create_team(team, "acme")
            new = directory.create_key(_PEPPER, team, "k")
            # Past the directory, which refuses the rules of a later release.
            connection.execute(update(TEAMS).where(TEAMS.c.id == team).values(policy=team_policy or {}))
            connection.execute(update(KEYS).where(KEYS.c.id == f"{team}/k").values(policy=policy))
        return new.text

    def send(self, key: str, path: str, body: Any = None, method: str = "POST", **headers: str) -> requests.Response:
        """The answer to a request with a key; without one the request has none."""
        own = {"x-api-key": key} if key else {}
        return requests.request(
            method, self.gateway.url + path, json=body, headers={**own, **headers}, timeout=PATIENCE
        )


def start_governed_gateway(start_gateway: StartGateway, address: str, **settings: str) -> GovernedGateway:
    """Start a gateway with a new database at this address."""
    own, database = create_tables(address), parse_database_url(address)
    change_directory(database, "create_team", "acme")
    return GovernedGateway(start_gateway(**own, **settings), database)
