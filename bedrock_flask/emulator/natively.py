"""What a model answers in its own format, whole or as chunks.

By a scripted reply that is a native body; else by the adapter's wire, if that can be served the other way round; else
by the adapter's `emulate`; else the adapter's samples; else something neutral.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Protocol, runtime_checkable

from bedrock_flask.adapter import Adapter, Engine
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Request, fold, text_of
from bedrock_flask.emulator import conversation
from bedrock_flask.emulator.engines.replies import Reply
from bedrock_flask.emulator.presence import CallerLeft, Presence
from bedrock_flask.usage import METRICS, Usage, from_members
from bedrock_flask.wires import wire_of

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
    wire = wire_of(adapter)
    request = _told_also(wire.name, wire.read_request(body)) if wire.read_request else _asked(body)
    scripted = _scripted(engine, request)
    if scripted is None and wire.read_request and wire.write_reply:
        return wire.write_reply(fold(events(engine, request, tally, presence)), model)
    made = scripted.body if scripted else _without_wire(adapter, body, engine)
    if made is None:
        made = _neutral_reply(fold(events(engine, request, tally, presence)))
    tally.usage = _counted(body, made, engine).updated(wire.usage(made)).updated(tally.usage)
    return made


def chunks(
    adapter: Adapter, model: str, body: Json, engine: Engine, tally: Tally, presence: Presence
) -> Iterator[Json]:
    """The chunks of the stream, the last one with the metrics."""
    wire = wire_of(adapter)
    request = _told_also(wire.name, wire.read_request(body)) if wire.read_request else _asked(body)
    scripted = _scripted(engine, request)
    samples = [dict(chunk) for chunk in (_chunks(scripted) if scripted else adapter.chunks or ())]
    if scripted is None and wire.read_request and wire.write_chunks:
        written = wire.write_chunks(events(engine, request, tally, presence), model)
        made = _STARTED.get(wire.name, _as_written)(written, request, engine)
    elif samples:
        made = iter(samples)
        tally.usage = reduce(Usage.updated, map(wire.usage, samples), _counted(body, samples, engine))
    elif (whole := _without_wire(adapter, body, engine)) is not None:
        made = iter([whole])
        tally.usage = _counted(body, whole, engine).updated(wire.usage(whole))
    else:
        made = _neutral_chunks(events(engine, request, tally, presence))
    return _with_metrics(made, tally)


def _scripted(engine: Engine, request: Request) -> Reply | None:
    return engine.native(request) if isinstance(engine, _Scripted) else None


def _chunks(scripted: Reply) -> Iterable[Json]:
    return scripted.chunks or (scripted.body or {},)


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


def _without_wire(adapter: Adapter, body: Json, engine: Engine) -> Json | None:
    if adapter.emulate is not None:
        return adapter.emulate(body, engine)
    return dict(adapter.reply) if adapter.reply is not None else None


def _with_metrics(made: Iterable[Json], tally: Tally) -> Iterator[Json]:
    """Each chunk when the next is there, for only then it is known not to be the last."""
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


def _told_also(wire: str, request: Request) -> Request:
    return {**request, "additionalModelResponseFieldPaths": _ALSO_TOLD[wire]} if wire in _ALSO_TOLD else request


def _asked(body: Json) -> Request:
    """A body of no known format as a question: its longest text."""
    return {"messages": [{"role": "user", "content": [{"text": _longest(body)}]}]}


def _neutral_reply(response: Json) -> Json:
    text = text_of(response["output"]["message"]["content"])
    return {"text": text, "stop_reason": response.get("stopReason", "end_turn")}


def _neutral_chunks(told: Iterable[Event]) -> Iterator[Json]:
    reason = "end_turn"
    with closing(told) as each:
        for event in each:
            delta = event.get("contentBlockDelta", {}).get("delta", {})
            if "text" in delta:
                yield {"text": delta["text"]}
            reason = event.get("messageStop", {}).get("stopReason", reason)
    yield {"text": "", "stop_reason": reason}


def _counted(body: Json, made: Any, engine: Engine) -> Usage:
    """Tokens of the longest texts of both sides, for a format that tells none."""
    return Usage(input=engine.count(_longest(body)), output=engine.count(_longest(made)))


def _longest(value: Any) -> str:
    return max(_texts(value), key=len, default="")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
