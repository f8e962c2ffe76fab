"""A running admin API, and requests of its operators: each answer is held against the OpenAPI document."""

import contextlib
import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import requests

from bedrock_flask.admin.document import build_document
from bedrock_flask.admin.routes import ROUTES
from tests.doubles import PATIENCE, Server, free_port, run_server
from tests.governed import create_tables

SECRETS = {name: f"canary-{name}-0123456789abcdef0123456789" for name in ("root", "auditor", "owner", "stranger")}
KEYS = ",".join(f"{name}:{secret}" for name, secret in SECRETS.items())
# `stranger` owns a team that has nothing to do with the others.
ROLES = "auditor:auditor,owner:owner@research,stranger:owner@other"
DOCUMENT = build_document(ROUTES)
TEAMS = (("acme", None), ("research", "acme"), ("lab", "research"), ("other", None))
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Administered:
    """An admin API, and the settings of a gateway with its database."""

    server: Server
    environ: dict[str, str]

    def send(self, method: str, path: str, body: Any = None, who: str = "root", **headers: str) -> requests.Response:
        """The answer to a request of an operator; one without a name has no credential."""
        own = {"authorization": f"Bearer {SECRETS[who]}"} if who else {}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.server.url}{path if path.startswith('/') else f'/admin/v1/{path}'}"
        response = requests.request(method, url, json=body, headers=own | given, timeout=PATIENCE)
        check_answer(method, response)
        return response

    def succeed(self, method: str, path: str, body: Any = None, who: str = "root", **headers: str) -> Any:
        """The document of an answer that must be one of success."""
        response = self.send(method, path, body, who, **headers)
        assert response.ok, response.text
        return response.json()

    def create_team(self, parent: str | None = None) -> str:
        """Create a team of its own for a test."""
        return str(self.succeed("POST", "teams", {"team": f"t{next(_NUMBERS)}", "parent": parent})["team"])


def check_answer(method: str, response: requests.Response) -> None:
    """Hold an answer against the document: its schema, and the request id of an error."""
    document = response.json()
    schema = find_schema(method, response)
    if schema is not None:
        jsonschema.validate(document, {**schema, "components": DOCUMENT["components"]})
    if not response.ok:
        assert response.headers["content-type"] == "application/problem+json"
        assert document["request_id"] == response.headers["x-request-id"]


def find_schema(method: str, response: requests.Response) -> Any:
    """The schema that the document has for an answer; None for an address that it does not have."""
    path = requests.utils.urlparse(response.url).path
    for template, operations in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and method.lower() in operations:
            answers = operations[method.lower()]["responses"]
            found = answers.get(str(response.status_code), answers["default"])
            return next(iter(found["content"].values()))["schema"]
    return None


@contextlib.contextmanager
def start_admin(
    plain_environ: dict[str, str],
    address: str,
    folder: Path,
    port: int = 0,
    *,
    with_teams: bool = True,
    **settings: str,
) -> Iterator[Administered]:
    """Serve the admin API of a new database: `acme`, below it `research`, below that `lab`; beside them `other`."""
    port = port or free_port()
    own = create_tables(address)
    operators = {"BEDROCK_FLASK_ADMIN_KEYS": KEYS, "BEDROCK_FLASK_ADMIN_ROLES": ROLES}
    environ = plain_environ | own | operators | settings | {"BEDROCK_FLASK_ADMIN_PORT": str(port)}
    with run_server(["bedrock_flask", "admin"], environ, "/livez", port, folder / "log") as server:
        administered = Administered(server, plain_environ | own)
        for team, parent in TEAMS if with_teams else ():
            administered.succeed("POST", "teams", {"team": team, "parent": parent})
            administered.succeed("POST", f"teams/{team}/keys", {"name": "nightly"})
        yield administered


find_secret_texts = functools.partial(re.findall, r"bf_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")
