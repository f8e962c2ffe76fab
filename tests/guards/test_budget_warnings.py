"""Warnings over real sockets: a gateway of two workers, and a receiver that is away at first."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from sqlalchemy import text

from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.config.webhook import decode_webhook_secret
from bedrock_flask.governance.budgets import to_dollars
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.webhook import sign
from tests.governed import PATIENCE, NamedKey, StartGoverned

CHAT = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}
SECRET = "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTAxMjM0NTY3ODk="


class Receiver(ThreadingHTTPServer):
    """Answers messages with its statuses; it holds the first one until it is released."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.messages: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.holds, self.released = threading.Event(), threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        name, timestamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        expected = sign(decode_webhook_secret(ServerSecret(SECRET)), name, timestamp, body)
        if self.headers["webhook-signature"] != expected or abs(int(timestamp) - time.time()) > 60:
            self.server.faults.append(f"the signature of {name}")
        self.server.holds.set()
        self.server.released.wait(PATIENCE)
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status == 204:
            self.server.messages.append(json.loads(body)["data"])
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.faults.append("a redirect was followed")

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_each_warning_is_accepted_once_by_a_receiver_that_was_away(
    start_with_database: StartGoverned, receiver: Receiver
) -> None:
    receiver.statuses[:] = [500, 302]
    url = f"http://127.0.0.1:{receiver.server_port}/canary-path"
    governed = start_with_database(BEDROCK_FLASK_WEBHOOK_URL=url, BEDROCK_FLASK_WEBHOOK_SECRET=SECRET)

    def call(key: NamedKey) -> int:
        headers = {"authorization": f"Bearer {key.text}"}
        path = f"{governed.gateway.url}/v1/chat/completions"
        return requests.post(path, json=CHAT, headers=headers, timeout=PATIENCE).status_code

    assert call(governed.create_key()) == 200
    [row] = governed.query("SELECT reserved FROM ledger")
    # There is room for one call, and not for a second one.
    key = governed.create_key()
    governed.change("set_budgets", f"key:{key.name}", {"day": to_dollars(row["reserved"])}, (), [1, 100])
    assert call(key) == 200
    until = time.monotonic() + PATIENCE
    while not receiver.holds.wait(0.2):
        assert time.monotonic() < until
    # Nothing of it is felt by calls.
    answers = [call(key) for _ in range(12)]
    assert 402 in answers
    assert set(answers) <= {200, 402}
    assert receiver.messages == []
    receiver.released.set()
    while len(receiver.messages) < 2:
        assert time.monotonic() < until, governed.query("SELECT * FROM budget_warnings")
        # The time until the next trial passes, and a call has the watch look.
        with begin(governed.database) as connection:
            connection.execute(text("UPDATE budget_warnings SET due = 0 WHERE due > 0 AND attempts < 4"))
        call(key)
        time.sleep(0.5)
    assert sorted(each["threshold"] for each in receiver.messages) == [1, 100]
    assert {each["scope"] for each in receiver.messages} == {f"key:{key.name}"}
    assert receiver.faults == []
    while governed.query("SELECT * FROM budget_warnings WHERE due IS NOT NULL"):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert len(governed.query("SELECT * FROM budget_warnings")) == 2
    assert "canary" not in governed.gateway.log.read_text()
