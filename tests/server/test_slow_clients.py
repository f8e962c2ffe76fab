"""Clients that are silent, drip or do not read: each is cut in time, and no other client waits for it."""

import concurrent.futures
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.doubles import Gateway, SendWhole, StartGateway, Upstream

PATIENCE = 2.0
SLACK = 8.0
NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
HEAD = b"POST /v1/models/nova/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HALVES = {
    "nothing": b"",
    "half a header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n",
    "half a body": HEAD + b'Content-Length: 1000\r\n\r\n{"messages": [',
    "half a chunk": HEAD + b'Transfer-Encoding: chunked\r\n\r\nff\r\n{"messages": [',
}


@pytest.fixture(scope="module", params=["gthread", "gevent"])
def impatient(request: Any, start_gateway: StartGateway) -> Gateway:
    """A gateway with few threads and little patience."""
    return start_gateway(
        BEDROCK_FLASK_WORKER=request.param,
        BEDROCK_FLASK_THREADS="6",
        BEDROCK_FLASK_CLIENT_TIMEOUT=str(PATIENCE),
    )


@contextlib.contextmanager
def connected(gateway: Gateway, small: bool = False) -> Iterator[socket.socket]:
    there = urlsplit(gateway.url)
    with socket.socket() as connection:
        if small:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE + SLACK)
        connection.connect((there.hostname, there.port))
        yield connection


def to_the_end(connection: socket.socket) -> bytes:
    """Read until the gateway closes. Raises TimeoutError if it does not close."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            data += piece
    return data


def prompt(gateway: Gateway) -> bool:
    """Whether a probe is answered at once."""
    return bool(gateway.get("/livez", timeout=PATIENCE / 2).ok)


# A whole request, followed by the beginning of another.
AND_HALF = {"one and a half": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /li"}


@pytest.mark.parametrize("sent", [*HALVES.values(), *AND_HALF.values()], ids=[*HALVES, *AND_HALF])
def test_many_silent_clients_starve_nobody(impatient: Any, sent: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connected(impatient)).sendall(sent)
        assert all(prompt(impatient) for _ in range(10))
    assert impatient.post("/v1/models/nova/invoke", NOVA).status_code in (200, 503)


@pytest.mark.parametrize("sent", list(HALVES.values())[1:], ids=list(HALVES)[1:])
def test_a_silent_client_is_cut(impatient: Any, sent: bytes) -> None:
    with connected(impatient) as connection:
        connection.sendall(sent)
        answer = to_the_end(connection)
    assert answer == b"" if sent.startswith(b"GET") else answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("sent", list(HALVES.values())[1:], ids=list(HALVES)[1:])
def test_a_client_that_drips_is_cut_though_it_is_never_silent(impatient: Any, sent: bytes) -> None:
    began = time.monotonic()
    with connected(impatient) as connection:
        connection.sendall(sent)
        with contextlib.suppress(OSError):
            while time.monotonic() < began + PATIENCE + SLACK:
                connection.sendall(b"x")
                time.sleep(0.2)
    assert time.monotonic() - began < PATIENCE + SLACK


def test_a_client_that_does_not_read_gives_its_place_back(
    impatient: Any, start_gateway: StartGateway, upstream: Upstream, whole: SendWhole, request: Any
) -> None:
    gateway = start_gateway(
        BEDROCK_FLASK_WORKER=request.node.callspec.params["impatient"],
        BEDROCK_FLASK_CLIENT_TIMEOUT=str(PATIENCE),
        BEDROCK_FLASK_MAX_CALLS="1",
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=f"http://127.0.0.1:{upstream.port}",
    )
    text = {"text": "x" * 50_000_000}
    reply = {"output": {"message": {"role": "assistant", "content": [text]}}, "stopReason": "end_turn"}
    upstream.scripts.append(whole(json.dumps(reply).encode()))
    body = json.dumps(NOVA).encode()
    with connected(gateway, small=True) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        refused = gateway.post("/v1/models/nova/invoke", NOVA)
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert prompt(gateway)
        until = time.monotonic() + PATIENCE + SLACK
        while (last := gateway.get("/v1/models")).status_code == 503 and time.monotonic() < until:
            time.sleep(0.1)
        assert last.status_code == 200


def test_requests_in_one_piece_are_each_answered(impatient: Any) -> None:
    body = json.dumps(NOVA).encode()
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with connected(impatient) as connection:
        connection.sendall(one + one + b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = to_the_end(connection)
    assert answer.count(b"HTTP/1.1 200") == 3


def test_a_request_in_many_pieces_is_answered(impatient: Any) -> None:
    body = json.dumps(NOVA).encode()
    text = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with connected(impatient) as connection:
        for start in range(0, len(text), 7):
            connection.sendall(text[start : start + 7])
        assert to_the_end(connection).startswith(b"HTTP/1.1 200")


def test_a_header_without_end_is_refused(impatient: Any) -> None:
    with connected(impatient) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /livez HTTP/1.1\r\n" + b"x: %s\r\n" % (b"y" * 1000) * 1000)
        assert to_the_end(connection).startswith(b"HTTP/1.1 431")
    assert prompt(impatient)


def test_a_refused_body_is_taken_to_its_end_so_that_the_answer_arrives(start_gateway: StartGateway) -> None:
    gateway = start_gateway(BEDROCK_FLASK_API_KEYS="a:a-key-for-the-test-only", BEDROCK_FLASK_THREADS="6")
    body = b"x" * 20_000_000

    def refused(_: int) -> bytes:
        with connected(gateway) as connection:
            # In two parts, so that the gateway has refused the request before the second is sent.
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:1000])
            answer = connection.recv(12)
            connection.sendall(body[1000:])
            while piece := connection.recv(65536):
                answer += piece
        return answer

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert [answer[:12] for answer in pool.map(refused, range(8))] == [b"HTTP/1.1 401"] * 8


def test_slow_clients_leave_no_error_in_the_log(impatient: Any) -> None:
    assert [line for line in impatient.lines() if line["level"] == "ERROR"] == []
