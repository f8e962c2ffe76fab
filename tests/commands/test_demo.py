"""`bedrock-flask demo`, as `make run` starts it: one real answer, whatever the shell says, and a clean end."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bedrock_flask.server.ports import find_free_port, is_free

# What a working shell may hold; none of it may matter, and no secret of it may be written down.
SHELL = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "AWS_PROFILE": "nope",
    "AWS_BEARER_TOKEN_BEDROCK": "canary",
    "AWS_SECRET_ACCESS_KEY": "canary",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "BEDROCK_FLASK_API_KEYS": "me:canary-0123456789",
    "BEDROCK_FLASK_THREADS": "not a number",
    "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:9",
}


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "bedrock_flask", "demo", *options]


def run(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*options), env=os.environ | SHELL, capture_output=True, text=True, timeout=100, check=False
    )


def test_once_answers_and_exits() -> None:
    done = run("--once", "--engine", "scripted", "--port", str(find_free_port()))
    assert done.returncode == 0, done.stderr
    for part in ("Prompt:  Name three colours.", "Answer:  ", "tokens in", "Latency: "):
        assert part in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_the_language_model_itself_answers(has_language_model: bool) -> None:
    if not has_language_model:
        pytest.skip("no wheel of the demonstration model fits this machine")
    done = run("--once", "--port", str(find_free_port()))
    assert done.returncode == 0, done.stderr
    assert re.search(r"Answer: .*\b(red|blue|green|yellow)\b", done.stdout, re.IGNORECASE)


def test_a_busy_port_is_one_line_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        done = run("--once", "--port", str(busy.getsockname()[1]))
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "is in use" in line
    assert "PORT=" in line


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("192.0.2.1", "192.0.2.1 port 8001 cannot be bound: Cannot assign requested address"),
        ("[::1", "[::1 is not an address that can be bound: "),
    ],
)
def test_an_address_that_cannot_be_bound_says_why(host: str, fault: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bedrock_flask", "emulate", "--host", host, "--port", "8001"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"bedrock-flask: {fault}")


def test_no_answer_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("x = 1")
    environ = os.environ | SHELL | {"BEDROCK_FLASK_PLUGINS_DIR": str(tmp_path)}
    done = subprocess.run(
        command("--once", "--port", str(find_free_port()), "--engine", "scripted"),
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "it registers nothing" in done.stderr


@pytest.fixture
def running() -> Iterator[Any]:
    process = subprocess.Popen(
        command("--engine", "scripted", "--port", str(find_free_port())),
        env=os.environ | SHELL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if "Ctrl-C" in line:
            break
    yield process, told
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_it_prints_works_and_ctrl_c_stops_everything(running: Any, number: int) -> None:
    process, told = running
    session = requests.Session()
    session.trust_env = False
    for block in re.findall(r"curl -sN? (\S+) \\\n\s+-d '(.*?)'", told):
        assert session.post(block[0], data=block[1], timeout=20).ok
    gateway = re.search(r"^Gateway\s+(\S+)$", told, re.MULTILINE)
    emulator = re.search(r"^Emulator\s+(\S+)$", told, re.MULTILINE)
    logs = re.search(r"^Logs\s+(\S+)$", told, re.MULTILINE)
    assert gateway
    assert emulator
    assert logs
    snippet = re.search(r"^    import boto3\n(?:    .*\n)+", told, re.MULTILINE)
    assert snippet
    assert f'endpoint_url="{emulator[1]}"' in snippet[0]
    plain = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    text = "\n".join(line[4:] for line in snippet[0].splitlines())
    done = subprocess.run(
        [sys.executable, "-c", text], env=plain, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip(), done.stderr
    for page in ("/docs", "/openapi.json", "/v1/models"):
        assert session.get(gateway[1] + page, timeout=20).ok
    for log in Path(logs[1]).iterdir():
        assert "canary" not in log.read_text()
    process.send_signal(number)
    assert process.wait(20) == 0
    assert not Path(logs[1]).exists()
    for url in (gateway[1], emulator[1]):
        assert is_free("127.0.0.1", urllib.parse.urlsplit(url).port or 0)


def test_a_dropped_in_plugin_is_answered_through_the_demo(tmp_path: Path, repository: Path) -> None:
    text = (repository / "README.md").read_text()
    [plugin] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "register_adapters" in block]
    (tmp_path / "rhyme.py").write_text(plugin)
    port = find_free_port()
    environ = os.environ | SHELL | {"BEDROCK_FLASK_PLUGINS_DIR": str(tmp_path)}
    process = subprocess.Popen(
        command("--engine", "scripted", "--port", str(port)),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any("Ctrl-C" in line for line in process.stdout)
        session = requests.Session()
        session.trust_env = False
        url = f"http://127.0.0.1:{port}/v1/models/rhyme/invoke"
        response = session.post(url, json={"prompt": "orange"}, timeout=20)
        assert response.status_code == 200, response.text
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
