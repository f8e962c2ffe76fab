"""Paced streams: how long after Bedrock sent an event the client has it, with this many streams open at a time.

An event holds the time at which it was sent. The same streams are read from the scripted Bedrock directly, so that what
the load itself adds is known: the added delay is the difference.
"""

import contextlib
import gc
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.benchmark.answers import PACES

RATE = PACES["nova-pro"]
# Streams open over this many seconds, and delays count once all are open.
RAMP = 2.0
_SENT = re.compile(rb"@(\d+)@")
_RECEIVE = 1 << 18
_END_OF_CHUNKS = b"\r\n0\r\n\r\n"
_OK = b"HTTP/1.1 200"
# No shorter than a time.
_KEPT = 24


@dataclass(frozen=True)
class Outcome:
    """What became of the streams.

    whole      streams with every event and their end
    refused    answered with another status than 200
    short      all others
    p50, p99   milliseconds from the upstream to the client, while all streams were open
    events     a second, over the same time
    """

    streams: int
    whole: int
    refused: int
    short: int
    p50: float
    p99: float
    events: float


@dataclass(slots=True)
class _Stream:
    """One open stream: what it has received, each piece with its time in nanoseconds."""

    sock: socket.socket
    pieces: list[tuple[int, bytes]] = field(default_factory=list)

    def is_answered(self) -> bool:
        """Whether the status is 200."""
        return bool(self.pieces) and self.pieces[0][1].startswith(_OK)

    def is_whole(self) -> bool:
        """Whether the answer has its end."""
        return b"".join(data for _, data in self.pieces[-len(_END_OF_CHUNKS) :]).endswith(_END_OF_CHUNKS)


@dataclass
class Load:
    """Streams of one server: `request` is the bytes that open one of `deltas` events.

    between  runs once, when all streams are open
    seconds  how long it took, once it has run
    """

    address: tuple[str, int]
    request: bytes
    count: int
    deltas: int
    between: Callable[[], None] = lambda: None
    seconds: float = 0.0
    _streams: list[_Stream] = field(default_factory=list)

    def run(self) -> Outcome:
        """Open the streams, read each to its end, and close them."""
        gc.collect()
        gc.disable()
        began = time.monotonic()
        try:
            with selectors.DefaultSelector() as selector:
                self._read_all(selector, began)
        finally:
            self.seconds = time.monotonic() - began
            gc.enable()
            for stream in self._streams:
                stream.sock.close()
        return self._summarize(began)

    def _read_all(self, selector: selectors.BaseSelector, began: float) -> None:
        length = self.deltas / RATE
        until = began + RAMP + 3 * length + 10
        halfway = began + RAMP + (length - RAMP) / 2
        while (now := time.monotonic()) < until:
            due = min(self.count, int((now - began) / RAMP * self.count) + 1)
            while len(self._streams) < due:
                self._open(selector)
            if halfway and now > halfway:
                halfway = 0
                self.between()
            for key, _ in selector.select(0.005 if due < self.count else 0.1):
                if not self._read(key.data):
                    selector.unregister(key.fileobj)
            if due == self.count and not selector.get_map():
                return

    def _open(self, selector: selectors.BaseSelector) -> None:
        stream = _Stream(socket.create_connection(self.address, timeout=10))
        self._streams.append(stream)
        stream.sock.sendall(self.request)
        stream.sock.setblocking(False)
        selector.register(stream.sock, selectors.EVENT_READ, stream)

    def _read(self, stream: _Stream) -> bool:
        """Read once; return whether there may be more."""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = stream.sock.recv(_RECEIVE)
        if not data:
            return False
        stream.pieces.append((time.monotonic_ns(), data))
        # What comes is looked into when all is over. The last piece may be cut anywhere.
        can_be_last = data.endswith(_END_OF_CHUNKS[-4:]) or len(data) < len(_END_OF_CHUNKS)
        return not (can_be_last and stream.is_whole()) and stream.is_answered()

    def _summarize(self, began: float) -> Outcome:
        read = [list(_read_delays(stream.pieces)) for stream in self._streams]
        whole = sum(
            len(delays) == self.deltas and stream.is_answered() and stream.is_whole()
            for stream, delays in zip(self._streams, read, strict=True)
        )
        refused = sum(bool(each.pieces) and not each.is_answered() for each in self._streams)
        first, last = (began + RAMP) * 1e9, (began + self.deltas / RATE) * 1e9
        delays = sorted(delay for each in read for sent, delay in each if first <= sent <= last) or [0]
        return Outcome(
            streams=self.count,
            whole=whole,
            refused=refused,
            short=self.count - whole - refused,
            p50=round(delays[len(delays) // 2] / 1e6, 2),
            p99=round(delays[int(len(delays) * 0.99)] / 1e6, 2),
            events=round(len(delays) / max((last - first) / 1e9, 1), 1),
        )


def _read_delays(pieces: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    """When each event was sent, and how much later it was read, in nanoseconds; a piece may end within a time."""
    rest = b""
    for read, data in pieces:
        text = rest + data
        end = 0
        for found in _SENT.finditer(text):
            sent = int(found[1])
            yield sent, read - sent
            end = found.end()
        rest = text[max(end, len(text) - _KEPT) :]
