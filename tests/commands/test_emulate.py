"""`bedrock-flask emulate` and `bedrock-flask fault`: faults from the command line, and mistakes in one line."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.server.ports import find_free_port

MODEL = "amazon.nova-lite-v1:0"
BODY = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}


def run(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bedrock_flask", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def statuses(emulator: Any, calls: int) -> list[int]:
    return [emulator.post(f"/model/{MODEL}/converse", BODY).status_code for _ in range(calls)]


def test_the_first_calls_fail_as_the_command_line_orders(start_emulator: Any) -> None:
    emulator = start_emulator("--fault", '{"fault": "throttle", "count": 2}', "--fault", "overloaded")
    assert statuses(emulator, 4) == [429, 429, 529, 200]


def test_faults_are_ordered_from_an_emulator_that_runs(emulator: Any, plain_environ: dict[str, str]) -> None:
    emulator.fault("internal")
    there = ("--emulator", emulator.url)
    order = '{"fault": "stall", "after": 0, "seconds": 0}'
    done = run(plain_environ, "fault", "throttle", order, "--count", "2", "--clear", *there)
    assert (done.returncode, done.stdout) == (0, "throttle x 2\nstall x 2\n")
    assert [(each["fault"], each["after"]) for each in emulator.get("/_emulator/faults").json()["waiting"]] == [
        ("throttle", None),
        ("stall", 0),
    ]
    assert statuses(emulator, 5) == [429, 429, 200, 200, 200]
    assert run(plain_environ, "fault", *there).stdout == ""


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["emulate", "--fault", "throtle"], "did you mean 'throttle'?"),
        (["emulate", "--fault", '{"fault": "stall", "secnds": 3}'], "secnds"),
        (["emulate", "--fault", "{"], "ends too early"),
        (["emulate", "--replies", "nowhere.toml"], "nowhere.toml"),
        (["fault", "throtle"], "did you mean 'throttle'?"),
        (["fault", "throttle", "--emulator", "http://127.0.0.1:1"], "does not answer"),
        (["fault", "throttle", "--emulator", "nowhere"], "does not answer"),
    ],
)
def test_a_mistake_is_one_line(plain_environ: dict[str, str], tmp_path: Path, arguments: list[str], wrong: str) -> None:
    more = ["--port", str(find_free_port())] if arguments[0] == "emulate" else []
    done = run(plain_environ, *arguments, *more)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert wrong in line
