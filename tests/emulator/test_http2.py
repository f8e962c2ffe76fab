"""HTTP/2 with prior knowledge: each stream is a separate caller, whatever happens to the others."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes

from bedrock_flask.emulator.server import THREADS
from bedrock_flask.protocol.eventstream import Decoder
from bedrock_flask.server.workers.http2 import PREFACE
from tests.doubles import Emulator, StartEmulator

PATHS = {
    "Converse": "/model/amazon.nova-lite-v1%3A0/converse",
    "ConverseStream": "/model/amazon.nova-lite-v1%3A0/converse-stream",
}
BODY = json.dumps({"messages": [{"role": "user", "content": [{"text": "Tell me something."}]}]}).encode()


@dataclass
class Stream:
    """What came on one stream."""

    head: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class Caller:
    """A client of HTTP/2 that shows what happens on each stream."""

    def __init__(self, url: str, window: int | None = None) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.state = H2Connection()
        self.state.initiate_connection()
        if window is not None:
            self.state.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.streams: dict[int, Stream] = {}
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.state.data_to_send())

    def ask(
        self, operation: str = "Converse", fault: Any = None, body: bytes = BODY, **headers: str
    ) -> tuple[int, Stream]:
        """Begin a call."""
        number = self.state.get_next_available_stream_id()
        text = {"x-emulator-fault": json.dumps(fault) if isinstance(fault, dict) else fault} if fault else {}
        pseudo = {":method": "POST", ":path": PATHS[operation], ":scheme": "http", ":authority": "emulator"}
        self.state.send_headers(number, list((pseudo | text | headers).items()))
        self.streams[number] = Stream()
        # A frame without data is not the end of a body.
        self.state.send_data(number, b"")
        while body:
            room = min(self.state.local_flow_control_window(number), self.state.max_outbound_frame_size)
            if room:
                self.state.send_data(number, body[:room])
                body = body[room:]
                self.flush()
            else:
                self.read()
        self.state.end_stream(number)
        self.flush()
        return number, self.streams[number]

    def read(self, credit: bool = True) -> bool:
        """Take what comes next; False at the end of the connection."""
        data = self.socket.recv(65536)
        for event in self.state.receive_data(data):
            match event:
                case ResponseReceived():
                    self.streams[event.stream_id].head = {
                        name.decode(): result.decode() for name, result in event.headers
                    }
                case DataReceived():
                    self.streams[event.stream_id].body += event.data
                    if credit:
                        self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case StreamEnded():
                    self.streams[event.stream_id].ended = True
                case StreamReset():
                    self.streams[event.stream_id].reset = event.error_code
        self.flush()
        return bool(data)

    def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            assert self.read(), "the connection has ended"


@pytest.fixture
def call(emulator: Emulator) -> Iterator[Callable[..., Caller]]:
    """Open a connection of HTTP/2 to the emulator."""
    callers: list[Caller] = []

    def call(window: int | None = None) -> Caller:
        callers.append(Caller(emulator.url, window))
        return callers[-1]

    yield call
    for caller in callers:
        caller.socket.close()


def test_a_whole_answer_and_a_stream_come(call: Any, emulator: Emulator) -> None:
    caller = call()
    _, whole = caller.ask("Converse")
    _, stream = caller.ask("ConverseStream")
    caller.until(lambda: whole.ended and stream.ended)
    assert whole.head[":status"] == stream.head[":status"] == "200"
    assert json.loads(whole.body)["stopReason"] == "end_turn"
    assert len(Decoder().feed(stream.body)) > 5
    assert "transfer-encoding" not in stream.head
    assert [each["headers"]["via"] for each in emulator.calls()] == ["2.0 emulator"] * 2


def test_a_body_without_a_length_and_larger_than_every_window_arrives_whole(call: Any, emulator: Emulator) -> None:
    body = BODY.replace(b"something", b"something" * 300_000)
    for headers in ({}, {"content-length": str(len(body))}):
        caller = call()
        _, stream = caller.ask("Converse", body=body, **headers)
        caller.until(lambda stream=stream: stream.over)
        assert stream.head[":status"] == "200"
        assert emulator.calls()[-1]["bytes"] == len(body)


def test_a_call_does_not_wait_for_one_that_is_stalled_on_the_same_connection(call: Any) -> None:
    caller = call()
    _, stalled = caller.ask("ConverseStream", "stall")
    _, other = caller.ask("Converse")
    caller.until(lambda: other.ended)
    assert not stalled.over


def test_a_stream_that_is_reset_is_a_caller_that_left_and_hurts_no_other(
    call: Any, emulator: Emulator, await_end: Any
) -> None:
    caller = call()
    number, stalled = caller.ask("ConverseStream", "stall")
    caller.until(lambda: bool(stalled.head))
    caller.state.reset_stream(number, ErrorCodes.CANCEL)
    caller.flush()
    assert await_end(emulator)["ended"] == "client left"
    _, other = caller.ask("Converse")
    caller.until(lambda: other.ended)


def test_a_connection_that_is_closed_is_a_caller_that_left(call: Any, emulator: Emulator, await_end: Any) -> None:
    caller = call()
    _, stalled = caller.ask("ConverseStream", "stall")
    caller.until(lambda: bool(stalled.head))
    caller.socket.close()
    assert await_end(emulator)["ended"] == "client left"


def test_a_call_goes_on_after_the_callers_goodbye(call: Any) -> None:
    caller = call()
    _, stream = caller.ask("ConverseStream", {"fault": "stall", "seconds": 0.3})
    # The AWS SDK for JavaScript sends this as soon as it has sent its request: no more calls will come.
    caller.socket.sendall(b"\0\0\x08\x07\0\0\0\0\0" + bytes(8))
    caller.until(lambda: stream.over)
    assert stream.ended


@pytest.mark.parametrize(
    "fault",
    ["reset", "short_body", "cut_in_chunk", "cut_between_chunks", "hang_up", "cut_in_header"],
)
@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_an_answer_that_is_broken_off_resets_its_own_stream(call: Any, fault: str, operation: str) -> None:
    caller = call()
    _, broken = caller.ask(operation, fault)
    caller.until(lambda: broken.over)
    assert broken.reset == ErrorCodes.INTERNAL_ERROR
    _, other = caller.ask("Converse")
    caller.until(lambda: other.ended)


def test_what_is_cut_comes_up_to_the_cut(call: Any) -> None:
    caller = call()
    _, broken = caller.ask("ConverseStream", {"fault": "cut_in_chunk", "after": 2})
    caller.until(lambda: broken.over)
    assert broken.head[":status"] == "200"
    assert len(Decoder().feed(broken.body)) == 2


@pytest.mark.parametrize(
    ("fault", "frames"), [("half_frame_until_close", 1), ("half_frame", 1), ("no_terminal_event", 5)]
)
def test_what_ends_cleanly_ends_cleanly(call: Any, fault: str, frames: int) -> None:
    caller = call()
    _, stream = caller.ask("ConverseStream", fault)
    caller.until(lambda: stream.over)
    assert stream.ended
    assert len(Decoder().feed(stream.body)) >= frames


def test_a_drip_is_one_byte_a_frame_and_a_dripping_header_a_late_one(call: Any) -> None:
    caller = call()
    _, dripping = caller.ask("Converse", {"fault": "drip", "seconds": 0.0005})
    _, late = caller.ask("Converse", {"fault": "drip_header", "seconds": 0.001})
    caller.until(lambda: dripping.over and late.over)
    assert json.loads(dripping.body)["stopReason"] == json.loads(late.body)["stopReason"] == "end_turn"


def test_a_reader_without_room_gets_no_more_than_it_asked_for_and_then_the_rest(call: Any) -> None:
    caller = call(window=100)
    _, stream = caller.ask("ConverseStream")
    while len(stream.body) < 100:
        caller.read(credit=False)
    assert len(stream.body) == 100
    number = next(iter(caller.streams))
    caller.state.increment_flow_control_window(1 << 20, number)
    caller.flush()
    caller.until(lambda: stream.over)
    assert stream.ended
    assert len(Decoder().feed(stream.body)) > 5


def test_more_idle_connections_than_threads_leave_room_for_all(call: Any, emulator: Emulator) -> None:
    for _ in range(2 * THREADS):
        caller = call()
        _, stream = caller.ask("Converse")
        caller.until(lambda stream=stream: stream.ended)
    assert emulator.get("/_emulator/health", timeout=5).ok


def test_frames_that_break_the_protocol_end_their_connection_only(call: Any, emulator: Emulator) -> None:
    caller = call()
    caller.socket.sendall(b"\0\0\x04\x03\0\0\0\0\x05" + bytes(4))
    while caller.socket.recv(65536):
        pass
    assert emulator.get("/_emulator/health").ok
    assert "Traceback" not in emulator.log.read_text()


def test_a_preface_that_comes_in_pieces_is_understood(emulator: Emulator) -> None:
    host, _, port = emulator.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as caller:
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(PREFACE), 8):
            caller.sendall(PREFACE[at : at + 8])
            time.sleep(0.02)
        caller.sendall(b"\0\0\0\x04\0\0\0\0\0")
        # The server's own preface is a frame of settings.
        assert caller.recv(9)[3] == 4


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_server_stops_at_once_with_calls_and_idle_connections(
    start_emulator: StartEmulator, stop: signal.Signals
) -> None:
    server = start_emulator()
    idle, stalled = Caller(server.url), Caller(server.url)
    _, whole = idle.ask("Converse")
    idle.until(lambda: whole.ended)
    _, stream = stalled.ask("ConverseStream", "stall")
    stalled.until(lambda: bool(stream.head))
    began = time.monotonic()
    server.process.send_signal(stop)
    assert server.process.wait(30) == 0
    assert time.monotonic() - began < 8
    assert "Traceback" not in server.log.read_text()
    assert "Task was destroyed" not in server.log.read_text()
