"""Real databases for the suite: files of SQLite, and a Postgres and a Redis of its own from the machine's packages."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
import redis

from tests.doubles import PATIENCE, free_port

PEPPER = "canary-pepper-0123456789abcdef-and-more"
_PASSWORD = "canary-postgres-password"


def create_address(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    """The address of a database without a schema, of either kind; one of SQLite does not exist yet."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/gateway.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create_database()


def find_postgres() -> str | None:
    """The folder of Postgres' programs: Debian keeps them apart, by their version."""
    if found := shutil.which("initdb"):
        return str(Path(found).resolve().parent)
    return next((str(path.parent) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[::-1]), None)


@dataclass
class Postgres:
    """A running server of Postgres, which tests may stop, pause and start again."""

    programs: str
    folder: str
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    numbers: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = ("-D", f"{self.folder}/data", "-k", self.folder, "-h", "127.0.0.1", "-p", str(self.port))
        # What is committed must survive the end of the server, not that of the machine.
        self.process = self._begin("postgres", *options, "-c", "fsync=off", "-c", "log_min_messages=warning")
        until = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.address("postgres")).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until, Path(f"{self.folder}/log").read_text()
                time.sleep(0.05)

    def address(self, database: str) -> str:
        """The address of a database, with its password."""
        return f"postgresql://gateway:{_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Create a database, and return its address."""
        name = f"test{next(self.numbers)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self.address(name)

    def kill(self) -> None:
        """Kill the server, and its processes with it."""
        self._signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(PATIENCE)

    def pause(self) -> None:
        """Stop all processes of the server: its connections stay open, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        for pid in self._list_processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _list_processes(self) -> list[int]:
        """The server and its children, each of which leads a session of its own."""
        assert self.process is not None
        own = self.process.pid
        return [own, *map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split())]

    def initialize(self) -> None:
        """Create the files of a server."""
        (password := Path(self.folder, "password")).write_text(_PASSWORD)
        _give_away(self.folder, str(password))
        options = ("-D", f"{self.folder}/data", "-U", "gateway", "-A", "scram-sha-256", f"--pwfile={password}")
        done = self._begin("initdb", *options, "-E", "UTF8", "--no-locale", "--no-sync").wait(PATIENCE)
        assert done == 0, Path(f"{self.folder}/log").read_text()

    def _begin(self, program: str, *options: str) -> "subprocess.Popen[bytes]":
        # Postgres does not run as root.
        user = _find_user()
        with open(f"{self.folder}/log", "ab") as log:
            command: Sequence[str] = (f"{self.programs}/{program}", *options)
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, user=user, start_new_session=True)


@contextlib.contextmanager
def run_postgres(programs: str) -> Iterator[Postgres]:
    """Serve a new Postgres until the block ends."""
    # Not a folder of pytest's: it cannot be entered by another user.
    folder = tempfile.mkdtemp(prefix="postgres-", dir="/tmp")
    server = Postgres(programs, folder, free_port())
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder)


def _find_user() -> str | None:
    if os.getuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _give_away(*paths: str) -> None:
    if user := _find_user():
        for path in paths:
            shutil.chown(path, user)


_REDIS_PASSWORD = "canary-redis-password"


@dataclass
class RedisServer:
    """A running server of Redis, which tests may stop, pause, empty and start again."""

    program: str
    folder: str
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its address, with its password."""
        return f"redis://:{_REDIS_PASSWORD}@127.0.0.1:{self.port}/0"

    def connect(self) -> "redis.Redis":
        """A connection of the test's own."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Start the server with nothing in it, and wait until it answers."""
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", _REDIS_PASSWORD, "--save", "")
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen([self.program, *options], stdout=log, stderr=log, cwd=self.folder)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with self.connect() as client:
                    client.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < until, Path(f"{self.folder}/log").read_text()
                time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def pause(self) -> None:
        """Stop it: its connections stay open, and nothing is answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def run_redis(program: str) -> Iterator[RedisServer]:
    """Serve a new Redis until the block ends."""
    with tempfile.TemporaryDirectory(prefix="redis-", dir="/tmp") as folder:
        server = RedisServer(program, folder, free_port())
        server.start()
        try:
            yield server
        finally:
            server.kill()
