"""Figures of ends: restarts, callers who leave, lies of Bedrock, attempts in an outage, a worker that is killed."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.attacks.figure import Figure
from tests.attacks.lied_calls import LiedCall, list_calls, make_calls
from tests.attacks.load import call, run_callers, write_chat, write_request
from tests.attacks.lying_bedrock import MODELS, SURFACES, LyingBedrock, run_lying_bedrock
from tests.attacks.prober import PROBE
from tests.attacks.routes import ROUTES, SURFACE_ROUTES
from tests.benchmark.processes import Server, Upstream, run_gateway
from tests.benchmark.processor_time import find_tree
from tests.doubles import run_upstream, send_whole

RESTARTS, LEAVERS = 10, 60
IMPATIENT = {"BEDROCK_FLASK_READ_TIMEOUT": "1", "BEDROCK_FLASK_DEADLINE": "3", "BEDROCK_FLASK_MAX_ATTEMPTS": "1"}


@contextlib.contextmanager
def run_gateway_at(port: int, folder: Path, settings: dict[str, str]) -> Iterator[Server]:
    """A gateway whose Bedrock listens at a port of this process."""
    # Nothing of the process is used: the gateway needs the address only.
    upstream = Upstream(port, subprocess.Popen(["true"], text=True))
    upstream.process.wait()
    with run_gateway(upstream, folder, settings) as server:
        yield server


async def measure_restarts(server: Server) -> Figure:
    """6: streams of a second while the configuration is reloaded again and again, and then SIGTERM."""
    request = write_chat(server.headers, model="amazon.nova-pro-v1:0", stream=50)

    async def reload() -> None:
        for _ in range(RESTARTS):
            await asyncio.sleep(1.5)
            os.kill(server.process.pid, signal.SIGHUP)

    outcomes, _ = await asyncio.gather(run_callers(server.address, request, 24, 1.5 * RESTARTS + 1), reload())
    calls = [asyncio.create_task(call(server.address, request)) for _ in range(24)]
    await asyncio.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    drained = await asyncio.gather(*calls)
    lost, cut = (sum(not outcome.is_whole for outcome in each) for each in (outcomes, drained))
    text = f"{RESTARTS} reloads, {len(outcomes)} streams: {lost} lost or refused; SIGTERM: {cut} of {len(drained)} cut"
    return Figure("6", "restarts: 100 % of streams end, 0 refused", text, not lost and not cut)


def measure_cancel(folder: Path, settings: dict[str, str]) -> Figure:
    """7: how soon Bedrock's connection is closed when a caller leaves a stream that is silent."""
    with run_lying_bedrock() as bedrock, run_gateway_at(bedrock.port, folder, settings) as server:
        names = [name for name, route in ROUTES.items() if route.streamed]
        waits = [_leave(bedrock, server, names[number % len(names)], number) for number in range(LEAVERS)]
    kept = sum(wait is None for wait in waits)
    known = sorted(1000 * wait for wait in waits if wait is not None) or [float("nan")]
    p50, p99 = known[len(known) // 2], known[int(0.99 * len(known))]
    text = f"{LEAVERS} leavers by FIN and RST of silent streams: p50 {p50:.1f}, p99 {p99:.1f} ms; {kept} not within 5 s"
    return Figure("7", "cancel upstream p99 <= 100 ms", text, not kept and p99 <= 100)


def _leave(bedrock: LyingBedrock, server: Server, name: str, number: int) -> float | None:
    route, lie = ROUTES[name], ("hang-0", "hang-1", "hang-3")[number // 2 % 3]
    model, before = MODELS[route.form] + lie, (bedrock.hanging, len(bedrock.left))
    request = write_request(route.path(model), route.body(model, "mark-00000000"), server.headers)
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(request)
        _await(lambda: bedrock.hanging > before[0])
        if number % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left_at = time.monotonic()
    return bedrock.left[before[1]] - left_at if _await(lambda: len(bedrock.left) > before[1]) else None


def _await(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.0005)
    return False


def measure_lies(folder: Path, settings: dict[str, str], seed: int) -> Figure:
    """8: every lie on every route, and then those of the surfaces."""
    results: list[LiedCall] = []
    for routes, own in ((ROUTES, {}), (SURFACE_ROUTES, {"BEDROCK_FLASK_SURFACES": SURFACES})):
        with run_lying_bedrock() as bedrock:
            mantle = {"AWS_ENDPOINT_URL_BEDROCK_MANTLE": bedrock.url}
            with run_gateway_at(bedrock.port, folder, settings | IMPATIENT | mantle | own) as server:
                url = f"http://127.0.0.1:{server.address[1]}"
                results += make_calls(url, list_calls(routes), seed=seed, headers=server.headers)
    faults = [str(result) for result in results if result.fault]
    lies = {result.lie for result in results}
    text = f"{len(results)} calls, {len(lies)} lies, {len(ROUTES) + len(SURFACE_ROUTES)} routes: {len(faults)} wrong"
    if faults:
        text += ": " + "; ".join(fault[:120].replace("\n", " ").replace("|", "/") for fault in faults[:5])
    return Figure("8", "0 lies end as a success or in silence", text, not faults)


async def measure_attempts(folder: Path, settings: dict[str, str], calls: int = 100) -> Figure:
    """10: attempts for each call while Bedrock answers nothing but 503."""
    with run_upstream() as upstream:
        upstream.scripts = [send_whole(b'{"message": "no"}', "503 Service Unavailable")] * (calls * 5)
        with run_gateway_at(upstream.port, folder, settings) as server:
            request = write_chat(server.headers)
            for start in range(0, calls, 10):
                await asyncio.gather(*(call(server.address, request) for _ in range(start, start + 10)))
        attempts = len(upstream.requests)
    text = f"{calls} calls against nothing but 503: {attempts} attempts, {attempts / calls:.2f}x"
    return Figure("10", "attempts <= 1.2x in a full outage", text, attempts <= 1.2 * calls)


async def measure_kill(server: Server) -> Figure:
    """13: how soon a probe is answered after the only worker was killed."""
    waits = []
    for _ in range(3):
        _, *workers = find_tree(server.process.pid)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        killed = time.monotonic()
        while (await call(server.address, PROBE, 1.0)).status != 200:
            await asyncio.sleep(0.01)
        waits.append(time.monotonic() - killed)
    text = f"kill -9 of the only worker, three times: /livez again after {max(waits):.2f} s at most"
    return Figure("13", "worker back <= 1 s", text, max(waits) <= 1)
