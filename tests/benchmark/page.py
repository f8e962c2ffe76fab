"""Writes the results into the documentation: tables between the markers of the page, plots, and the figures as JSON."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmark import peers
from tests.benchmark.cases import DELTAS, DIALECTS, Case
from tests.benchmark.plots import Bar, Line, draw_bars, draw_lines

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs/explanation" / name for name in ("benchmark.md", "profile.md")]
FOLDER = ROOT / "docs/_static/benchmark"
Results = Mapping[str, Any]


def write(results: Results) -> None:
    """Write everything. A part that was not measured this time stays as it is."""
    FOLDER.mkdir(exist_ok=True)
    parts = {name: make(results) for name, make in TABLES.items() if name in results}
    runs = [run for name, run in RUNS.items() if name in results]
    parts |= dict.fromkeys(runs, describe_run(results))
    for page in PAGES:
        text = page.read_text("utf-8")
        for name, part in parts.items():
            text = replace_part(text, name, part)
        page.write_text(text, "utf-8")
    for name, draw in PLOTS.items():
        if results.get(name):
            (FOLDER / f"{name}.svg").write_text(draw(results), "utf-8")
    file = FOLDER / "results.json"
    before = json.loads(file.read_text("utf-8")) if file.exists() else {}
    own = {run: {each: results[each] for each in ("machine", "command", "minutes")} for run in runs}
    measured = {name: results[name] for name in TABLES if name in results}
    file.write_text(json.dumps(before | own | measured, indent=1) + "\n", "utf-8")


def replace_part(text: str, name: str, part: str) -> str:
    """The page with another part between `<!-- NAME -->` and `<!-- end -->`, if it has these."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}\n{part}\n\n{found[2]}", text)


def write_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of Markdown; ValueError for a row with another number of cells than the head."""
    if any(len(row) != len(head) for row in rows):
        raise ValueError(f"A row of the table {head} has too many cells, or too few.")
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def describe_run(results: Results) -> str:
    """On what, when and by which command."""
    machine = results["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"Measured on {machine['date']} at commit `{machine['commit']}` by `{results['command']}`, in "
        f"{results['minutes']} minutes: {machine['processor']}, {machine['processors']} processors, "
        f"{machine['kernel']}, Python {machine['python']}, {packages}. "
        f"The load average was {machine['load']} before the run."
    )


def write_ratios(results: Results, name: str = "ratios") -> str:
    server = _server_column(results[name])
    rows = [
        (
            each["case"],
            *(each[column] for column in server),
            f"**{each['median']:.2f}**",
            f"{each['low']:.2f} to {each['high']:.2f}",
            f"{each['microseconds']:,.0f}",
            f"{each['boto_microseconds']:,.0f}",
            f"{each['added_p50']:.2f} / {each['added_p99']:.2f}",
            f"{each['headroom']:.1f}",
        )
        for each in results[name]
    ]
    return write_table(
        ["case", *server, "ratio", "quartiles", "us a call", "boto3's", "added p50 / p99 (ms)", "headroom"], rows
    )


def write_governed(results: Results) -> str:
    rows = [
        (
            each["case"],
            each["server"],
            f"{each['median']:.2f}",
            f"**{each['more']:.2f}**" if each["more"] else "",
            f"{each['microseconds']:,.0f}",
            f"{each['boto_microseconds']:,.0f}",
            f"{each['added_p50']:.2f} / {each['added_p99']:.2f}",
        )
        for each in results["governed"]
    ]
    return write_table(["case", "gateway", "ratio", "more", "us a call", "boto3's", "added p50 / p99 (ms)"], rows)


def write_levels(results: Results, name: str = "streams") -> str:
    server = _server_column(results[name])
    rows = [
        (
            each["through"]["streams"],
            *(each[column] for column in server),
            "yes" if each["held"] else "no",
            each["through"]["whole"],
            f"{each['through']['p50']:.1f} / {each['through']['p99']:.1f}",
            f"{each['direct']['p50']:.1f} / {each['direct']['p99']:.1f}",
            f"{each['through']['events']:,.0f}",
            f"{each['used']:.2f}",
            f"{each['microseconds']:.0f}",
            f"{each['kilobytes']:.0f}",
        )
        for each in results[name]
    ]
    head = [
        "streams",
        *server,
        "held",
        "whole",
        "p50 / p99 (ms)",
        "without gateway",
        "events/s",
        "cores",
        "us an event",
        "kB a stream",
    ]
    return write_table(head, rows)


def write_images(results: Results) -> str:
    rows = [
        (
            each["level"]["through"]["streams"],
            each["level"]["through"]["whole"],
            f"{each['level']['through']['p50']:.1f} / {each['level']['through']['p99']:.1f}",
            f"{each['images']:.1f}",
            f"{each['p50']:.0f}",
            each["refused"],
        )
        for each in results["images"]
    ]
    head = ["streams", "whole", "p50 / p99 (ms)", "images answered a second", "an image (ms)", "images refused"]
    return write_table(head, rows)


def write_memory(results: Results) -> str:
    rows = [
        (
            each["server"],
            each["rest"],
            each["first"],
            f"{each['requests'][0][1]} ({each['requests'][0][0]:,})",
            f"{each['requests'][-1][1]} ({each['requests'][-1][0]:,})",
        )
        for each in results["memory"]
    ]
    return write_table(["server", "at rest (MB)", "first calls", "a tenth of the requests", "all requests"], rows)


def write_starts(results: Results, name: str = "starts") -> str:
    rows = [
        (each["server"], f"{each['seconds']:.2f}", f"{each['megabytes']:.0f}", each["times"]) for each in results[name]
    ]
    return write_table(["server", "seconds of processor time", "memory of all processes (MB)", "median of"], rows)


def write_stages(results: Results) -> str:
    """Modules down, cases across, the dearest first."""
    columns = [dict(each["modules"]) for each in results["stages"]]
    sums = {name: sum(column.get(name, 0) for column in columns) for column in columns for name in column}
    names = sorted(sums, key=lambda name: (-sums[name], name))
    rows = [(name.replace("_", "\\_"), *(_format_cell(column.get(name, 0)) for column in columns)) for name in names]
    rest = [
        each["microseconds"] - sum(column.values()) for each, column in zip(results["stages"], columns, strict=True)
    ]
    rows.append(("all others", *map(_format_cell, rest)))
    rows.append(("**sum**", *(f"**{each['microseconds']:,.0f}**" for each in results["stages"])))
    return write_table(["microseconds", *(each["case"] for each in results["stages"])], rows)


def _format_cell(microseconds: float) -> str:
    return f"{microseconds:,.0f}" if microseconds else ""


def draw_ratios(results: Results) -> str:
    """The plain cases of each dialect, one at a time."""
    named = {each["case"]: each for each in reversed(results["ratios"])}
    kinds = [(0, Case(dialect=dialect)) for dialect in DIALECTS]
    kinds += [(1, Case(dialect=dialect, streamed=DELTAS)) for dialect in DIALECTS]
    bars = [
        Bar(case.dialect, series, result["median"], result["low"], result["high"])
        for series, case in kinds
        if (result := named.get(case.name))
    ]
    return draw_bars(bars, ["whole answer", "stream of 100"], 1, "boto3 = 1")


def draw_peers(results: Results) -> str:
    """One call and stream at a time."""
    bars = [
        Bar(each["server"], series, each["median"], each["low"], each["high"])
        for series, case in enumerate(peers.CASES[:2])
        for each in results["peers"]
        if each["case"] == case.name
    ]
    return draw_bars(bars, ["whole answer", "stream of 100"], 1, "boto3 = 1")


def draw_levels(results: Results) -> str:
    levels = results["streams"]
    points = {
        "p50 through the gateway": [(each["through"]["streams"], each["through"]["p50"]) for each in levels],
        "p99 through the gateway": [(each["through"]["streams"], each["through"]["p99"]) for each in levels],
        "p99 without it": [(each["through"]["streams"], each["direct"]["p99"]) for each in levels],
    }
    lines = [Line(name, each) for name, each in points.items()]
    return draw_lines(lines, "paced streams on one core, 50 events a second each", "milliseconds", 100, "100 ms")


def draw_memory(results: Results) -> str:
    lines = [Line(each["server"], [(0, each["first"]), *map(tuple, each["requests"])]) for each in results["memory"]]
    return draw_lines(lines, "requests", "megabytes of the worker")


def _server_column(results: Sequence[Results]) -> list[str]:
    """The column that names the server, where there are several."""
    return ["server"] if len({each["server"] for each in results}) > 1 else []


TABLES: Mapping[str, Callable[[Results], str]] = {
    "ratios": write_ratios,
    "governed": write_governed,
    "choices": lambda results: write_ratios(results, "choices"),
    "streams": write_levels,
    "two workers": lambda results: write_levels(results, "two workers"),
    "images": write_images,
    "memory": write_memory,
    "starts": write_starts,
    "families": lambda results: write_starts(results, "families"),
    "stages": write_stages,
    "peers": lambda results: write_ratios(results, "peers"),
    "peer starts": lambda results: write_starts(results, "peer starts"),
}
# Where a page says on what its main table was measured.
RUNS = {"ratios": "run", "governed": "governed run", "peers": "peer run", "stages": "stage run"}
PLOTS: Mapping[str, Callable[[Results], str]] = {
    "ratios": draw_ratios,
    "streams": draw_levels,
    "memory": draw_memory,
    "peers": draw_peers,
}
