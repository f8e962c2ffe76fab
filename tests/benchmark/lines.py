"""A result as a line of the terminal."""

from collections.abc import Callable, Mapping
from typing import Any

Result = Mapping[str, Any]


def format_ratio(result: Result) -> str:
    cost = f"{result['median']:6.3f}  ({result['low']:.3f} to {result['high']:.3f})"
    used = f"{result['microseconds']:7.0f} us, boto3 {result['boto_microseconds']:6.0f} us"
    added = f"added p50 {result['added_p50']:.2f} ms, p99 {result['added_p99']:.2f} ms"
    dropped = f", {result['dropped']} connections dropped" if result["dropped"] else ""
    start = f"{result['case']:42} {result['server']:20} {cost}"
    more = f"  {result['more']:+.3f}" if result["more"] else ""
    return f"{start}{more}  {used}  {added}, headroom {result['headroom']:.1f}{dropped}"


def format_level(result: Result) -> str:
    through, direct = result["through"], result["direct"]
    return (
        f"{through['streams']:5} streams {result['server']:20} {'held' if result['held'] else 'NOT held':8} "
        f"{through['whole']} whole, {through['refused']} refused, {through['short']} short; "
        f"p50 {through['p50']:.1f} ms, p99 {through['p99']:.1f} ms (direct {direct['p50']:.1f}, {direct['p99']:.1f}); "
        f"{through['events']:.0f} events/s, {result['used']:.2f} of a core, {result['microseconds']:.0f} us an event, "
        f"{result['kilobytes']:.0f} kB a stream"
    )


def format_images(result: Result) -> str:
    return (
        f"{format_level(result['level'])}\n      beside {result['images']} images a second, p50 {result['p50']:.0f} ms"
    )


def format_memory(result: Result) -> str:
    number, last = result["requests"][-1]
    return (
        f"memory {result['server']:20} {result['rest']} MB at rest, {result['first']} after the first calls, "
        f"{result['requests'][0][1]} after {result['requests'][0][0]} and {last} after {number}"
    )


def format_start(result: Result) -> str:
    return f"ready after {result['seconds']:.2f} s of processor time, {result['megabytes']} MB: {result['server']}"


def format_stages(result: Result) -> str:
    head = f"{result['case']}: {result['microseconds']:.0f} us"
    rows = [f"    {microseconds:8.1f} us  {name}" for name, microseconds in result["modules"]]
    more = [f"    {microseconds:8.1f} us  {name}" for name, microseconds in result["functions"]]
    return "\n".join([head, *rows, "  of these, functions:", *more])


LINES: Mapping[str, Callable[[Result], str]] = {
    "ratios": format_ratio,
    "streams": format_level,
    "two workers": format_level,
    "images": format_images,
    "memory": format_memory,
    "starts": format_start,
    "families": format_start,
    "stages": format_stages,
    "governed": format_ratio,
    "choices": format_ratio,
    "peers": format_ratio,
    "peer starts": format_start,
}
