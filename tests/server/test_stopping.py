"""Stopping, recycling and recovery: no response is lost or cut without an error, and the exit code is 0."""

import concurrent.futures
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from bedrock_flask.protocol import eventstream
from tests.doubles import Gateway, SendStream, SendWhole, StartGateway, Upstream
from tests.sse_decoder import Decoder, Event

NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
MODEL = "/v1/models/newvendor.model-of-tomorrow"
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x"}}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}),
]
FRAMES = [eventstream.encode(eventstream.event(kind, json.dumps(event).encode())) for kind, event in EVENTS]
LONG = 60

each_worker = pytest.mark.parametrize("worker", ["gthread", "gevent"])


@pytest.fixture
def start(start_gateway: StartGateway, upstream: Upstream) -> Callable[..., Any]:
    """Start a gateway in front of `upstream`."""

    def started(worker: str, **settings: str) -> Gateway:
        there = f"http://127.0.0.1:{upstream.port}"
        return start_gateway(BEDROCK_FLASK_WORKER=worker, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=there, **settings)

    return started


@pytest.fixture
def held(upstream: Upstream, stream: SendStream) -> threading.Event:
    """The event for which the next stream of `upstream` waits after its first two frames."""
    let_go = threading.Event()

    def wait(client: socket.socket) -> None:
        if let_go.wait(LONG):
            for frame in FRAMES[2:]:
                client.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")

    upstream.scripts.append(stream(*FRAMES[:2], then=wait))
    return let_go


class Open:
    """A stream that has begun, read to its end in its own thread."""

    def __init__(self, gateway: Gateway) -> None:
        self.response = gateway.ask("POST", f"{MODEL}/invoke-stream", data=json.dumps(NOVA), stream=True, timeout=LONG)
        pieces = self.response.iter_content(None)
        self.data = next(pieces)
        self.reader = threading.Thread(target=self._read, args=(pieces,), daemon=True)
        self.reader.start()

    def _read(self, pieces: Any) -> None:
        for piece in pieces:
            self.data += piece

    def events(self) -> list[Event]:
        self.reader.join(LONG)
        assert not self.reader.is_alive()
        return list(Decoder().feed(self.data))


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@each_worker
def test_readiness_goes_first_and_requests_are_still_served(
    start: Callable[..., Any], upstream: Upstream, whole: SendWhole, worker: str
) -> None:
    gateway = start(worker, BEDROCK_FLASK_DRAIN_DELAY="4")
    gateway.process.terminate()
    assert until(lambda: gateway.get("/readyz").status_code == 503, 3)
    assert gateway.get("/readyz").json()["code"] == "shutting_down"
    assert gateway.get("/livez").status_code == 200
    answer = {"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}, "stopReason": "end_turn"}
    upstream.scripts.append(whole(json.dumps(answer).encode()))
    assert gateway.post(f"{MODEL}/invoke", NOVA).status_code == 200
    assert gateway.process.wait(30) == 0


@each_worker
def test_a_stream_finishes_within_the_grace(start: Callable[..., Any], held: threading.Event, worker: str) -> None:
    gateway = start(worker)
    stream = Open(gateway)
    gateway.process.terminate()
    assert until(lambda: _refused(gateway))
    held.set()
    assert [event.event for event in stream.events()][-2:] == ["metadata", "usage"]
    assert gateway.process.wait(30) == 0


@each_worker
def test_a_stream_beyond_the_grace_ends_in_an_error(
    start: Callable[..., Any], held: threading.Event, worker: str
) -> None:
    gateway = start(worker, BEDROCK_FLASK_GRACEFUL_TIMEOUT="1")
    stream = Open(gateway)
    gateway.process.terminate()
    events = stream.events()
    assert (events[-1].event, json.loads(events[-1].data)["code"]) == ("error", "shutting_down")
    assert "usage" not in [event.event for event in events]
    assert gateway.process.wait(30) == 0
    assert gateway.line(stream.response.headers["x-request-id"])["error"] == "shutting_down"


@each_worker
def test_a_whole_answer_that_is_waited_for_ends_in_an_error(
    start: Callable[..., Any], upstream: Upstream, worker: str
) -> None:
    gateway = start(worker, BEDROCK_FLASK_GRACEFUL_TIMEOUT="1")
    called = threading.Event()

    def say_nothing(client: socket.socket) -> None:
        called.set()
        client.recv(1)

    upstream.scripts.append(say_nothing)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(gateway.post, f"{MODEL}/invoke", NOVA, timeout=LONG)
        assert called.wait(10)
        gateway.process.terminate()
        response = answer.result(LONG)
    assert (response.status_code, response.json()["code"]) == (503, "shutting_down")
    assert gateway.process.wait(30) == 0
    assert len(upstream.requests) == 1


@each_worker
def test_an_interrupt_does_not_wait_for_streams(start: Callable[..., Any], held: threading.Event, worker: str) -> None:
    gateway = start(worker)
    stream = Open(gateway)
    gateway.process.send_signal(signal.SIGINT)
    assert stream.events()[-1].event == "error"
    gateway.process.wait(20)


@each_worker
def test_an_idle_connection_holds_nobody_up(start: Callable[..., Any], worker: str) -> None:
    gateway = start(worker, BEDROCK_FLASK_GRACEFUL_TIMEOUT="40")
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(gateway.url + "/livez").ok
        gateway.process.terminate()
        assert gateway.process.wait(20) == 0


@pytest.mark.parametrize(("worker", "how"), [("gthread", "recycled"), ("gevent", "recycled"), ("gthread", "reloaded")])
def test_workers_are_replaced_without_a_dropped_request(start_gateway: StartGateway, worker: str, how: str) -> None:
    few = {"BEDROCK_FLASK_MAX_REQUESTS": "40"} if how == "recycled" else {}
    gateway = start_gateway(BEDROCK_FLASK_WORKER=worker, BEDROCK_FLASK_WORKERS="2", **few)

    def ask(number: int) -> list[int]:
        with requests.Session() as session:
            session.trust_env = False
            # Half of the callers keep their connection, the others open one for each request.
            headers = {"connection": "close"} if number % 2 else {}
            return [
                session.post(f"{gateway.url}/v1/models/nova/invoke", json=NOVA, headers=headers, timeout=30).status_code
                for _ in range(50)
            ]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(ask, number) for number in range(4)]
        if how == "reloaded":
            gateway.process.send_signal(signal.SIGHUP)
        got = [status for answer in answers for status in answer.result(110)]
    assert got == [200] * 200
    # The last answers may come from a worker that is still to be replaced.
    assert until(lambda: sum("Booting worker" in line["message"] for line in gateway.lines()) > 2)


def test_a_killed_worker_is_replaced(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    [worker] = gateway.list_workers()
    os.kill(worker, signal.SIGKILL)
    assert until(lambda: gateway.list_workers() not in ([], [worker]))
    assert until(lambda: gateway.get("/readyz").ok)
    assert gateway.post("/v1/models/nova/invoke", NOVA).status_code == 200


def _refused(gateway: Gateway) -> bool:
    try:
        gateway.get("/livez")
    except requests.ConnectionError:
        return True
    return False
