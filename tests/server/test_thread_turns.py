"""In a worker of threads few requests are worked on at a time, and what waits for others keeps no turn."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from bedrock_flask import models
from bedrock_flask.config.settings import Settings
from bedrock_flask.dialects.native.model_list import list_models
from bedrock_flask.edge.concurrency import begin_large_body, end_preparation, release_turn
from bedrock_flask.edge.exchange import Exchange, begin_exchange
from bedrock_flask.errors import InvalidBody
from bedrock_flask.pipeline.web_images import take_images
from bedrock_flask.server.workers import thread_turns
from bedrock_flask.server.workers.pace import RateLimitedSocket, limit_rate
from bedrock_flask.server.workers.thread_turns import ThreadTurns
from bedrock_flask.state import make_state
from tests.doubles import Gateway, StartGateway, Upstream

NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
WAIT = 30
# Without it a request that finds no turn would begin after a second all the same.
PATIENT = """
from bedrock_flask.server.workers import thread_turns

thread_turns._PATIENCE = 600.0
"""


def wait_for_a_large_body(exchange: Exchange) -> None:
    taken = SimpleNamespace(acquire=lambda timeout=0.0, blocking=True: blocking)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "state", replace(exchange.state, large_bodies=taken))
        begin_large_body(exchange, 10**6)


def wait_for_an_image(exchange: Exchange) -> None:
    body = {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "https://nowhere.invalid/"}}]}]}
    with contextlib.suppress(InvalidBody):
        take_images(exchange, exchange.state.models.resolve("nova"), json.dumps(body).encode(), body)


# What a request waits for before its call is made, and at last Bedrock itself.
WAITS: dict[str, Callable[[Exchange], object]] = {
    "a large body": wait_for_a_large_body,
    "an image": wait_for_an_image,
    "the models of an account": list_models,
    "Bedrock": end_preparation,
}


def count_turns(turns: ThreadTurns) -> int:
    return turns._free.qsize()


def test_few_requests_have_a_turn_at_a_time_in_their_order() -> None:
    turns, begun = ThreadTurns(), list[int]()
    held = [turns.take() for _ in range(count_turns(turns))]

    def begin(number: int) -> None:
        release = turns.take()
        begun.append(number)
        release()

    waiting = threading.Thread(target=begin, args=(1,))
    waiting.start()
    assert begun == []
    held[0]()
    waiting.join(WAIT)
    assert begun == [1]


def test_a_turn_that_is_released_twice_is_given_back_once() -> None:
    turns = ThreadTurns()
    free = count_turns(turns)
    release = turns.take()
    for _ in range(3):
        release()
    assert count_turns(turns) == free


def test_turns_are_waited_for_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    assert thread_turns._PATIENCE <= 1.0
    monkeypatch.setattr(thread_turns, "_PATIENCE", 0.01)
    turns = ThreadTurns()
    for _ in range(20):
        turns.take()
    # What began without a turn has none to give back.
    turns.take()()
    assert count_turns(turns) == 0


@pytest.fixture
def connection() -> Iterator[tuple[RateLimitedSocket, socket.socket, list[str]]]:
    """A client's connection as the worker has it, its other end, and what becomes of its turn."""
    ours, theirs = socket.socketpair()
    limited, released = limit_rate(ours, WAIT), list[str]()
    with limited, theirs:
        limited.release_turn = lambda: released.append("released")  # type: ignore[method-assign]
        yield limited, theirs, released


def test_reading_what_has_not_arrived_keeps_no_turn(
    connection: tuple[RateLimitedSocket, socket.socket, list[str]],
) -> None:
    limited, theirs, released = connection
    limited.buffer(b"head")
    assert limited.recv(4) == b"head"
    assert not released
    theirs.sendall(b"body")
    assert limited.recv(4) == b"body"
    assert released


def test_writing_to_a_client_that_does_not_read_keeps_no_turn(
    connection: tuple[RateLimitedSocket, socket.socket, list[str]],
) -> None:
    limited, theirs, released = connection
    limited.sendall(b"small")
    assert not released
    limited.patience = 0.01
    with pytest.raises(ConnectionResetError):
        limited.sendall(bytes(8_000_000))
    assert released
    del theirs


@pytest.fixture(scope="module")
def patient(start_gateway: StartGateway, session_upstream: Upstream, tmp_path_factory: Any) -> Gateway:
    folder: Path = tmp_path_factory.mktemp("patient")
    (folder / "sitecustomize.py").write_text(PATIENT)
    return start_gateway(
        BEDROCK_FLASK_WORKER="gthread",
        BEDROCK_FLASK_THREADS="16",
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=session_upstream.url,
        PYTHONPATH=os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))),
    )


def test_calls_that_wait_for_bedrock_keep_no_turn(patient: Gateway, session_upstream: Upstream) -> None:
    upstream, done = session_upstream.reset(), threading.Event()
    called = threading.Semaphore(0)

    def say_nothing(client: socket.socket) -> None:
        called.release()
        done.wait(WAIT)
        client.shutdown(socket.SHUT_RDWR)

    upstream.scripts += [say_nothing] * 8
    callers = [threading.Thread(target=_call_in_vain, args=(patient,)) for _ in range(8)]
    for caller in callers:
        caller.start()
    try:
        for _ in callers:
            assert called.acquire(timeout=WAIT)
        assert patient.get("/v1/models/nova", timeout=WAIT).status_code == 200
    finally:
        done.set()
        for caller in callers:
            caller.join(WAIT)


def _call_in_vain(gateway: Gateway) -> None:
    with contextlib.suppress(requests.RequestException):
        gateway.post("/v1/models/nova/invoke", NOVA, timeout=WAIT)


def test_bodies_that_are_still_to_come_keep_no_turn(patient: Gateway) -> None:
    there, body = urlsplit(patient.url), json.dumps(NOVA)
    head = f"POST /v1/models/nova/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    with contextlib.ExitStack() as connected:
        for _ in range(8):
            client = connected.enter_context(socket.create_connection((there.hostname, there.port), WAIT))
            client.sendall((head + body[:10]).encode())
        assert patient.get("/v1/models/nova", timeout=WAIT).status_code == 200


def begin(environ: dict[str, Any]) -> Exchange:
    settings = Settings(image_hosts=("nowhere.invalid",))
    return begin_exchange({"REQUEST_METHOD": "GET", **environ}, make_state(settings, models.load(settings), ()))


@pytest.mark.parametrize("wait", WAITS)
def test_a_request_that_is_about_to_wait_keeps_no_turn(wait: str) -> None:
    released: list[str] = []
    WAITS[wait](begin({"gunicorn.socket": SimpleNamespace(release_turn=lambda: released.append("released"))}))
    assert released


def test_a_server_need_not_give_turns() -> None:
    for connection in (None, socket.socket()):
        release_turn(begin({"gunicorn.socket": connection}))
