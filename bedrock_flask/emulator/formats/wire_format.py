"""What a model answers, whole or in chunks, in a format that is read and written: as scripted, or by the engine.

That is a format that the gateway knows, or one that a plugin reads and writes itself.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import METRICS, Usage, from_members
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Request, Response, fold
from bedrock_flask.emulator.calls.errors import validation_error
from bedrock_flask.emulator.calls.presence import CallerLeft, Presence
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.formats.answer_parts import split_answer
from bedrock_flask.errors import InvalidBody
from bedrock_flask.wires import find_written_wire
from bedrock_flask.wires.wire import Wire

_METRICS = (
    ("input", "inputTokenCount"),
    ("output", "outputTokenCount"),
    ("cache_read", "cacheReadInputTokenCount"),
    ("cache_write", "cacheWriteInputTokenCount"),
)


@dataclass
class Tally:
    """The tokens and milliseconds of one call, complete when the call is over."""

    usage: Usage = field(default_factory=Usage)
    began: float = field(default_factory=time.monotonic)
    first: float = 0.0

    def measure_latency(self) -> int:
        """Milliseconds since the beginning of the call."""
        return round((time.monotonic() - self.began) * 1000)

    def make_metrics(self) -> Json:
        """The `amazon-bedrock-invocationMetrics` of the last chunk."""
        counts = {name: getattr(self.usage, count) for count, name in _METRICS}
        counts |= {"invocationLatency": self.measure_latency(), "firstByteLatency": round(self.first * 1000)}
        return {name: count for name, count in counts.items() if count is not None}


def relay_events(engine: EmulatorEngine, request: Request, tally: Tally, presence: Presence) -> Iterator[Event]:
    """The engine's events, tallied, until the caller leaves; closing the iterator stops the model."""
    with closing(engine.converse(request)) as events:
        for event in events:
            if presence.has_left():
                raise CallerLeft()
            tally.first = tally.first or time.monotonic() - tally.began
            if "metadata" in event:
                tally.usage = from_members(event["metadata"].get("usage"))
            yield event


def make_reply(
    adapter: Adapter, model: str, body: Json, engine: EmulatorEngine, tally: Tally, presence: Presence
) -> Json:
    """The whole reply."""
    wire = find_written_wire(adapter)
    request = read_request(wire, body)
    scripted = engine.find_native_reply(request)
    if scripted is None:
        written = _write_reply(adapter, fold(relay_events(engine, request, tally, presence)), model)
        return _complete(adapter, written, body)
    reply = scripted.body or {}
    tally.usage = count_usage(body, reply, engine).merge(wire.read_usage(reply))
    return reply


def make_chunks(
    adapter: Adapter, model: str, body: Json, engine: EmulatorEngine, tally: Tally, presence: Presence
) -> Iterator[Any]:
    """The chunks of the stream; the last one that is an object has the metrics."""
    wire = find_written_wire(adapter)
    request = read_request(wire, body)
    scripted = engine.find_native_reply(request)
    if scripted is None:
        count = partial(conversation.count_tokens, request, engine.count)
        written = _write_chunks(adapter, relay_events(engine, request, tally, presence), model, count)
        return _add_last(add_metrics(_complete_chunks(adapter, written, body), tally), adapter.chat_form.last)
    parts = scripted.list_chunks()
    tally.usage = reduce(Usage.merge, map(wire.read_usage, parts), count_usage(body, parts, engine))
    return add_metrics(parts, tally)


def _complete(adapter: Adapter, written: Json, body: Json) -> Json:
    """A reply or a chunk with what it repeats of the body."""
    return written if adapter.complete_reply is None else adapter.complete_reply(written, body)


def _complete_chunks(adapter: Adapter, written: Iterable[Json], body: Json) -> Iterator[Json]:
    with closing(written) as each:
        for chunk in each:
            yield _complete(adapter, chunk, body)


def _write_reply(adapter: Adapter, response: Response, model: str) -> Json:
    if adapter.write_reply is not None:
        return adapter.write_reply(response)
    write = find_written_wire(adapter).write_reply
    assert write is not None  # noqa: S101 - a known format can be written
    return write(response, model)


def _write_chunks(adapter: Adapter, events: Iterable[Event], model: str, count: Callable[[], int]) -> Iterator[Json]:
    if adapter.write_chunks is not None:
        return iter(adapter.write_chunks(split_answer(events, count)))
    wire = find_written_wire(adapter)
    return _add_start_tokens(wire, wire.write_chunks(events, model), count)


def _add_last(chunks: Iterable[Json], text: str) -> Iterator[Any]:
    """The chunks, and behind them the text that some families send last."""
    with closing(chunks) as each:
        yield from each
    if text:
        yield text


def _add_start_tokens(wire: Wire, chunks: Iterable[Json], count: Callable[[], int]) -> Iterator[Json]:
    """The chunks; Converse reports the input tokens at the end, some formats at the beginning."""
    with closing(chunks) as each:
        for chunk in each:
            yield wire.add_tokens(chunk, count)


def add_metrics(chunks: Iterable[Json], tally: Tally) -> Iterator[Json]:
    """Add the metrics to the last chunk. Each is held back until the next arrives, because it may be the last one."""
    with closing(chunks) as each:
        previous = next(each, None)
        try:
            for chunk in each:
                if previous is not None:
                    yield previous
                previous = chunk
        except Exception:
            # What came before an error is sent before it.
            if previous is not None:
                yield previous
            raise
    yield {**(previous or {}), METRICS: tally.make_metrics()}


def read_request(wire: Wire, body: Json) -> Request:
    """Read a body of this wire as a Converse request that also asks for what the format always reports."""
    assert wire.read_request is not None  # noqa: S101 - a known format can be read
    try:
        request = wire.read_request(body)
    except InvalidBody as error:
        raise validation_error(error.detail) from None
    paths = list(wire.response_paths)
    return {**request, "additionalModelResponseFieldPaths": paths} if paths else request


def count_usage(body: Json, reply: Any, engine: EmulatorEngine) -> Usage:
    """The tokens of the longest texts of both sides, for a format that reports none."""
    return Usage(input=engine.count(find_longest_text(body)), output=engine.count(find_longest_text(reply)))


def find_longest_text(value: Any) -> str:
    """The longest text in a value."""
    return max(iterate_texts(value), key=len, default="")


def iterate_texts(value: Any) -> Iterator[str]:
    """All texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from iterate_texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            # A vector has thousands of numbers.
            if not isinstance(inner, int | float):
                yield from iterate_texts(inner)
