"""No request hides another: whatever two parsers could read differently is refused or read as one, and then closed."""

import concurrent.futures
import contextlib
import re
import socket
from urllib.parse import urlsplit

import pytest

from tests.attacks.smuggled import list_requests
from tests.doubles import Gateway, StartGateway

PATIENCE = 20.0


def send(gateway: Gateway, data: bytes) -> bytes:
    """The answer to these bytes, read until the gateway closes. Raises TimeoutError if it does not."""
    there = urlsplit(gateway.url)
    with socket.create_connection((there.hostname, there.port), timeout=PATIENCE) as connection:
        answer = b""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        return answer


def count_answers(answer: bytes) -> int:
    """The number of final answers in these bytes."""
    return len(re.findall(rb"HTTP/1\.1 [2-5]\d\d ", answer))


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_no_request_hides_another(start_gateway: StartGateway, worker: str) -> None:
    gateway = start_gateway(BEDROCK_FLASK_WORKER=worker, BEDROCK_FLASK_CLIENT_TIMEOUT="5")
    requests = dict(list_requests())
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = dict(zip(requests, pool.map(lambda data: send(gateway, data), requests.values()), strict=True))
    gateway.line(gateway.get("/v1/models").headers["x-request-id"])
    served = {line.get("request_id") for line in gateway.lines()}
    assert {name: requests[name] for name in requests if name in served} == {}
    assert {name: answers[name] for name in requests if count_answers(answers[name]) > 1} == {}
    assert {name: answers[name] for name in requests if b" 500 " in answers[name][:20]} == {}


def test_a_request_behind_a_sound_one_is_served(gateway: Gateway) -> None:
    sound = b"POST /v1/models/nova/invoke HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    answer = send(gateway, sound + b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert count_answers(answer) == 2
