"""Gateways with a database, which are called with a key that has a budget and limits."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from bedrock_flask.config.database import parse_database_url
from bedrock_flask.config.server_secret import parse_server_secret
from tests.benchmark.cases import DELTAS, Case
from tests.benchmark.processes import Server, Upstream, run_gateway
from tests.databases import PEPPER, find_postgres, run_postgres
from tests.governed import change_directory, create_tables

# Whole and streamed, one and sixteen at a time.
CASES = tuple(
    Case(dialect="chat", streamed=streamed, concurrency=concurrency, calls=calls)
    for concurrency, calls in ((1, 40), (16, 160))
    for streamed in (0, DELTAS)
)
Open = Callable[[Path], contextlib.AbstractContextManager[str]]


def list_databases() -> dict[str, Open]:
    """How each database is opened that this machine has: a function that gives the address of an empty one."""
    found: dict[str, Open] = {"SQLite": _open_sqlite}
    if programs := find_postgres():
        found["Postgres"] = partial(_open_postgres, programs)
    else:
        print("Postgres is not installed: apt-get install postgresql")
    return found


@contextlib.contextmanager
def run_governed(
    open_database: Open, upstream: Upstream, folder: Path, settings: Mapping[str, str]
) -> Iterator[Server]:
    """Run a gateway with a database until the block ends; it is called with a key that has a budget and limits."""
    with open_database(folder) as address:
        own = create_tables(address)
        database = parse_database_url(address)
        change_directory(database, "create_team", "acme")
        key = change_directory(database, "create_key", parse_server_secret(PEPPER), "acme", "benchmark").text
        change_directory(database, "set_budgets", "key:acme/benchmark", {"month": "1000000"})
        limits = {"requests": 10_000_000, "tokens": 1_000_000_000}
        change_directory(database, "set_limits", "key:acme/benchmark", "", limits)
        with run_gateway(upstream, folder, {**settings, **own}) as server:
            yield replace(server, headers={"authorization": f"Bearer {key}", "x-api-key": key})


@contextlib.contextmanager
def _open_sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/gateway.db"


@contextlib.contextmanager
def _open_postgres(programs: str, _: Path) -> Iterator[str]:
    with run_postgres(programs) as server:
        yield server.create_database()
