"""Streams: the first event, keep-alives, clients that leave, errors and usage."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bedrock_flask.protocol import eventstream
from tests.doubles import Gateway, StartGateway

MODEL = "newvendor.model-of-tomorrow"
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}}),
]
FRAMES = [eventstream.encode(eventstream.event(kind, json.dumps(event).encode())) for kind, event in EVENTS]
HEAD = (
    f"HTTP/1.1 200 OK\r\ncontent-type: {eventstream.MEDIA_TYPE}\r\nconnection: close\r\n"
    "transfer-encoding: chunked\r\n\r\n"
).encode()
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
CHAT = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
# Each dialect: the path and the body of a streaming request.
DIALECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "native": (f"/v1/models/{MODEL}/invoke-stream", CONVERSE),
    "bedrock": (f"/model/{MODEL}/converse-stream", CONVERSE),
    "openai_chat": ("/v1/chat/completions", CHAT),
    "openai_responses": ("/v1/responses", {"model": MODEL, "stream": True, "input": "Hi"}),
    "anthropic": ("/v1/messages", {**CHAT, "max_tokens": 50}),
}
# The text that ends a complete stream of each dialect.
SUCCESS = {
    "native": b"event: usage",
    "bedrock": b"metadata",
    "openai_chat": b"[DONE]",
    "openai_responses": b"event: response.completed",
    "anthropic": b"event: message_stop",
}
ERROR = {
    "native": b"event: error",
    "bedrock": b":exception-type",
    "openai_chat": b'data: {"error"',
    "openai_responses": b"event: response.failed",
    "anthropic": b"event: error",
}
# How the error of a lost connection is marked: as the server's, so that clients may try again.
LOST = {
    "native": b'"code": "upstream_',
    "openai_chat": b'"code": "upstream_',
    "openai_responses": b'"code":"server_error"',
    "anthropic": b'"type": "api_error"',
}
LONG = 30

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture(scope="module", params=["gthread", "gevent"])
def gateway(request: pytest.FixtureRequest, start_gateway: StartGateway, bedrock: Any) -> Gateway:
    return start_gateway(
        BEDROCK_FLASK_WORKER=request.param,
        BEDROCK_FLASK_FIRST_EVENT_TIMEOUT="0.4",
        BEDROCK_FLASK_KEEPALIVE="0.3",
        BEDROCK_FLASK_READ_TIMEOUT="20",
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=f"http://127.0.0.1:{bedrock.port}",
    )


class ScriptedUpstream:
    """An upstream that runs the current script and notices when a caller leaves."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.script: Callable[[socket.socket], None] = lambda connection: None
        self.left = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._talk, args=(connection, self.script), daemon=True).start()

    def _talk(self, connection: socket.socket, script: Callable[[socket.socket], None]) -> None:
        with contextlib.suppress(OSError), connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            body = head.partition(b"\r\n\r\n")[2]
            while len(body) < length:
                body += connection.recv(65536)
            script(connection)
            # The next read is the end of the caller's connection.
            connection.settimeout(LONG)
            if not connection.recv(1):
                self.left.set()


@pytest.fixture(scope="module")
def bedrock() -> Iterator[ScriptedUpstream]:
    upstream = ScriptedUpstream()
    yield upstream
    upstream.listener.close()


def chunked(*frames: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames)


class Client:
    """One streaming request over its own connection."""

    def __init__(self, gateway: Gateway, dialect: str, version: str = "1.1") -> None:
        path, body = DIALECTS[dialect]
        host, port = gateway.url.removeprefix("http://").split(":")
        self.connection = socket.create_connection((host, int(port)), LONG)
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/{version}\r\nhost: {host}\r\ncontent-length: {len(data)}\r\nconnection: close\r\n\r\n"
        self.connection.sendall(head.encode() + data)
        self.data = b""

    def until(self, sought: bytes) -> bytes:
        while sought not in self.data:
            piece = self.connection.recv(65536)
            assert piece, self.data
            self.data += piece
        return self.data

    def to_the_end(self) -> bytes:
        with self.connection:
            while piece := self.connection.recv(65536):
                self.data += piece
        return self.data

    def leave(self) -> None:
        self.connection.close()

    @property
    def request_id(self) -> str:
        return self.data.lower().partition(b"\r\nx-request-id: ")[2].split(b"\r\n")[0].decode()


def line(gateway: Gateway, request_id: str) -> dict[str, Any]:
    """The only log line of a request."""
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        found = [each for each in gateway.lines() if each.get("request_id") == request_id]
        if found:
            [one] = found
            return dict(one)
        time.sleep(0.02)
    raise AssertionError(f"no line of {request_id}")


@each_dialect
def test_an_event_does_not_wait_for_a_later_one(gateway: Gateway, bedrock: ScriptedUpstream, dialect: str) -> None:
    heard = threading.Event()

    def script(connection: socket.socket) -> None:
        connection.sendall(HEAD + chunked(*FRAMES[:2]))
        # The rest is sent when the caller has received the text.
        assert heard.wait(LONG)
        connection.sendall(chunked(*FRAMES[2:]) + b"0\r\n\r\n")

    bedrock.script = script
    client = Client(gateway, dialect)
    client.until(b'"x"')
    heard.set()
    assert SUCCESS[dialect] in client.to_the_end()
    assert b"text/event-stream" in client.data or dialect == "bedrock"
    assert b"cache-control: no-cache" in client.data.lower()
    assert b"x-accel-buffering: no" in client.data.lower()
    logged = line(gateway, client.request_id)
    assert (logged["input_tokens"], logged["output_tokens"], logged["status"]) == (3, 5, 200)
    assert "error" not in logged


@each_dialect
@pytest.mark.parametrize("begun", [False, True], ids=["before its head", "within it"])
def test_a_silence_is_filled_and_the_stream_goes_on(
    gateway: Gateway, bedrock: ScriptedUpstream, dialect: str, begun: bool
) -> None:
    def script(connection: socket.socket) -> None:
        if begun:
            connection.sendall(HEAD + chunked(*FRAMES[:2]))
        time.sleep(1)
        rest = FRAMES[2:] if begun else FRAMES
        connection.sendall((b"" if begun else HEAD) + chunked(*rest) + b"0\r\n\r\n")

    bedrock.script = script
    client = Client(gateway, dialect)
    assert SUCCESS[dialect] in client.to_the_end()
    pings = client.data.count(b"event: ping") if dialect == "anthropic" else client.data.count(b": still here")
    # Bedrock's own event stream has no keep-alive.
    assert pings >= 2 or dialect == "bedrock"
    assert b"200 OK" in client.data


@each_dialect
@pytest.mark.parametrize("begun", [False, True], ids=["before its head", "within it"])
def test_a_client_that_leaves_while_the_model_is_silent_ends_the_call(
    gateway: Gateway, bedrock: ScriptedUpstream, dialect: str, begun: bool
) -> None:
    silent = threading.Event()

    def script(connection: socket.socket) -> None:
        if begun:
            connection.sendall(HEAD + chunked(*FRAMES[:2]))
        silent.set()

    bedrock.script = script
    bedrock.left.clear()
    client = Client(gateway, dialect)
    assert silent.wait(LONG)
    if begun:
        client.until(b'"x"')
    else:
        # Longer than the wait for the first event, so that the response has a head and the log line an id.
        client.until(b"\r\n\r\n")
    client.leave()
    # Ten times the promised time, because the machine may be busy.
    assert bedrock.left.wait(1)
    logged = line(gateway, client.request_id)
    assert logged["error"] == "client_left"


def test_a_client_that_leaves_before_any_answer_ends_the_call(gateway: Gateway, bedrock: ScriptedUpstream) -> None:
    silent = threading.Event()
    bedrock.script = lambda connection: silent.set()
    bedrock.left.clear()
    client = Client(gateway, "anthropic")
    assert silent.wait(LONG)
    client.leave()
    assert bedrock.left.wait(1)


@each_dialect
def test_an_early_refusal_keeps_its_status_and_says_when_to_come_again(
    gateway: Gateway, bedrock: ScriptedUpstream, dialect: str
) -> None:
    frame = eventstream.encode(eventstream.exception("throttlingException", b'{"message":"Too many tokens, wait."}'))
    bedrock.script = lambda connection: connection.sendall(HEAD + chunked(frame) + b"0\r\n\r\n")
    data = Client(gateway, dialect).to_the_end()
    assert data.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nretry-after: 1\r\n" in data.lower()
    assert b"event-stream" not in data.lower().partition(b"\r\n\r\n")[0]


@each_dialect
def test_a_late_refusal_is_an_event(gateway: Gateway, bedrock: ScriptedUpstream, dialect: str) -> None:
    def script(connection: socket.socket) -> None:
        time.sleep(0.8)
        body = b'{"message":"Too many requests"}'
        head = b"HTTP/1.1 429 Too Many\r\nconnection: close\r\nx-amzn-errortype: ThrottlingException\r\n"
        connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)

    bedrock.script = script
    client = Client(gateway, dialect)
    data = client.to_the_end()
    assert data.startswith(b"HTTP/1.1 200 ")
    assert ERROR[dialect] in data
    assert SUCCESS[dialect] not in data.partition(b"\r\n\r\n")[2]
    assert line(gateway, client.request_id)["error"] == "throttled"


def assert_lost(data: bytes, dialect: str) -> None:
    """The answer ends like a lost connection: on Bedrock's routes without its last chunk, as Bedrock's own does."""
    head, _, body = data.partition(b"\r\n\r\n")
    if dialect == "bedrock":
        assert b"transfer-encoding: chunked" in head.lower()
        assert not body.endswith(b"0\r\n\r\n")
        assert ERROR[dialect] not in body
    else:
        assert body.endswith(b"0\r\n\r\n")
        assert ERROR[dialect] in body
        assert b"Internal server error: connection lost within an answer." in body


def test_a_client_of_http_1_0_gets_an_exception_because_it_cannot_see_a_lost_connection(
    gateway: Gateway, bedrock: ScriptedUpstream
) -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(HEAD + chunked(*FRAMES[:2]))
        connection.shutdown(socket.SHUT_RDWR)

    bedrock.script = script
    data = Client(gateway, "bedrock", version="1.0").to_the_end()
    assert b"internalServerException" in data
    assert SUCCESS["bedrock"] not in data.partition(b"\r\n\r\n")[2]


@each_dialect
def test_an_answer_that_falls_silent_and_is_given_up_reads_like_a_lost_connection(
    start_gateway: StartGateway, bedrock: ScriptedUpstream, dialect: str
) -> None:
    hasty = start_gateway(
        BEDROCK_FLASK_READ_TIMEOUT="0.5",
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=f"http://127.0.0.1:{bedrock.port}",
    )
    bedrock.script = lambda connection: connection.sendall(HEAD + chunked(*FRAMES[:2]))
    client = Client(hasty, dialect)
    data = client.to_the_end()
    assert_lost(data, dialect)
    assert line(hasty, client.request_id)["error"] == "upstream_stalled"


@each_dialect
@pytest.mark.parametrize("kept", [1, 2, 3, 4])
def test_a_stream_that_is_cut_ends_in_an_error_wherever_it_is_cut(
    gateway: Gateway, bedrock: ScriptedUpstream, dialect: str, kept: int
) -> None:
    bedrock.script = lambda connection: connection.sendall(HEAD + chunked(*FRAMES[:kept]) + b"0\r\n\r\n")
    client = Client(gateway, dialect)
    data = client.to_the_end()
    assert_lost(data, dialect)
    assert LOST.get(dialect, b"") in data
    assert SUCCESS[dialect] not in data.partition(b"\r\n\r\n")[2]
    logged = line(gateway, client.request_id)
    assert logged["error"] == "upstream_truncated"
    assert "output_tokens" not in logged
