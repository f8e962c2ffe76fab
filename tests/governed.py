"""A gateway with a database, for the tests that call it with keys of their own."""

import itertools
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import requests
import sqlalchemy

from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.governance.key_text import compute_digest, derive_aws_secret
from bedrock_flask.governance.store import schema
from bedrock_flask.governance.store.directory import Directory
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.tables import KEYS, TEAMS
from tests.databases import PEPPER
from tests.doubles import Gateway, StartGateway

STATIC = "canary-static-0123456789"
NOVA = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
PATIENCE = 30
_NUMBERS = itertools.count()
_PEPPER = parse_server_secret(PEPPER)


@dataclass(frozen=True)
class NamedKey:
    """A key as its owner has it."""

    name: str
    id: str
    text: str
    aws_secret: str


@dataclass(frozen=True)
class Governed:
    """A gateway with a database, and the commands that work on it."""

    gateway: Gateway
    environ: dict[str, str]

    @property
    def database(self) -> DatabaseURL:
        """The database, as commands open it."""
        return parse_database_url(self.environ["BEDROCK_FLASK_DATABASE_URL"])

    def change(self, action: str, *arguments: Any) -> Any:
        """Change the directory, as a command does."""
        return change_directory(self.database, action, *arguments)

    def query(self, text: str) -> list[dict[str, Any]]:
        """The rows that a query of the database finds."""
        with begin(self.database, writes=False) as connection:
            return [dict(row._mapping) for row in connection.execute(sqlalchemy.text(text))]

    def await_rows(self, key: str, count: int) -> list[dict[str, Any]]:
        """The rows of a key when all are settled, which those that have ended are after a moment."""
        until = time.monotonic() + PATIENCE
        while True:
            rows = self.query(f"SELECT * FROM ledger WHERE key = '{key}' ORDER BY opened")
            if len(rows) >= count and all(row["state"] != "OPEN" for row in rows):
                assert len(rows) == count, rows
                return rows
            assert time.monotonic() < until, rows
            time.sleep(0.02)

    def run(self, *words: str) -> list[str]:
        """The lines that a command prints."""
        command = [sys.executable, "-m", "bedrock_flask", *words]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def create_key(self, team: str = "research", expires: int | None = None, name: str = "") -> "NamedKey":
        """Create a key of a team, with a new name unless one is given."""
        name = name or f"k{next(_NUMBERS)}"
        new = self.change("create_key", _PEPPER, team, name, expires)
        secret = derive_aws_secret(_PEPPER, new.id, compute_digest(_PEPPER, new.text))
        return NamedKey(f"{team}/{name}", new.id, new.text, secret)

    def create_key_with(self, policy: Mapping[str, Any], team_policy: Mapping[str, Any] | None = None) -> str:
        """Create a key with a policy, of a team of its own below `acme`, and return its text."""
        team = f"t{next(_NUMBERS)}"
        with begin(self.database) as connection:
            directory = Directory(connection, "test")
            directory.create_team(team, "acme")
            new = directory.create_key(_PEPPER, team, "k")
            # Past the directory, which refuses the rules of a later release.
            connection.execute(sqlalchemy.update(TEAMS).where(TEAMS.c.id == team).values(policy=team_policy or {}))
            connection.execute(sqlalchemy.update(KEYS).where(KEYS.c.id == f"{team}/k").values(policy=policy))
        return new.text

    def send(
        self, headers: dict[str, str], path: str = "/v1/models/nova/invoke", body: Any = NOVA, method: str = "POST"
    ) -> Any:
        """The response to a request."""
        # A connection for each, so that any worker may answer.
        sent = {"json": body} if method == "POST" else {}
        return requests.request(method, self.gateway.url + path, headers=headers, timeout=PATIENCE, **sent)

    def send_with(
        self, key: str, path: str, body: Any = None, method: str = "POST", **headers: str
    ) -> requests.Response:
        """The response to a request with a key; with none if that is empty."""
        return self.send(({"x-api-key": key} if key else {}) | headers, path, body, method)

    def is_served(self, key: str) -> bool:
        """Whether a key is known."""
        response = self.send({"authorization": f"Bearer {key}"})
        assert response.status_code in (200, 401), response.text
        return bool(response.status_code == 200)

    def serves_everywhere(self, key: str) -> bool:
        """Whether all of many requests are served, which both workers share."""
        with ThreadPoolExecutor(8) as pool:
            responses = pool.map(self.send, [{"x-api-key": key}] * 16)
            return {response.status_code for response in responses} == {200}

    def await_refusal(self, key: str) -> float:
        """The seconds until no worker serves a key."""
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            while any(pool.map(self.is_served, [key] * 16)):
                assert time.monotonic() - began < PATIENCE
        return time.monotonic() - began


class StartGoverned(Protocol):
    """Start a gateway with a database of its own."""

    def __call__(self, **settings: str) -> Governed: ...


def change_directory(database: DatabaseURL, action: str, *arguments: Any) -> Any:
    """Change the teams and keys of a database, and return what that action returns."""
    with begin(database) as connection:
        return getattr(Directory(connection, "test"), action)(*arguments)


def check_usage(database: DatabaseURL) -> None:
    """Check that the sums of the days are those of the ledger's rows, and no more."""
    with begin(database, writes=False) as connection:
        kept = connection.execute(sqlalchemy.text(_KEPT)).all()
        summed = connection.execute(sqlalchemy.text(_SUMMED)).all()
    assert kept == summed


_GROUP = "team, key, model, tags"
_KEPT = f"""
    SELECT day, {_GROUP}, calls, input_tokens, output_tokens, cost, estimated, unpriced
    FROM usage_daily ORDER BY {_GROUP}, day
"""
_SUMMED = f"""
    SELECT opened / 86400000 * 86400000 AS day, {_GROUP}, COUNT(*), COALESCE(SUM(input_tokens), 0),
        COALESCE(SUM(output_tokens), 0), COALESCE(SUM(cost), 0), COUNT(*) - COUNT(CASE WHEN state = 'OK' THEN 1 END),
        COUNT(*) - COUNT(cost)
    FROM ledger WHERE state IN ('OK', 'EST', 'CANCELLED') GROUP BY opened / 86400000 * 86400000, {_GROUP}
    ORDER BY {_GROUP}, day
"""


def create_tables(address: str) -> dict[str, str]:
    """Create the tables of a database, and return the settings of a gateway that has it."""
    schema.upgrade(parse_database_url(address), _PEPPER)
    return {"BEDROCK_FLASK_DATABASE_URL": address, "BEDROCK_FLASK_KEY_PEPPER": PEPPER}


def start_governed(
    start_gateway: StartGateway, plain_environ: dict[str, str], address: str, worker: str, **settings: str
) -> Governed:
    """A gateway of two workers, with the teams `acme` and below it `research`."""
    own = create_tables(address)
    others = {"BEDROCK_FLASK_API_KEYS": f"static:{STATIC}", "BEDROCK_FLASK_WORKERS": "2"}
    gateway = start_gateway(**own, BEDROCK_FLASK_WORKER=worker, **others | settings)
    governed = Governed(gateway, plain_environ | own)
    governed.change("create_team", "acme")
    governed.change("create_team", "research", "acme")
    return governed
