"""`bedrock-flask emulate` and `bedrock-flask fault`: faults from the command line, and mistakes in one line."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from bedrock_flask.server.ports import find_free_port
from tests.doubles import Emulator

MODEL = "amazon.nova-lite-v1:0"
BODY = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}


Run = Callable[..., "subprocess.CompletedProcess[str]"]


def statuses(emulator: Emulator, calls: int) -> list[int]:
    return [emulator.post(f"/model/{MODEL}/converse", BODY).status_code for _ in range(calls)]


def test_the_first_calls_fail_as_the_command_line_orders(start_emulator: Emulator) -> None:
    emulator = start_emulator("--fault", '{"fault": "throttle", "count": 2}', "--fault", "overloaded")
    assert statuses(emulator, 4) == [429, 429, 529, 200]


def test_faults_are_ordered_from_an_emulator_that_runs(
    run_command: Run, emulator: Emulator, plain_environ: dict[str, str]
) -> None:
    emulator.fault("internal")
    there = ("--emulator", emulator.url)
    order = '{"fault": "stall", "after": 0, "seconds": 0}'
    done = run_command(plain_environ, "fault", "throttle", order, "--count", "2", "--clear", *there)
    assert (done.returncode, done.stdout) == (0, "throttle x 2\nstall x 2\n")
    assert [(each["fault"], each["after"]) for each in emulator.get("/_emulator/faults").json()["waiting"]] == [
        ("throttle", None),
        ("stall", 0),
    ]
    assert statuses(emulator, 5) == [429, 429, 200, 200, 200]
    assert run_command(plain_environ, "fault", *there).stdout == ""


def test_a_mistake_is_one_line(run_command: Run, plain_environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise ValueError('no good')")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        cases = [
            (["emulate", "--fault", "throtle"], ["did you mean 'throttle'?"]),
            (["emulate", "--fault", '{"fault": "stall", "secnds": 3}'], ["secnds"]),
            (["emulate", "--fault", "{"], ["ends too early"]),
            (["emulate", "--replies", "nowhere.toml"], ["nowhere.toml"]),
            (["emulate", "--log", str(tmp_path)], [f"the log {tmp_path} cannot be written"]),
            (["emulate", "--plugins-dir", str(tmp_path)], ["no good"]),
            (["emulate", "--blocked-word", " "], ["--blocked-word: an empty word would block everything"]),
            (["emulate", "--port", port], [f"port {port} is in use", "--port"]),
            (
                ["emulate", "--host", "192.0.2.1", "--port", "8001"],
                ["bedrock-flask: 192.0.2.1 port 8001 cannot be bound: Cannot assign requested address"],
            ),
            (
                ["emulate", "--host", "[::1", "--port", "8001"],
                ["bedrock-flask: [::1 is not an address that can be bound: "],
            ),
            (["fault", "throtle"], ["did you mean 'throttle'?"]),
            (["fault", "throttle", "--emulator", "http://127.0.0.1:1"], ["does not answer"]),
            (["fault", "throttle", "--emulator", "nowhere"], ["does not answer"]),
            (["demo", "--once", "--port", port], ["is in use", "PORT="]),
        ]
        wrong = []
        for arguments, parts in cases:
            more = ["--port", str(find_free_port())] if arguments[0] == "emulate" and "--port" not in arguments else []
            done = run_command(plain_environ, *arguments, *more)
            lines = done.stderr.splitlines()
            if done.returncode != 1 or len(lines) != 1 or done.stdout or not all(part in lines[0] for part in parts):
                wrong.append((arguments, done.returncode, done.stdout, done.stderr))
    assert wrong == []
