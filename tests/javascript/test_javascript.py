"""AWS's SDK for JavaScript v3, unmodified, against the emulator: it speaks HTTP/2 with prior knowledge."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs/reference/emulator.md"
OLDEST = 20


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the SDK beside it; in CI their absence is a failure."""
    found = shutil.which("node")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else "v0"
    ready = int(told.lstrip("v").partition(".")[0]) >= OLDEST and (HERE / "node_modules/@aws-sdk").is_dir()
    if not ready and "CI" not in os.environ:
        pytest.skip(f"Node.js {OLDEST} or newer and the SDK are not installed: make dev")
    assert ready, f"Node.js {OLDEST} or newer and the SDK are not installed: make dev"
    return str(found)


def run(*command: str, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=HERE, env=environ, capture_output=True, text=True, timeout=100, check=False)


def test_the_sdk_works_unmodified(node: str, emulator: Any, plain_environ: dict[str, str]) -> None:
    done = run(node, "--test", "bedrock.test.mjs", environ=plain_environ | {"EMULATOR": emulator.url})
    assert done.returncode == 0, done.stdout + done.stderr
    sent = [call for call in emulator.calls() if "aws-sdk-js" in call["headers"]["user-agent"]]
    assert len(sent) > 40
    assert {call["headers"]["via"] for call in sent} == {"2.0 emulator"}


def test_its_signatures_hold(node: str, start_emulator: Any, plain_environ: dict[str, str]) -> None:
    emulator = start_emulator("--secret", "emulator:emulator")
    done = run(node, "--test", "bedrock.test.mjs", environ=plain_environ | {"EMULATOR": emulator.url})
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_secret_is_refused(node: str, start_emulator: Any, plain_environ: dict[str, str]) -> None:
    emulator = start_emulator("--secret", "emulator:another")
    options = ["--test", "--test-name-pattern=^Converse answers$", "bedrock.test.mjs"]
    done = run(node, *options, environ=plain_environ | {"EMULATOR": emulator.url})
    assert done.returncode == 1
    assert "signature we calculated does not match" in done.stdout


@pytest.mark.parametrize("block", re.findall(r"^```js\n(.*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL))
def test_an_example_of_the_docs_runs(
    node: str, emulator: Any, plain_environ: dict[str, str], tmp_path: Path, block: str
) -> None:
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    (tmp_path / "example.mjs").write_text(block.replace("http://127.0.0.1:8001", emulator.url))
    done = run(node, str(tmp_path / "example.mjs"), environ=plain_environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_the_lock_names_no_place_to_download_from() -> None:
    text = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert "://" not in re.sub(r'"url": "[^"]*"', "", text)
    assert '"integrity"' in text
