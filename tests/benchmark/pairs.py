"""Processor time of a call relative to boto3's, in batches that alternate, so that a noisy machine changes both sides.

A round is one batch of boto3's and one of each server's. The ratio of a round is that of its two batches; the result is
the median of the rounds, with the quartiles.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.benchmark import http1, http2
from tests.benchmark.cases import DIALECTS, Case, write_direct
from tests.benchmark.http1 import BadAnswer
from tests.benchmark.processes import Boto, Server, Upstream
from tests.benchmark.processor_time import measure_tree

BOTO, DIRECT = "boto3", "direct"


@dataclass(frozen=True)
class Ratio:
    """What a case cost on one server.

    median, low, high  processor time relative to boto3's: the median and the quartiles of the rounds
    more       how much more that is than the first server's in the same rounds, the median
    microseconds, boto_microseconds  of processor time a call, medians
    p50, p99           milliseconds until the answer is complete
    added_p50, added_p99  how much more that is than from the scripted Bedrock directly
    rate               calls a second
    headroom           how many times that rate the load and the scripted Bedrock reach without a server between them
    dropped            calls that found a kept connection closed
    """

    case: str
    server: str
    median: float
    low: float
    high: float
    more: float
    microseconds: float
    boto_microseconds: float
    p50: float
    p99: float
    added_p50: float
    added_p99: float
    rate: float
    headroom: float
    rounds: int
    calls: int
    dropped: int


@dataclass(frozen=True)
class Caller:
    """One side of a comparison: its name, its process, and functions: the calls of a batch, and the end."""

    name: str
    process: int
    run: Callable[[int], list[float]]
    close: Callable[[], None] = lambda: None
    count_dropped: Callable[[], int] = lambda: 0


@dataclass(frozen=True)
class Batch:
    """Seconds of processor time a call, and the seconds of each call."""

    used: float
    seconds: Sequence[float]


def make_caller(name: str, server: Server, case: Case) -> Caller:
    """The caller of a server. Raises BadAnswer unless one answer is what the case expects."""
    client: Any = (http2 if case.http2 else http1).Client(server.address, server.headers)
    written = DIALECTS[case.dialect].write(case)
    request = client.prepare(written.path, written.body)
    check_answer(case, client.call(request))
    return Caller(
        name,
        server.process.pid,
        lambda calls: client.run(request, calls, case.concurrency),
        client.close,
        lambda: client.dropped,
    )


def make_boto_caller(boto: Boto, case: Case) -> Caller:
    """The caller of boto3."""
    return Caller(BOTO, boto.process.pid, lambda calls: boto.run(asdict(case), calls))


def check_answer(case: Case, answer: bytes) -> None:
    """Raise BadAnswer if an answer is not complete."""
    words = b"quick brown fox" if not case.streamed else DIALECTS[case.dialect].end
    if words not in answer or len(answer) < 20 * case.streamed:
        raise BadAnswer(f"{case.name}: {answer[-2000:]!r}")


def run_batch(caller: Caller, calls: int) -> Batch:
    """Make the calls, and measure what the process used meanwhile."""
    before = measure_tree(caller.process)
    seconds = caller.run(calls)
    return Batch((measure_tree(caller.process) - before) / calls, seconds)


def make_direct_caller(upstream: Upstream, case: Case) -> Caller:
    """The caller of the scripted Bedrock itself, which shows what it and the load need."""
    client = http1.Client(("127.0.0.1", upstream.port), {}, upstream.certificate)
    written = write_direct(case)
    request = client.prepare(written.path, written.body)
    return Caller(
        DIRECT, upstream.process.pid, lambda calls: client.run(request, calls, case.concurrency), client.close
    )


def compare(case: Case, boto: Caller, direct: Caller, servers: Sequence[Caller], rounds: int) -> list[Ratio]:
    """Measure a case on each server, in rounds that alternate with boto3's."""
    everyone = [boto, *servers, direct]
    for caller in everyone:
        caller.run(case.calls)
    measured: list[Mapping[str, Batch]] = []
    for turn in range(rounds):
        order = everyone if turn % 2 else everyone[::-1]
        measured.append({caller.name: run_batch(caller, case.calls) for caller in order})
    return [_summarize(case, caller, measured, servers[0].name) for caller in servers]


def _summarize(case: Case, caller: Caller, rounds: Sequence[Mapping[str, Batch]], first: str) -> Ratio:
    name = caller.name
    ratios = [each[name].used / each[BOTO].used for each in rounds]
    differences = [(each[name].used - each[first].used) / each[BOTO].used for each in rounds]
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    seconds, direct = (_sort_seconds(rounds, each) for each in (name, DIRECT))
    p50, p99, direct_p50, direct_p99 = (_find_quantile(s, q) for s in (seconds, direct) for q in (0.5, 0.99))
    rate = len(seconds) / sum(seconds) * case.concurrency
    return Ratio(
        case=case.name,
        server=name,
        median=round(median, 3),
        low=round(low, 3),
        high=round(high, 3),
        more=round(statistics.median(differences), 3),
        microseconds=_median_microseconds(rounds, name),
        boto_microseconds=_median_microseconds(rounds, BOTO),
        p50=round(p50, 3),
        p99=round(p99, 3),
        added_p50=round(p50 - direct_p50, 3),
        added_p99=round(p99 - direct_p99, 3),
        rate=round(rate, 1),
        headroom=round(len(direct) / sum(direct) * case.concurrency / rate, 2),
        rounds=len(rounds),
        calls=case.calls,
        dropped=caller.count_dropped(),
    )


def _sort_seconds(rounds: Sequence[Mapping[str, Batch]], name: str) -> list[float]:
    return sorted(second for each in rounds for second in each[name].seconds)


def _find_quantile(ordered: Sequence[float], share: float) -> float:
    """In milliseconds."""
    return ordered[int(len(ordered) * share)] * 1e3


def _median_microseconds(rounds: Sequence[Mapping[str, Batch]], name: str) -> float:
    return round(statistics.median(each[name].used for each in rounds) * 1e6, 1)
