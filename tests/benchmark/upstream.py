"""A scripted Bedrock that costs little: one process, one loop, answers that are written before they are needed.

    python -m tests.benchmark.upstream [CERTIFICATE KEY]

It prints its port. The path chooses the operation, the model's id the pace (`answers.PACES`), and the body's maximum of
tokens the number of deltas. Each event is sent by a call of its own, as Bedrock sends it when the model has made it. A
paced event holds the time at which it was sent, `@nanoseconds@` of the monotonic clock.
"""

import collections
import contextlib
import gc
import re
import selectors
import socket
import ssl
import sys
import time
from urllib.parse import unquote

from tests.benchmark import answers

_TICK = 0.001
_RECEIVE = 1 << 20
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_DELTAS = re.compile(rb'"max_?[tT]okens": *(\d+)')
_PATH = re.compile(r"/model/(.+)/(converse|invoke)(-stream|-with-response-stream)?$")


class Connection:
    """A client's connection: what was received of a request, and what could not yet be sent."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = bytearray()
        self.needed = 0
        self.unsent = bytearray()

    def send(self, data: bytes) -> bool:
        """Send, or keep what the client does not take; return whether all is sent."""
        if self.unsent:
            self.unsent += data
            return False
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            sent = 0
        if sent < len(data):
            self.unsent += data[sent:]
        return not self.unsent

    def flush(self) -> bool:
        """Send what was kept; return whether all is sent."""
        data, self.unsent = bytes(self.unsent), bytearray()
        return self.send(data)

    def take_request(self) -> bytes:
        """The request, once it is complete."""
        if len(self.received) < self.needed:
            return b""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return b""
        length = _LENGTH.search(self.received, 0, end)
        self.needed = end + 4 + (int(length[1]) if length else 0)
        if len(self.received) < self.needed:
            return b""
        request = bytes(self.received[: self.needed])
        del self.received[: self.needed]
        self.needed = 0
        return request


class Stream:
    """A paced stream: its next deltas, one after another, and then its end."""

    def __init__(self, connection: Connection, form: str, deltas: int, ticks: int) -> None:
        self.connection, self.form, self.left, self.ticks = connection, form, deltas, ticks


class Upstream:
    """The server."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        self.listener, self.context = listener, context
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        # The paced streams by the tick at which their next event is due.
        self.due: dict[int, list[Stream]] = collections.defaultdict(list)
        self.paced = 0
        self.tick = 0

    def serve(self) -> None:
        """Serve until the process ends."""
        while True:
            for key, events in self.selector.select(self._find_wait()):
                if key.data is None:
                    self._accept()
                else:
                    self._handle(key.data, events)
            self._send_due()

    def _find_wait(self) -> float | None:
        return max(0.0, (self.tick + 1) * _TICK - time.monotonic()) if self.paced else None

    def _accept(self) -> None:
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            sock.settimeout(5)
            sock = self.context.wrap_socket(sock, server_side=True)
        sock.setblocking(False)
        self.selector.register(sock, selectors.EVENT_READ, Connection(sock))

    def _handle(self, connection: Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE and connection.flush():
                self.selector.modify(connection.sock, selectors.EVENT_READ, connection)
            if events & selectors.EVENT_READ:
                self._receive(connection)
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        except OSError:
            self._close(connection)

    def _receive(self, connection: Connection) -> None:
        while True:
            data = connection.sock.recv(_RECEIVE)
            if not data:
                return self._close(connection)
            connection.received += data
            if request := connection.take_request():
                self._answer(connection, request)
            # TLS may hold more than the selector sees.
            if not (isinstance(connection.sock, ssl.SSLSocket) and connection.sock.pending()):
                return None

    def _answer(self, connection: Connection, request: bytes) -> None:
        target = unquote(request[: request.find(b"\r\n")].split(b" ")[1].decode())
        found = _PATH.search(target)
        if not found:
            self._send(connection, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        model, form, streamed = found.groups()
        if not streamed:
            self._send(connection, answers.write_whole(form))
            return
        maximum = _DELTAS.search(request)
        # Bodies that a fuzz has changed come here too.
        deltas = int(maximum[1]) if maximum else 1
        if pace := answers.find_pace(model):
            self._start_paced(Stream(connection, form, deltas, round(1 / pace / _TICK)))
            return
        for piece in answers.write_stream(form, deltas):
            self._send(connection, piece)

    def _send(self, connection: Connection, data: bytes) -> None:
        was_waiting = bool(connection.unsent)
        if not connection.send(data) and not was_waiting:
            self.selector.modify(connection.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)

    def _close(self, connection: Connection) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(connection.sock)
        connection.sock.close()

    def _start_paced(self, stream: Stream) -> None:
        self._send(stream.connection, answers.write_start(stream.form))
        if not self.paced:
            self.tick = int(time.monotonic() / _TICK)
        self.paced += 1
        self.due[self.tick + stream.ticks].append(stream)

    def _send_due(self) -> None:
        """Send the events that are due; those that share a tick share their bytes."""
        last = int(time.monotonic() / _TICK) if self.paced else self.tick
        while self.tick < last:
            self.tick += 1
            due = self.due.pop(self.tick, ())
            deltas = {form: _write_timed(form) for form in {stream.form for stream in due}}
            again = [stream for stream in due if self._send_next(stream, deltas[stream.form])]
            for ticks in {stream.ticks for stream in again}:
                self.due[self.tick + ticks] += [stream for stream in again if stream.ticks == ticks]
            self.paced -= len(due) - len(again)

    def _send_next(self, stream: Stream, delta: bytes) -> bool:
        """Send the next event of a stream, or its end; return whether there are more."""
        connection = stream.connection
        stream.left -= 1
        try:
            if stream.left < 0:
                self._send(connection, answers.write_end(stream.form))
            elif connection.unsent:
                self._send(connection, delta)
            elif (sent := connection.sock.send(delta)) < len(delta):
                self._send(connection, delta[sent:])
        except (BlockingIOError, ssl.SSLWantWriteError):
            self._send(connection, delta)
        except OSError:
            self._close(connection)
            return False
        return stream.left >= 0


def _write_timed(form: str) -> bytes:
    return answers.write_delta(form, f"@{time.monotonic_ns()}@")


def main(certificate: str = "", key: str = "") -> None:
    """Listen on a free port of loopback, print it, and serve."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    gc.freeze()
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        print(listener.getsockname()[1], flush=True)
        Upstream(listener, context).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
