"""Where the processor time of a call goes: samples of the worker's main thread, as shares of what a call costs.

They need a worker that does its calls in the main thread, as gevent's does.
"""

import contextlib
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark.cases import DIALECTS, Case
from tests.benchmark.http1 import Client
from tests.benchmark.processes import ROOT, run_gateway, run_upstream
from tests.benchmark.processor_time import find_tree, measure_tree

CASES = tuple(
    Case(dialect=dialect, streamed=streamed)
    for dialect in ("chat", "messages", "bedrock converse")
    for streamed in (0, 100)
)
SAMPLER = ROOT / "tests/benchmark/sampled"
# The smallest share that has a row of its own.
_LEAST = 0.01


@dataclass(frozen=True)
class Stages:
    """What a call costs, in microseconds, and how it is shared out: by module, and by function of ours."""

    case: str
    microseconds: float
    modules: Sequence[tuple[str, float]]
    functions: Sequence[tuple[str, float]]


def measure_stages(settings: Mapping[str, str], cases: Sequence[Case], seconds: float) -> Iterator[Stages]:
    """Sample each case for so many seconds of the worker's processor time."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, contextlib.ExitStack() as running:
        folder = Path(name)
        samples = folder / "samples.json"
        upstream = running.enter_context(run_upstream(folder))
        own = {"PYTHONPATH": str(SAMPLER), "BENCHMARK_SAMPLES": str(samples), "BEDROCK_FLASK_WORKER": "gevent"}
        server = running.enter_context(run_gateway(upstream, folder, {**own, **settings}))
        _, worker = find_tree(server.process.pid)
        for case in cases:
            client = Client(server.address, server.headers)
            written = DIALECTS[case.dialect].write(case)
            request = client.prepare(written.path, written.body)
            client.run(request, 50, 1)
            _take_samples(worker, samples)
            used, calls = measure_tree(worker), 0
            while (spent := measure_tree(worker) - used) < seconds:
                calls += len(client.run(request, 20, 1))
            yield _share_out(case, spent / calls * 1e6, _take_samples(worker, samples))
            client.close()


def _take_samples(worker: int, samples: Path) -> list[tuple[str, str, int]]:
    samples.unlink(missing_ok=True)
    os.kill(worker, signal.SIGVTALRM)
    until = time.monotonic() + 30
    while not samples.exists():
        assert time.monotonic() < until, "the worker has no sampler"
        time.sleep(0.01)
    return [(place, function, count) for place, function, count in json.loads(samples.read_text())]


def _share_out(case: Case, microseconds: float, samples: Sequence[tuple[str, str, int]]) -> Stages:
    modules: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for place, function, count in samples:
        modules[place] += count
        if function:
            functions[f"{place}: {function}"] += count
    every = sum(modules.values())
    rows = (
        [
            (name, round(count / every * microseconds, 1))
            for name, count in counts.most_common()
            if count > _LEAST * every
        ]
        for counts in (modules, functions)
    )
    return Stages(case.name, round(microseconds, 1), *rows)
