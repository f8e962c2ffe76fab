"""The same client over HTTP/2 with prior knowledge: the calls share one connection."""

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset

from tests.benchmark.http1 import BadAnswer

_RECEIVE = 1 << 18
_WINDOW = 1 << 24


@dataclass(frozen=True)
class Prepared:
    """A request, small enough for the server's first window."""

    headers: Sequence[tuple[str, str]]
    body: bytes


class Client:
    """The connection to one server."""

    dropped = 0

    def __init__(self, address: tuple[str, int], headers: Mapping[str, str]) -> None:
        self.address, self.headers = address, headers
        self._sock = socket.create_connection(address)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._connection.initiate_connection()
        self._connection.increment_flow_control_window(_WINDOW)
        self._flush()

    def prepare(self, path: str, body: bytes) -> Prepared:
        """The headers and the body of a request."""
        own = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": f"{self.address[0]}:{self.address[1]}",
        }
        more = {"content-type": "application/json", "content-length": str(len(body))}
        return Prepared(tuple((own | more | dict(self.headers)).items()), body)

    def call(self, request: Prepared) -> bytes:
        """Call once; return the body of the answer."""
        stream = self._send(request)
        body = bytearray()
        while True:
            for event in self._receive():
                if isinstance(event, DataReceived) and event.stream_id == stream:
                    body += event.data
                if self._is_end(event):
                    return bytes(body)

    def run(self, request: Prepared, calls: int, concurrency: int) -> list[float]:
        """Make the calls; return the seconds of each. Raises BadAnswer."""
        began: dict[int, float] = {}
        seconds: list[float] = []
        left = calls
        while len(seconds) < calls:
            while left and len(began) < concurrency:
                left -= 1
                began[self._send(request)] = time.perf_counter()
            for event in self._receive():
                if self._is_end(event):
                    seconds.append(time.perf_counter() - began.pop(event.stream_id))  # type: ignore[attr-defined]
        return seconds

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def _send(self, request: Prepared) -> int:
        stream = self._connection.get_next_available_stream_id()
        self._connection.send_headers(stream, request.headers)
        self._connection.increment_flow_control_window(_WINDOW, stream)
        self._connection.send_data(stream, request.body, end_stream=True)
        self._flush()
        return stream

    def _receive(self) -> list[Event]:
        data = self._sock.recv(_RECEIVE)
        if not data:
            raise BadAnswer("the HTTP/2 connection ended")
        events = list(self._connection.receive_data(data))
        for event in events:
            if isinstance(event, DataReceived):
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if isinstance(event, StreamReset):
                raise BadAnswer(f"the server reset a stream: {event.error_code}")
            if isinstance(event, ResponseReceived) and dict(event.headers)[":status"] != "200":
                raise BadAnswer(str(event.headers))
        self._flush()
        return events

    def _is_end(self, event: Event) -> bool:
        return isinstance(event, StreamEnded)

    def _flush(self) -> None:
        if data := self._connection.data_to_send():
            self._sock.sendall(data)
