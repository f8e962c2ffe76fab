"""The example package installs by pip, is found by its entry point, and passes its own tests."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import StartGateway

NAME = "acme-haiku"


def run(*command: str, environ: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], env=environ, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, for building writes beside what it builds."""
    return shutil.copytree(repository / "examples/plugin", tmp_path_factory.mktemp("example") / "plugin")


@pytest.fixture(scope="module")
def environ(source: Path, plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example is installed."""
    target = tmp_path_factory.mktemp("site")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(target))
    run("pip", "install", *options, ".", environ=plain_environ, folder=source)
    return plain_environ | {"PYTHONPATH": str(target)}


def test_it_is_listed_as_a_package(environ: dict[str, str], tmp_path: Path) -> None:
    document = json.loads(run("bedrock_flask", "plugins", "--json", environ=environ, folder=tmp_path))
    [found] = [plugin for plugin in document["plugins"] if plugin["name"] == "acme"]
    assert found["source"] == "package bedrock-flask-acme (bedrock_flask_acme)"
    assert [adapter["name"] for adapter in found["adapters"]] == [NAME]


def test_it_keeps_the_contract(environ: dict[str, str], tmp_path: Path) -> None:
    output = run("bedrock_flask", "plugins", "check", "--contract", environ=environ, folder=tmp_path)
    assert output == f"ok: {NAME} (the whole contract)\n"


def test_its_own_tests_pass(environ: dict[str, str], source: Path) -> None:
    output = run("pytest", "-q", "-p", "no:cacheprovider", environ=environ, folder=source)
    assert "4 passed" in output


def test_it_is_served(start_gateway: StartGateway, environ: dict[str, str]) -> None:
    gateway = start_gateway(PYTHONPATH=environ["PYTHONPATH"])
    model = gateway.get(f"/v1/models/{NAME}").json()
    assert model["source"] == "package bedrock-flask-acme (bedrock_flask_acme)"
    refused = gateway.post(f"/v1/models/{NAME}/invoke", {"theme": "x", "form": {"season": "monsoon"}})
    assert refused.json()["errors"] == [
        {"path": "form.season", "message": "must be one of: spring, summer, autumn, winter"}
    ]


def test_the_example_leaves_nothing_behind(repository: Path, environ: dict[str, str]) -> None:
    assert {name for name in os.listdir(repository / "examples/plugin") if name != "__pycache__"} == {
        "README.md",
        "bedrock_flask_acme.py",
        "pyproject.toml",
        "tests",
    }
