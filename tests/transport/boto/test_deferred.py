"""What urllib3 and http.client give of a response, as one read after another."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from urllib3._collections import HTTPHeaderDict

from bedrock_flask import errors
from bedrock_flask.transport.boto.deferred import DeferredResponse
from bedrock_flask.transport.pending import MalformedResponse, Truncated

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Connection:
    """As much of a urllib3 connection as a deferred response uses."""

    response_class: Any = None

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.released = sock, 0

    def close(self) -> None:
        self.sock.close()


class Received:
    """As much of a urllib3 response."""

    def __init__(self, answer: Any, connection: Connection) -> None:
        self.status, self.headers, self._owner = answer.status, HTTPHeaderDict(answer.headers.items()), connection

    def release_conn(self) -> None:
        self._owner.released += 1


Begin = Callable[[bytes], tuple[DeferredResponse, Connection, socket.socket]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """A function that returns a response of which this much has arrived, its head read."""
    with contextlib.ExitStack() as opened:

        def begin(sent: bytes) -> tuple[DeferredResponse, Connection, socket.socket]:
            server, client = (opened.enter_context(end) for end in socket.socketpair())
            connection = Connection(client)

            def read_head() -> Received:
                answer = connection.response_class()
                answer.begin()
                return Received(answer, connection)

            response = DeferredResponse(connection, read_head)
            opened.callback(response.close)
            server.sendall(sent)
            response.begin(1)
            return response, connection, server

        yield begin


def test_chunks_that_are_there_come_in_one_read(begin: Begin) -> None:
    response, connection, _ = begin(HEAD + b"1\r\na\r\n2;x=y\r\nbc\r\n1\r\nd\r\n0\r\n\r\n")
    assert response.read(1) == b"a"
    assert response.read(1) == b"bcd"
    assert connection.released == 1
    assert response.has_data(readable=False)
    assert response.read(1) == b""


@pytest.mark.parametrize("rest", [b"", b"\r", b"\r\n", b"\r\n5", b"\r\n5\r", b"\r\n5\r\n", b"\r\n0\r\n"])
def test_no_read_waits_for_the_next_chunk(begin: Begin, rest: bytes) -> None:
    response, _, server = begin(HEAD + b"1\r\na\r\n1\r\nb" + rest)
    server.settimeout(0)
    assert response.read(30) == b"ab"
    server.sendall((b"\r\n5\r\nhello" if rest != b"\r\n0\r\n" else b"\r\n0\r\n\r\n")[len(rest) :])
    assert response.read(30) == (b"hello" if rest != b"\r\n0\r\n" else b"")


@pytest.mark.parametrize(
    "head", ["204 No Content", "304 Not Modified", "101 Switching Protocols", "200 OK\r\ncontent-length: 0"]
)
def test_an_answer_without_a_body_is_at_its_end_at_once(begin: Begin, head: str) -> None:
    response, connection, _ = begin(f"HTTP/1.1 {head}\r\n\r\n".encode())
    assert response.has_data(readable=False)
    assert response.read(30) == b""
    assert connection.released == 1


def test_interim_responses_are_skipped(begin: Begin) -> None:
    response, _, _ = begin(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + HEAD)
    assert not response.has_data(readable=False)


@pytest.mark.parametrize("size", [b"-5", b"0x5", b"1_0", b"+5", b"", b" 5", b"g", b"f" * 17])
def test_a_size_that_is_no_size_ends_the_body(begin: Begin, size: bytes) -> None:
    response, connection, _ = begin(HEAD + size + b"\r\nhello\r\n")
    with pytest.raises(Truncated):
        response.read(1)
    assert connection.released == 0


def test_trailers_are_bounded(begin: Begin) -> None:
    response, _, _ = begin(HEAD + b"0\r\n" + b"a: b\r\n" * 1000)
    with pytest.raises(Truncated):
        response.read(1)


def test_a_body_that_ends_before_its_length_is_cut(begin: Begin) -> None:
    response, connection, server = begin(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
    assert response.read(1) == b"ab"
    server.close()
    with pytest.raises(Truncated):
        response.read(1)
    assert connection.released == 0


def test_bytes_that_are_no_http_are_malformed(begin: Begin) -> None:
    with pytest.raises(MalformedResponse):
        begin(b"220 smtp.example ESMTP\r\n\r\n")


def test_a_read_ends_after_its_time(begin: Begin) -> None:
    response, _, _ = begin(HEAD)
    with pytest.raises(TimeoutError):
        response.read(0.01)


def test_a_response_that_is_over_leaves_its_connection_alone(begin: Begin) -> None:
    response, _, server = begin(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab")
    assert response.read(1) == b"ab"
    response.shutdown()
    response.close()
    server.sendall(b"x")
    assert response.sock.recv(1) == b"x"


def test_an_answer_without_a_body_is_known_at_once(upstream: Any, send: Any) -> None:
    upstream.scripts.append(lambda client: client.sendall(b"HTTP/1.1 204 No Content\r\n\r\n") or client.recv(1))
    answer, _ = send(patient=True)
    assert answer.body == b""


@pytest.mark.parametrize("status", ["304 Not Modified", "101 Switching Protocols"])
def test_a_status_without_a_body_is_an_error_at_once(upstream: Any, send: Any, status: str) -> None:
    upstream.scripts.append(lambda client: client.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode()) or client.recv(1))
    with pytest.raises(errors.UpstreamError):
        send(patient=True)


def test_a_refusal_whose_body_stalls_is_known_soon(upstream: Any, send: Any) -> None:
    head = b"HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: AccessDeniedException\r\ncontent-length: 99\r\n\r\n{"
    upstream.scripts.append(lambda client: client.sendall(head) or client.recv(1))
    with pytest.raises(errors.BedrockError) as refused:
        send(patient=True)
    assert refused.value.name == "AccessDeniedException"
