"""A worker that only starts imports nothing that the first calls do not need."""

import os
import subprocess
import sys
from pathlib import Path

from tests.benchmark.families import write_families
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
    environ = plain_environ | {"BEDROCK_FLASK_DISCOVERY": "false"}
    assert list_modules(environ, "/livez", "/readyz", "/v1/models") & AT_FIRST_USE == set()


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


# What loading the plugins adds to a process: instances of schemas, compiled verdicts, modules that are no families.
LOAD = """
import sys
import marshmallow
import bedrock_flask.app
from bedrock_flask.fields import acceptance
from bedrock_flask.models import loading
before, made = set(sys.modules), []
create = marshmallow.Schema.__init__
def count(self, *args, **kwargs):
    made.append(type(self).__name__)
    create(self, *args, **kwargs)
marshmallow.Schema.__init__ = count
registry = loading.load_registry()
families = loading.BUILT_IN
print(len(registry.loaded), len(made), acceptance._compile_kind.cache_info().currsize)
print(*sorted(name for name in set(sys.modules) - before if not name.startswith(families)))
"""


def load_families(environ: dict[str, str], folder: Path, number: int) -> tuple[list[str], set[str]]:
    """What a process counts that loads so many built-in families, and the modules that it imports for them."""
    path = f"{write_families(folder, number)}{os.pathsep}{environ.get('PYTHONPATH', '')}"
    command = [sys.executable, "-c", LOAD]
    environ = environ | {"PYTHONPATH": path}
    # Not in the checkout, whose own families come first there.
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    counts, modules = done.stdout.split("\n")[:2]
    return counts.split(), set(modules.split())


def test_forty_families_start_with_no_more_than_three(plain_environ: dict[str, str], tmp_path: Path) -> None:
    (few, *made_by_few), few_modules = load_families(plain_environ, tmp_path, 3)
    (many, *made_by_many), many_modules = load_families(plain_environ, tmp_path, 40)
    assert (few, many) == ("3", "40")
    # Bodies become schemas, and verdicts, when a request has one.
    assert made_by_few == made_by_many == ["0", made_by_few[1]]
    assert many_modules == few_modules
