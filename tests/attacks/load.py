"""Load on a gateway from one asyncio loop: calls on connections of their own, probes, and what became of each."""

import asyncio
import contextlib
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Address = tuple[str, int]
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What became of a call.

    status   of the answer; 0 if none came
    began    seconds of the monotonic clock
    seconds  until its end
    body     the answer's body as it came
    """

    status: int
    began: float
    seconds: float
    body: bytes = b""

    @property
    def is_whole(self) -> bool:
        """Whether a whole answer came, or a stream with its end."""
        return self.status == 200 and (b"[DONE]" in self.body or b'"choices"' in self.body)


def write_request(path: str, document: Any, headers: Mapping[str, str]) -> bytes:
    """The bytes of a POST, after which the connection is closed."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    own = {"host": "localhost", "content-type": "application/json", "content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (own | {"connection": "close"} | dict(headers)).items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def write_chat(headers: Mapping[str, str], *, model: str = "amazon.nova-lite-v1:0", stream: int = 0) -> bytes:
    """A chat completion; a stream has that many deltas."""
    document: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "Hello."}]}
    if stream:
        document |= {"stream": True, "max_tokens": stream}
    return write_request("/v1/chat/completions", document, headers)


async def call(address: Address, request: bytes, patience: float = 60.0) -> Outcome:
    """Send one request and read to the end."""
    began, data = time.monotonic(), b""
    with contextlib.suppress(OSError, TimeoutError, EOFError):
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(*address)
            try:
                writer.write(request)
                await writer.drain()
                while piece := await reader.read(1 << 18):
                    data += piece
            finally:
                writer.transport.abort()
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else 0
    return Outcome(status, began, time.monotonic() - began, body)


async def run_callers(address: Address, request: bytes, callers: int, seconds: float) -> list[Outcome]:
    """Callers that call one after another for some seconds; a refused one waits as long as a client's first backoff."""
    outcomes: list[Outcome] = []
    until = time.monotonic() + seconds

    async def work() -> None:
        while time.monotonic() < until:
            outcome = await call(address, request)
            outcomes.append(outcome)
            if outcome.status != 200:
                await asyncio.sleep(0.5)

    await asyncio.gather(*(work() for _ in range(callers)))
    return outcomes


async def run_at_rate(address: Address, request: bytes, rate: float, seconds: float) -> list[Outcome]:
    """Calls that begin at an even rate, whatever became of the earlier ones."""
    began, calls = time.monotonic(), []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        calls.append(asyncio.create_task(call(address, request)))
    return list(await asyncio.gather(*calls))


@contextlib.asynccontextmanager
async def probing(address: Address) -> AsyncIterator[list[Outcome]]:
    """Probe /livez again and again while the block runs; the outcomes are there after it."""
    outcomes: list[Outcome] = []
    command = [sys.executable, "-m", "tests.attacks.prober", address[0], str(address[1])]
    # A line of many outcomes is longer than asyncio's usual limit.
    prober = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=1 << 24, cwd=ROOT)
    assert prober.stdin
    assert prober.stdout
    await prober.stdout.readline()
    try:
        yield outcomes
    finally:
        prober.stdin.close()
        outcomes += [Outcome(*each) for each in json.loads(await prober.stdout.readline())]
        await prober.wait()


@contextlib.asynccontextmanager
async def open_sockets(address: Address, count: int, first: bytes = b"") -> AsyncIterator[list[asyncio.StreamWriter]]:
    """That many connections, each with its first bytes sent, until the block ends."""
    writers: list[asyncio.StreamWriter] = []
    try:
        for _ in range(count):
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(10):
                    _, writer = await asyncio.open_connection(*address)
                writer.write(first)
                writers.append(writer)
        yield writers
    finally:
        for writer in writers:
            writer.transport.abort()


async def drip(writers: Sequence[asyncio.StreamWriter], data: bytes, every: float) -> None:
    """Send one byte to each connection in a while, again and again, at an even pace."""
    for byte in data * 1000:
        for writer in writers:
            with contextlib.suppress(OSError):
                writer.write(bytes((byte,)))
            await asyncio.sleep(every / len(writers))


async def beside(load: Callable[[], Awaitable[object]], task: Awaitable[list[Outcome]]) -> list[Outcome]:
    """Run a task while a load goes on, which ends with it."""
    background = asyncio.ensure_future(load())
    try:
        return await task
    finally:
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await background


def percentile(outcomes: Sequence[Outcome], share: float) -> float:
    """Milliseconds that this share of the outcomes took at most."""
    seconds = sorted(outcome.seconds for outcome in outcomes) or [float("nan")]
    return 1000 * seconds[min(len(seconds) - 1, int(share * len(seconds)))]
