"""Two gateways behind nginx that share Postgres and Redis, and a person who governs them by the commands alone."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.databases import Postgres, RedisServer
from tests.doubles import Emulator, Gateway, StartGateway
from tests.governed import create_tables
from tests.house.conftest import Front

PATIENCE = 30
CHAT = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}


@dataclass(frozen=True)
class Machines:
    """Both gateways, the nginx in front of them, and the settings that commands need."""

    front: Front
    gateways: Sequence[Gateway]
    environ: dict[str, str]

    def run(self, *words: str) -> str:
        """What a command prints."""
        command = [sys.executable, "-m", "bedrock_flask", *words]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create_key(self, name: str) -> str:
        """Create a key of the team, and return its text."""
        return self.run("keys", "create", name).splitlines()[0].partition("=")[2]

    def send(self, key: str, **options: Any) -> requests.Response:
        """The response to a call through nginx."""
        return self.front.ask("POST", "/v1/chat/completions", json=CHAT, headers={"x-api-key": key}, **options)

    def send_many(self, key: str, count: int) -> Counter[int]:
        """The statuses of many calls, as many at a time as nginx allows one address."""
        with ThreadPoolExecutor(50) as pool:
            return Counter(pool.map(lambda _: self.send(key).status_code, range(count)))


@pytest.fixture(scope="module")
def machines(
    start_gateway: StartGateway,
    start_nginx: Callable[..., Front],
    plain_environ: dict[str, str],
    postgres: Postgres,
    redis_server: RedisServer,
) -> Machines:
    """One of each kind of worker, two workers each."""
    own = {
        **create_tables(postgres.create_database()),
        "BEDROCK_FLASK_STATE_URL": redis_server.url,
        # A slow machine may take Redis for away, and each gateway would then count by itself.
        "BEDROCK_FLASK_STATE_AWAY": "refuse",
        "BEDROCK_FLASK_WORKERS": "2",
        "BEDROCK_FLASK_THREADS": "60",
    }
    kinds = ({"BEDROCK_FLASK_WORKER": worker} for worker in ("gevent", "gthread"))
    gateways = [start_gateway(by_command=False, **own, **kind) for kind in kinds]
    first, second = (int(gateway.url.rpartition(":")[2]) for gateway in gateways)
    line = f"server 127.0.0.1:{first};"
    return Machines(start_nginx(first, {line: f"{line} server 127.0.0.1:{second};"}), gateways, plain_environ | own)


def test_a_person_governs_two_machines_by_commands(machines: Machines, emulator: Emulator) -> None:
    machines.run("teams", "create", "research")
    key = machines.create_key("research/nightly")
    [day] = re.findall(r"(?m)^day.*", machines.run("keys", "budget", "research/nightly", "day=0.0001"))
    assert "0.0001" in day

    emulator.ask("DELETE", "/_emulator/requests")
    statuses = machines.send_many(key, 120)
    assert statuses.keys() == {200, 402}
    assert len(emulator.calls()) == statuses[200] < 120
    spent, calls = read_usage(machines)
    assert calls == statuses[200]
    assert 0 < spent <= 0.0001

    # Both machines have made calls, and the same person reads who was refused.
    assert all(any(line.get("key") == "research/nightly" for line in each.lines()) for each in machines.gateways)
    while (refused := machines.send(key)).status_code == 200:
        pass
    assert "The budget of the key 'research/nightly' for this day" in refused.text

    machines.run("keys", "revoke", "research/nightly")
    began = time.monotonic()
    while machines.send(key).status_code != 401 or machines.send_many(key, 20) != {401: 20}:
        assert time.monotonic() - began < 5
        time.sleep(0.1)


def read_usage(machines: Machines) -> tuple[float, int]:
    """The dollars and the calls of the team, when every row is settled."""
    until = time.monotonic() + PATIENCE
    before: tuple[float, int] | None = None
    while True:
        header, *rows = (line.split(",") for line in machines.run("usage", "--csv").splitlines())
        [row] = [dict(zip(header, each, strict=True)) for each in rows if each[0] == "research"]
        found = float(row["cost_usd"]), int(row["calls"])
        if found == before:
            return found
        assert time.monotonic() < until
        before = found


def test_a_limit_holds_over_both_machines(machines: Machines) -> None:
    machines.run("teams", "create", "limited")
    key = machines.create_key("limited/batch")
    machines.run("keys", "limit", "limited/batch", "--requests", "40")
    statuses = machines.send_many(key, 100)
    assert statuses.keys() <= {200, 429, 503}
    assert 40 - statuses[503] <= statuses[200] <= 40


def test_when_a_machine_dies_the_other_one_serves(machines: Machines) -> None:
    machines.run("teams", "create", "lasting")
    key = machines.create_key("lasting/k")
    assert machines.send_many(key, 20) == {200: 20}
    dead = machines.gateways[1]
    for process in (dead.process.pid, *dead.list_workers()):
        os.kill(process, signal.SIGKILL)
    # What was sent to it is lost, and nginx does not send it again, because it may have been billed.
    assert machines.send_many(key, 20).keys() <= {200, 502}
    assert machines.send_many(key, 20) == {200: 20}
