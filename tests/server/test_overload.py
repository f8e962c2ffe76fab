"""Overload: probes do not wait for calls, strangers hold no place, and who has waited too long is refused at once."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from bedrock_flask import models
from bedrock_flask import places as places_module
from bedrock_flask.config.settings import Settings
from bedrock_flask.edge import concurrency
from bedrock_flask.edge.exchange import Exchange, SignatureClaim, begin_exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.errors import Overloaded
from bedrock_flask.governance.principal import Principal
from bedrock_flask.places import Places
from bedrock_flask.server.workers import gthread
from bedrock_flask.server.workers.pace import Addresses
from bedrock_flask.state import State, make_state
from tests.doubles import Gateway, StartGateway, Upstream

KEY, SECRET = "a-key-for-the-test-only", "a-secret-for-the-test-only-of-32-characters"
NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
WAIT = 30

each_worker = pytest.mark.parametrize("worker", ["gthread", "gevent"])


@pytest.fixture(scope="module")
def state() -> State:
    settings = Settings()
    return make_state(settings, models.load(settings), ())


@pytest.fixture
def begun(state: State) -> Iterator[Exchange]:
    """An exchange with a signature that is not proven, whose body is still to come."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        body = SimpleNamespace(read=lambda size: b"")
        environ = {"wsgi.input": body, "gunicorn.socket": ours, "CONTENT_LENGTH": "10", "REQUEST_METHOD": "POST"}
        yield begin_exchange(environ, state)


def count_places(state: State) -> tuple[int, ...]:
    return state.slots.count_free(), state.unproven.count_free(), state.large_bodies._value


def test_there_are_never_more_places_than_there_were() -> None:
    places = Places(2)
    assert [places.take(), places.take(), places.take()] == [True, True, False]
    for _ in range(3):
        places.give_back()
    assert places.count_free() == 2


def test_a_place_that_comes_free_at_once_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "_SOON", 30.0)
    places = Places(1)
    assert places.take()
    giver = threading.Timer(0.001, places.give_back)
    giver.start()
    assert places.take_soon()
    giver.join()


def test_nobody_waits_for_a_place_where_none_came_free_just_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "_SOON", 0.01)
    places = Places(1)
    assert places.take()
    assert not places.take_soon()
    monkeypatch.setattr(places_module, "_SOON", 30.0)
    began = time.monotonic()
    assert not places.take_soon()
    assert time.monotonic() - began < 30


def call_in_vain(gateway: Gateway) -> None:
    with contextlib.suppress(requests.RequestException):
        gateway.post("/v1/models/nova/invoke", NOVA, timeout=WAIT)


@each_worker
def test_a_probe_is_answered_while_every_place_is_taken(
    start_gateway: StartGateway, upstream: Upstream, worker: str
) -> None:
    gateway = start_gateway(
        BEDROCK_FLASK_WORKER=worker,
        BEDROCK_FLASK_THREADS="1",
        BEDROCK_FLASK_MAX_CALLS="1",
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url,
    )
    called, done = threading.Event(), threading.Event()

    def say_nothing(client: socket.socket) -> None:
        called.set()
        done.wait(WAIT)
        client.shutdown(socket.SHUT_RDWR)

    upstream.scripts.append(say_nothing)
    caller = threading.Thread(target=call_in_vain, args=(gateway,))
    caller.start()
    assert called.wait(WAIT)
    try:
        # Long before the call ends, which would give its place to the probe.
        assert gateway.get("/livez", timeout=WAIT / 3).json() == {"status": "ok"}
        assert gateway.get("/readyz", timeout=WAIT / 3).status_code == 200
    finally:
        done.set()
        caller.join(WAIT)


@each_worker
def test_bodies_that_claim_a_signature_leave_the_places_to_others(start_gateway: StartGateway, worker: str) -> None:
    """A stranger who knows the name of a key can begin any number of them."""
    gateway = start_gateway(
        BEDROCK_FLASK_WORKER=worker,
        BEDROCK_FLASK_THREADS="24",
        BEDROCK_FLASK_MAX_CALLS="16",
        BEDROCK_FLASK_API_KEYS=f"me:{KEY}",
        BEDROCK_FLASK_SIGNING_SECRET=SECRET,
    )
    now = datetime.now(UTC)
    head = (
        "POST /model/amazon.nova-lite-v1:0/converse HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        f"X-Amz-Date: {now:%Y%m%dT%H%M%SZ}\r\nAuthorization: AWS4-HMAC-SHA256 "
        f"Credential=me/{now:%Y%m%d}/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, "
        f"Signature={'0' * 64}\r\n\r\n{{"
    )
    there = urlsplit(gateway.url)
    with contextlib.ExitStack() as connected:
        refused = 0
        for _ in range(18):
            connection = connected.enter_context(socket.create_connection((there.hostname, there.port), WAIT))
            connection.sendall(head.encode())
        # Eight places are theirs, and the others are refused: then the gateway has seen them all.
        while refused < 10:
            refused = sum(line.get("error") == "overloaded" for line in gateway.lines())
        response = gateway.ask(
            "POST",
            "/v1/models/nova/invoke",
            data=json.dumps(NOVA),
            headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
            timeout=WAIT,
        )
        assert response.status_code == 200


def test_an_unproven_body_holds_a_place_of_its_own_until_it_is_proven(state: State, begun: Exchange) -> None:
    slots, unproven, large = count_places(state)
    begun.signature_claim = SignatureClaim(Principal("me"), "", None)  # type: ignore[arg-type]
    concurrency.take_slot(begun)
    assert count_places(state) == (slots, unproven - 1, large)
    concurrency.take_slot_when_proven(begun)
    assert count_places(state) == (slots - 1, unproven, large)
    response = Response([b""])
    concurrency.release_slot_on_close(begun, response)
    for each in response.on_close:
        each()
    assert count_places(state) == (slots, unproven, large)


def test_unproven_bodies_leave_half_of_the_places_to_others(state: State) -> None:
    # Fewer would refuse an SDK of AWS that sends thirty signed calls at once to a worker of threads.
    slots, unproven, _ = count_places(state)
    assert unproven == slots // 2


def test_an_unproven_body_that_is_refused_gives_its_place_back(state: State, begun: Exchange) -> None:
    before = count_places(state)
    begun.signature_claim = SignatureClaim(Principal("me"), "", None)  # type: ignore[arg-type]
    concurrency.take_slot(begun)
    concurrency.release_slot_on_close(begun, Response([b""]))
    assert count_places(state) == before


def test_a_large_body_holds_a_place_until_its_call_is_made(state: State, begun: Exchange) -> None:
    before = count_places(state)
    concurrency.begin_large_body(begun, concurrency.LARGE_BODY)
    assert count_places(state) == before
    concurrency.begin_large_body(begun, concurrency.LARGE_BODY + 1)
    concurrency.begin_large_body(begun, concurrency.LARGE_BODY + 1)
    assert count_places(state)[2] == before[2] - 1
    concurrency.end_large_body(begun)
    concurrency.end_large_body(begun)
    assert count_places(state) == before


def test_a_large_body_that_finds_no_place_is_refused(
    state: State, begun: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concurrency, "_LARGE_BODY_WAIT", 0.01)
    monkeypatch.setattr(begun, "state", SimpleNamespace(large_bodies=threading.Semaphore(0)))
    with pytest.raises(Overloaded):
        concurrency.begin_large_body(begun, concurrency.LARGE_BODY + 1)


@pytest.mark.parametrize(("waited", "is_refused"), [(0.0, False), (4.9, False), (5.1, True)])
def test_a_request_that_has_waited_too_long_is_refused(state: State, waited: float, is_refused: bool) -> None:
    environ: dict[str, Any] = {"gunicorn.socket": SimpleNamespace(waited=waited), "REQUEST_METHOD": "POST"}
    exchange = begin_exchange(environ, state)
    if is_refused:
        with pytest.raises(Overloaded):
            concurrency.take_slot(exchange)
    else:
        concurrency.take_slot(exchange)
        state.slots.give_back()


NOT_PLAIN = """
from types import SimpleNamespace
from bedrock_flask.server.workers import gevent as worker

found = []
worker.GeventWorker.handle_request = lambda self, name, request, sock, address: found.append(sock.waited)
ours = object.__new__(worker.Worker)
ours.waiting, ours.open_connections, ours.bridge = {}, 100, SimpleNamespace(open_calls=0)
ours.turns = SimpleNamespace(wait=lambda: 0.0)
with worker._RateLimitedSocket() as connection:
    for ours.lag in (6.0, 0.0, 7.0):
        ours.handle_request("", None, connection, None)
    for ours.open_connections, ours.bridge.open_calls in ((1, 100), (1, 1)):
        ours.handle_request("", None, connection, None)
print(found)
"""


def test_each_request_that_gunicorn_reads_has_a_wait_of_its_own() -> None:
    """One wait for a whole connection would refuse all its requests after one overload, and none in the next."""
    done = subprocess.run([sys.executable, "-c", NOT_PLAIN], capture_output=True, text=True, timeout=WAIT, check=False)
    assert (done.returncode, done.stdout) == (0, "[6.0, 0.0, 7.0, 7.0, 0.0]\n"), done.stderr


def test_a_call_of_http2_waits_for_a_thread_as_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThreadWorker, "handle", lambda self, conn: conn.sock.waited)
    worker: Any = object.__new__(gthread.Worker)
    queued: list[Any] = []
    worker.cfg, worker.enqueue_req = Config(), queued.append
    worker.method_queue = SimpleNamespace(defer=lambda *_: None)
    local, peer = ("127.0.0.1", 1), ("127.0.0.1", 2)
    with worker._open_call(local, Addresses(socket.AF_INET, local, peer)):
        [conn] = queued
        with conn.sock:
            conn.queued_at -= 6
            assert worker.handle(conn) >= 6


def test_a_large_body_gives_its_place_back_whatever_becomes_of_it(start_gateway: StartGateway) -> None:
    gateway: Gateway = start_gateway()
    text = "x" * 100_000
    bodies = [{"messages": [{"role": "user", "content": [{"text": text}]}]}, {"messages": text}, {"unknown": text}]
    for body in bodies * 3:
        assert gateway.post("/v1/models/nova/invoke", body, timeout=WAIT).status_code in (200, 400, 422)
