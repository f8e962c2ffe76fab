"""Figures of load: many streams, added delay, ten times the load, slow and silent clients, floods."""

import asyncio
from functools import partial

from tests.attacks.figure import Figure
from tests.attacks.load import (
    Outcome,
    beside,
    call,
    drip,
    open_sockets,
    percentile,
    probing,
    run_at_rate,
    run_callers,
    write_chat,
)
from tests.attacks.prober import PROBE
from tests.benchmark.processes import Server
from tests.benchmark.processor_time import measure_tree

STREAM_COUNT = 300
_PACED, _MODEL = "amazon.nova-pro-v1:0", "amazon.nova-lite-v1:0"


async def measure_streams(server: Server) -> Figure:
    """1: paced streams at a time, none short."""
    request = write_chat(server.headers, model=_PACED, stream=100)
    outcomes = await asyncio.gather(*(call(server.address, request) for _ in range(STREAM_COUNT)))
    short = sum(not outcome.is_whole for outcome in outcomes)
    late = percentile(outcomes, 0.99) - 2000
    text = (
        f"{STREAM_COUNT} streams of 100 events, 50/s each: {short} short or refused; the last ends {late:.0f} ms late"
    )
    return Figure("1", "streams at a time, 0 drops", text, short == 0)


async def measure_added_delay(server: Server) -> Figure:
    """2: the added p99 at 70 % of what the gateway carries; Bedrock answers at once."""
    request = write_chat(server.headers)
    capacity = _rate(await run_callers(server.address, request, 16, 3), 3)
    outcomes = await run_at_rate(server.address, request, 0.7 * capacity, 5)
    p50, p99 = percentile(outcomes, 0.5), percentile(outcomes, 0.99)
    failed = sum(not outcome.is_whole for outcome in outcomes)
    text = f"at 70 % of {capacity:.0f} calls/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {failed} failed"
    return Figure("2", "added p99 <= 15 ms at 70 % load", text, p99 <= 15 and not failed)


async def measure_overload(server: Server) -> Figure:
    """3: ten times the load: goodput, refusals, probes, and the way back."""
    request = write_chat(server.headers)
    capacity = _rate(await run_callers(server.address, request, 60, 4), 4)
    async with probing(server.address) as probes:
        outcomes = await run_callers(server.address, request, 600, 10)
    goodput = _rate(outcomes, 10) / capacity
    refused = [outcome for outcome in outcomes if outcome.status == 503]
    lost = sum(outcome.status not in (200, 503) for outcome in outcomes)
    after = await call(server.address, request)
    text = (
        f"600 callers: goodput {100 * goodput:.0f} % of {capacity:.0f}/s; {len(refused)} refused, "
        f"p99 {percentile(refused, 0.99) if refused else 0:.0f} ms; {lost} without an answer; "
        f"probe p95 {percentile(probes, 0.95):.0f} ms; next call {1000 * after.seconds:.0f} ms"
    )
    holds = (
        goodput >= 0.9
        and percentile(probes, 0.95) <= 50
        and (not refused or percentile(refused, 0.99) <= 50)
        and after.seconds < 5
        and not lost
    )
    return Figure(
        "3", "10x load: goodput >= 90 %, refusals p99 <= 50 ms, probes p95 <= 50 ms, normal in 5 s", text, holds
    )


async def measure_slow_clients(server: Server) -> Figure:
    """11: a thousand clients that drip, and two thousand that are silent."""
    request = write_chat(server.headers)

    async def sample() -> list[Outcome]:
        return await run_at_rate(server.address, PROBE, 20, 4)

    quiet, quiet_calls = await sample(), await run_at_rate(server.address, request, 20, 3)
    async with open_sockets(server.address, 1000, b"GET /livez HTTP/1.1\r\nHost: local") as slow:
        dripped = await beside(partial(drip, slow, b"x", 1.0), sample())
        calls = await run_at_rate(server.address, request, 20, 3)
    async with open_sockets(server.address, 2000) as silent:
        beside_silent = await sample()
    errors = sum(outcome.status != 200 for outcome in [*dripped, *calls, *beside_silent])
    text = (
        f"{len(slow)} drippers: probe p99 {percentile(quiet, 0.99):.0f} to {percentile(dripped, 0.99):.0f} ms, "
        f"calls p99 {percentile(quiet_calls, 0.99):.0f} to {percentile(calls, 0.99):.0f} ms; {len(silent)} silent: "
        f"probe p95 {percentile(beside_silent, 0.95):.0f} ms; {errors} errors"
    )
    holds = (
        not errors
        and percentile(dripped, 0.99) <= max(50, 2 * percentile(quiet, 0.99))
        and percentile(calls, 0.99) <= max(50, 2 * percentile(quiet_calls, 0.99))
        and percentile(beside_silent, 0.95) <= 50
    )
    return Figure("11", "1,000 slow clients: p99 <= 2x, 0 errors; silent ones: probes p95 <= 50 ms", text, holds)


_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
# Each flood: one frame of HTTP/2, as often as a connection takes it.
FLOODS = {
    "SETTINGS": b"\0\0\0\4\0\0\0\0\0",
    "PING": b"\0\0\x08\6\0\0\0\0\0" + b"x" * 8,
    "PING acknowledgements": b"\0\0\x08\6\1\0\0\0\0" + b"x" * 8,
    "PRIORITY": b"\0\0\5\2\0\0\0\0\1\0\0\0\0\x10",
    "WINDOW_UPDATE": b"\0\0\4\x08\0\0\0\0\0\0\0\0\1",
    "unknown frames": b"\0\0\0\xee\0\0\0\0\0",
    "RST_STREAM": b"\0\0\4\3\0\0\0\0\1\0\0\0\x08",
    "empty CONTINUATION": b"\0\0\0\x09\0\0\0\0\1",
    "empty DATA": b"\0\0\0\0\0\0\0\0\1",
}


async def measure_floods(server: Server) -> Figure:
    """HTTP/2 frames that cost their sender nothing: each flood ends its connection, and probes go on."""
    worst, unended, late = ("", 0.0), [], 0.0
    for name, frame in FLOODS.items():
        before = measure_tree(server.process.pid)
        async with probing(server.address) as probes:
            ended = await _flood(server.address, frame)
        used = measure_tree(server.process.pid) - before
        worst = max(worst, (name, used), key=lambda each: each[1])
        late = max(late, percentile(probes, 0.95))
        if not ended:
            unended.append(name)
    text = (
        f"{len(FLOODS)} floods: dearest {worst[0]}, {worst[1]:.2f} s of processor; probe p95 {late:.0f} ms; "
        f"not ended in 4 s: {', '.join(unended) or 'none'}"
    )
    return Figure("F12", "each flood of HTTP/2 frames ends its connection", text, not unended and late <= 50)


async def _flood(address: tuple[str, int], frame: bytes, seconds: float = 4.0) -> bool:
    """Send a frame as fast as the gateway takes it; return whether it ended the connection."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        async with asyncio.timeout(seconds):
            writer.write(_PREFACE)
            while not reader.at_eof():
                writer.write(frame * 1000)
                await writer.drain()
                await asyncio.sleep(0)
                if reader.at_eof():
                    break
                with_data = asyncio.wait_for(reader.read(65536), 0.001)
                try:
                    if not await with_data:
                        break
                except TimeoutError:
                    continue
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        writer.transport.abort()
    return True


def _rate(outcomes: list[Outcome], seconds: float) -> float:
    return sum(outcome.is_whole for outcome in outcomes) / seconds
