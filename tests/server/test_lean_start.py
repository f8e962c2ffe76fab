"""A worker that only starts imports nothing that the first calls do not need."""

import subprocess
import sys

from tests.doubles import free_port

# What a call to Bedrock, a document or a page of another site needs, and a start does not.
AT_FIRST_USE = {"apispec", "boto3", "botocore", "flask_cors", "jsonschema", "multiprocessing", "s3transfer", "urllib3"}

START = """
import sys
from bedrock_flask.app import wsgi_app
app = wsgi_app()
with app.test_client() as client:
    for path in sys.argv[1:]:
        assert client.get(path).status_code == 200, path
print(*sorted(sys.modules))
"""


def list_modules(environ: dict[str, str], *paths: str) -> set[str]:
    """The modules of a process that has made the app and answered these requests."""
    command = [sys.executable, "-c", START, *paths]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_a_ready_worker_has_imported_nothing_for_calls_and_documents(plain_environ: dict[str, str]) -> None:
    assert list_modules(plain_environ, "/livez", "/readyz", "/v1/models") & AT_FIRST_USE == set()


def test_a_document_imports_what_it_needs(plain_environ: dict[str, str]) -> None:
    assert "apispec" in list_modules(plain_environ, "/openapi.json")


def test_the_command_loads_no_plugins_of_the_gateways_own(plain_environ: dict[str, str]) -> None:
    code = """
import os, sys
from bedrock_flask.__main__ import cli
os.execv = lambda *_: print(*sys.modules)
cli(["serve", "--port", sys.argv[1]], standalone_mode=False)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(free_port())],
        env=plain_environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert {"bedrock_flask.models", "bedrock_flask.app", "flask"} & set(done.stdout.split()) == set()
