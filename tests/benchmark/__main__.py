"""Measure the gateway against bare boto3.

    python -m tests.benchmark [words of a case's name …] [--quick] [--compare NAME=VALUE,VALUE …]

Without words everything is measured: the cases, databases, streams, memory and the start. With words, only the cases
that have them; with `--governed`, `--streams`, `--images`, `--memory`, `--start` or `--families` only that.
"""

import argparse
import contextlib
import itertools
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bedrock_flask.config import PREFIX
from tests.benchmark import page, peers, stages
from tests.benchmark.beside_images import measure_beside_images
from tests.benchmark.cases import CASES, QUICK, Case
from tests.benchmark.families import write_families
from tests.benchmark.governed import CASES as GOVERNED
from tests.benchmark.governed import list_databases, run_governed
from tests.benchmark.held import LEVELS, climb
from tests.benchmark.lines import LINES
from tests.benchmark.machine import describe_machine
from tests.benchmark.memory import measure_memory, read_tree
from tests.benchmark.pairs import compare, make_boto_caller, make_caller, make_direct_caller
from tests.benchmark.processes import OTHERS, WORKERS, Server, Upstream, pin, run_boto, run_gateway, run_upstream
from tests.benchmark.processor_time import IS_SUPPORTED

GATEWAY = "gateway"
# Numbers of families of models.
FAMILIES = (3, 40)
# Levels of two workers.
TWO = (600, 1000, 2000)
# Worker, transport and door: each choice apart from the first row, and the reference of each.
CHOICES = (
    ("gevent", "signed", "direct"),
    ("gthread", "signed", "direct"),
    ("gevent", "boto", "direct"),
    ("gevent", "signed", "flask"),
    ("gthread", "boto", "flask"),
)
Start = Callable[[Upstream, Path], contextlib.AbstractContextManager[Server]]
Starts = dict[str, Start]
Variants = Mapping[str, Mapping[str, str]]
Result = dict[str, Any]


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description="The gateway against bare boto3.")
    parser.add_argument("words", nargs="*", help="measure the cases whose names contain one of these")
    parser.add_argument("--exact", action="store_true", help="the words are whole names")
    parser.add_argument("--list", action="store_true", help="list the cases")
    parser.add_argument("--quick", action="store_true", help="few cases and rounds: under three minutes")
    parser.add_argument("--rounds", type=int, help="batches of each side: 20, or 6 with --quick")
    parser.add_argument("--compare", action="append", default=[], metavar="NAME=VALUE,VALUE", help=_COMPARE)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable of every gateway")
    parser.add_argument("--choices", action="store_true", help="what each worker, transport and door costs")
    parser.add_argument("--governed", action="store_true", help="what budgets, limits and the ledger cost")
    parser.add_argument("--streams", nargs="?", const="", metavar="30,60,…", help="the paced streams that are held")
    parser.add_argument("--two-workers", action="store_true", help="the paced streams that two workers hold")
    parser.add_argument("--images", type=int, metavar="STREAMS", help="this many streams beside images")
    parser.add_argument("--memory", type=int, metavar="REQUESTS", help="the memory over this many requests")
    parser.add_argument("--start", action="store_true", help="the processor time of the start")
    parser.add_argument("--families", action="store_true", help="the start with 3 and with 40 families of models")
    parser.add_argument("--stages", action="store_true", help="where the processor time goes, of the cases or of six")
    parser.add_argument("--peers", action="store_true", help="compare with other proxies, and nothing else")
    parser.add_argument("--seconds", type=float, help="how long paced streams last: 10, or 4 with --quick")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--command", default="", help="what to name as the command in the results")
    parser.add_argument("--write", action="store_true", help="write the results into the documentation")
    return parser.parse_args(arguments)


_COMPARE = (
    "start a gateway with each value of a variable, and measure all in the same rounds; "
    "PYTHON=/path/to/.venv/bin/python,… compares source trees"
)


def make_variants(compared: Sequence[str], every: Sequence[str]) -> dict[str, dict[str, str]]:
    """The variables of each gateway, by its name."""
    shared = dict(item.split("=", 1) for item in every)
    axes = [[(name, value) for value in values.split(",")] for name, _, values in (c.partition("=") for c in compared)]
    variants = {}
    for combination in itertools.product(*axes):
        name = " ".join(f"{name.removeprefix(PREFIX).lower()}={value}" for name, value in combination)
        variants[name or GATEWAY] = shared | dict(combination)
    return variants


def choose_cases(words: Sequence[str], *, quick: bool, exact: bool) -> list[Case]:
    """The cases that contain one of the words; without words all, or few if `quick`."""
    if not words:
        return list(QUICK if quick else CASES)
    return [case for case in CASES if any(word == case.name if exact else word in case.name for word in words)]


def start_gateways(variants: Variants, **settings: str) -> Starts:
    """How each variant is started, with more variables if there are any."""
    return {title: partial(run_gateway, settings={**each, **settings}) for title, each in variants.items()}


def make_choices() -> dict[str, dict[str, str]]:
    """The variables of each row of CHOICES, by the words of the row."""
    names = [f"{PREFIX}{name}" for name in ("WORKER", "TRANSPORT", "DOOR")]
    return {", ".join(row): dict(zip(names, row, strict=True)) for row in CHOICES}


def start_governed(variants: Variants) -> Starts:
    """How the first variant is started: without a database, and with each that this machine has."""
    settings = next(iter(variants.values()))
    opened = {
        f"with {name}": partial(run_governed, open_database, settings=settings)
        for name, open_database in list_databases().items()
    }
    return start_gateways({"without a database": settings}) | opened


def start_peers() -> Starts:
    """How the gateway's peers are started."""
    program = peers.find_litellm()
    if not program:
        print("LiteLLM is not installed: pip install 'litellm[proxy]' somewhere, and set PEER=/path/to/litellm.")
    return {peers.PLAIN: peers.run_plain} | ({peers.LITELLM: partial(peers.run_litellm, program)} if program else {})


def measure_ratios(cases: Sequence[Case], starts: Starts, rounds: int) -> Iterator[Result]:
    """Measure the cases on each server."""
    for tls in sorted({case.tls for case in cases}):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name, contextlib.ExitStack() as running:
            folder = Path(name)
            upstream = running.enter_context(run_upstream(folder, tls=tls))
            boto = running.enter_context(run_boto(upstream))
            servers = {title: running.enter_context(start(upstream, folder)) for title, start in starts.items()}
            for case in (case for case in cases if case.tls == tls):
                with contextlib.ExitStack() as clients:
                    callers = [make_caller(title, server, case) for title, server in servers.items()]
                    direct = make_direct_caller(upstream, case)
                    for caller in (*callers, direct):
                        clients.callback(caller.close)
                    yield from map(asdict, compare(case, make_boto_caller(boto, case), direct, callers, rounds))


def measure_streams(starts: Starts, levels: Sequence[int], seconds: float) -> Iterator[Result]:
    """Climb the levels on each server."""
    for title, start in starts.items():
        with _run_one(start) as (upstream, server):
            yield from map(asdict, climb(title, server, upstream, levels, seconds))


def measure_images(starts: Starts, streams: int, seconds: float) -> Iterator[Result]:
    """Streams beside images, on each server."""
    for title, start in starts.items():
        with _run_one(start) as (upstream, server):
            yield asdict(measure_beside_images(title, server, upstream, streams, seconds))


def measure_memories(starts: Starts, requests: int) -> Iterator[Result]:
    """The memory of each server."""
    for title, start in starts.items():
        with _run_one(start) as (_, server):
            yield asdict(measure_memory(title, server, requests))


def measure_starts(starts: Starts, times: int) -> Iterator[Result]:
    """Seconds of processor time of each server until it is ready, and the memory of all its processes then."""
    for title, start in starts.items():
        seconds, megabytes = [], []
        with _run_one(start):
            # The first start compiles what has changed.
            pass
        for _ in range(times):
            with _run_one(start) as (_, server):
                seconds.append(server.ready)
                megabytes.append(read_tree(server))
        ready, memory = statistics.median(seconds), statistics.median(megabytes)
        yield {"server": title, "seconds": round(ready, 3), "megabytes": round(memory, 1), "times": times}


def measure_families(variants: Variants, times: int) -> Iterator[Result]:
    """The start of a gateway with each of FAMILIES."""
    shared = next(iter(variants.values()))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folders = {f"{number} families": write_families(Path(name), number) for number in FAMILIES}
        yield from measure_starts(
            start_gateways({title: {**shared, "PYTHONPATH": str(folder)} for title, folder in folders.items()}), times
        )


def measure_all_stages(variants: Variants, cases: Sequence[Case], seconds: float) -> Iterator[Result]:
    """Where the processor time of the first variant goes."""
    yield from map(asdict, stages.measure_stages(next(iter(variants.values())), cases, seconds))


@contextlib.contextmanager
def _run_one(start: Start) -> Iterator[tuple[Upstream, Server]]:
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as name,
        run_upstream(Path(name)) as upstream,
        start(upstream, Path(name)) as server,
    ):
        yield upstream, server


def plan(options: argparse.Namespace) -> dict[str, Callable[[], Iterator[Result]]]:
    """What is measured, by the name that it has in the results."""
    quick = options.quick
    variants = make_variants(options.compare, options.set)
    starts = start_gateways(variants)
    seconds = options.seconds or (4 if quick else 10)
    levels = [int(level) for level in (options.streams or "").split(",") if level] or (LEVELS[1:3] if quick else LEVELS)
    two = levels[-1:] if quick else TWO
    cases = choose_cases(options.words, quick=quick, exact=options.exact)
    rounds = options.rounds or (6 if quick else 20)
    times = 2 if quick else 5
    if options.peers:
        starts |= start_peers()
        chosen = peers.CASES[:2] if quick else peers.CASES
        return {
            "peers": lambda: measure_ratios(chosen, starts, rounds),
            "peer starts": lambda: measure_starts(starts, times),
        }
    single = {
        "ratios": bool(options.words) and not options.stages,
        "governed": options.governed,
        "choices": options.choices,
        "streams": options.streams is not None,
        "two workers": options.two_workers,
        "images": options.images is not None,
        "memory": options.memory is not None,
        "starts": options.start,
        "families": options.families,
        "stages": options.stages,
    }
    every = {
        "ratios": lambda: measure_ratios(cases, starts, rounds),
        "governed": lambda: measure_ratios(GOVERNED[:1] if quick else GOVERNED, start_governed(variants), rounds),
        "choices": lambda: measure_ratios(QUICK, start_gateways(make_choices()), rounds),
        "streams": lambda: measure_streams(starts, levels, seconds),
        "two workers": lambda: measure_streams(start_gateways(variants, **{WORKERS: "2"}), two, seconds),
        "images": lambda: measure_images(starts, options.images or (60 if quick else 600), seconds),
        "memory": lambda: measure_memories(starts, options.memory or (2_000 if quick else 200_000)),
        "starts": lambda: measure_starts(starts, times),
        "families": lambda: measure_families(variants, times),
        "stages": lambda: measure_all_stages(variants, cases if options.words else stages.CASES, 2 if quick else 6),
    }
    return {name: run for name, run in every.items() if single[name] or not any(single.values())}


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse_arguments(arguments)
    if options.list:
        print("\n".join(case.name for case in CASES))
        return 0
    if not IS_SUPPORTED:
        print("The benchmark measures processor time by Linux's clocks of processes: run it on Linux.", file=sys.stderr)
        return 1
    if not choose_cases(options.words, quick=options.quick, exact=options.exact):
        print("No case has such a name; --list lists them.", file=sys.stderr)
        return 1
    # A stream needs two descriptors of the gateway's, and one each of the load and of the scripted Bedrock.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    began = time.monotonic()
    results: Result = {
        "machine": asdict(describe_machine()),
        "command": options.command or " ".join(["python -m tests.benchmark", *arguments]),
    }
    pin(0, OTHERS)
    for name, run in plan(options).items():
        results[name] = []
        for result in run():
            print(LINES[name](result), flush=True)
            results[name].append(result)
    results["minutes"] = round((time.monotonic() - began) / 60, 1)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    if options.write:
        page.write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
