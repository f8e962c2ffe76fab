"""Both transports end alike: every lie of an upstream is the same error of the gateway, tried as often."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.call import Call, Chunk, Handler
from bedrock_flask.config.settings import Settings
from bedrock_flask.emulator.faults.table import FAULTS
from bedrock_flask.errors import GatewayError, UpstreamProtocolError
from bedrock_flask.protocol import eventstream as es
from bedrock_flask.transport.choice import TRANSPORTS, make_transport
from bedrock_flask.transport.shutdown import Shutdown
from tests.doubles import PATIENCE, Emulator, Script, Upstream
from tests.transport.conftest import set_environment

CHUNK = es.encode(es.chunk(b'{"a":1}', "abc"))
BAD_CRC = CHUNK[:-1] + bytes([CHUNK[-1] ^ 1])
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
STREAM = f"HTTP/1.1 200 OK\r\ncontent-type: {es.MEDIA_TYPE}\r\n".encode()
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
GOOD = WHOLE + b'content-length: 7\r\n\r\n{"a":1}'
LAST = b"0\r\n\r\n"


def framed(*frames: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames)


def send(*pieces: bytes, end: Callable[[socket.socket], object] | None = None, pause: float = 0.0) -> Script:
    """Send these bytes, one piece after the other, and then end the connection as `end` does, or leave it open."""

    def script(client: socket.socket) -> None:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(pause)
        if end is not None:
            end(client)

    return script


def close(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_RDWR)


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def stall(client: socket.socket) -> None:
    """Say nothing until the gateway has given up."""
    client.settimeout(20)
    client.recv(1)


def drip(data: bytes) -> Script:
    """Send byte by byte, and the last one never: each is in time, and the whole is not."""

    def script(client: socket.socket) -> None:
        for byte in data:
            client.sendall(bytes([byte]))
            time.sleep(0.02)
        stall(client)

    return script


def answer(head: bytes, *headers: bytes, body: bytes = b"{}") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return head + b"\r\n" + lines + b"content-length: %d\r\n\r\n" % len(body) + body


def refusal(status: str, name: str = "", body: bytes = b'{"message":"why"}') -> bytes:
    return answer(b"HTTP/1.1 " + status.encode(), b"x-amzn-errortype: " + name.encode(), body=body)


# What is sent in place of a head, or as one, whatever was called.
HEADS: Mapping[str, Script] = {
    "fin": send(end=close),
    "reset": send(end=reset),
    "silence": send(end=stall),
    "a drip of head": drip(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 400),
    "half a status": send(b"HTTP/1.1 2", end=close),
    "half a head": send(b"HTTP/1.1 200 OK\r\ncontent-le", end=close),
    "half a head, then silence": send(b"HTTP/1.1 200 OK\r\ncontent-le", end=stall),
    "not http": send(b"what?\r\n\r\n", end=close),
    "a page without a head": send(b"<html>busy</html>\r\n\r\n", end=close),
    "another protocol": send(b"SSH-2.0-OpenSSH_9.6\r\n", end=close),
    "tls's alert": send(b"\x15\x03\x01\x00\x02\x02\x50", end=close),
    "http/2": send(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", end=close),
    "version 2": send(answer(b"HTTP/2.0 200 OK"), end=close),
    "status 99": send(answer(b"HTTP/1.1 099 x"), end=close),
    "status 1000": send(answer(b"HTTP/1.1 1000 x"), end=close),
    "a negative status": send(answer(b"HTTP/1.1 -200 x"), end=close),
    "a word as status": send(answer(b"HTTP/1.1 OK 200"), end=close),
    "a hundred times 100": send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, end=stall),
    "a hundred times 103": send(b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" * 100, end=stall),
    "100 and the end": send(b"HTTP/1.1 100 Continue\r\n\r\n", end=close),
    "a thousand headers": send(answer(b"HTTP/1.1 200 OK", *[b"x-%d: y" % n for n in range(1000)]), end=close),
    "a header of a megabyte": send(answer(b"HTTP/1.1 200 OK", b"x: " + b"y" * 1_000_000), end=close),
    "a status line of a megabyte": send(answer(b"HTTP/1.1 200 " + b"O" * 1_000_000), end=close),
    "101": send(b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", end=stall),
    "204": send(b"HTTP/1.1 204 No Content\r\n\r\n", end=stall),
    "204 with a length": send(b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", end=stall),
    "304": send(b"HTTP/1.1 304 Not Modified\r\n\r\n", end=stall),
    "a redirect": send(answer(b"HTTP/1.1 307 x", b"location: http://127.0.0.1:1/"), end=close),
    "a redirect without a body's end": send(b"HTTP/1.1 302 x\r\nlocation: /\r\ncontent-length: 9\r\n\r\n", end=stall),
    **{
        f"refused {status} {name}": send(refusal(f"{status} x", name))
        for status, name in (
            (400, "ValidationException"),
            (400, "ThrottlingException"),
            (403, "AccessDeniedException"),
            (403, "ExpiredTokenException"),
            (404, "ResourceNotFoundException"),
            (408, ""),
            (418, ""),
            (424, "ModelErrorException"),
            (429, "ModelNotReadyException:http://x/"),
            (429, ""),
            (500, "InternalServerException"),
            (502, ""),
            (503, "ServiceUnavailableException"),
            (504, ""),
            (529, ""),
            (600, ""),
            (999, ""),
        )
    },
    "a refusal that stalls": send(b"HTTP/1.1 400 x\r\ncontent-length: 100\r\n\r\n{", end=stall),
    "a refusal that is cut": send(b"HTTP/1.1 503 x\r\ncontent-length: 100\r\n\r\n{", end=close),
    "a refusal in bad chunks": send(b"HTTP/1.1 429 x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", end=stall),
    "a refusal as a page": send(answer(b"HTTP/1.1 502 x", b"content-type: text/html", body=b"<html>"), end=close),
}

# What follows the head of a whole answer.
WHOLES: Mapping[str, Script] = {
    "more announced": send(WHOLE + b'content-length: 500\r\n\r\n{"a":1}', end=close),
    "more announced, reset": send(WHOLE + b'content-length: 500\r\n\r\n{"a":1}', end=reset),
    "more announced, silence": send(WHOLE + b'content-length: 500\r\n\r\n{"a":1}', end=stall),
    "less announced": send(WHOLE + b'content-length: 3\r\n\r\n{"a":1}', end=close),
    "nothing of it": send(WHOLE + b"content-length: 500\r\n\r\n", end=close),
    "an empty body": send(WHOLE + b"content-length: 0\r\n\r\n", end=stall),
    "to the end of the connection": send(WHOLE + b'\r\n{"a":1}', end=close),
    "to the end, reset": send(WHOLE + b'\r\n{"a":1}', end=reset),
    "two lengths that differ": send(WHOLE + b'content-length: 7\r\ncontent-length: 8\r\n\r\n{"a":1}', end=close),
    "two lengths": send(WHOLE + b'content-length: 7\r\ncontent-length: 7\r\n\r\n{"a":1}', end=close),
    "a length and chunks": send(WHOLE + b"content-length: 7\r\n" + CHUNKED + framed(b'{"a":1}') + LAST, end=close),
    "a length of hexadecimal": send(WHOLE + b'content-length: 0x7\r\n\r\n{"a":1}', end=close),
    "a negative length": send(WHOLE + b'content-length: -7\r\n\r\n{"a":1}', end=close),
    "an endless length": send(WHOLE + b"content-length: " + b"9" * 400 + b'\r\n\r\n{"a":1}', end=close),
    "chunks that are cut": send(WHOLE + CHUNKED + b'8\r\n{"a"', end=close),
    "chunks that are reset": send(WHOLE + CHUNKED + b'8\r\n{"a"', end=reset),
    "chunks without the last": send(WHOLE + CHUNKED + framed(b'{"a":1}'), end=close),
    "chunks without the last, silence": send(WHOLE + CHUNKED + framed(b'{"a":1}'), end=stall),
    "a size that is no number": send(WHOLE + CHUNKED + b'zz\r\n{"a":1}\r\n', end=close),
    "a negative size": send(WHOLE + CHUNKED + b'-7\r\n{"a":1}\r\n', end=close),
    "an endless size": send(WHOLE + CHUNKED + b"f" * 400 + b'\r\n{"a":1}\r\n', end=close),
    "a size with 0x": send(WHOLE + CHUNKED + b'0x7\r\n{"a":1}\r\n' + LAST, end=close),
    "chunks without a line break": send(WHOLE + CHUNKED + b'7\r\n{"a":1}7\r\n{"a":1}', end=close),
    "a size of nothing": send(WHOLE + CHUNKED + b'\r\n{"a":1}\r\n' + LAST, end=close),
    "a page in chunks' place": send(WHOLE + CHUNKED + b"<html>busy</html>", end=close),
    "endless trailers": send(WHOLE + CHUNKED + framed(b'{"a":1}') + b"0\r\n" + b"x: y\r\n" * 50_000, end=close),
    "compressed": send(WHOLE + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b", end=close),
    "another encoding": send(WHOLE + b"transfer-encoding: gzip\r\n\r\n\x1f\x8b", end=close),
    "too large": send(WHOLE + b"content-length: 20000\r\n\r\n" + b" " * 20_000, end=close),
    "too large in chunks": send(WHOLE + CHUNKED + framed(b" " * 20_000) + LAST, end=close),
    "a drip of body": drip(WHOLE + b"content-length: 500\r\n\r\n" + b" " * 400),
    "not bedrock": send(
        answer(
            WHOLE.removesuffix(b"\r\n"), body=b'{"Output":{"__type":"c#UnknownOperationException"},"Version":"1.0"}'
        ),
        end=close,
    ),
    "a second answer": send(GOOD + GOOD, end=stall),
    "a second answer, cut": send(GOOD + GOOD[:30], end=close),
    "garbage behind the end": send(GOOD + b"garbage", end=stall),
    "a control character": send(answer(b"HTTP/1.1 200 OK", b"x: a\x07b"), end=close),
    "good after 100": send(b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD),
    "good after 103": send(b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + GOOD),
    "good in version 1.0": send(GOOD.replace(b"1.1", b"1.0"), end=close),
    "good and closed": send(GOOD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), end=close),
    "good with trailers": send(WHOLE + CHUNKED + framed(b'{"a":1}') + b"0\r\nx: y\r\n\r\n"),
    "good with extensions": send(WHOLE + CHUNKED + b'7;a="b"\r\n{"a":1}\r\n' + LAST),
    "good in pieces": send(*(bytes([byte]) for byte in GOOD)),
    "a page": send(answer(b"HTTP/1.1 200 OK", b"content-type: text/html", body=b"<html>")),
}

# What follows the head of a stream.
STREAMS: Mapping[str, Script] = {
    "no frame": send(STREAM + CHUNKED + LAST),
    "an end within a frame": send(STREAM + CHUNKED + framed(CHUNK, CHUNK[:20]) + LAST),
    "a cut within a frame": send(STREAM + CHUNKED + framed(CHUNK, CHUNK[:20]), end=close),
    "a cut between frames": send(STREAM + CHUNKED + framed(CHUNK), end=close),
    "a reset between frames": send(STREAM + CHUNKED + framed(CHUNK), end=reset),
    "a reset within a frame": send(STREAM + CHUNKED + b"%x\r\n" % len(CHUNK) + CHUNK[:9], end=reset),
    "silence between frames": send(STREAM + CHUNKED + framed(CHUNK), end=stall),
    "silence within a frame": send(STREAM + CHUNKED + framed(CHUNK, CHUNK[:20]), end=stall),
    "silence within a chunk": send(STREAM + CHUNKED + b"%x\r\n" % len(CHUNK) + CHUNK[:9], end=stall),
    "silence before a frame": send(STREAM + CHUNKED, end=stall),
    "a wrong checksum": send(STREAM + CHUNKED + framed(CHUNK, BAD_CRC) + LAST),
    "a frame of 2 GiB": send(STREAM + CHUNKED + framed(CHUNK, struct.pack(">II", 2**31, 0) + b"0000"), end=stall),
    "a page between frames": send(STREAM + CHUNKED + framed(CHUNK, b"<html>busy</html>"), end=stall),
    "an unknown event": send(STREAM + CHUNKED + framed(es.encode(es.event("no such\nevent", b"{}"))) + LAST),
    "an exception": send(
        STREAM + CHUNKED + framed(CHUNK, es.encode(es.exception("throttlingException", b'{"message":"slow"}'))) + LAST
    ),
    "an exception alone": send(
        STREAM + CHUNKED + framed(es.encode(es.exception("modelStreamErrorException", b'{"originalMessage":"x"}')))
    ),
    "an error frame": send(STREAM + CHUNKED + framed(CHUNK, es.encode(es.error("InternalError", "oops"))) + LAST),
    "bad chunks": send(STREAM + CHUNKED + framed(CHUNK) + b"zz\r\n", end=close),
    "negative chunks": send(STREAM + CHUNKED + framed(CHUNK) + b"-5\r\n", end=close),
    "an endless chunk": send(STREAM + CHUNKED + framed(CHUNK) + b"ffffffffffffffffffff\r\n", end=close),
    "a chunk without its end": send(STREAM + CHUNKED + framed(CHUNK)[:-2] + framed(CHUNK), end=close),
    "a length": send(STREAM + b"content-length: %d\r\n\r\n" % len(CHUNK) + CHUNK),
    "a length that is more": send(STREAM + b"content-length: 1000\r\n\r\n" + CHUNK, end=close),
    "a length that is less": send(STREAM + b"content-length: 20\r\n\r\n" + CHUNK, end=close),
    "to the end of the connection": send(STREAM + b"connection: close\r\n\r\n" + CHUNK, end=close),
    "to the end, cut": send(STREAM + b"connection: close\r\n\r\n" + CHUNK + CHUNK[:20], end=close),
    "a page": send(answer(b"HTTP/1.1 200 OK", b"content-type: text/html", body=b"<html>"), end=close),
    "json": send(GOOD),
    "two media types": send(
        STREAM + b"content-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(CHUNK) + CHUNK, end=close
    ),
    "no media type": send(answer(b"HTTP/1.1 200 OK", body=CHUNK), end=close),
    "compressed": send(STREAM + b"content-encoding: gzip\r\n" + CHUNKED + framed(CHUNK) + LAST),
    "good": send(STREAM + CHUNKED + framed(CHUNK, CHUNK) + LAST),
    "good in pieces": send(*(bytes([byte]) for byte in STREAM + CHUNKED + framed(CHUNK, CHUNK) + LAST)),
    "good, frames across chunks": send(STREAM + CHUNKED + framed(CHUNK[:9], CHUNK[9:] + CHUNK[:5], CHUNK[5:]) + LAST),
    "good and another answer": send(STREAM + CHUNKED + framed(CHUNK) + LAST + GOOD, end=stall),
}

CASES = [
    *[(name, script, is_stream) for name, script in HEADS.items() for is_stream in (False, True)],
    *[(name, script, False) for name, script in WHOLES.items()],
    *[(name, script, True) for name, script in STREAMS.items()],
]


@dataclass(frozen=True)
class End:
    """How a call ended: what came of the answer, the error in the caller's words, and how often it was tried."""

    answer: Any
    error: Any
    attempts: int


MALFORMED = End([], (UpstreamProtocolError, "upstream_protocol", 502, False, "", []), 1)
# What only `signed` refuses; with `boto` the guards find an answer that is no JSON, or a header is not sent on.
STRICTER = {
    "half a head-False": MALFORMED,
    "a control character-False": MALFORMED,
}


@contextmanager
def sweeping() -> Iterator[Shutdown]:
    """A process whose worker looks at the deadlines, as each does once a second."""
    shutdown, over = Shutdown(), threading.Event()

    def sweep() -> None:
        while not over.wait(0.2):
            shutdown.interrupt_expired()

    thread = threading.Thread(target=sweep)
    thread.start()
    yield shutdown
    over.set()
    thread.join()


@pytest.fixture(scope="module")
def handlers(lasting_upstream: Upstream, service_models_read_once: None) -> Iterator[dict[str, Handler]]:
    """Each transport with short patience, in front of the same upstream."""
    settings = Settings(connect_timeout=1, read_timeout=0.3, max_attempts=2, max_reply_bytes=10_000, threads=4)
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch, lasting_upstream.url)
        with sweeping() as shutdown:
            yield {name: make_transport(replace(settings, transport=name), shutdown) for name in TRANSPORTS}


def end_of(
    handler: Handler,
    adapter: Adapter,
    is_stream: bool,
    operation: str = "InvokeModel",
    body: Mapping[str, Any] = MappingProxyType({}),
    model: str = "amazon.nova-lite-v1:0",
    seconds: float = 1.5,
) -> End:
    call = Call(
        adapter=adapter,
        operation=operation,
        model=model,
        body=json.dumps(dict(body)).encode(),
        stream=is_stream,
        deadline=time.monotonic() + seconds,
    )
    came: list[Any] = []
    error = None
    try:
        if is_stream:
            came += [chunk for batch in handler.send_stream(call).batches for chunk in batch]
        else:
            came.append(handler.send(call).body)
    except GatewayError as raised:
        # Which fault of the protocol is named depends on who finds it first.
        detail = "" if isinstance(raised, UpstreamProtocolError) else raised.detail
        # How long to wait after a throttle depends on how long it has lasted.
        error = (type(raised), raised.code, raised.status, raised.retryable, detail, sorted(raised.headers))
    return End(came, error, call.record.attempts)


@pytest.mark.parametrize(
    ("script", "is_stream"), [pytest.param(*case[1:], id=f"{case[0]}-{case[2]}") for case in CASES]
)
def test_a_lie_ends_alike_and_the_next_call_is_right(
    handlers: dict[str, Handler],
    lasting_upstream: Upstream,
    nova: Adapter,
    request: pytest.FixtureRequest,
    script: Script,
    is_stream: bool,
) -> None:
    ends = {}
    # The budget of retries is a model's: with one for all cases, the first ten faults would use it up.
    model = f"amazon.nova-{request.node.callspec.id}"
    for name, handler in handlers.items():
        lasting_upstream.scripts[:] = [script, script]
        ends[name] = end_of(handler, nova, is_stream, model=model)
        # A connection that is closed just then costs one attempt more, and perhaps an answer.
        lasting_upstream.scripts[:] = [send(GOOD)] * 3
        following = end_of(handler, nova, is_stream=False, model=model)
        assert (following.answer, following.error) == ([b'{"a":1}'], None), name
    assert ends["signed"] == STRICTER.get(request.node.callspec.id, ends["boto"])


CALLS = (("Converse", False), ("Converse", True), ("InvokeModel", False), ("InvokeModel", True))
BODY = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
# A fault that lasts: how long each byte, or the whole, is waited for.
SECONDS = {"drip": 0.05, "drip_header": 0.05, "slow_first_byte": 1, "stall": 5}


@pytest.fixture(scope="module")
def before_emulator(_emulator: Emulator, service_models_read_once: None) -> Iterator[dict[str, Handler]]:
    """Each transport with short patience, in front of the emulator."""
    settings = Settings(connect_timeout=1, read_timeout=0.5, max_attempts=1, threads=4)
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch, _emulator.url)
        with sweeping() as shutdown:
            yield {name: make_transport(replace(settings, transport=name), shutdown) for name in TRANSPORTS}


@pytest.mark.parametrize("fault", [*FAULTS, None])
def test_a_fault_of_the_emulator_ends_alike(
    before_emulator: dict[str, Handler], emulator: Emulator, nova: Adapter, fault: str | None
) -> None:
    options = {"seconds": SECONDS[fault]} if fault in SECONDS else {}
    # Only what lasts is ended by the deadline, however slow the machine is.
    seconds = 1.5 if fault in SECONDS else PATIENCE
    for operation, is_stream in CALLS:
        ends = {}
        for name, handler in before_emulator.items():
            if fault:
                emulator.fault(fault, **options)
            ends[name] = outline(end_of(handler, nova, is_stream, operation, BODY, seconds=seconds))
        if fault == "cut_in_header":
            # With `boto` the body is empty, which the guards refuse.
            assert ends["signed"] == MALFORMED
        else:
            assert ends["signed"] == ends["boto"], (operation, is_stream)
        assert fault or ends["signed"].error is None
    assert fault is None or len(emulator.calls()) == 2 * len(CALLS)


def outline(end: End) -> End:
    """An end without what differs from call to call: of each event or answer its type and the names in it."""
    return replace(end, answer=[_outline_part(part) for part in end.answer])


def _outline_part(part: Chunk | bytes) -> Any:
    data = part.data if isinstance(part, Chunk) else part
    try:
        document = json.loads(data)
    except ValueError:
        return len(data)
    return (part.event if isinstance(part, Chunk) else "", sorted(document))
