"""What a model answers in a format that the gateway knows, whole or as chunks: as scripted in it, or by its wire.

What is answered in a format of a plugin's own stands in `own_format`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Protocol, runtime_checkable

from bedrock_flask.adapter import Adapter, Engine
from bedrock_flask.bedrock.usage import METRICS, Usage, from_members
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Request, fold
from bedrock_flask.emulator.calls.presence import CallerLeft, Presence
from bedrock_flask.emulator.calls.refusals import invalid
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.engines.replies import Reply
from bedrock_flask.errors import InvalidBody
from bedrock_flask.wires import find_wire
from bedrock_flask.wires.wire import Wire

# What a format tells that Converse tells only on request.
_ALSO_TOLD = {"anthropic": ["/stop_sequence"]}

_METRICS = (
    ("input", "inputTokenCount"),
    ("output", "outputTokenCount"),
    ("cache_read", "cacheReadInputTokenCount"),
    ("cache_write", "cacheWriteInputTokenCount"),
)


@runtime_checkable
class _Scripted(Protocol):
    """An engine that may have a reply in the model's own format."""

    def native(self, request: Request) -> Reply | None:
        """That reply, if there is one."""


@dataclass
class Tally:
    """What one call costs, known when it is over: tokens and milliseconds."""

    usage: Usage = field(default_factory=Usage)
    began: float = field(default_factory=time.monotonic)
    first: float = 0.0

    def latency(self) -> int:
        """Milliseconds up to now."""
        return round((time.monotonic() - self.began) * 1000)

    def metrics(self) -> Json:
        """The `amazon-bedrock-invocationMetrics` of the last chunk."""
        counts = {name: getattr(self.usage, count) for count, name in _METRICS}
        counts |= {"invocationLatency": self.latency(), "firstByteLatency": round(self.first * 1000)}
        return {name: count for name, count in counts.items() if count is not None}


def events(engine: Engine, request: Request, tally: Tally, presence: Presence) -> Iterator[Event]:
    """The engine's events, tallied, as long as the caller is there; the model stops when they are closed."""
    with closing(engine.converse(request)) as each:
        for event in each:
            if presence.left():
                raise CallerLeft()
            tally.first = tally.first or time.monotonic() - tally.began
            if "metadata" in event:
                tally.usage = from_members(event["metadata"].get("usage"))
            yield event


def reply(adapter: Adapter, model: str, body: Json, engine: Engine, tally: Tally, presence: Presence) -> Json:
    """The whole reply."""
    wire = find_wire(adapter)
    assert wire.write_reply is not None  # noqa: S101 - a format that is known can be written
    request = read(wire, body)
    scripted = _scripted(engine, request)
    if scripted is None:
        return wire.write_reply(fold(events(engine, request, tally, presence)), model)
    made = scripted.body or {}
    tally.usage = counted(body, made, engine).updated(wire.usage(made))
    return made


def chunks(
    adapter: Adapter, model: str, body: Json, engine: Engine, tally: Tally, presence: Presence
) -> Iterator[Json]:
    """The chunks of the stream, the last one with the metrics."""
    wire = find_wire(adapter)
    assert wire.write_chunks is not None  # noqa: S101 - a format that is known can be written
    request = read(wire, body)
    scripted = _scripted(engine, request)
    if scripted is None:
        written = wire.write_chunks(events(engine, request, tally, presence), model)
        return with_metrics(_STARTED.get(wire.name, _as_written)(written, request, engine), tally)
    made = scripted.parts()
    tally.usage = reduce(Usage.updated, map(wire.usage, made), counted(body, made, engine))
    return with_metrics(made, tally)


def _scripted(engine: Engine, request: Request) -> Reply | None:
    return engine.native(request) if isinstance(engine, _Scripted) else None


def _claude_started(chunks: Iterable[Json], request: Request, engine: Engine) -> Iterator[Json]:
    """The chunks; Claude tells the input tokens first, Converse last."""
    with closing(chunks) as each:
        for chunk in each:
            if chunk.get("type") == "message_start":
                chunk["message"]["usage"]["input_tokens"] = conversation.tokens(request, engine.count)
            yield chunk


def _as_written(chunks: Iterable[Json], request: Request, engine: Engine) -> Iterator[Json]:
    return iter(chunks)


# What a format tells of the request in the first chunk.
_STARTED: Mapping[str, Callable[[Iterable[Json], Request, Engine], Iterator[Json]]] = {"anthropic": _claude_started}


def with_metrics(made: Iterable[Json], tally: Tally) -> Iterator[Json]:
    """The chunks, the last with the metrics; each comes when the next is there, for only then it is not the last."""
    with closing(made) as each:
        held = next(each, None)
        try:
            for chunk in each:
                if held is not None:
                    yield held
                held = chunk
        except Exception:
            # What came before an error is sent before it.
            if held is not None:
                yield held
            raise
    yield {**(held or {}), METRICS: tally.metrics()}


def read(wire: Wire, body: Json) -> Request:
    """The request that a body of this wire makes, with what the format always tells; or the refusal of it."""
    assert wire.read_request is not None  # noqa: S101 - a format that is known can be read
    try:
        request = wire.read_request(body)
    except InvalidBody as error:
        raise invalid(error.detail) from None
    also = _ALSO_TOLD.get(wire.name)
    return {**request, "additionalModelResponseFieldPaths": also} if also else request


def counted(body: Json, made: Any, engine: Engine) -> Usage:
    """Tokens of the longest texts of both sides, for a format that tells none."""
    return Usage(input=engine.count(longest(body)), output=engine.count(longest(made)))


def longest(value: Any) -> str:
    """The longest text that a value holds."""
    return max(texts(value), key=len, default="")


def texts(value: Any) -> Iterator[str]:
    """All texts that a value holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
