"""A broken plugin stops the start; `--lenient` starts without it, loudly, and a plugin that fails later fails alone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.commands.new_plugin import render_plugin
from bedrock_flask.models.loading import load_registry
from tests.doubles import Gateway, StartEmulator, StartGateway

# The adapters that ship with the gateway.
BUILT_IN = len(load_registry().adapters)

FAULT = "RuntimeError: secret-of-the-house (line 1: raise RuntimeError('secret-of-the-house'))"
KEY = {"authorization": "Bearer s3cret"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plugins = tmp_path_factory.mktemp("plugins")
    (plugins / "bad.py").write_text("raise RuntimeError('secret-of-the-house')")
    (plugins / "good.py").write_text(render_plugin("good", "chat"))
    return plugins


@pytest.fixture(scope="module")
def lenient(start_gateway: StartGateway, folder: Path) -> Gateway:
    return start_gateway(
        by_command=True,
        BEDROCK_FLASK_PLUGINS_DIR=str(folder),
        BEDROCK_FLASK_LENIENT="true",
        BEDROCK_FLASK_API_KEYS="alice:s3cret",
    )


def test_without_it_the_start_is_refused_in_one_line(folder: Path, plain_environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "bedrock_flask", "serve", "--plugins-dir", str(folder)]
    result = subprocess.run(command, env=plain_environ, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"bedrock-flask: plugin 'bad' from {folder / 'bad.py'}: {FAULT}\n"


def test_with_it_the_others_are_served(lenient: Any) -> None:
    assert lenient.get("/v1/models/good", headers=KEY).ok
    assert lenient.get("/v1/models/bad", headers=KEY).json()["code"] == "unknown_model"


def test_it_is_told_on_stderr_and_in_the_log(lenient: Any, folder: Path) -> None:
    line = f"plugin 'bad' from {folder / 'bad.py'}: {FAULT}"
    assert f"bedrock-flask: starting without {line}\n" in lenient.log.read_text()
    assert [entry["message"] for entry in lenient.lines() if entry["level"] == "ERROR"] == [f"starting without {line}"]


def test_readiness_stays_terse_and_ready(lenient: Any) -> None:
    response = lenient.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readiness_tells_the_holder_of_a_key_what_is_wrong(lenient: Any, folder: Path) -> None:
    response = lenient.get("/readyz?verbose", headers=KEY)
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["broken"] == [{"name": "bad", "source": str(folder / "bad.py"), "faults": [FAULT]}]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}])
def test_readiness_tells_a_stranger_how_many_and_no_more(lenient: Any, headers: dict[str, str]) -> None:
    response = lenient.get("/readyz?verbose", headers=headers)
    assert response.json() == {"status": "degraded", "adapters": BUILT_IN + 1, "aliases": 0, "broken": 1}


def test_without_keys_this_machine_is_told(start_gateway: StartGateway, folder: Path) -> None:
    gateway = start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(folder), BEDROCK_FLASK_LENIENT="true")
    assert gateway.get("/readyz?verbose").json()["broken"][0]["faults"] == [FAULT]
    assert gateway.get("/readyz?verbose", headers={"origin": "https://other.example"}).json()["broken"] == 1


def test_nothing_broken_is_nothing_said(gateway: Gateway) -> None:
    assert gateway.get("/readyz?verbose").json() == {"status": "ok", "adapters": BUILT_IN, "aliases": 0}


CRASHING = (
    render_plugin("crash", "chat")
    + """

WAYS = {"exit": SystemExit, "stop": KeyboardInterrupt, "fail": RuntimeError}


def crashing(body):
    if way := WAYS.get(body["turns"][0]["text"]):
        raise way("secret-of-the-house")
    return ()
"""
)


@pytest.fixture(scope="module")
def crashing(
    start_gateway: StartGateway, start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Gateway:
    folder = tmp_path_factory.mktemp("crashing")
    text = CRASHING.replace("sample=SAMPLE,", "sample=SAMPLE, rules=[lambda body: crashing(body)],")
    # What the gateway's decode does; the emulator must not fall over it first, so it has a plugin that does not.
    (folder / "crash.py").write_text(
        text.replace("    answer = reply", "    leave(reply)\n    answer = reply") + LEAVING
    )
    sound = tmp_path_factory.mktemp("sound")
    (sound / "crash.py").write_text(render_plugin("crash", "chat"))
    emulator = start_emulator(plugins_dir=sound)
    return start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(folder), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url)


LEAVING = """

import os


def leave(reply):
    if os.path.exists(__file__ + ".leave"):
        raise SystemExit("secret-of-the-house")
"""


def worker_of(gateway: Gateway) -> list[str]:
    return [entry["message"] for entry in gateway.lines() if "Booting worker" in entry["message"]]


@pytest.mark.parametrize("way", ["exit", "stop", "fail"])
@pytest.mark.parametrize("action", ["invoke", "invoke-stream"])
def test_a_rule_that_raises_at_a_request_fails_that_request_and_the_worker_lives(
    crashing: Any, way: str, action: str
) -> None:
    response = crashing.post(f"/v1/models/crash/{action}", {"turns": [{"role": "user", "text": way}]})
    assert (response.status_code, response.json()["code"]) == (500, "plugin_error")
    assert "crash" in response.json()["detail"]
    assert "secret-of-the-house" not in response.text + crashing.log.read_text()
    assert crashing.post("/v1/models/crash/invoke", {"turns": [{"role": "user", "text": "hi"}]}).ok
    assert len(worker_of(crashing)) == 1


def test_a_decode_that_exits_fails_its_answer_and_the_worker_lives(crashing: Any) -> None:
    body = {"turns": [{"role": "user", "text": "hi"}]}
    file = Path(crashing.get("/v1/models/crash").json()["source"] + ".leave")
    file.touch()
    try:
        whole = crashing.post("/v1/models/crash/invoke", body)
        streamed = crashing.post("/v1/models/crash/invoke-stream", body)
    finally:
        os.unlink(file)
    assert (whole.status_code, whole.json()["code"]) == (500, "plugin_error")
    assert "plugin_error" in streamed.text
    assert "event: usage" not in streamed.text
    assert crashing.post("/v1/models/crash/invoke", body).ok
    assert len(worker_of(crashing)) == 1
