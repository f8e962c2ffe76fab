"""A durable ledger: an answer that a client has whole is settled, whatever becomes of the worker."""

import os
import signal

import pytest
import requests

from tests.governed import PATIENCE, Governed, StartGoverned

CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}


@pytest.fixture(scope="module")
def governed(start_with_database: StartGoverned) -> Governed:
    return start_with_database(BEDROCK_FLASK_LEDGER="durable", BEDROCK_FLASK_WORKERS="1")


@pytest.mark.parametrize(
    ("path", "is_streamed"), [("/v1/chat/completions", False), ("/v1/chat/completions", True), ("/v1/messages", True)]
)
def test_a_whole_answer_is_settled_though_its_worker_is_killed_at_once(
    governed: Governed, path: str, is_streamed: bool
) -> None:
    key = governed.create_key()
    # The stream of Claude's is passed on as it comes, with its last event.
    body = CHAT | {"model": "claude" if "messages" in path else "nova", "stream": is_streamed}
    with call(governed, path, body, {"authorization": f"Bearer {key.text}"}) as response:
        assert response.status_code == 200, response.text
        read_whole(response)
        kill_workers(governed)
    rows = governed.query(f"SELECT state FROM ledger WHERE key = '{key.name}'")
    assert [row["state"] for row in rows] == ["OK"]


def call(governed: Governed, path: str, body: dict[str, object], headers: dict[str, str]) -> requests.Response:
    """The response, as soon as there is a worker again."""
    while True:
        try:
            return requests.post(governed.gateway.url + path, json=body, headers=headers, timeout=PATIENCE, stream=True)
        except requests.ConnectionError:
            assert governed.gateway.process.poll() is None


def read_whole(response: requests.Response) -> None:
    """Read no further than to what says that the answer is whole."""
    if "event-stream" not in response.headers["content-type"]:
        assert response.json()
        return
    for line in response.iter_lines(chunk_size=1):
        if line == b"data: [DONE]" or b'"message_stop"' in line:
            return
    raise AssertionError("the stream had no end")


def kill_workers(governed: Governed) -> None:
    for process in governed.gateway.list_workers():
        os.kill(process, signal.SIGKILL)
