"""SDKs for JavaScript, unmodified, against the emulator and the gateway.

AWS's v3 speaks HTTP/2 with prior knowledge.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bedrock_flask.config import keys
from bedrock_flask.config.server_secret import parse_server_secret
from tests.doubles import Emulator, Gateway, StartEmulator, StartGateway

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
SECRET, SIGNING = "a-key-for-the-tests-only", "a-signing-secret-for-the-tests-only"
OLDEST = 20


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the SDK beside it; in CI their absence is a failure."""
    found = shutil.which("node")
    output = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else "v0"
    ready = int(output.lstrip("v").partition(".")[0]) >= OLDEST and (HERE / "node_modules/@aws-sdk").is_dir()
    if not ready and "CI" not in os.environ:
        pytest.skip(f"Node.js {OLDEST} or newer and the SDK are not installed: make dev")
    assert ready, f"Node.js {OLDEST} or newer and the SDK are not installed: make dev"
    return str(found)


@pytest.fixture(scope="module", params=["gthread", "gevent"])
def keyed(request: pytest.FixtureRequest, start_gateway: StartGateway) -> dict[str, str]:
    """A gateway with a key, under each worker: its address, the key, and the pair that the key is for AWS."""
    gateway = start_gateway(
        BEDROCK_FLASK_WORKER=request.param,
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
        BEDROCK_FLASK_API_KEYS=f"alice:{SECRET}",
        BEDROCK_FLASK_SIGNING_SECRET=SIGNING,
    )
    secret = keys.parse_keys([f"alice:{SECRET}"]).derive_aws_secret("alice", parse_server_secret(SIGNING))
    return {"GATEWAY": gateway.url, "KEY": SECRET, "KEY_ID": "alice", "KEY_SECRET": secret}


def run(*command: str, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=HERE, env=environ, capture_output=True, text=True, timeout=100, check=False)


def test_the_sdk_works_unmodified(node: str, emulator: Emulator, plain_environ: dict[str, str]) -> None:
    done = run(node, "--test", "bedrock.test.mjs", environ=plain_environ | {"EMULATOR": emulator.url})
    assert done.returncode == 0, done.stdout + done.stderr
    sent = [call for call in emulator.calls() if "aws-sdk-js" in call["headers"]["user-agent"]]
    assert len(sent) > 40
    assert {call["headers"]["via"] for call in sent} == {"2.0 emulator"}


def test_its_signatures_hold(node: str, start_emulator: StartEmulator, plain_environ: dict[str, str]) -> None:
    emulator = start_emulator("--secret", "emulator:emulator")
    done = run(node, "--test", "bedrock.test.mjs", environ=plain_environ | {"EMULATOR": emulator.url})
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_secret_is_refused(node: str, start_emulator: StartEmulator, plain_environ: dict[str, str]) -> None:
    emulator = start_emulator("--secret", "emulator:another")
    options = ["--test", "--test-name-pattern=^Converse answers$", "bedrock.test.mjs"]
    done = run(node, *options, environ=plain_environ | {"EMULATOR": emulator.url})
    assert done.returncode == 1
    assert "signature we calculated does not match" in done.stdout


def blocks(page: str) -> list[str]:
    return re.findall(r"^```js\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def run_example(node: str, folder: Path, program: str, environ: dict[str, str]) -> None:
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    (folder / "example.mjs").write_text(program)
    done = run(node, str(folder / "example.mjs"), environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("block", blocks("reference/emulator.md"))
def test_an_example_of_the_emulators_page_runs(
    node: str, emulator: Emulator, plain_environ: dict[str, str], tmp_path: Path, block: str
) -> None:
    run_example(node, tmp_path, block.replace("http://127.0.0.1:8001", emulator.url), plain_environ)


@pytest.mark.parametrize("block", blocks("how-to/clients.md"))
def test_an_example_of_the_clients_page_runs(
    node: str, keyed: dict[str, str], emulator: Emulator, plain_environ: dict[str, str], tmp_path: Path, block: str
) -> None:
    pair = {"AWS_ACCESS_KEY_ID": keyed["KEY_ID"], "AWS_SECRET_ACCESS_KEY": keyed["KEY_SECRET"]}
    environ = plain_environ | pair | {"SECRET": keyed["KEY"]}
    run_example(node, tmp_path, block.replace("http://127.0.0.1:8000", keyed["GATEWAY"]), environ)
    assert emulator.calls()


def test_the_sdks_work_unmodified_against_the_gateway(
    node: str, keyed: dict[str, str], emulator: Emulator, plain_environ: dict[str, str]
) -> None:
    done = run(node, "--test", "gateway.test.mjs", environ=plain_environ | keyed | {"EMULATOR": emulator.url})
    assert done.returncode == 0, done.stdout + done.stderr


def test_their_attempts_are_not_multiplied(
    node: str, gateway: Gateway, emulator: Emulator, plain_environ: dict[str, str]
) -> None:
    environ = plain_environ | {"EMULATOR": emulator.url, "GATEWAY": gateway.url}
    done = run(node, "--test", "attempts.test.mjs", environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_names_no_place_to_download_from() -> None:
    text = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert "://" not in re.sub(r'"url": "[^"]*"', "", text)
    assert '"integrity"' in text
