"""`bedrock-flask demo`, as `make run` starts it: one real answer, whatever the shell says, and a clean end."""

import os
import re
import signal
import subprocess
import sys
import urllib.parse
from pathlib import Path

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


def start(**more: str) -> tuple["subprocess.Popen[str]", str]:
    """The demonstration, with what it prints until it is ready."""
    process = subprocess.Popen(
        command("--engine", "scripted", "--port", str(find_free_port())),
        env=os.environ | SHELL | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl-C" in line:
            break
    return process, printed


def find(name: str, printed: str) -> str:
    """The address or folder that it prints under a name."""
    found = re.search(rf"^{name}\s+(\S+)$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


def stop(process: "subprocess.Popen[str]", printed: str, number: int) -> None:
    """Stop it by a signal: both servers and the logs are gone afterwards."""
    process.send_signal(number)
    assert process.wait(20) == 0
    assert not Path(find("Logs", printed)).exists()
    for name in ("Gateway", "Emulator"):
        assert is_free("127.0.0.1", urllib.parse.urlsplit(find(name, printed)).port or 0)


def test_what_it_prints_works_a_plugin_is_dropped_in_and_ctrl_c_stops_everything(
    tmp_path: Path, repository: Path
) -> None:
    text = (repository / "README.md").read_text()
    [plugin] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "register_adapters" in block]
    (tmp_path / "rhyme.py").write_text(plugin)
    process, printed = start(BEDROCK_FLASK_PLUGINS_DIR=str(tmp_path))
    try:
        check_what_it_prints(printed)
        session = direct_session()
        url = f"{find('Gateway', printed)}/v1/models/rhyme/invoke"
        response = session.post(url, json={"prompt": "orange"}, timeout=20)
        assert response.status_code == 200, response.text
        stop(process, printed, signal.SIGINT)
    finally:
        process.kill()
        process.communicate()


def direct_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def check_what_it_prints(printed: str) -> None:
    session = direct_session()
    for block in re.findall(r"curl -sN? (\S+) \\\n\s+-d '(.*?)'", printed):
        assert session.post(block[0], data=block[1], timeout=20).ok
    snippet = re.search(r"^    import boto3\n(?:    .*\n)+", printed, re.MULTILINE)
    assert snippet
    assert f'endpoint_url="{find("Emulator", printed)}"' in snippet[0]
    plain = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    text = "\n".join(line[4:] for line in snippet[0].splitlines())
    done = subprocess.run(
        [sys.executable, "-c", text], env=plain, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip(), done.stderr
    for page in ("/docs", "/openapi.json", "/v1/models"):
        assert session.get(find("Gateway", printed) + page, timeout=20).ok
    for log in Path(find("Logs", printed)).iterdir():
        assert "canary" not in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_stop_everything_too(number: int) -> None:
    process, printed = start()
    try:
        stop(process, printed, number)
    finally:
        process.kill()
        process.communicate()
