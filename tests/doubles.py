"""The doubles that tests name in their signatures: running servers, and an upstream that sends scripted bytes."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import requests

from bedrock_flask.protocol import eventstream

PATIENCE = 30
# What `bedrock-flask serve` becomes.
GUNICORN = ("gunicorn", "-c", "python:bedrock_flask.gunicorn_conf", "bedrock_flask.app:wsgi_app()")


@dataclass(frozen=True)
class Server:
    """A running server: its URL, its log file and its process."""

    url: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        data = body if isinstance(body, bytes | str) or body is None else json.dumps(body)
        return self.ask("POST", path, data=data, **options)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, timeout=options.pop("timeout", PATIENCE), **options)

    def list_workers(self) -> list[int]:
        """List the processes that the server has started."""
        own = self.process.pid
        return [int(worker) for worker in Path(f"/proc/{own}/task/{own}/children").read_text().split()]


@dataclass(frozen=True)
class Gateway(Server):
    """The gateway, with its log."""

    def lines(self) -> list[dict[str, Any]]:
        """Return the JSON lines of its log."""
        complete, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in complete.splitlines() if line.startswith("{")]

    def line(self, request_id: str) -> dict[str, Any]:
        """Return the log line of a request; wait for it, because it is written after the last byte of the response."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for line in self.lines():
                if line.get("request_id") == request_id and line.get("message") == "request":
                    return line
            time.sleep(0.01)
        raise AssertionError(f"no log line for {request_id}")


@dataclass(frozen=True)
class Emulator(Server):
    """The emulator, with its faults and its request log."""

    def endpoints(self) -> dict[str, str]:
        """Return the variables with which all of Bedrock is called here: its control plane, runtime and mantle."""
        paths = {"BEDROCK": "", "BEDROCK_RUNTIME": "", "BEDROCK_MANTLE": "/bedrock-mantle"}
        return {f"AWS_ENDPOINT_URL_{service}": self.url + path for service, path in paths.items()}

    def fault(self, name: str, count: int = 1, **options: Any) -> None:
        """Make the next calls fail with this fault."""
        response = self.post("/_emulator/faults", {"fault": name, "count": count, **options})
        assert response.ok, response.text

    def calls(self) -> list[dict[str, Any]]:
        """Return its request log."""
        return list(self.get("/_emulator/requests").json())

    def client(self) -> Any:
        """Return an unmodified boto3 client."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "bedrock-runtime",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="emulator",
            aws_secret_access_key="emulator",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )


class StartGateway(Protocol):
    """Start one more gateway, in front of the session's emulator; `by_command` starts it with `bedrock-flask serve`."""

    def __call__(self, *, by_command: bool = False, **settings: str) -> Gateway: ...


class GatewayWith(Protocol):
    """Return the session's gateway with these settings; it is for every test, so none stops it."""

    def __call__(self, **settings: str) -> Gateway: ...


class StartEmulator(Protocol):
    """Start one more emulator."""

    def __call__(self, *options: str, engine: str = "scripted", plugins_dir: Path | None = None) -> Emulator: ...


class StartGunicorn(Protocol):
    """Start gunicorn without the shipped configuration."""

    def __call__(self, host: str, *options: str) -> Gateway: ...


def free_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def run_server(
    arguments: Sequence[str], environ: dict[str, str], health: str, port: int, log: Path
) -> Iterator[Server]:
    """Run `python -m ARGUMENTS` until the block ends; it is ready once `health` answers."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=environ,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", log, process)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, f"the server did not start: {log.read_text()}"
            with contextlib.suppress(requests.ConnectionError):
                if server.get(health).ok:
                    break
            assert time.monotonic() < until, f"the server was not ready in time: {log.read_text()}"
            time.sleep(0.05)
        yield server
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Kill a server and its workers: to end in good order costs each a quarter of a CPU second and a second of waiting.

    Where coverage is measured they end in good order, because they write their data then.
    """
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-process.pid, 0)


def adopt_orphans() -> None:
    """Make this process the parent of the workers of a server that is killed, so that it can wait for them (Linux)."""
    if sys.platform == "linux":
        set_child_subreaper = 36
        ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def accept_each(listener: socket.socket) -> Iterator[socket.socket]:
    """Each connection, until the listener is shut down or closed."""
    with contextlib.suppress(OSError):
        while True:
            yield listener.accept()[0]


def receive_request(client: socket.socket) -> bytes:
    """A request with an announced length; nothing if the client has left."""
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


def pour(source: socket.socket, target: socket.socket) -> None:
    """Send what one socket receives through another, and its end."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


Script = Callable[[socket.socket], object]


@dataclass
class Upstream:
    """A server that answers each request with the next of its scripts and keeps the requests."""

    port: int
    tls: ssl.SSLContext | None = None
    scripts: list[Script] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> "Upstream":
        """Forget all scripts and requests."""
        self.scripts = []
        self.requests.clear()
        return self

    def serve(self, listener: socket.socket) -> None:
        for client in accept_each(listener):
            self.connections += 1
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), self._wrap(plain) as client:
            while request := receive_request(client):
                self.requests.append(request)
                self.scripts.pop(0)(client)

    def _wrap(self, client: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(client, server_side=True) if self.tls else client


class Accepts(Protocol):
    """What serves the connections of a listener."""

    def serve(self, listener: socket.socket) -> None: ...


Accepting = TypeVar("Accepting", bound=Accepts)


@contextlib.contextmanager
def run_accepting(make: Callable[[int], Accepting], host: str = "127.0.0.1") -> Iterator[Accepting]:
    """Serve what `make` gives for a port until the block ends."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=512) as listener:
        server = make(listener.getsockname()[1])
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def run_upstream(
    tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> contextlib.AbstractContextManager[Upstream]:
    """Serve an upstream until the block ends."""
    return run_accepting(lambda port: Upstream(port, tls), host)


def send_whole(body: bytes, status: str = "200 OK", length: int | None = None, **headers: str) -> Script:
    """Return a script that sends a whole response."""
    own = {"content-type": "application/json", "content-length": str(len(body) if length is None else length)}
    named = own | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())

    def script(client: socket.socket) -> None:
        client.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)
        if length is not None and length != len(body):
            client.shutdown(socket.SHUT_RDWR)

    return script


def send_stream(
    *frames: bytes,
    end: bytes = b"0\r\n\r\n",
    then: Script | None = None,
    media_type: str = eventstream.MEDIA_TYPE,
) -> Script:
    """Return a script that sends a chunked event stream; `then` runs between its last frame and `end`."""

    def script(client: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n"
        client.sendall(head.encode())
        for frame in frames:
            client.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
        if then:
            then(client)
        client.sendall(end)
        if end != b"0\r\n\r\n":
            client.shutdown(socket.SHUT_RDWR)

    return script


class SendWhole(Protocol):
    """The type of `send_whole`."""

    def __call__(self, body: bytes, status: str = "200 OK", length: int | None = None, **headers: str) -> Script: ...


class SendStream(Protocol):
    """The type of `send_stream`."""

    def __call__(
        self,
        *frames: bytes,
        end: bytes = b"0\r\n\r\n",
        then: Script | None = None,
        media_type: str = eventstream.MEDIA_TYPE,
    ) -> Script: ...
