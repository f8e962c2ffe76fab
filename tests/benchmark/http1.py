"""A client that costs little: prepared requests over kept HTTP/1.1 connections, one call on each at a time."""

import contextlib
import select
import selectors
import socket
import ssl
import time
from collections.abc import Mapping

_RECEIVE = 1 << 18
_END_OF_CHUNKS = b"\r\n0\r\n\r\n"


class BadAnswer(Exception):
    """An answer is not what the case expects; the text has its start."""


class Dropped(Exception):
    """The server closed a connection that it had promised to keep, before the call that now needs another one."""


class _Call:
    """One connection with one call."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext | None) -> None:
        self.sock = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.received = bytearray()
        self.needed = -1
        self.began = 0.0
        self.sent = 0

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.needed = -1
        self.sent += 1
        self.began = time.perf_counter()
        # A connection that is closed shows it when it is read.
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(request)

    def receive(self) -> bool:
        """Receive once; return whether the answer is complete. Raises Dropped, BadAnswer."""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = self.sock.recv(_RECEIVE)
        if not data and not self.received and self.sent > 1:
            raise Dropped
        if not data:
            raise BadAnswer(f"the connection ended: {bytes(self.received[:2000])!r}")
        self.received += data
        if self.needed < 0:
            self._read_head()
        if self.needed > 0:
            return len(self.received) >= self.needed
        return self.needed == 0 and self.received.endswith(_END_OF_CHUNKS)

    def _read_head(self) -> None:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.received[:end]).lower()
        if not head.startswith(b"http/1.1 200"):
            raise BadAnswer(bytes(self.received[:2000]).decode("utf-8", "replace"))
        _, found, rest = head.partition(b"\r\ncontent-length:")
        self.needed = end + 4 + int(rest.split(b"\r\n")[0]) if found else 0


class Client:
    """The connections to one server. With the file of a certificate they speak TLS, one call at a time.

    dropped  how many calls needed another connection, because theirs was closed before they began
    """

    def __init__(self, address: tuple[str, int], headers: Mapping[str, str], certificate: str = "") -> None:
        self.address, self.headers = address, headers
        self._context = ssl.create_default_context(cafile=certificate) if certificate else None
        self._idle: list[_Call] = []
        self.dropped = 0

    def prepare(self, path: str, body: bytes) -> bytes:
        """The bytes of a request."""
        own = {
            "host": f"{self.address[0]}:{self.address[1]}",
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in (own | dict(self.headers)).items())
        return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def call(self, request: bytes) -> bytes:
        """Call once; return the answer, head and body."""
        call = self._take()
        call.send(request)
        try:
            while not call.receive():
                pass
        except Dropped:
            call = self._replace(call, request)
            while not call.receive():
                pass
        self._idle.append(call)
        return bytes(call.received)

    def run(self, request: bytes, calls: int, concurrency: int) -> list[float]:
        """Make the calls; return the seconds of each. Raises BadAnswer."""
        if concurrency == 1:
            return [self._time(request) for _ in range(calls)]
        seconds: list[float] = []
        with selectors.DefaultSelector() as selector:
            left = calls
            for call in [self._take() for _ in range(min(concurrency, calls))]:
                selector.register(call.sock, selectors.EVENT_READ, call)
                call.send(request)
                left -= 1
            while len(seconds) < calls:
                for key, _ in selector.select():
                    call = key.data
                    try:
                        if not call.receive():
                            continue
                    except Dropped:
                        selector.unregister(call.sock)
                        call = self._replace(call, request)
                        selector.register(call.sock, selectors.EVENT_READ, call)
                        continue
                    seconds.append(time.perf_counter() - call.began)
                    if left:
                        left -= 1
                        call.send(request)
                    else:
                        selector.unregister(call.sock)
                        self._idle.append(call)
        return seconds

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().sock.close()

    def _replace(self, call: _Call, request: bytes) -> _Call:
        self.dropped += 1
        call.sock.close()
        another = _Call(self.address, self._context)
        another.send(request)
        return another

    def _time(self, request: bytes) -> float:
        began = time.perf_counter()
        self.call(request)
        return time.perf_counter() - began

    def _take(self) -> _Call:
        while self._idle:
            call = self._idle.pop()
            # A server that closes an idle connection makes it readable.
            if not select.select([call.sock], [], [], 0)[0]:
                return call
            call.sock.close()
        return _Call(self.address, self._context)
