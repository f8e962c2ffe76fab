"""HTTP/2 with prior knowledge, on the same port as HTTP/1.1: the same limits hold for each call, in both workers."""

import concurrent.futures
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import HeadersFrame, PingFrame, PriorityFrame, SettingsFrame, WindowUpdateFrame

from bedrock_flask.protocol import eventstream
from bedrock_flask.server.workers.http2 import PREFACE, Bridge
from tests.doubles import Gateway, SendStream, SendWhole, StartGateway, StartGunicorn, Upstream
from tests.sse_decoder import Decoder

PATIENCE = 2.0
SLACK = 8.0
WAIT = PATIENCE + SLACK
LONG = 60
SECRET = "a-key-for-the-test-only"
NOVA = json.dumps({"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}).encode()
INVOKE, STREAM = "/v1/models/nova/invoke", "/v1/models/nova/invoke-stream"
TOMORROW = "/v1/models/newvendor.model-of-tomorrow"
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x"}}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}),
]
FRAMES = [eventstream.encode(eventstream.event(kind, json.dumps(event).encode())) for kind, event in EVENTS]

each_worker = pytest.mark.parametrize("worker", ["gthread", "gevent"])


class _Patient(H2Connection):
    """An h2 connection that lets open streams finish after a GOAWAY, as other clients do."""

    def _receive_goaway_frame(self, frame: Any) -> Any:
        before = self.state_machine.state
        frames, received = super()._receive_goaway_frame(frame)
        self.state_machine.state = before
        return frames, received


@dataclass
class Stream:
    """What was received on one stream."""

    head: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def status(self) -> str:
        return self.head.get(":status", "")

    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """An HTTP/2 client that exposes the state of each stream."""

    def __init__(
        self,
        to: str | socket.socket,
        window: int | None = None,
        small: bool = False,
        patience: float = WAIT,
    ) -> None:
        self.socket = socket.socket() if isinstance(to, str) else to
        self.socket.settimeout(patience)
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if isinstance(to, str):
            there = urlsplit(to)
            self.socket.connect((there.hostname, there.port))
        self.state = _Patient()
        self.state.config.validate_outbound_headers = False
        self.state.config.normalize_outbound_headers = False
        self.state.initiate_connection()
        if window is not None:
            self.state.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.streams: dict[int, Stream] = {}
        self.goodbyes: list[ConnectionTerminated] = []
        self.known = False
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.state.data_to_send())

    def begin(self, path: str = "/livez", method: str = "GET", *, end: bool = True, **headers: str) -> Stream:
        """Send the head of a call."""
        number = self.state.get_next_available_stream_id()
        pseudo = {":method": method, ":path": path, ":scheme": "http", ":authority": "localhost"}
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        self.state.send_headers(number, list((pseudo | extra).items()), end_stream=end)
        self.streams[number] = stream = Stream()
        self.flush()
        return stream

    def ask(self, path: str = INVOKE, body: bytes = NOVA, **headers: str) -> Stream:
        """Send a call."""
        stream = self.begin(path, "POST", end=False, **headers)
        number = self.number(stream)
        while body and not stream.over:
            room = min(self.state.local_flow_control_window(number), self.state.max_outbound_frame_size)
            if room:
                self.state.send_data(number, body[:room])
                body = body[room:]
                self.flush()
            else:
                self.read()
        if not stream.over:
            self.state.end_stream(number)
            self.flush()
        return stream

    def number(self, stream: Stream) -> int:
        return next(number for number, each in self.streams.items() if each is stream)

    def read(self, credit: bool = True) -> bool:
        """Read once; False at the end of the connection."""
        data = self.socket.recv(65536)
        for event in self.state.receive_data(data):
            match event:
                case ResponseReceived():
                    self.streams[event.stream_id].head = {
                        name.decode(): value.decode() for name, value in event.headers
                    }
                case DataReceived():
                    self.streams[event.stream_id].body += event.data
                    if credit:
                        self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case StreamEnded():
                    self.streams[event.stream_id].ended = True
                case StreamReset():
                    self.streams[event.stream_id].reset = event.error_code
                case ConnectionTerminated():
                    self.goodbyes.append(event)
                case RemoteSettingsChanged():
                    self.known = True
        with contextlib.suppress(OSError):
            self.flush()
        return bool(data)

    def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            assert self.read(), f"the connection has ended: {self.goodbyes}"

    def to_the_end(self) -> None:
        """Read until the gateway closes, then close. Raises TimeoutError if it does not close."""
        with contextlib.suppress(ConnectionResetError), self.socket:
            while self.read():
                pass

    def answered(self, *request: Any, **headers: str) -> Stream:
        stream = self.ask(*request, **headers)
        self.until(lambda: stream.over)
        return stream

    def got(self, path: str, **headers: str) -> Stream:
        stream = self.begin(path, **headers)
        self.until(lambda: stream.over)
        return stream


@pytest.fixture(scope="module", params=["gthread", "gevent"])
def gateway(request: Any, start_gateway: StartGateway) -> Gateway:
    """A gateway with few threads and little patience."""
    return start_gateway(
        BEDROCK_FLASK_WORKER=request.param, BEDROCK_FLASK_THREADS="6", BEDROCK_FLASK_CLIENT_TIMEOUT=str(PATIENCE)
    )


@pytest.fixture
def call(gateway: Gateway) -> Iterator[Callable[..., Caller]]:
    """Open an HTTP/2 connection to the impatient gateway, or to another."""
    with contextlib.ExitStack() as open_ones:

        def call(server: Any = gateway, **how: Any) -> Caller:
            caller = Caller(getattr(server, "url", server), **how)
            open_ones.enter_context(caller.socket)
            return caller

        yield call


@pytest.fixture
def connect() -> Iterator[Callable[..., Caller]]:
    """The same, to a server that the test starts."""
    with contextlib.ExitStack() as open_ones:

        def connect(server: Any, **how: Any) -> Caller:
            caller = Caller(getattr(server, "url", server), **how)
            open_ones.enter_context(caller.socket)
            return caller

        yield connect


@pytest.fixture
def start(start_gateway: StartGateway, upstream: Upstream) -> Callable[..., Any]:
    """Start a gateway in front of `upstream`."""

    def started(worker: str, **settings: str) -> Gateway:
        there = f"http://127.0.0.1:{upstream.port}"
        return start_gateway(BEDROCK_FLASK_WORKER=worker, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=there, **settings)

    return started


@pytest.fixture
def held(upstream: Upstream, stream: SendStream) -> threading.Event:
    """The event for which the next stream of `upstream` waits after its first two frames."""
    let_go = threading.Event()

    def wait(client: socket.socket) -> None:
        if let_go.wait(LONG):
            for frame in FRAMES[2:]:
                client.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")

    upstream.scripts.append(stream(*FRAMES[:2], then=wait))
    return let_go


def kinds(stream: Stream) -> list[str]:
    return [event.event for event in Decoder().feed(stream.body)]


def prompt(gateway: Gateway) -> bool:
    """Whether a probe is answered at once."""
    return bool(gateway.get("/livez", timeout=PATIENCE / 2).ok)


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def curl(url: str, *options: str) -> str:
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--include", *options, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=True).stdout


# --- served requests ------------------------------------------------------------------------------------------------


def test_curl_is_answered_in_either_protocol_on_the_same_port(gateway: Gateway) -> None:
    for option, first in (("--http2-prior-knowledge", "HTTP/2 200"), ("--http1.1", "HTTP/1.1 200")):
        assert curl(gateway.url + "/livez", option).startswith(first)
        assert '"end_turn"' in curl(gateway.url + INVOKE, option, "--data-binary", NOVA.decode())
        assert "event: usage" in curl(gateway.url + STREAM, option, "--data-binary", NOVA.decode())


def test_many_calls_at_once_are_all_answered(call: Any) -> None:
    caller = call()
    # Six threads, two of them for calls: the others are refused, each with an answer.
    streams = [caller.ask() for _ in range(20)] + [caller.begin() for _ in range(20)]
    caller.until(lambda: all(stream.over for stream in streams))
    assert {stream.status for stream in streams[:20]} <= {"200", "503"}
    assert [stream.status for stream in streams[20:]] == ["200"] * 20
    assert "transfer-encoding" not in streams[0].head


def test_a_call_does_not_wait_for_one_that_has_not_sent_its_body(call: Any) -> None:
    caller = call()
    waiting = caller.begin(INVOKE, "POST", end=False)
    assert caller.got("/livez").status == "200"
    assert not waiting.over


def test_a_body_larger_than_every_window_arrives_whole(call: Any) -> None:
    body = NOVA.replace(b"colours", b"colours " * 500_000)
    for headers in ({}, {"content_length": str(len(body))}):
        assert call().answered(INVOKE, body, **headers).status == "200"


def test_calls_that_are_left_give_their_room_back() -> None:
    unread: list[socket.socket] = []

    def dial() -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        unread.append(theirs)
        return ours

    bridge, (ours, theirs) = Bridge(), socket.socketpair()
    bridge.adopt(theirs, dial)
    with ours:
        caller = Caller(ours)
        caller.until(lambda: caller.known)
        for _ in range(20):
            stream, sent = caller.begin(INVOKE, "POST", end=False), 0
            number = caller.number(stream)
            while sent < 200_000:
                room = min(caller.state.local_flow_control_window(number), caller.state.max_outbound_frame_size)
                if not room:
                    assert caller.read()
                caller.state.send_data(number, b"x" * room)
                sent += room
                caller.flush()
            caller.state.reset_stream(number, ErrorCodes.CANCEL)
            caller.flush()
        # A connection that is closed before loses what has not been read of it.
        assert until(lambda: len(unread) == 20)
    bridge.close()


def test_as_many_idle_connections_are_closed_as_requested() -> None:
    """Also at once: the task of a connection that is closed ends later."""
    bridge, pairs = Bridge(), [socket.socketpair() for _ in range(3)]
    with contextlib.ExitStack() as opened:
        for ours, theirs in pairs:
            caller = Caller(opened.enter_context(ours))
            bridge.adopt(theirs, lambda: socket.socket())
            caller.until(lambda caller=caller: caller.known)
        bridge.close_longest_idle()
        bridge.close_longest_idle()
        first, second, third = (ours for ours, _ in pairs)
        for ours in (first, second):
            ours.settimeout(WAIT)
            while ours.recv(65536):
                pass
        third.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            assert all(iter(lambda: third.recv(65536), None)), "it is closed too"
    bridge.close()


def test_an_answer_without_a_body_ends(call: Any) -> None:
    caller = call()
    head = caller.begin("/livez", "HEAD")
    caller.until(lambda: head.over)
    assert (head.status, head.body, head.ended) == ("200", b"", True)


def test_what_http1_cannot_say_is_refused_and_hurts_no_other_call(call: Any) -> None:
    caller = call()
    for method, path in (("GET /v1/models HTTP/1.1\tx", "/livez"), ("GET", "/livez HTTP/1.1"), ("GET", "livez")):
        stream = caller.begin(path, method)
        caller.until(lambda stream=stream: stream.over)
        assert stream.reset == ErrorCodes.PROTOCOL_ERROR
    assert caller.got("/livez").status == "200"


def test_a_preface_that_comes_in_pieces_is_understood(gateway: Gateway) -> None:
    there = urlsplit(gateway.url)
    with socket.create_connection((there.hostname, there.port), timeout=10) as caller:
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(PREFACE), 6):
            caller.sendall(PREFACE[at : at + 6])
            time.sleep(0.02)
        caller.sendall(SettingsFrame(0).serialize())
        # The server's preface is a SETTINGS frame.
        assert caller.recv(9)[3] == 4


# --- authentication -------------------------------------------------------------------------------------------------


@each_worker
def test_strangers_stay_strangers_and_loopback_stays_loopback(
    bare_gunicorn: StartGunicorn, connect: Any, worker: str
) -> None:
    server = bare_gunicorn("0.0.0.0", "-k", f"bedrock_flask.server.workers.{worker}.Worker", "--threads", "4")
    assert connect(server).got("/v1/models").status == "200"
    stranger = connect(server.url.replace("127.0.0.1", own_address()))
    refused = stranger.got("/v1/models")
    assert (refused.status, refused.json()["code"]) == ("403", "loopback_only")
    assert stranger.got("/livez").status == "200"


def own_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_a_call_is_not_taken_for_one_of_a_proxy_unless_it_is(call: Any) -> None:
    caller = call()
    assert caller.got("/v1/models").status == "200"
    for name in ("via", "forwarded", "x_forwarded_for"):
        refused = caller.got("/v1/models", **{name: "2.0 somebody"})
        assert (refused.status, refused.json()["code"]) == ("403", "loopback_only")


@each_worker
def test_a_refused_body_is_taken_to_its_end_so_that_the_answer_arrives(
    start_gateway: StartGateway, connect: Any, worker: str
) -> None:
    gateway = start_gateway(BEDROCK_FLASK_API_KEYS=f"a:{SECRET}", BEDROCK_FLASK_WORKER=worker)
    caller = connect(gateway)
    assert caller.answered(INVOKE, b"x" * 5_000_000, content_length="5000000").status == "401"
    assert caller.answered(INVOKE, NOVA, x_api_key=SECRET).status == "200"


# --- clients that are slow, silent or too busy ----------------------------------------------------------------------


@pytest.mark.parametrize("sent", [PREFACE[:18], PREFACE, PREFACE + SettingsFrame(0).serialize()], ids=len)
def test_many_silent_clients_starve_nobody_and_are_cut(gateway: Gateway, sent: bytes) -> None:
    there = urlsplit(gateway.url)
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection((there.hostname, there.port), timeout=WAIT))
            for _ in range(100)
        ]
        for each in silent:
            each.sendall(sent)
        assert all(prompt(gateway) for _ in range(10))
        for each in silent:
            with contextlib.suppress(ConnectionResetError):
                while each.recv(65536):
                    pass


def test_pings_keep_no_connection_that_asks_for_nothing(call: Any) -> None:
    caller, began = call(), time.monotonic()
    with contextlib.suppress(OSError):
        while time.monotonic() < began + WAIT:
            caller.socket.sendall(PingFrame(0, opaque_data=b"12345678").serialize())
            time.sleep(0.2)
    assert time.monotonic() - began < WAIT


@pytest.mark.parametrize("drip", [False, True], ids=["silent", "dripping"])
def test_a_body_that_does_not_come_is_refused_and_hurts_no_other_call(call: Any, drip: bool) -> None:
    caller, began = call(), time.monotonic()
    slow = caller.begin(INVOKE, "POST", end=False, content_length="1000")
    while not slow.over:
        assert time.monotonic() - began < WAIT
        assert caller.got("/livez").status == "200"
        if drip and not slow.over:
            caller.state.send_data(caller.number(slow), b" ")
            caller.flush()
        time.sleep(0.2)
    assert slow.status == "408"


@each_worker
def test_a_caller_that_does_not_read_gives_its_place_back(
    start: Callable[..., Any], upstream: Upstream, whole: SendWhole, connect: Any, worker: str
) -> None:
    gateway = start(worker, BEDROCK_FLASK_CLIENT_TIMEOUT=str(PATIENCE), BEDROCK_FLASK_MAX_CALLS="1")
    reply = {
        "output": {"message": {"role": "assistant", "content": [{"text": "x" * 50_000_000}]}},
        "stopReason": "end_turn",
    }
    upstream.scripts.append(whole(json.dumps(reply).encode()))
    caller = connect(gateway, window=1000)
    stalled = caller.ask(f"{TOMORROW}/invoke")
    caller.until(lambda: len(stalled.body) == 1000)
    refused = caller.got("/v1/models")
    assert (refused.status, refused.head["retry-after"]) == ("503", "1")
    assert until(lambda: gateway.get("/v1/models").ok, WAIT)
    # The stream is reset, and the connection stays open.
    caller.until(lambda: stalled.over)
    assert stalled.reset == ErrorCodes.INTERNAL_ERROR
    assert caller.got("/livez").status == "200"


def test_a_small_answer_that_is_not_read_is_not_kept_either(call: Any) -> None:
    caller, began = call(window=0), time.monotonic()
    stream = caller.begin("/openapi.json")
    caller.until(lambda: stream.over)
    assert stream.reset == ErrorCodes.INTERNAL_ERROR
    assert time.monotonic() - began < WAIT


def test_a_connection_that_is_not_read_at_all_is_cut(call: Any, gateway: Gateway) -> None:
    caller, began = call(small=True), time.monotonic()
    caller.until(lambda: caller.known)
    caller.state.increment_flow_control_window(2**30)
    with contextlib.suppress(ConnectionError, ProtocolError):
        while time.monotonic() < began + WAIT:
            caller.begin("/openapi.json", "POST" if time.monotonic() > began + 1 else "GET")
            time.sleep(0.05)
    assert time.monotonic() - began < WAIT
    assert prompt(gateway)


def test_more_streams_than_are_allowed_end_their_connection(call: Any, gateway: Gateway) -> None:
    caller = call()
    caller.until(lambda: caller.known)
    allowed = caller.state.remote_settings.max_concurrent_streams
    assert allowed == 100
    head = caller.state.encoder.encode(
        [(":method", "POST"), (":path", INVOKE), (":scheme", "http"), (":authority", "[::1]"), ("content-length", "9")]
    )
    frames = [HeadersFrame(2 * n + 1, head, flags=["END_HEADERS"]).serialize() for n in range(allowed + 1)]
    caller.streams |= {2 * n + 1: Stream() for n in range(allowed + 1)}
    caller.socket.sendall(b"".join(frames))
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := caller.socket.recv(65536):
            data += piece
    assert GOAWAY in data
    assert prompt(gateway)


GOAWAY = b"\x00\x00\x08\x07\x00"
FLOODS: dict[str, Callable[[Caller, int], bytes]] = {
    "pings": lambda caller, n: PingFrame(0, opaque_data=b"12345678").serialize() * 100,
    "settings": lambda caller, n: SettingsFrame(0, settings={4: 65535}).serialize() * 100,
    "acknowledged pings": lambda caller, n: PingFrame(0, b"12345678", flags=["ACK"]).serialize() * 100,
    "priorities": lambda caller, n: PriorityFrame(1, depends_on=0, stream_weight=n % 256).serialize() * 100,
    "windows": lambda caller, n: WindowUpdateFrame(0, window_increment=1).serialize() * 100,
    "resets": lambda caller, n: reset_at_once(caller, n),
}


def reset_at_once(caller: Caller, number: int) -> bytes:
    head = caller.state.encoder.encode(
        [(":method", "GET"), (":path", "/v1/models"), (":scheme", "http"), (":authority", "localhost")]
    )
    numbers = range(20 * number + 1, 20 * number + 21, 2)
    return b"".join(
        HeadersFrame(each, head, flags=["END_HEADERS", "END_STREAM"]).serialize()
        + b"\0\0\x04\x03\0"
        + each.to_bytes(4, "big")
        + b"\0\0\0\x08"
        for each in numbers
    )


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_its_connection(call: Any, gateway: Gateway, flood: Callable[[Caller, int], bytes]) -> None:
    caller = call()
    caller.until(lambda: caller.known)
    data = b""

    def listen() -> None:
        nonlocal data
        with contextlib.suppress(OSError):
            while piece := caller.socket.recv(65536):
                data += piece

    listener = threading.Thread(target=listen)
    listener.start()
    with contextlib.suppress(OSError):
        for number in range(400):
            caller.socket.sendall(flood(caller, number))
    listener.join(WAIT)
    assert not listener.is_alive()
    at = data.index(GOAWAY)
    assert int.from_bytes(data[at + 13 : at + 17], "big") == ErrorCodes.ENHANCE_YOUR_CALM
    assert prompt(gateway)


def test_frames_that_break_the_protocol_end_their_connection_only(call: Any, gateway: Gateway) -> None:
    caller = call()
    caller.socket.sendall(b"\0\0\x04\x03\0\0\0\0\x05" + bytes(4))
    with contextlib.suppress(ConnectionResetError):
        while caller.socket.recv(65536):
            pass
    assert prompt(gateway)


@each_worker
def test_a_connection_without_calls_is_closed_with_a_goodbye(
    bare_gunicorn: StartGunicorn, connect: Any, worker: str
) -> None:
    server = bare_gunicorn(
        "127.0.0.1", "-k", f"bedrock_flask.server.workers.{worker}.Worker", "--threads", "2", "--keep-alive", "1"
    )
    caller = connect(server)
    assert caller.got("/livez").status == "200"
    began = time.monotonic()
    caller.to_the_end()
    assert 0.5 < time.monotonic() - began < SLACK
    assert [goodbye.error_code for goodbye in caller.goodbyes] == [ErrorCodes.NO_ERROR]


@each_worker
def test_calls_leave_files_for_those_upstream(bare_gunicorn: StartGunicorn, connect: Any, worker: str) -> None:
    server = bare_gunicorn(
        "127.0.0.1",
        "-k",
        f"bedrock_flask.server.workers.{worker}.Worker",
        "--threads",
        "2",
        "--worker-connections",
        "20",
    )
    caller = connect(server)
    streams = [caller.begin(INVOKE, "POST", end=False, content_length="9") for _ in range(30)]
    caller.until(lambda: sum(stream.over for stream in streams) == 25)
    assert {stream.reset for stream in streams if stream.over} == {ErrorCodes.REFUSED_STREAM}
    assert [stream.over for stream in streams[:5]] == [False] * 5


def test_slow_clients_leave_no_error_in_the_log(gateway: Gateway) -> None:
    assert [line for line in gateway.lines() if line["level"] in ("ERROR", "CRITICAL")] == []
    assert "Traceback" not in gateway.log.read_text()


# --- clients that leave ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pause", [0.02, LONG], ids=["talking", "silent"])
@each_worker
def test_a_stream_that_is_reset_is_a_client_that_left_and_hurts_no_other(
    start: Callable[..., Any], upstream: Upstream, stream: SendStream, connect: Any, worker: str, pause: float
) -> None:
    left = threading.Event()

    def talk(client: socket.socket) -> None:
        frame = FRAMES[1]
        client.settimeout(pause)
        with contextlib.suppress(ConnectionError):
            gone = False
            while not gone:
                client.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                with contextlib.suppress(TimeoutError):
                    gone = not client.recv(1)
        left.set()

    upstream.scripts.append(stream(FRAMES[0], then=talk))
    caller = connect(start(worker))
    talking = caller.ask(f"{TOMORROW}/invoke-stream")
    caller.until(lambda: bool(talking.body))
    caller.state.reset_stream(caller.number(talking), ErrorCodes.CANCEL)
    caller.flush()
    assert left.wait(10)
    assert caller.got("/livez").status == "200"


# --- stopping -------------------------------------------------------------------------------------------------------


@each_worker
def test_a_stream_finishes_within_the_grace_after_a_goodbye(
    start: Callable[..., Any], held: threading.Event, connect: Any, worker: str
) -> None:
    gateway = start(worker, BEDROCK_FLASK_DRAIN_DELAY="1")
    caller, idle = connect(gateway), connect(gateway)
    assert idle.got("/livez").status == "200"
    stream = caller.ask(f"{TOMORROW}/invoke-stream")
    caller.until(lambda: bool(stream.body))
    gateway.process.terminate()
    # Requests are still served: first all, then those that were in flight when the GOAWAY was sent.
    assert caller.got("/livez").status == "200"
    caller.until(lambda: bool(caller.goodbyes))
    assert caller.goodbyes[0].last_stream_id == 2**31 - 1
    assert caller.got("/livez").status == "200"
    idle.to_the_end()
    caller.until(lambda: len(caller.goodbyes) > 1)
    late = caller.begin("/livez")
    caller.until(lambda: late.over)
    assert (caller.goodbyes[1].last_stream_id, late.reset) == (caller.number(late) - 2, ErrorCodes.REFUSED_STREAM)
    held.set()
    caller.to_the_end()
    assert stream.ended
    assert kinds(stream)[-2:] == ["metadata", "usage"]
    assert gateway.process.wait(30) == 0


@each_worker
def test_a_stream_beyond_the_grace_ends_in_an_error(
    start: Callable[..., Any], held: threading.Event, connect: Any, worker: str
) -> None:
    gateway = start(worker, BEDROCK_FLASK_GRACEFUL_TIMEOUT="1")
    caller = connect(gateway)
    stream = caller.ask(f"{TOMORROW}/invoke-stream")
    caller.until(lambda: bool(stream.body))
    gateway.process.terminate()
    caller.to_the_end()
    assert stream.ended
    assert kinds(stream)[-1] == "error"
    assert gateway.process.wait(30) == 0


@each_worker
def test_an_interrupt_does_not_wait_for_streams(
    start: Callable[..., Any], held: threading.Event, connect: Any, worker: str
) -> None:
    gateway = start(worker)
    caller = connect(gateway)
    stream = caller.ask(f"{TOMORROW}/invoke-stream")
    caller.until(lambda: bool(stream.body))
    gateway.process.send_signal(signal.SIGINT)
    caller.to_the_end()
    assert kinds(stream)[-1] == "error"
    gateway.process.wait(20)
    assert "Traceback" not in gateway.log.read_text()
    assert "Task was destroyed" not in gateway.log.read_text()


@each_worker
def test_an_idle_connection_holds_nobody_up(start: Callable[..., Any], connect: Any, worker: str) -> None:
    gateway = start(worker, BEDROCK_FLASK_GRACEFUL_TIMEOUT="40")
    caller = connect(gateway)
    assert caller.got("/livez").status == "200"
    gateway.process.terminate()
    # The client does not even read the GOAWAY.
    assert gateway.process.wait(20) == 0
    assert "Task was destroyed" not in gateway.log.read_text()


@each_worker
def test_workers_are_replaced_without_a_lost_request(start_gateway: StartGateway, connect: Any, worker: str) -> None:
    gateway = start_gateway(BEDROCK_FLASK_WORKER=worker, BEDROCK_FLASK_WORKERS="2", BEDROCK_FLASK_MAX_REQUESTS="30")

    def ask(_: int) -> list[tuple[str, int | None]]:
        # All workers may be replaced at once, and connections then wait for the new ones.
        caller, results = connect(gateway, patience=LONG), []
        while len(results) < 24:
            if caller.goodbyes:
                caller.socket.close()
                caller = connect(gateway, patience=LONG)
            streams = [caller.ask() for _ in range(3)]
            while not all(stream.over for stream in streams):
                assert caller.read(), [(stream.status, stream.reset) for stream in streams]
            # A refused call has not started, so it can be sent again.
            results += [
                (stream.status, stream.reset) for stream in streams if stream.reset != ErrorCodes.REFUSED_STREAM
            ]
        caller.socket.close()
        return results

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [result for results in pool.map(ask, range(4)) for result in results]
    assert set(answers) == {("200", None)}
    assert until(lambda: sum("Booting worker" in line["message"] for line in gateway.lines()) > 2)


# --- asyncio in a greenlet ------------------------------------------------------------------------------------------

BESIDE = """
from gevent import monkey
monkey.patch_all()
import asyncio, gevent, socket, threading
from bedrock_flask.server.workers import gevent as worker, http2

bridge = http2.Bridge(make_loop=lambda: asyncio.SelectorEventLoop(worker._Selector()))
ours, theirs = socket.socketpair()
bridge.adopt(theirs, dial=lambda: None)

async def busy(turns):
    for _ in range(turns):
        ours.sendall(http2.PREFACE if _ == 0 and turns == 50 else b"")
        await asyncio.sleep(0.002)
        assert asyncio.get_running_loop() is not bridge._loop
    return turns

def run(turns):
    return asyncio.run(busy(turns))

gevent.sleep(0.05)
found = [gevent.spawn(run, 50)]
gevent.joinall(found, raise_error=True)
assert ours.recv(9)[3] == 4
bridge.close()
print([each.value for each in found])
"""


def test_other_greenlets_may_run_loops_of_their_own() -> None:
    done = subprocess.run([sys.executable, "-c", BESIDE], capture_output=True, text=True, timeout=LONG, check=False)
    assert (done.returncode, done.stdout) == (0, "[50]\n"), done.stderr


def test_a_length_without_a_body_is_malformed(call: Any) -> None:
    caller = call()
    caller.until(lambda: caller.known)
    head = [(":method", "POST"), (":path", "/v1/messages"), (":scheme", "http"), (":authority", "localhost")]
    data = caller.state.encoder.encode([*head, ("content-length", "10")])
    caller.socket.sendall(HeadersFrame(1, data, flags=["END_HEADERS", "END_STREAM"]).serialize())
    received = b""
    while b"\0\0\x04\x03" not in received:
        piece = caller.socket.recv(65536)
        assert piece, received
        received += piece
    at = received.index(b"\0\0\x04\x03")
    assert int.from_bytes(received[at + 9 : at + 13], "big") == ErrorCodes.PROTOCOL_ERROR
