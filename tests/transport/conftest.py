"""An upstream that sends exactly the bytes it is told to, for what no well-behaved server does."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bedrock_flask import registry
from bedrock_flask.call import Call
from bedrock_flask.protocol import eventstream
from bedrock_flask.settings import Settings
from bedrock_flask.transport.boto import transport

Script = Callable[[socket.socket], None]


@dataclass
class Upstream:
    """Answers each request by the next script; keeps what came."""

    port: int
    scripts: list[Script] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while request := self._request(client):
                self.requests.append(request)
                self.scripts.pop(0)(client)

    def _request(self, client: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = client.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        while len(body) < length:
            body += client.recv(65536)
        return head + b"\r\n\r\n" + body


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """The upstream, and an environment in which botocore finds it and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Upstream(listener.getsockname()[1])
        for name in ("HTTP_PROXY", "http_proxy", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://127.0.0.1:{made.port}",
            "AWS_ACCESS_KEY_ID": "emulator",
            "AWS_SECRET_ACCESS_KEY": "emulator",
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def send(upstream: Upstream) -> Callable[..., Any]:
    """Send one call through a transport with short patience."""
    told = Settings(connect_timeout=1, read_timeout=0.5, max_attempts=2, max_reply_bytes=10_000, threads=4)
    handler = transport(told)
    adapters = registry.load().adapters

    def call(model: str = "amazon.nova-lite-v1:0", body: bytes = b"{}", seconds: float = 5.0, **options: Any) -> Any:
        made = Call(
            adapter=adapters["nova"],
            operation=options.pop("operation", "InvokeModel"),
            model=model,
            body=body,
            deadline=time.monotonic() + seconds,
            **options,
        )
        return handler(made), made

    return call


def _whole(body: bytes, status: str = "200 OK", length: int | None = None, **headers: str) -> Script:
    told = {"content-type": "application/json", "content-length": str(len(body) if length is None else length)}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in (told | headers).items())

    def script(client: socket.socket) -> None:
        client.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)
        if length is not None and length != len(body):
            client.shutdown(socket.SHUT_RDWR)

    return script


def _stream(*frames: bytes, end: bytes = b"0\r\n\r\n", then: Script | None = None) -> Script:
    def script(client: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {eventstream.MEDIA_TYPE}\r\ntransfer-encoding: chunked\r\n\r\n"
        client.sendall(head.encode())
        for frame in frames:
            client.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
        if then:
            then(client)
        client.sendall(end)
        if end != b"0\r\n\r\n":
            client.shutdown(socket.SHUT_RDWR)

    return script


@pytest.fixture
def whole() -> Callable[..., Script]:
    """A script for a whole answer."""
    return _whole


@pytest.fixture
def stream() -> Callable[..., Script]:
    """A script for a chunked event stream."""
    return _stream
