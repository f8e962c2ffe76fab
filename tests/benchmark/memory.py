"""The memory of a server: of its workers at rest, of an open stream, and after many requests."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark.cases import DIALECTS, Case
from tests.benchmark.http1 import Client
from tests.benchmark.processes import Server
from tests.benchmark.processor_time import find_tree

CASE = Case(dialect="chat", concurrency=16)
_RESIDENT = re.compile(r"VmRSS:\s+(\d+) kB")
# Parts of the run after which the memory is read.
_PARTS = 10


@dataclass(frozen=True)
class Memory:
    """Resident megabytes of all workers.

    rest      once the server is ready
    first     after the first sixteen calls
    requests  (number of requests, megabytes) as they go on
    """

    server: str
    rest: float
    first: float
    requests: list[tuple[int, float]]


def read_workers(server: Server) -> float:
    """Resident megabytes of all workers: of the processes that the first one has started, or of it alone."""
    first, *workers = find_tree(server.process.pid)
    return sum(map(_read_resident, workers or [first]))


def read_tree(server: Server) -> float:
    """Resident megabytes of all its processes; what they share counts in each."""
    return sum(map(_read_resident, find_tree(server.process.pid)))


def measure_memory(name: str, server: Server, requests: int) -> Memory:
    """Read the memory at rest, after the first calls, and ten times while so many requests are made."""
    rest = read_workers(server)
    client = Client(server.address, server.headers)
    written = DIALECTS[CASE.dialect].write(CASE)
    request = client.prepare(written.path, written.body)
    client.run(request, CASE.concurrency, CASE.concurrency)
    first = read_workers(server)
    part = requests // _PARTS
    points = []
    for number in range(1, _PARTS + 1):
        client.run(request, part, CASE.concurrency)
        points.append((number * part, read_workers(server)))
    client.close()
    return Memory(name, rest, first, points)


def _read_resident(process: int) -> float:
    found = _RESIDENT.search(Path(f"/proc/{process}/status").read_text())
    return round(int(found[1]) / 1000, 1) if found else 0.0
