"""The processes of a run: the scripted Bedrock, the gateway, boto3's caller; each pinned to a processor."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedrock_flask.config import PREFIX
from bedrock_flask.emulator.environ import REGION, make_isolated_environ
from tests.benchmark.processor_time import find_tree, measure_tree
from tests.doubles import free_port

WORKERS = f"{PREFIX}WORKERS"
ROOT = Path(__file__).parents[2]
SECRET = "a-key-for-the-benchmark-only"
PATIENCE = 60


@dataclass(frozen=True)
class Upstream:
    """The scripted Bedrock: its port, its process, and the file of its certificate if it speaks TLS."""

    port: int
    process: "subprocess.Popen[str]"
    certificate: str = ""

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Server:
    """A server that is measured: where it listens, its process, what every request has, and its log.

    ready  seconds of processor time until it answered
    """

    address: tuple[str, int]
    process: "subprocess.Popen[bytes]"
    headers: Mapping[str, str]
    log: Path
    ready: float


@dataclass(frozen=True)
class Boto:
    """The process that calls boto3."""

    process: "subprocess.Popen[str]"

    def run(self, case: Mapping[str, Any], calls: int) -> list[float]:
        """Make the calls; return the seconds of each."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"case": dict(case), "calls": calls}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "boto3's caller has ended"
        return list(json.loads(line))


def choose_processors() -> tuple[set[int], set[int]]:
    """One processor for what is measured, and the others for upstream and load; nothing is pinned if there is one."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    first, *others = sorted(os.sched_getaffinity(0))
    return ({first}, set(others)) if others else ({first}, {first})


MEASURED, OTHERS = choose_processors()


def pin(process: int, processors: set[int]) -> None:
    """Let a process, and what it starts, run on these processors only."""
    if processors:
        os.sched_setaffinity(process, processors)


@contextlib.contextmanager
def run_upstream(folder: Path, *, tls: bool = False) -> Iterator[Upstream]:
    """Run the scripted Bedrock until the block ends."""
    files = make_certificate(folder) if tls else ()
    arguments = [sys.executable, "-m", "tests.benchmark.upstream", *map(str, files)]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pin(process.pid, OTHERS)
    with _ending(process):
        assert process.stdout
        yield Upstream(int(process.stdout.readline()), process, str(files[0]) if tls else "")


@contextlib.contextmanager
def run_gateway(upstream: Upstream, folder: Path, settings: Mapping[str, str]) -> Iterator[Server]:
    """Run `bedrock-flask serve` until the block ends; one worker has one processor.

    `settings` are variables of its environment; `PYTHON` among them is the interpreter, which chooses the source tree.
    """
    port = free_port()
    own = {
        f"{PREFIX}PORT": str(port),
        f"{PREFIX}API_KEYS": f"benchmark:{SECRET}",
        **{name: value for name, value in os.environ.items() if name.startswith(PREFIX)},
        **settings,
    }
    environ = make_client_environ(upstream) | own
    processors = MEASURED if environ.get(WORKERS, "1") == "1" else MEASURED | OTHERS
    python = str(Path(environ.pop("PYTHON", sys.executable)).absolute())
    headers = {"authorization": f"Bearer {SECRET}", "x-api-key": SECRET}
    arguments = [python, "-P", "-m", "bedrock_flask", "serve"]
    with run_server(arguments, environ, port, "/readyz", folder, headers, processors) as server:
        yield server


@contextlib.contextmanager
def run_server(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    port: int,
    health: str,
    folder: Path,
    headers: Mapping[str, str],
    processors: set[int],
) -> Iterator[Server]:
    """Run a server until the block ends; it is ready once `health` answers."""
    log = folder / f"{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    pin(process.pid, processors)
    with _ending(process):
        _await_answer(process, port, health, log)
        yield Server(("127.0.0.1", port), process, headers, log, measure_tree(process.pid))


@contextlib.contextmanager
def run_boto(upstream: Upstream) -> Iterator[Boto]:
    """Run boto3's caller until the block ends."""
    arguments = [sys.executable, "-m", "tests.benchmark.boto_caller"]
    process = subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=make_client_environ(upstream),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pin(process.pid, MEASURED)
    with _ending(process):
        yield Boto(process)


def make_client_environ(upstream: Upstream) -> dict[str, str]:
    """The environment of a client of the scripted Bedrock: of the gateway, of boto3, of a peer."""
    environ = make_isolated_environ(os.environ, upstream.port)
    environ |= {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": upstream.url, "AWS_DEFAULT_REGION": REGION}
    # An installed gateway is compiled: without this, each start would compile what the shell's setting left uncompiled.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return environ | ({"AWS_CA_BUNDLE": upstream.certificate} if upstream.certificate else {})


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for loopback that signs itself, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return certificate, key


def _await_answer(process: "subprocess.Popen[bytes]", port: int, health: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, f"the server did not start: {log.read_text()[-4000:]}"
        assert time.monotonic() < until, f"the server was not ready in time: {log.read_text()[-4000:]}"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", health)
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.02)


@contextlib.contextmanager
def _ending(process: "subprocess.Popen[Any]") -> Iterator[None]:
    """Kill a process and its children when the block ends.

    They have no session of their own: what the scheduler grants to this one, it grants to them.
    """
    try:
        yield
    finally:
        for each in [*find_tree(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
