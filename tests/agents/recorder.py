"""What an agent sends: a relay in front of the gateway that keeps each request, and may act before it goes on."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sent:
    """One request as the agent sent it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON; empty for another."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def is_turn(self) -> bool:
        """Whether the agent asks for its next step, and not for a title or a list."""
        tools = self.document.get("tools") or self.document.get("toolConfig")
        return self.method == "POST" and bool(tools) and not self.path.endswith("count-tokens")


@dataclass
class Recorder:
    """Listens on a Unix socket and on a port of loopback, and passes on to the gateway.

    `before` is called with the number of each turn, from 1, before it is passed on.
    """

    gateway: tuple[str, int]
    path: Path
    before: Callable[[int], None] = lambda number: None
    sent: list[Sent] = field(default_factory=list)
    turns: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._inner = socket.socket(socket.AF_UNIX)
        self._inner.bind(str(self.path))
        self._inner.listen(100)
        self._outer = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._outer.getsockname()[1])
        for listener in (self._inner, self._outer):
            threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def close(self) -> None:
        for listener in (self._inner, self._outer):
            listener.close()

    def list_turns(self) -> list[Sent]:
        """The requests for a next step."""
        return [each for each in self.sent if each.is_turn]

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(self.gateway) as gateway:
            threading.Thread(target=_pump, args=(gateway, client), daemon=True).start()
            reader = client.makefile("rb")
            while request := self._read(reader):
                gateway.sendall(request)

    def _read(self, reader: Any) -> bytes:
        """The next request of a connection, as it came, after it was kept; empty at the end."""
        raw = reader.readline()
        if not raw.strip():
            return b""
        method, path, _ = raw.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (line := reader.readline()).strip():
            raw += line
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        raw += line
        body = reader.read(int(headers.get("content-length", 0)))
        if "chunked" in headers.get("transfer-encoding", ""):
            framed, body = _read_chunks(reader)
            raw += framed
        else:
            raw += body
        sent = Sent(method, path, headers, body)
        with self._lock:
            self.sent.append(sent)
            if sent.is_turn:
                self.turns += 1
                self.before(self.turns)
        return raw


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _read_chunks(reader: Any) -> tuple[bytes, bytes]:
    framed = body = b""
    while True:
        line = reader.readline()
        size = int(line.partition(b";")[0], 16)
        piece = reader.read(size)
        framed, body = framed + line + piece + reader.readline(), body + piece
        if not size:
            return framed, body
