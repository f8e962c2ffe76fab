"""How many paced streams a server holds: levels are climbed until one is not held.

A level is held if every stream is whole, and 99 of 100 events come less than 100 ms later than without the server.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.benchmark.cases import DIALECTS, Case, write_direct
from tests.benchmark.http1 import Client
from tests.benchmark.memory import read_workers
from tests.benchmark.paced import RATE, Load, Outcome
from tests.benchmark.processes import Server, Upstream
from tests.benchmark.processor_time import measure_tree

LEVELS = (30, 60, 120, 240, 400, 600, 800, 1000, 1300, 1600, 2000)
MOST_ADDED = 100.0
CHAT = Case(dialect="chat", pace="paced")


@dataclass(frozen=True)
class Level:
    """This many streams through a server, and without it.

    added_p99  milliseconds
    kilobytes  of the workers' memory for each open stream
    used       seconds of processor time for each second of the run
    microseconds  of processor time for each event, if all came
    """

    server: str
    case: str
    through: Outcome
    direct: Outcome
    added_p50: float
    added_p99: float
    held: bool
    kilobytes: float
    used: float
    microseconds: float


def climb(
    name: str, server: Server, upstream: Upstream, levels: Sequence[int], seconds: float, case: Case = CHAT
) -> Iterator[Level]:
    """Measure each level, until one is not held twice."""
    # Clients and memory of first use are there before it is measured.
    measure_level(name, server, upstream, 10, 1, case)
    rest = read_workers(server)
    for count in levels:
        level = measure_level(name, server, upstream, count, seconds, case, rest)
        if not level.held:
            level = measure_level(name, server, upstream, count, seconds, case, rest)
        yield level
        if not level.held:
            return


def measure_level(
    name: str, server: Server, upstream: Upstream, count: int, seconds: float, case: Case = CHAT, rest: float = 0
) -> Level:
    """Open the streams, without the server and then through it. `rest` is the workers' memory without any."""
    case = replace(case, streamed=round(seconds * RATE))
    direct = make_load(("127.0.0.1", upstream.port), {}, case, count, direct=True).run()
    load = make_load(server.address, server.headers, case, count)
    rest = rest or read_workers(server)
    during = [rest]
    load.between = lambda: during.append(read_workers(server))
    used, through = measure_tree(server.process.pid), load.run()
    used = measure_tree(server.process.pid) - used
    added = through.p99 - direct.p99
    return Level(
        server=name,
        case=case.name,
        through=through,
        direct=direct,
        added_p50=round(through.p50 - direct.p50, 2),
        added_p99=round(added, 2),
        held=through.whole == count and added < MOST_ADDED,
        kilobytes=round((during[-1] - rest) / count * 1000, 1),
        used=round(used / load.seconds, 3),
        microseconds=round(used / (count * case.streamed) * 1e6, 1),
    )


def make_load(
    address: tuple[str, int], headers: dict[str, str], case: Case, count: int, *, direct: bool = False
) -> Load:
    """The streams of a case."""
    written = write_direct(case) if direct else DIALECTS[case.dialect].write(case)
    request = Client(address, headers).prepare(written.path, written.body)
    return Load(address, request, count, case.streamed)
