"""The lane of plain requests: it agrees with gunicorn's parser and response, or leaves the request to them."""

import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser
from gunicorn.http.message import Request
from gunicorn.http.wsgi import Response, create
from hypothesis import strategies as st

from bedrock_flask.server.workers.lane import Lane
from bedrock_flask.server.workers.pace import RateLimitedSocket, limit_rate
from bedrock_flask.server.workers.plain_requests import parse_plain_request
from bedrock_flask.server.workers.plain_responses import IncompleteResponse, ResponseWriter

CONFIG = Config()
PEER, SERVER = ("203.0.113.7", 50000), ("127.0.0.1", 8000)
PROXY = ("127.0.0.1", 50000)
CHAT = b"POST /v1/chat/completions?a=%20b&c HTTP/1.1\r\nHost: x:8000\r\nContent-Length: 5\r\n"
# Members that a lane of its own kind leaves out, or has once for a worker.
NOT_COMPARED = ("wsgi.errors", "wsgi.input", "gunicorn.socket", "wsgi.early_hints")

ODD = {
    "a length and chunks": CHAT + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks, hidden by a tab": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
    "two lengths": CHAT + b"Content-Length: 6\r\n\r\nhello!",
    "the same length twice": CHAT + b"Content-Length: 5\r\n\r\nhello",
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
    "a signed length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
    "a length in hexadecimal": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
    "a length with an underscore": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\nhello",
    "a length of other digits": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \u0665\r\n\r\n".encode(),
    "an empty length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
    "a length by another name": b"POST / HTTP/1.1\r\nHost: x\r\nContent_Length: 5\r\n\r\nhello",
    "a space before the colon": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
    "a folded line": CHAT + b"X-A: b\r\n c\r\n\r\nhello",
    "a folded first line": b"POST / HTTP/1.1\r\n Host: x\r\n\r\n",
    "bare line feeds": b"POST / HTTP/1.1\nHost: x\n\n",
    "one bare line feed": b"POST / HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n",
    "a bare carriage return": b"POST / HTTP/1.1\r\nHost: x\r\nX-A: b\rc\r\n\r\n",
    "a null byte in a value": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\n\r\n",
    "a null byte in a name": b"GET / HTTP/1.1\r\nHost: x\r\nX-\0A: b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nX-A: b\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "a host with a space": b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
    "no header": b"GET / HTTP/1.1\r\n\r\n",
    "an absolute target": b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "two slashes": b"GET //x/y HTTP/1.1\r\nHost: x\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "another script in the target": "GET /\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "a tab in the first line": b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\nHost: x\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "an empty line before it": b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an expectation": CHAT + b"Expect: 100-continue\r\n\r\nhello",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "an upgrade on a kept connection": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
    "a connection with options": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, host\r\n\r\n",
    "two types": CHAT + b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\nhello",
    "a name twice": CHAT + b"X-A: b\r\nx-a: c\r\n\r\nhello",
    "a name that is no token": CHAT + b"X(A): b\r\n\r\nhello",
    "a line without a colon": CHAT + b"XA\r\n\r\nhello",
    "an empty name": CHAT + b": b\r\n\r\nhello",
    "trailers": CHAT + b"Trailer: x-a\r\n\r\nhello",
    "too many headers": CHAT + b"".join(b"X-%d: y\r\n" % number for number in range(100)) + b"\r\nhello",
    "a long header": CHAT + b"X-A: " + b"y" * 8200 + b"\r\n\r\nhello",
    "a long target": b"GET /" + b"y" * 4200 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a head": CHAT,
}


@dataclass
class Worker:
    """What the lane needs of gunicorn's worker; its app answers with what it was asked."""

    cfg: Any = CONFIG
    nr: int = 0
    max_requests: int = 1000
    alive: bool = True
    log: Any = None
    environs: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environs.append(environ)
        self.bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@contextlib.contextmanager
def connected(data: bytes) -> Iterator[tuple[RateLimitedSocket, socket.socket]]:
    """The gateway's end of a connection on which a client has sent these bytes, and then nothing more."""
    ours, theirs = socket.socketpair()
    connection = limit_rate(ours, 5)
    with connection, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        yield connection, theirs


def ask_lane(data: bytes, peer: Any = PEER) -> tuple[list[dict[str, Any]], list[bytes], bytes]:
    """The environments and bodies of the plain requests at the beginning of these bytes, and what is left of them."""
    worker = Worker()
    lane = Lane(worker)
    with connected(b"") as (connection, _):
        connection.buffered = data
        while lane.answer(connection, peer, SERVER):
            pass
        return worker.environs, worker.bodies, connection.buffered


def ask_gunicorn(data: bytes, peer: Any = PEER) -> tuple[list[dict[str, Any]], list[bytes]]:
    environs, bodies = [], []
    with connected(data) as (connection, _):
        parser = get_parser(CONFIG, connection, peer)
        with contextlib.suppress(StopIteration):
            while True:
                try:
                    request = next(parser)
                except Exception as error:
                    if type(error).__name__ == "NoMoreData":
                        break
                    raise
                _, environ = create(request, connection, peer, SERVER, CONFIG)
                environs.append(environ | {"wsgi.multithread": True})
                bodies.append(request.body.read())
    return environs, bodies


def compared(environs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name not in NOT_COMPARED} for each in environs]


NAMES = st.sampled_from(
    b"Host Content-Length content-length Content-Type Connection X-A x-a Accept X_A Transfer-Encoding Expect Upgrade "
    b"X-Forwarded-Proto X-Forwarded-Ssl Forwarded TE".split()
)
VALUES = st.one_of(
    st.sampled_from(
        [b"x", b"x:80", b"0", b"5", b"05", b"keep-alive", b"close", b"Close", b"chunked", b"a/b", b"https"]
    ),
    st.sampled_from([b"on", b"", b" 5", b"5 ", b"\t5\t", b"h2c", b"trailers", b"http", b"100-continue"]),
    st.binary(max_size=8),
)
TARGETS = st.one_of(
    st.sampled_from([b"/", b"/v1/messages", b"/a%2Fb%20c?d=e", b"//", b"*", b"/a?b?c", b"/a;b", b"/%", b"/%zz", b"/?"]),
    st.binary(max_size=8).map(lambda tail: b"/" + tail),
)
LINES = st.tuples(NAMES, st.sampled_from([b": ", b":", b" : "]), VALUES, st.sampled_from([b"\r\n", b"\r\n", b"\n"]))
REQUESTS = st.tuples(
    st.sampled_from([b"GET", b"POST", b"HEAD", b"DELETE", b"get", b"OPTIONS", b"CONNECT", b"PURGE", b"A"]),
    TARGETS,
    st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.10"]),
    st.lists(LINES, max_size=5),
    st.binary(max_size=8),
).map(
    lambda parts: (
        b"%b %b %b\r\nHost: x\r\n" % parts[:3] + b"".join(b"".join(line) for line in parts[3]) + b"\r\n" + parts[4]
    )
)


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_left_to_gunicorn_untouched(name: str) -> None:
    assert parse_plain_request(ODD[name], {}) is None
    assert ask_lane(ODD[name]) == ([], [], ODD[name])


@hypothesis.settings(max_examples=1500)
@hypothesis.given(REQUESTS, st.sampled_from([PEER, PROXY]))
def test_what_the_lane_takes_gunicorn_takes_alike(data: bytes, peer: Any) -> None:
    environs, bodies, rest = ask_lane(data, peer)
    if not environs:
        assert rest == data
        return
    consumed = data.removesuffix(rest) if rest else data
    expected, expected_bodies = ask_gunicorn(consumed, peer)
    assert compared(environs) == compared(expected)
    assert bodies == expected_bodies


@hypothesis.settings(max_examples=300)
@hypothesis.given(st.lists(st.binary(max_size=300), max_size=4))
def test_requests_that_follow_one_another_are_cut_where_gunicorn_cuts_them(bodies: list[bytes]) -> None:
    sent = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (number, len(body), body)
        for number, body in enumerate(bodies)
    )
    environs, got, rest = ask_lane(sent)
    assert (got, rest) == (bodies, b"")
    assert compared(environs) == compared(ask_gunicorn(sent)[0])


@pytest.mark.parametrize("first", [0, 3, 5])
def test_a_body_that_arrives_later_is_read_to_its_end_and_no_further(first: int) -> None:
    worker, body = Worker(), b"hello"
    with connected(body[first:] + b"GET / HTTP/1.1\r\nHo") as (connection, _):
        connection.buffered = CHAT + b"\r\n" + body[:first]
        assert Lane(worker).answer(connection, PEER, SERVER)
        rest = connection.buffered or connection.recv(100)
    assert (worker.bodies, rest) == ([body], b"GET / HTTP/1.1\r\nHo")


@pytest.mark.parametrize("read", [0, 5])
def test_a_connection_is_kept_only_if_the_whole_body_was_read(read: int) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"].read(read)
        start_response("401 Unauthorized", [("Content-Length", "0")])
        return []

    worker = Worker()
    worker.wsgi = app  # type: ignore[method-assign]
    with connected(b"hello") as (connection, client):
        connection.buffered = CHAT + b"\r\n"
        is_kept = Lane(worker).answer(connection, PEER, SERVER)
        head = client.recv(1000)
    assert is_kept is (read == 5)
    assert (b"Connection: keep-alive" if is_kept else b"Connection: close") in head


def test_a_worker_that_has_answered_its_requests_keeps_no_connection() -> None:
    class Log:
        def info(self, *_: Any) -> None:
            pass

    worker = Worker(max_requests=2, log=Log())
    data = (CHAT + b"\r\nhello") * 3
    with connected(b"") as (connection, _):
        connection.buffered = data
        lane = Lane(worker)
        assert lane.answer(connection, PEER, SERVER) is True
        assert lane.answer(connection, PEER, SERVER) is False
    assert (worker.nr, worker.alive) == (2, False)


def test_a_configuration_that_the_lane_does_not_know_leaves_everything_to_gunicorn() -> None:
    worker = Worker(cfg=Config())
    worker.cfg.set("header_map", "dangerous")
    with connected(b"") as (connection, _):
        connection.buffered = CHAT + b"\r\nhello"
        assert Lane(worker).answer(connection, PEER, SERVER) is None


class Wire:
    """Collects what a response sends, in how many sends."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def text(self) -> bytes:
        head, _, body = b"".join(self.sent).partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Date: ")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def make_request(method: str) -> Any:
    request = object.__new__(Request)
    request.version, request.method, request.headers, request.must_close = (1, 1), method, [], False
    return request


STATUSES = st.sampled_from(["200 OK", "204 No Content", "304 Not Modified", "500 Oh no", "404", "200 \r\nX: y", "abc"])
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Content-Type", "X-A", "x-b", "Connection", "Server", "Date", "X%s", "X A", "", "X-\r\nA"]),
        st.sampled_from(["a/b", "", "close", "a\r\nX-C: d", "a\0", "\u00e9", "a\tb"]),
    ),
    max_size=4,
)


@hypothesis.settings(max_examples=1000)
@hypothesis.given(
    st.sampled_from(["GET", "POST", "HEAD"]), STATUSES, HEADERS, st.booleans(), st.lists(st.binary(max_size=5))
)
def test_responses_are_those_of_gunicorn(
    method: str, status: str, headers: list[tuple[str, str]], announced: bool, pieces: list[bytes]
) -> None:
    if announced:
        headers = [*headers, ("Content-Length", str(sum(map(len, pieces))))]

    def answered(make: Callable[[Any], Any], finish: str) -> tuple[bytes, bool] | None:
        wire = Wire()
        response = make(wire)
        try:
            write = response.start_response(status, headers)
            for piece in pieces:
                write(piece)
            getattr(response, finish)()
        except Exception:  # noqa: BLE001 - whatever is refused
            return None
        return wire.text(), bool(wire.sent)

    ours = answered(lambda wire: ResponseWriter(wire, method, lambda: True), "finish")
    assert ours == answered(lambda wire: Response(make_request(method), wire, CONFIG), "close")


def test_the_head_and_the_first_piece_leave_in_one_send() -> None:
    wire = Wire()
    writer = ResponseWriter(wire, "POST", lambda: True)
    write = writer.start_response("200 OK", [("Content-Length", "5")])
    write(b"hello")
    writer.finish()
    assert len(wire.sent) == 1


def test_fewer_bytes_than_announced_are_an_error() -> None:
    writer = ResponseWriter(Wire(), "POST", lambda: True)
    write = writer.start_response("200 OK", [("Content-Length", "5")])
    write(b"hell")
    with pytest.raises(IncompleteResponse):
        writer.finish()
