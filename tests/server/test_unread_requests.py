"""What the server's parser refuses is answered as all else: in the caller's form, with its id and a log line."""

import json
import socket
from typing import Any

import pytest

from tests.doubles import Gateway, GatewayWith

HEADERS = b"Host: localhost\r\nX-Request-Id: mine-1\r\n"
LONG = b"a" * 9000
# What is sent, and the status.
UNREAD = {
    "a header of nine kilobytes": (b"POST /v1/messages HTTP/1.1\r\n" + HEADERS + b"X-A: " + LONG + b"\r\n\r\n", 431),
    "an address of nine kilobytes": (b"GET /v1/messages?" + LONG + b" HTTP/1.1\r\n" + HEADERS + b"\r\n", 414),
    "an expectation": (
        b"POST /v1/messages HTTP/1.1\r\n" + HEADERS + b"Expect: tea\r\nContent-Length: 2\r\n\r\n{}",
        417,
    ),
    "a coding": (b"POST /v1/messages HTTP/1.1\r\n" + HEADERS + b"Transfer-Encoding: x\r\n\r\n", 501),
    "two lengths": (
        b"POST /v1/messages HTTP/1.1\r\n" + HEADERS + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
    ),
    "a version of the future": (b"POST /v1/messages HTTP/9.9\r\n" + HEADERS + b"\r\n", 400),
}


@pytest.fixture(scope="module", params=["gthread", "gevent"])
def server(request: Any, gateway_with: GatewayWith) -> Gateway:
    return gateway_with(BEDROCK_FLASK_WORKER=request.param, BEDROCK_FLASK_BASE_PATH="/below")


def ask(server: Gateway, sent: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers and document of the only answer, after which the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(sent)
        while piece := client.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert int(headers["content-length"]) == len(body), "more than one answer"
    return int(first.split(" ")[1]), headers, json.loads(body)


@pytest.mark.parametrize("base", [b"", b"/below"])
@pytest.mark.parametrize("name", UNREAD)
def test_it_is_answered_in_the_form_of_the_dialect_with_the_callers_id(server: Gateway, name: str, base: bytes) -> None:
    sent, expected = UNREAD[name]
    request_id = f"mine-{len(server.lines())}"
    sent = sent.replace(b" /v1", b" " + base + b"/v1").replace(b"mine-1", request_id.encode())
    status, headers, document = ask(server, sent)
    assert (status, document["type"], document["error"]["code"]) == (expected, "error", "unreadable_request")
    assert headers["x-request-id"] == headers["request-id"] == document["request_id"] == request_id
    assert (headers["connection"], headers["x-content-type-options"]) == ("close", "nosniff")
    line = server.line(request_id)
    assert (line["status"], line["error"]) == (expected, "unreadable_request")
    assert "Traceback" not in server.log.read_text()


def test_an_sdk_of_aws_s_is_answered_in_aws_s_words(server: Gateway) -> None:
    start = b"POST /model/nova/converse HTTP/1.1\r\n" + HEADERS + b"amz-sdk-invocation-id: 1\r\n"
    status, headers, document = ask(server, start + b"X-A: " + LONG + b"\r\n\r\n")
    assert (status, headers["x-amzn-errortype"]) == (431, "validationexception")
    assert "message" in document


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET\r\n\r\n", b"/ / /\r\n\r\n"])
def test_what_is_no_http_is_a_problem_document_with_an_id_of_our_own(server: Gateway, sent: bytes) -> None:
    status, headers, document = ask(server, sent)
    assert (status, document["code"], document["request_id"]) == (400, "unreadable_request", headers["x-request-id"])


def test_nothing_behind_it_is_read_for_the_answer(server: Gateway) -> None:
    hidden = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: hidden\r\n\r\n"
    _, headers, _ = ask(server, b"POST / HTTP/9.9\r\nHost: localhost\r\n\r\n" + hidden)
    assert headers["x-request-id"] != "hidden"


def test_the_second_request_of_a_connection_is_not_answered_with_the_id_of_the_first(server: Gateway) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: first\r\n\r\n")
        assert b"first" in client.recv(65536)
        client.sendall(b"GET /livez HTTP/9.9\r\nHost: localhost\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    # What is left of the first answer may come before it.
    _, found, second = answer.partition(b"HTTP/1.1 400")
    assert found
    assert b"first" not in second
