"""Measure the gateway against bare boto3.

python -m tests.benchmark [words of a case's name …] [--quick] [--compare NAME=VALUE,VALUE …]
"""

import argparse
import contextlib
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmark.cases import CASES, QUICK, Case
from tests.benchmark.pairs import Ratio, compare, make_boto_caller, make_caller
from tests.benchmark.processes import OTHERS, pin, run_boto, run_gateway, run_upstream
from tests.benchmark.processor_time import IS_SUPPORTED

GATEWAY = "gateway"


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description="The gateway against bare boto3.")
    parser.add_argument(
        "words", nargs="*", help="measure the cases whose names contain one of these, such as 'chat, whole'"
    )
    parser.add_argument("--exact", action="store_true", help="the words are whole names")
    parser.add_argument("--list", action="store_true", help="list the cases")
    parser.add_argument("--quick", action="store_true", help="few cases, few rounds: under three minutes")
    parser.add_argument("--rounds", type=int, help="batches of each side: 20, or 6 with --quick")
    parser.add_argument(
        "--compare",
        action="append",
        default=[],
        metavar="NAME=VALUE,VALUE",
        help="start a gateway with each value of a variable, and measure all in the same rounds; "
        "PYTHON=/path/to/.venv/bin/python,… compares source trees",
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable of every gateway")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    return parser.parse_args(arguments)


def make_variants(compared: Sequence[str], every: Sequence[str]) -> dict[str, dict[str, str]]:
    """The variables of each gateway, by its name."""
    shared = dict(item.split("=", 1) for item in every)
    axes = [[(name, value) for value in values.split(",")] for name, _, values in (c.partition("=") for c in compared)]
    variants = {}
    for combination in itertools.product(*axes):
        name = " ".join(f"{name.removeprefix('BEDROCK_FLASK_').lower()}={value}" for name, value in combination)
        variants[name or GATEWAY] = shared | dict(combination)
    return variants


def choose_cases(words: Sequence[str], *, quick: bool, exact: bool) -> list[Case]:
    """The cases that contain one of the words; without words all, or few if `quick`."""
    if not words:
        return list(QUICK if quick else CASES)
    return [case for case in CASES if any(word == case.name if exact else word in case.name for word in words)]


def measure(cases: Sequence[Case], variants: Mapping[str, Mapping[str, str]], rounds: int) -> Iterator[Ratio]:
    """Measure the cases on each variant of the gateway, and show each as it is ready."""
    for tls in sorted({case.tls for case in cases}):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name, contextlib.ExitStack() as running:
            folder = Path(name)
            upstream = running.enter_context(run_upstream(folder, tls=tls))
            boto = running.enter_context(run_boto(upstream))
            gateways = {
                title: running.enter_context(run_gateway(upstream, folder, settings))
                for title, settings in variants.items()
            }
            for case in (case for case in cases if case.tls == tls):
                with contextlib.ExitStack() as clients:
                    callers = [
                        clients.enter_context(contextlib.closing(make_caller(title, gateway, case)))
                        for title, gateway in gateways.items()
                    ]
                    yield from compare(case, make_boto_caller(boto, case), callers, rounds)


def format_line(ratio: Ratio) -> str:
    """A result as a line."""
    cost = f"{ratio.median:6.3f}  ({ratio.low:.3f} to {ratio.high:.3f})"
    used = f"{ratio.microseconds:7.0f} us, boto3 {ratio.boto_microseconds:6.0f} us"
    return f"{ratio.case:42} {ratio.server:20} {cost}  {used}  p50 {ratio.p50:.2f} ms, p99 {ratio.p99:.2f} ms"


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse_arguments(arguments)
    if options.list:
        print("\n".join(case.name for case in CASES))
        return 0
    if not IS_SUPPORTED:
        print("The benchmark measures processor time by Linux's clocks of processes: run it on Linux.", file=sys.stderr)
        return 1
    cases = choose_cases(options.words, quick=options.quick, exact=options.exact)
    if not cases:
        print("No case has such a name; --list lists them.", file=sys.stderr)
        return 1
    pin(0, OTHERS)
    results = []
    for ratio in measure(
        cases, make_variants(options.compare, options.set), options.rounds or (6 if options.quick else 20)
    ):
        print(format_line(ratio), flush=True)
        results.append(asdict(ratio))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
