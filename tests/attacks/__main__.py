"""Attack the gateway, and print the table of the 15 figures: what is promised, what was measured.

python -m tests.attacks [words of a figure's number …] [--worker gthread|gevent] [--seed N] [--quick]

Everything is bounded in count and time, and goes to loopback only.
"""

import argparse
import asyncio
import contextlib
import os
import runpy
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from tests.attacks import costs, endings, overload
from tests.attacks.figure import Figure, replace_rows, write_table
from tests.benchmark.processes import SECRET, Server, Upstream, run_gateway, run_upstream
from tests.doubles import adopt_orphans

ROOT = Path(__file__).parents[2]
# What the suite shows.
IN_THE_SUITE = {
    "4": ("0 lost, 0 double rows in the ledger", "in the suite: tests/guards/test_killed_workers.py"),
    "5": ("a budget is never exceeded", "in the suite: tests/guards/test_ledgered.py"),
}


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description="Attack the gateway.")
    parser.add_argument("numbers", nargs="*", help="measure these figures only, such as 3 8 F12")
    parser.add_argument("--worker", choices=("gthread", "gevent"), action="append", help="both, one after the other")
    parser.add_argument("--seed", type=int, default=1, help="chooses the marks, and the changes of bodies")
    parser.add_argument("--quick", action="store_true", help="fewer calls")
    parser.add_argument("--write", action="store_true", help="write the tables, or some rows, into the documentation")
    return parser.parse_args(arguments)


def measure(folder: Path, worker: str, options: argparse.Namespace) -> Iterator[Figure]:
    """The figures of one worker."""
    settings = {"BEDROCK_FLASK_WORKER": worker, "BEDROCK_FLASK_DRAIN_DELAY": "0"}
    fuzz, soak = (3_000, 20) if options.quick else (30_000, 90)
    with run_upstream(folder) as upstream:
        ours = partial(run_gateway, upstream, folder, settings)
        rows: dict[str, Callable[[], Figure]] = {
            "1": lambda: _with_gateway(ours, overload.measure_streams),
            "2": lambda: _with_gateway(ours, overload.measure_added_delay),
            "3": lambda: _with_gateway(ours, overload.measure_overload),
            **{number: partial(Figure, number, *texts, None) for number, texts in IN_THE_SUITE.items()},
            "6": lambda: _with_gateway(ours, endings.measure_restarts),
            "7": lambda: endings.measure_cancel(folder, settings),
            "8": lambda: endings.measure_lies(folder, settings, options.seed),
            "9": lambda: _with_gateway(ours, lambda server: costs.measure_fuzz(server, fuzz, options.seed)),
            "10": lambda: asyncio.run(endings.measure_attempts(folder, settings)),
            "11": lambda: _with_gateway(ours, overload.measure_slow_clients),
            "12": lambda: _with_gateway(ours, costs.measure_growth),
            "13": lambda: _with_gateway(ours, endings.measure_kill),
            "14": lambda: _with_gateway(ours, lambda server: costs.measure_soak(server, soak)),
            "15": lambda: _measure_canaries(upstream, folder, settings),
            "F12": lambda: _with_gateway(ours, overload.measure_floods),
        }
        for number, row in rows.items():
            if not options.numbers or number in options.numbers:
                try:
                    yield row()
                except Exception as error:  # noqa: BLE001 - one figure that fails must not hide the others
                    yield Figure(number, "", f"could not be measured: {type(error).__name__}: {error}", False)


def _with_gateway(
    run: Callable[[], contextlib.AbstractContextManager[Server]], task: Callable[[Server], Coroutine[Any, Any, Figure]]
) -> Figure:
    with run() as server:
        return asyncio.run(task(server))


def _measure_canaries(upstream: Upstream, folder: Path, settings: dict[str, str]) -> Figure:
    own = {"BEDROCK_FLASK_LOG_LEVEL": "debug", "AWS_SECRET_ACCESS_KEY": "canary-in-aws-secret"}
    with run_gateway(upstream, folder, settings | own) as server:
        asyncio.run(costs.send_canaries(server))
        return costs.measure_canaries(server.log, [SECRET, own["AWS_SECRET_ACCESS_KEY"], *costs.CANARIES])


def main(arguments: list[str]) -> int:
    """Print a table for each worker; return 1 if a promise is not kept."""
    options = parse_arguments(arguments)
    adopt_orphans()
    measured: dict[str, list[Figure]] = {}
    for worker in options.worker or ("gthread", "gevent"):
        with tempfile.TemporaryDirectory() as folder:
            figures = []
            for figure in measure(Path(folder), worker, options):
                print(f"{worker} {figure.number}: {figure.measured}: {figure.verdict}", file=sys.stderr, flush=True)
                figures.append(figure)
        measured[worker] = figures
        print(f"\n`{worker}`:\n\n{write_table(figures)}", flush=True)
    if options.write:
        write_page(measured, options)
    return int(any(figure.holds is False for figures in measured.values() for figure in figures))


def write_page(measured: dict[str, list[Figure]], options: argparse.Namespace) -> None:
    """Keep the tables, or the rows that were measured again, and write them into the page of the documentation."""
    notes = runpy.run_path(str(ROOT / "tests/sabotage/defences.py"))
    file: Path = notes["FIGURES"]
    command = "make attack" + (" QUICK=1" if options.quick else "")
    when = f"{os.cpu_count()} processors, load average {os.getloadavg()[2]:.0f}, seed {options.seed}, {date.today()}"
    if options.numbers:
        text = file.read_text("utf-8").rstrip("\n")
        for worker, figures in measured.items():
            text = replace_rows(text, worker, figures)
        again = f"Figures {', '.join(options.numbers)} again, alone, by `{command} ARGS=…`: {when}."
        text += "" if again in text else f"\n\n{again}"
    else:
        tables = (f"`{worker}`:\n\n{write_table(figures)}" for worker, figures in measured.items())
        text = "\n\n".join([f"By `{command}`: {when}.", *tables])
    file.write_text(text + "\n", "utf-8")
    (ROOT / "docs" / notes["PAGE"]).write_text(notes["page"](), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
