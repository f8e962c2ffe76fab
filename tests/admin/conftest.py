"""An admin API with a database, for the tests that call it as several operators."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.operators import Administered, start_admin
from tests.databases import create_address


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def administered(
    request: pytest.FixtureRequest, plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Administered]:
    """The admin API of a module, with a database of either kind."""
    folder: Path = tmp_path_factory.mktemp("admin")
    with contextlib.ExitStack() as running:
        address = create_address(request, request.param, folder)
        yield running.enter_context(start_admin(plain_environ, address, folder))


@pytest.fixture(scope="module")
def on_sqlite(plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    """The same with SQLite alone, for what does not depend on the database."""
    folder: Path = tmp_path_factory.mktemp("admin")
    with start_admin(plain_environ, f"sqlite:///{folder}/gateway.db", folder) as started:
        yield started
