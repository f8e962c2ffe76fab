"""More connections than a worker takes: those that wait longest are closed, and requests are answered meanwhile."""

import contextlib
import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gunicorn.http.parser
import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser

from bedrock_flask.server.workers.gthread import Worker
from bedrock_flask.server.workers.http2 import PREFACE
from bedrock_flask.server.workers.pace import limit_rate
from tests.doubles import Gateway, StartGateway

LIMIT, MANY = 40, 200
NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
BEGINNINGS = {
    "nothing": b"",
    "half a header": b"GET /livez HTTP/1.1\r\nHost: x\r\n",
    "a request, and then nothing": b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a refused body": b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    "HTTP/2": PREFACE + bytes.fromhex("000000040000000000"),
}


@pytest.fixture(scope="module", params=["gthread", "gevent"])
def small(request: pytest.FixtureRequest, start_gateway: StartGateway) -> Gateway:
    """A gateway with places for few connections."""
    return start_gateway(
        BEDROCK_FLASK_WORKER=request.param,
        BEDROCK_FLASK_THREADS="6",
        GUNICORN_CMD_ARGS=f"--worker-connections {LIMIT}",
    )


@contextlib.contextmanager
def crowd(gateway: Gateway, beginning: bytes) -> Iterator[list[socket.socket]]:
    there = urlsplit(gateway.url)
    with contextlib.ExitStack() as connected:
        connections = []
        for _ in range(MANY):
            connection = connected.enter_context(socket.create_connection((there.hostname, there.port), 10))
            # The gateway may have closed it already.
            with contextlib.suppress(OSError):
                connection.sendall(beginning)
            connections.append(connection)
        yield connections


@pytest.mark.parametrize("name", BEGINNINGS)
def test_the_longest_waiting_connections_make_place_for_requests(small: Gateway, name: str) -> None:
    with crowd(small, BEGINNINGS[name]) as connections:
        assert small.get("/livez", timeout=10).ok
        assert small.post("/v1/models/nova/invoke", NOVA, timeout=10).status_code == 200
        # Those beyond the limit are closed in turn, whatever they got; those of HTTP/2 as they are known as idle.
        for connection in connections[: 1 if name == "HTTP/2" else MANY - LIMIT - 1]:
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(65536):
                    pass
    assert [line for line in small.lines() if line["level"] == "ERROR"] == []


def test_connections_that_are_all_accepted_at_once_make_place_for_requests(small: Gateway) -> None:
    """None of them is known as idle yet when the pool is full, and nothing more is accepted that would close one."""
    [worker] = small.list_workers()
    with contextlib.ExitStack() as stack:
        os.kill(worker, signal.SIGSTOP)
        try:
            stack.enter_context(crowd(small, BEGINNINGS["HTTP/2"]))
        finally:
            os.kill(worker, signal.SIGCONT)
        assert small.get("/livez", timeout=10).ok


def test_the_soft_limit_of_files_is_raised(start_gateway: StartGateway) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        gateway = start_gateway()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = Path(f"/proc/{gateway.process.pid}/limits").read_text()
    [line] = [line for line in limits.splitlines() if line.startswith("Max open files")]
    assert int(line.split()[3]) >= min(int(line.split()[4]), 1 << 20)


def test_threads_that_cannot_all_start_are_a_refusal_to_start() -> None:
    """Started when they are needed, the first that cannot would end the worker with all its calls."""
    start = """
import resource, types
from bedrock_flask.server.workers.gthread import Worker
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
worker = object.__new__(Worker)
worker.cfg = types.SimpleNamespace(threads=4000)
worker.get_thread_pool()
"""
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3, done.stderr


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"]
)
def test_a_kept_connection_is_kept_however_late_its_thread_runs(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    # A thread that runs again ten seconds later.
    now = itertools.count(time.monotonic() + 10)
    monkeypatch.setattr(gunicorn.http.parser, "time", types.SimpleNamespace(monotonic=lambda: next(now)))
    worker: Any = object.__new__(Worker)
    ours, theirs = socket.socketpair()
    with limit_rate(ours, 5) as connection, theirs:
        theirs.sendall(sent)
        parser = get_parser(Config(), connection, ("127.0.0.1", 1))
        next(parser).body.read()
        assert worker._keepalive_after(types.SimpleNamespace(sock=connection, parser=parser), True)


def test_a_probe_that_fails_does_not_end_the_worker() -> None:
    """The main thread answers it, and what it raises would close every connection."""
    worker: Any = object.__new__(Worker)
    worker.graceful_stop = types.SimpleNamespace(has_gateway=True)
    worker.lane = types.SimpleNamespace(answer=lambda *_: 1 // 0)
    worker.log = types.SimpleNamespace(exception=lambda *_: None, debug=lambda *_: None)
    lingering: list[Any] = []
    worker._linger = lingering.append
    ours, theirs = socket.socketpair()
    with limit_rate(ours, 5) as connection, theirs:
        connection.buffered = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        conn = types.SimpleNamespace(sock=connection, client=("127.0.0.1", 1), server=("127.0.0.1", 2))
        assert worker._answer_probe(conn)
        assert theirs.recv(65536).startswith(b"HTTP/1.1 500 ")
    assert lingering == [conn]


def test_connections_that_end_do_not_hold_up_those_that_come() -> None:
    """Under load hundreds end in one turn of the main loop, and a health probe would wait for all of them."""
    worker: Any = object.__new__(Worker)
    worker._steps, worker._accepting, worker.sockets = 0, True, ["a listener"]
    worker.nr_conns, worker.worker_connections = 0, LIMIT
    accepted: list[str] = []

    def accept(listener: str) -> None:
        accepted.append(listener)
        worker.nr_conns += LIMIT // 4

    worker.accept = accept
    ours, theirs = socket.socketpair()
    with limit_rate(ours, 5) as connection, theirs:
        for _ in range(40):
            worker._discard(types.SimpleNamespace(sock=connection), connection)
    # At the limit no more, until some have been closed.
    assert accepted == ["a listener"] * 4


def test_a_connection_with_an_unread_body_is_not_kept() -> None:
    worker: Any = object.__new__(Worker)
    ours, theirs = socket.socketpair()
    with limit_rate(ours, 5) as connection, theirs:
        theirs.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
        parser = get_parser(Config(), connection, ("127.0.0.1", 1))
        next(parser)
        assert not worker._keepalive_after(types.SimpleNamespace(sock=connection, parser=parser), True)
