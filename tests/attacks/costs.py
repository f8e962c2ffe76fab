"""Figures of what a request costs: changed bodies, growth with its length, memory over time, secrets in the log."""

import asyncio
import copy
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

from tests.attacks import family_bodies
from tests.attacks.figure import Figure
from tests.attacks.load import call, write_chat, write_request
from tests.attacks.routes import ROUTES
from tests.benchmark.processes import Server
from tests.benchmark.processor_time import find_tree, measure_tree
from tests.dialects import full_bodies

Json = Any
_GPT = family_bodies.SURFACE_MODELS[1]
# The share of changed bodies that are forms.
_FORMS = 0.05
_NOVA, _CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"
_ODD: list[Json] = [
    *(
        None,
        True,
        0,
        -1,
        1.5,
        1e300,
        10**30,
        "",
        "x",
        "\ud800",
        "\0",
        "\u2028",
        "a" * 300,
        [],
        {},
        [[]],
        [None],
        {"a": 1},
    ),
    *({"type": "refusal"}, {"type": "text"}, {"type": "x", "budget_tokens": "many"}, {"cache_control": 1}, "data:,x"),
]


def _list_bodies() -> list[tuple[str, Json]]:
    """A path and a full body for each dialect and family."""
    bodies: list[tuple[str, Json]] = []
    for model in (_NOVA, _CLAUDE):
        bodies += [
            ("/v1/chat/completions", {**full_bodies.CHAT, "model": model}),
            ("/v1/responses", {**full_bodies.RESPONSES, "model": model}),
            ("/v1/messages", {**full_bodies.MESSAGES, "model": model}),
            ("/v1/messages/count_tokens", {**full_bodies.MESSAGES, "model": model}),
        ]
    plain = [
        (route.path(_NOVA if "Nova" in name else _CLAUDE), route.body(_NOVA, "x")) for name, route in ROUTES.items()
    ]
    return bodies + plain + list(family_bodies.list_bodies())


async def measure_fuzz(server: Server, count: int, seed: int) -> Figure:
    """9: randomly changed bodies: none is a 500 or without an answer, and memory does not grow."""
    before, wrong, changed = 0, [], list_changed(count, seed, server.headers)
    for start, requests in enumerate(batched(changed, 16)):
        outcomes = await asyncio.gather(*(call(server.address, request) for request in requests))
        wrong += [
            request.partition(b"\r\n")[0].decode("latin-1") + f" {outcome.status}"
            for request, outcome in zip(requests, outcomes, strict=True)
            if outcome.status in (0, 500)
        ]
        if start == 125:
            before = _memory(server)
    grown = (_memory(server) - before) / 1024 if before else 0.0
    text = f"{count:,} changed bodies (seed {seed}): {len(wrong)} x 500 or no answer, memory +{grown:.1f} MiB"
    text += f": {'; '.join(sorted(set(wrong))[:5])}" if wrong else ""
    return Figure("9", "fuzz: 0 x 5xx of its own, 0 hangs, memory <= +16 MiB", text, not wrong and grown <= 16)


def list_changed(count: int, seed: int, headers: Mapping[str, str] = MappingProxyType({})) -> Iterator[bytes]:
    """Requests with randomly changed bodies of every dialect and family, and some forms."""
    chance, bodies, forms = Random(seed), _list_bodies(), list(family_bodies.list_forms())
    for _ in range(count):
        if chance.random() < _FORMS:
            yield write_form(_change_bytes(chance, chance.choice(forms)), headers)
        else:
            yield _write_changed(chance, *chance.choice(bodies), headers)


def write_form(data: bytes, headers: Mapping[str, str]) -> bytes:
    """A request with a form that edits an image."""
    kind = {"content-type": f"multipart/form-data; boundary={family_bodies.BOUNDARY}"}
    return write_request("/v1/images/edits", data, {**headers, **kind})


def _change_bytes(chance: Random, text: bytes) -> bytes:
    """The text with some bytes in place of others, anywhere."""
    at = chance.randrange(len(text))
    return text[:at] + chance.randbytes(chance.choice((0, 1, 3))) + text[at + chance.choice((0, 1, 9)) :]


def batched(items: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """The items in lists of a size; the last may be shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _write_changed(chance: Random, path: str, body: Json, headers: Mapping[str, str]) -> bytes:
    body = copy.deepcopy(body)
    for _ in range(chance.choice((1, 1, 2, 5))):
        _change(chance, body)
    text = json.dumps(body).encode()
    if chance.random() < 0.2:
        text = _change_bytes(chance, text)
    return write_request(path, text, headers)


def _change(chance: Random, body: Json) -> None:
    places = [place for place in _list_places(body) if place[1] != "model"]
    if not places:
        return
    holder, name = chance.choice(places)
    match chance.randrange(4):
        case 0:
            del holder[name]
        case 1 | 2:
            holder[name] = copy.deepcopy(chance.choice(_ODD))
        case _:
            other_holder, other = chance.choice(places)
            holder[name] = copy.deepcopy(other_holder[other]) if _holds(other_holder, other) else None


def _holds(holder: Json, name: Any) -> bool:
    return name in holder if isinstance(holder, dict) else name < len(holder)


def _list_places(value: Json) -> Iterator[tuple[Json, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield value, name
        yield from _list_places(each)


def _user(parts: list[Json]) -> Json:
    return {"model": _NOVA, "max_tokens": 9, "messages": [{"role": "user", "content": parts}]}


def _tools(schema: Json, model: str = _NOVA) -> Json:
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    return {"model": model, "messages": [{"role": "user", "content": "x"}], "tools": tools}


def _document(number: int) -> Json:
    source = {"type": "text", "media_type": "text/plain", "data": "x"}
    return {"type": "document", "title": "same", "source": source}


# Bodies that grow: their path, and the body of n parts.
GROWTH: dict[str, tuple[str, Callable[[int], Json]]] = {
    "documents of one name": ("/v1/messages", lambda n: _user([_document(k) for k in range(n)])),
    "texts": ("/v1/chat/completions", lambda n: _user([{"type": "text", "text": "x"}] * n)),
    "messages": (
        "/v1/chat/completions",
        lambda n: {"model": _NOVA, "messages": [{"role": "user", "content": "x"}] * n},
    ),
    "branches of allOf": (
        "/v1/chat/completions",
        lambda n: _tools({"allOf": [{"properties": {f"p{k}": {"type": "string"}}} for k in range(n)]}, _CLAUDE),
    ),
    "branches of anyOf with required": (
        "/v1/chat/completions",
        lambda n: _tools({"anyOf": [{"required": [f"p{k}" for k in range(n)]}] * 2}, _CLAUDE),
    ),
    "unknown members": (
        "/v1/chat/completions",
        lambda n: {"model": _NOVA, "messages": [{"role": "user", "content": "x"}], **{f"u{k}": 1 for k in range(n)}},
    ),
    "tools": (
        "/v1/chat/completions",
        lambda n: {
            "model": _NOVA,
            "messages": [{"role": "user", "content": "x"}],
            "tools": [{"type": "function", "function": {"name": f"f{k}", "parameters": {}}} for k in range(n)],
        },
    ),
    "percent signs": (
        "/v1/chat/completions",
        lambda n: _user([{"type": "image_url", "image_url": {"url": "data:image/png," + "%" * (20 * n)}}]),
    ),
    "items": ("/v1/responses", lambda n: {"model": _NOVA, "input": [{"role": "user", "content": "x"}] * n}),
    "line breaks of an image": (
        "/v1/models/stable-image-remove-background/invoke",
        lambda n: {"image": "A" + "\n" * (20 * n) + "!"},
    ),
    "documents to rank": (
        "/v1/rerank",
        lambda n: {"model": "cohere-rerank", "query": "x", "documents": [{"text": "x"}] * n},
    ),
    "members of a job": (
        "/v1/models/nova-reel/jobs",
        lambda n: {"input": {f"u{k}": 1 for k in range(n)}, "tags": {"a": "b"}},
    ),
    "images to edit": (
        "/v1/images/edits",
        lambda n: {"model": "nova-canvas", "images": [{"image_url": "data:image/png;base64,aGk="}] * n},
    ),
    "items of a surface": ("/v1/responses", lambda n: {"model": _GPT, "input": [{"role": "user", "content": "x"}] * n}),
    "messages to a surface": ("/v1/messages", lambda n: {**_user([{"type": "text", "text": "x"}] * n), "model": _GPT}),
    "blocks": (
        f"/model/{_NOVA}/converse",
        lambda n: {"messages": [{"role": "user", "content": [{"text": "x"}] * n}]},
    ),
}
_SMALL, _TIMES = 1000, 4


async def measure_growth(server: Server) -> Figure:
    """12: no body costs more than in proportion to its length."""
    headers = {**server.headers, "x-bedrock-flask-unsupported": "drop"}
    worst, dearest = ("", 0.0), ("", 0.0)
    for name, (path, make) in GROWTH.items():
        small, large = (write_request(path, make(n), headers) for n in (_SMALL, _SMALL * _TIMES))
        one, four = [await _cost(server, request) for request in (small, large)]
        growth = (four / len(large)) / (one / len(small))
        worst = max(worst, (name, growth), key=lambda each: each[1])
        dearest = max(dearest, (name, four / len(large) * 1e6), key=lambda each: each[1])
    text = (
        f"{len(GROWTH)} kinds of bodies at n and {_TIMES}n: most growth of a byte's cost {worst[1]:.1f}x ({worst[0]}); "
        f"dearest {dearest[1]:.1f} s of processor a MB ({dearest[0]})"
    )
    return Figure("12", "no cost grows faster than the body", text, worst[1] <= 2)


async def _cost(server: Server, request: bytes) -> float:
    """Seconds of processor time of one call, the best of three."""
    costs = []
    for _ in range(3):
        before = measure_tree(server.process.pid)
        await call(server.address, request)
        costs.append(measure_tree(server.process.pid) - before)
    return min(costs)


async def measure_soak(server: Server, seconds: float) -> Figure:
    """14: mixed calls for a while: memory, files and threads stay as they are."""
    requests = [
        write_chat(server.headers),
        write_chat(server.headers, stream=20),
        write_request("/v1/chat/completions", b'{"model": 1', server.headers),
        write_request("/v1/messages", _user([{"type": "text", "text": "x"}]), server.headers),
        write_request("/v1/chat/completions", {"model": "no", "messages": []}, {}),
    ]
    count, until, first = 0, time.monotonic() + seconds, None
    while time.monotonic() < until:
        await asyncio.gather(*(call(server.address, request) for request in requests * 4))
        count += 4 * len(requests)
        if first is None and time.monotonic() > until - 0.7 * seconds:
            first = _state(server)
    memory, files, threads = (after - before for after, before in zip(_state(server), first or (0, 0, 0), strict=True))
    grown = f"memory {memory / 1024:+.1f} MiB, files {files:+d}, threads {threads:+d}"
    text = f"{count:,} calls in {seconds:.0f} s; after the first third {grown}"
    return Figure("14", "soak: memory, files and threads flat", text, memory <= 2048 and files <= 5 and threads <= 5)


CANARIES = (
    "canary-in-key",
    "canary-in-header",
    "canary-in-query",
    "canary-in-body",
    "canary-in-name",
    "canary-in-token",
)


async def send_canaries(server: Server) -> None:
    """Send secrets wherever a request can hold one, with and without a valid key."""
    body = {"model": _NOVA, "messages": [{"role": "user", "content": "canary-in-body"}], "canary-in-name": 1}
    strange = {"x-api-key": "canary-in-key", "authorization": "Bearer canary-in-token", "cookie": "canary-in-header"}
    for headers in (server.headers, {**server.headers, "cookie": "canary-in-header"}, strange):
        for path in ("/v1/chat/completions", "/v1/chat/completions?key=canary-in-query", "/v1/messages"):
            await call(server.address, write_request(path, body, headers))
            await call(server.address, write_request(path, b'{"x": "canary-in-body', headers))
            await call(server.address, write_request(path, {**body, "messages": "canary-in-body"}, headers))


def measure_canaries(log: Path, secrets: list[str]) -> Figure:
    """15: secrets that were in keys, bodies and settings of this run, looked for in the log."""
    text = log.read_text("utf-8", "replace")
    found = sum(secret in text for secret in secrets)
    return Figure(
        "15",
        "0 secrets in the log",
        f"{len(secrets)} secrets, {len(text):,} characters of log: {found} found",
        not found,
    )


def _state(server: Server) -> tuple[int, int, int]:
    _, *workers = find_tree(server.process.pid)
    files = sum(len(list(Path(f"/proc/{worker}/fd").iterdir())) for worker in workers)
    threads = sum(len(list(Path(f"/proc/{worker}/task").iterdir())) for worker in workers)
    return _memory(server), files, threads


def _memory(server: Server) -> int:
    """KiB of the workers."""
    _, *workers = find_tree(server.process.pid)
    lines = [Path(f"/proc/{worker}/status").read_text().splitlines() for worker in workers]
    return sum(int(line.split()[1]) for status in lines for line in status if line.startswith("VmRSS"))
