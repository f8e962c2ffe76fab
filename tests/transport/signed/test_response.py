"""A response is read strictly, however its bytes are cut, and its connection is kept only where nothing is in doubt."""

import contextlib
import gc
import itertools
import socket
import ssl
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.transport.pending import Head, MalformedResponse, Truncated
from bedrock_flask.transport.signed.channel import Channel, IsAnswered, Plain, Tls, never
from bedrock_flask.transport.signed.pool import Pool
from bedrock_flask.transport.signed.response import Response
from tests.transport.test_network import Certificates, certificates

__all__ = ["certificates"]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LENGTH = HEAD + b"Content-Length: 5\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Pieces:
    """A channel that gives these pieces, one a read, and then its end."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.sock, self._other = socket.socketpair()
        self._pieces = [*pieces, b""]

    def receive(self) -> bytes | None:
        return self._pieces.pop(0) if len(self._pieces) > 1 else self._pieces[0]

    def send(self, data: bytes | memoryview, until: float, is_answered: IsAnswered) -> bool:
        return True


def frame(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(at)]


def read_all(pieces: Sequence[bytes]) -> tuple[Head, bytes, bool]:
    """Head and body of a response that arrives in these pieces, and whether its connection is kept."""
    kept: list[Channel] = []
    channel = Pieces(pieces)
    response = Response(channel, kept.append)
    try:
        head = response.begin(1)
        body = b""
        while part := response.read(1):
            body += part
        return head, body, bool(kept)
    finally:
        response.close()
        channel.sock.close()
        channel._other.close()


bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
places = st.lists(st.integers(0, 2000), max_size=30)


@given(bodies, places)
def test_chunks_are_the_same_body_however_they_are_cut(chunks: list[bytes], at: list[int]) -> None:
    data = CHUNKED + frame(*chunks) + LAST
    head, body, kept = read_all(cut(data, at))
    assert (head.status, head.headers["transfer-encoding"]) == (200, "chunked")
    assert (body, kept) == (b"".join(chunks), True)


@given(st.binary(max_size=200), places)
def test_a_length_is_the_same_body_however_it_is_cut(body: bytes, at: list[int]) -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"content-length: %d\r\n\r\n" % len(body) + body
    assert read_all(cut(data, at))[1:] == (body, True)


@given(bodies, st.integers(1, 2000), places)
def test_a_body_that_is_cut_short_is_an_error(chunks: list[bytes], missing: int, at: list[int]) -> None:
    data = CHUNKED + frame(*chunks) + LAST
    data = data[: max(len(data) - missing, 0)]
    with pytest.raises((Truncated, MalformedResponse, ConnectionResetError)):
        read_all(cut(data, at))


@given(st.binary(max_size=300), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", LENGTH, CHUNKED, HEAD + b"\r\n"]), places)
def test_any_bytes_are_an_answer_or_an_error(noise: bytes, before: bytes, at: list[int]) -> None:
    with contextlib.suppress(Truncated, MalformedResponse, ConnectionResetError):
        read_all(cut(before + noise, at))


@pytest.mark.parametrize(
    "data",
    [
        HI.replace(b"\r\n", b"\n"),
        HI.replace(b"\r\nc", b"\nc"),
        b"\r\n" + HI,
        b"ICE/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        b"RTSP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        HI.replace(b"/1.1", b"/0.9"),
        HI.replace(b"/1.1", b"/2.0"),
        HI.replace(b"200", b"099"),
        HI.replace(b"hi", b"hi").replace(b"content-length: 2", b"content-length: 2\r\ncontent-length: 2"),
        HI.replace(b"content-length: 2", b"content-length: 2, 2"),
        HI.replace(b"content-length: 2", b"content-length: +2"),
        HI.replace(b"content-length: 2", b"content-length : 2"),
        HI.replace(b"content-length: 2", b"x: a\r\n b\r\ncontent-length: 2"),
        HI.replace(b"content-length: 2", b"x: a\x00b\r\ncontent-length: 2"),
        HI.replace(b"content-length: 2", b"content-length: 2\r\ntransfer-encoding: chunked"),
        HI.replace(b"content-length: 2", b"transfer-encoding: chunked\r\ncontent-length: 2"),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 11 + HI,
        HI.replace(b"content-length: 2", b"x: y\r\n" * 101 + b"content-length: 2"),
        HI.replace(b"content-length: 2", b"x: " + b"y" * 400_000 + b"\r\ncontent-length: 2"),
        CHUNKED + frame(b"hi") + b"0\r\n" + b"x: y\r\n" * 100_000 + b"\r\n",
        CHUNKED + b"2;" + b"x" * 400_000 + b"\r\nhi\r\n" + LAST,
        CHUNKED + b"2\nhi\n0\n\n",
        CHUNKED + b"0x2\r\nhi\r\n" + LAST,
        CHUNKED + b"2\r\nhi0\r\n\r\n",
        CHUNKED + b"f" * 20 + b"\r\nhi\r\n",
    ],
)
def test_what_is_not_exactly_http_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedResponse):
        read_all([data[at : at + 4096] for at in range(0, len(data), 4096)])


@pytest.mark.parametrize(
    ("data", "body", "is_kept"),
    [
        (HI, b"hi", True),
        (CHUNKED + frame(b"hi") + b"0\r\nx: y\r\n\r\n", b"hi", True),
        (HI + HI, b"hi", False),
        (HI + b"garbage", b"hi", False),
        (HI.replace(b"content-length", b"connection: close\r\ncontent-length"), b"hi", False),
        (HI.replace(b"/1.1", b"/1.0"), b"hi", False),
        (HI.replace(b"/1.1", b"/1.0").replace(b"\r\nc", b"\r\nconnection: keep-alive\r\nc"), b"hi", True),
        (HEAD + b"\r\nhi", b"hi", False),
        (b"HTTP/1.1 204 No\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 No\r\n\r\n", b"", True),
        (b"HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\nhi", b"", False),
        (b"HTTP/1.1 304 No\r\ntransfer-encoding: chunked\r\n\r\n" + frame(b"hi"), b"", False),
        (b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhi", b"", False),
    ],
)
def test_a_connection_is_kept_where_nothing_is_in_doubt(data: bytes, body: bytes, is_kept: bool) -> None:
    assert read_all([data])[1:] == (body, is_kept)


@contextlib.contextmanager
def pair() -> Iterator[tuple[Plain, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield Plain(ours), theirs


def test_there_is_data_only_where_a_read_would_return() -> None:
    with pair() as (channel, upstream):
        response = Response(channel, lambda _: None)
        assert not response.has_data(False)
        assert not response.has_data(True)
        upstream.sendall(CHUNKED)
        assert response.has_data(True)
        assert response.begin(1).status == 200
        assert not response.has_data(False)
        upstream.sendall(b"2\r\n")
        assert not response.has_data(True)
        upstream.sendall(b"hi")
        assert response.has_data(True)
        assert response.read(1) == b"hi"
        upstream.sendall(b"\r\n")
        assert not response.has_data(True)
        upstream.sendall(frame(b"1", b"2", b"3"))
        assert response.read(1) == b"123"
        upstream.sendall(LAST)
        assert response.has_data(True)
        assert response.has_data(False)
        assert response.read(1) == b""
        response.close()


def test_silence_is_a_timeout() -> None:
    with pair() as (channel, upstream):
        response = Response(channel, lambda _: None)
        with pytest.raises(TimeoutError):
            response.begin(0.01)
        upstream.sendall(LENGTH + b"ab")
        assert response.begin(1).status == 200
        assert response.read(1) == b"ab"
        with pytest.raises(TimeoutError):
            response.read(0.01)
        response.close()
        assert channel.sock.fileno() == -1


def test_another_calls_connection_is_not_shut_down() -> None:
    with pair() as (channel, upstream):
        pool = Pool(1)
        response = Response(channel, pool.keep)
        upstream.sendall(HI)
        assert (response.begin(1).status, response.read(1), response.read(1)) == (200, b"hi", b"")
        response.shutdown()
        response.close()
        assert pool.take() is channel
        response = Response(channel, pool.keep)
        response.shutdown()
        with pytest.raises(ConnectionResetError):
            response.begin(1)
        response.close()


def test_a_response_is_freed_without_the_collector() -> None:
    gc.disable()
    try:
        with pair() as (channel, upstream):
            upstream.sendall(HI)
            response = Response(channel, lambda _: None)
            response.begin(1)
            response.read(1)
            freed = weakref.ref(response)
            response.close()
            del response
            assert freed() is None
    finally:
        gc.enable()


def test_an_answer_before_the_end_of_the_request_is_read() -> None:
    with pair() as (channel, upstream):
        kept: list[Channel] = []
        response = Response(channel, kept.append)
        upstream.sendall(HI.replace(b"200", b"413"))
        response.send([b"x" * 5_000_000], time.monotonic() + 20)
        assert (response.begin(1).status, response.read(1)) == (413, b"hi")
        response.close()
        # Half a request is on its way.
        assert kept == []


def test_an_interim_response_does_not_end_the_request() -> None:
    request, taken = b"x" * 5_000_000, []
    with pair() as (channel, upstream):
        upstream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + HI[:20])

        def take() -> None:
            while sum(map(len, taken)) < len(request):
                taken.append(upstream.recv(1 << 20))
            upstream.sendall(HI[20:])

        thread = threading.Thread(target=take)
        thread.start()
        kept: list[Channel] = []
        response = Response(channel, kept.append)
        response.send([request], time.monotonic() + 20)
        thread.join()
        assert (response.begin(1).status, response.read(1), response.read(1)) == (200, b"hi", b"")
        assert (b"".join(taken), kept) == (request, [channel])


def test_an_upstream_that_takes_no_more_is_an_error() -> None:
    with pair() as (channel, _):
        response = Response(channel, lambda _: None)
        with pytest.raises(ConnectionAbortedError):
            response.send([b"x" * 5_000_000], time.monotonic() + 0.05)
        response.close()


Prepare = Callable[[socket.socket], object]


def close(sock: socket.socket) -> None:
    sock.close()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def send_more(sock: socket.socket) -> None:
    sock.sendall(HI)


@pytest.mark.parametrize("change", [close, reset, send_more])
def test_an_idle_connection_that_changed_is_not_taken(change: Prepare) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as ours:
        theirs, _ = listener.accept()
        ours.setblocking(False)
        pool = Pool(4)
        pool.keep(Plain(ours))
        taken = pool.take()
        assert taken is not None
        pool.keep(taken)
        change(theirs)
        until = time.monotonic() + 10
        while (found := pool.take()) is not None:
            assert time.monotonic() < until
            pool.keep(found)
        assert ours.fileno() == -1
        theirs.close()


def test_a_pool_keeps_the_newest_connections_and_no_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with contextlib.ExitStack() as running:
        channels = [running.enter_context(pair())[0] for _ in range(4)]
        pool = Pool(3)
        for channel in channels:
            pool.keep(channel)
        assert [channel.sock.fileno() == -1 for channel in channels] == [True, False, False, False]
        now += 299
        assert pool.take() is channels[3]
        pool.keep(channels[3])
        now += 2
        pool.keep(channels[3]) if pool.take() is channels[3] else pytest.fail("the newest is taken first")
        assert [channel.sock.fileno() == -1 for channel in channels] == [True, True, True, False]
        now += 301
        assert pool.take() is None


def test_tls_gives_all_records_at_once_and_an_end_that_it_did_not_announce_is_an_error(
    certificates: Certificates,
) -> None:
    context = ssl.create_default_context(cafile=certificates.authority)
    for is_announced in (True, False):
        with pair() as (plain, raw):
            channel = Tls(plain, context, "localhost")
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            upstream = certificates.serve("loopback").wrap_bio(incoming, outgoing, server_side=True)
            agree(channel, upstream, raw, incoming, outgoing)
            response = Response(channel, lambda _: None)
            for record in (HEAD, b"\r\n", b"1", b"2", b"3" * 40_000):
                upstream.write(record)
            raw.sendall(outgoing.read())
            response.begin(1)
            assert response.read(1) == b"12" + b"3" * 40_000
            if is_announced:
                with contextlib.suppress(ssl.SSLWantReadError):
                    upstream.unwrap()
                raw.sendall(outgoing.read())
                assert response.read(1) == b""
            else:
                raw.close()
                with pytest.raises(ssl.SSLEOFError):
                    response.read(1)
            response.close()


def agree(
    channel: Tls, upstream: ssl.SSLObject, raw: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> None:
    """Shake hands in one thread: each side has its turn until both are done."""
    for _ in range(4):
        with contextlib.suppress(TimeoutError):
            channel.handshake(time.monotonic())
        raw.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            incoming.write(raw.recv(65536))
        raw.setblocking(True)
        with contextlib.suppress(ssl.SSLWantReadError):
            upstream.do_handshake()
        raw.sendall(outgoing.read())
    assert channel.receive() is None
    assert never() is False
