"""Workers that are killed under load: the emulator's log is the truth, and the ledger has each call once."""

import json
import os
import signal
import threading
import time
import uuid
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from bedrock_flask.config.database import parse_database_url
from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.ledger import open_ledger_store
from tests.databases import PEPPER, create_address
from tests.doubles import StartEmulator, StartGateway
from tests.governed import PATIENCE, Governed, check_usage, start_governed

# Seconds of load, and between two kills.
LOAD, PAUSE = 7.0, 2.0
CALLERS = 8


class Load:
    """Callers that send one call after the other, each with an id that is also its prompt."""

    def __init__(self, governed: Governed, key: str) -> None:
        self._url, self._key = f"{governed.gateway.url}/v1/chat/completions", key
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(bool(number % 2),)) for number in range(CALLERS)]
        self.answered: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _call(self, is_stream: bool) -> None:
        while not self._ended.is_set():
            name = uuid.uuid4().hex
            body = {"model": "nova", "messages": [{"role": "user", "content": name}], "stream": is_stream}
            headers = {"authorization": f"Bearer {self._key}", "x-request-id": name}
            try:
                response = requests.post(self._url, json=body, headers=headers, timeout=PATIENCE)
            except requests.RequestException:
                continue
            if response.status_code == 200 and (not is_stream or "[DONE]" in response.text):
                self.answered.append(name)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_call_is_lost_or_doubled_when_workers_are_killed(
    kind: str,
    request: pytest.FixtureRequest,
    start_gateway: StartGateway,
    start_emulator: StartEmulator,
    plain_environ: dict[str, str],
    tmp_path: Path,
) -> None:
    log = tmp_path / "requests.jsonl"
    emulator = start_emulator("--log", str(log))
    address = create_address(request, kind, tmp_path)
    settings = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url, "BEDROCK_FLASK_MAX_ATTEMPTS": "1"}
    governed = start_governed(start_gateway, plain_environ, address, "gevent", **settings)
    governed.change("set_budgets", "team:research", {"month": "1000000"})
    load = Load(governed, governed.create_key().text)
    load.start()
    killed = 0
    until = time.monotonic() + LOAD
    while time.monotonic() < until:
        time.sleep(PAUSE)
        for process in governed.gateway.list_workers():
            os.kill(process, signal.SIGKILL)
            killed += 1
    load.stop()
    assert killed >= 4
    assert len(load.answered) > 50
    end(governed)

    # The workers have ended: those that were killed have not been seen for long.
    with begin(governed.database) as connection:
        connection.execute(text("UPDATE workers SET seen = 0"))
    open_ledger_store(parse_database_url(address), parse_server_secret(PEPPER)).reap(1000)

    rows = governed.query("SELECT request_id, state, cost FROM ledger")
    states = {row["request_id"]: row["state"] for row in rows}
    assert len(states) == len(rows), "a call has two rows"
    called = list_called(log)
    assert len(called) == len(set(called))
    assert set(called) <= states.keys(), "a call of Bedrock has no row"
    assert {states[name] for name in load.answered} <= {"OK", "EST"}
    assert {"OPEN"}.isdisjoint(states.values())
    assert {name for name, state in states.items() if state == "OK"} <= set(called)
    # What was in progress when a worker was killed, or had ended a moment before.
    assert list(states.values()).count("EST") <= killed * 2 * CALLERS
    check_usage(governed.database)
    [spending] = governed.query("SELECT * FROM spending")
    assert (spending["reserved"], spending["spent"]) == (0, sum(row["cost"] for row in rows))


def end(governed: Governed) -> None:
    """Stop the gateway as an operator does."""
    governed.gateway.process.terminate()
    governed.gateway.process.wait(PATIENCE)


def list_called(log: Path) -> list[str]:
    """The prompts of the calls that arrived."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    bodies = [json.loads(line["body"]) for line in lines if line["event"] == "arrived"]
    return [body["messages"][0]["content"][0]["text"] for body in bodies]
