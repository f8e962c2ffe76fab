"""Read the answer of one model as Converse, whole or as a stream of events."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.call import REPLY, Call, Chunk, Reply
from bedrock_flask.converse import Event, Json, Response, replay
from bedrock_flask.translation.answer_tool import AnswerTool
from bedrock_flask.translation.repairs import restore_event_tool_names, restore_tool_names
from bedrock_flask.translation.take_converse_answer import make_event_taker, take_answer
from bedrock_flask.wires import converse, find_wire
from bedrock_flask.wires.wire import ChunkReader


def read_response(
    reply: Reply, call: Call, names: Mapping[str, str], answer_tool: AnswerTool | None = None
) -> Response:
    """A whole answer as a Converse response, with the caller's names for its tools.

    The input of `answer_tool` is its text.
    """
    response = _add_usage(_read_document(reply.document, call), call)
    return restore_tool_names(take_answer(response, answer_tool) if answer_tool else response, names)


@dataclass(frozen=True, slots=True)
class StreamReader:
    """Reads the chunks of one answer as they come.

    read       the Converse events that a chunk completes
    end        the events that follow at the end of the stream
    find_text  the number of a block and a piece of its text, if that is all that a chunk holds and nothing changes it
    """

    read: Callable[[Chunk], Iterable[Event]]
    end: Callable[[], Iterable[Event]]
    find_text: Callable[[Chunk], tuple[int, str] | None]


def open_answer(call: Call, names: Mapping[str, str], answer_tool: AnswerTool | None = None) -> StreamReader:
    """A reader of the answer to a call; a whole answer that arrives as a stream is replayed."""
    stream = _open_stream(call)
    steps: list[Callable[[Event], Iterable[Event]]] = []
    if answer_tool is not None:
        steps.append(make_event_taker(answer_tool).take)
    if names:
        steps.append(lambda event: (restore_event_tool_names(event, names),))
    is_converse = find_wire(call.adapter, call.wire) is converse.WIRE

    def read(chunk: Chunk) -> Iterable[Event]:
        if chunk.event == REPLY:
            return change(replay(_read_document(chunk.document, call)))
        if chunk.event == "chunk":
            return change(stream.read(chunk.document))
        event = {chunk.event: chunk.document}
        return change((event,) if is_converse else stream.read(event))

    def change(events: Iterable[Event]) -> Iterable[Event]:
        for step in steps:
            events = chain.from_iterable(map(step, events))
        return events

    def find_text(chunk: Chunk) -> tuple[int, str] | None:
        return converse.find_text(chunk.data) if chunk.event == "contentBlockDelta" else None

    is_plain = is_converse and answer_tool is None
    return StreamReader(read, lambda: change(stream.end()), find_text if is_plain else lambda chunk: None)


def _read_document(document: Json, call: Call) -> Response:
    if call.wire != converse.WIRE.name and call.adapter.decode is not None:
        with isolate_plugin_errors(call.adapter):
            return call.adapter.decode(document)
    wire = find_wire(call.adapter, call.wire)
    return wire.read_reply(document) if wire.read_reply else document


def _add_usage(response: Response, call: Call) -> Response:
    """The response with the usage that Bedrock reports in headers or metrics, if its own format has none."""
    if response.get("usage"):
        return response
    counts = zip(_COUNTS, call.record.usage.counts(), strict=True)
    usage = {name: count for name, count in counts if count is not None}
    return {**response, "usage": usage} if usage else response


# Converse's names for the counts, in the order of `Usage.counts`.
_COUNTS = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")


def _open_stream(call: Call) -> ChunkReader:
    if call.wire != converse.WIRE.name and call.adapter.decode is not None:
        return _open_decoder(call, call.adapter.decode)
    wire = find_wire(call.adapter, call.wire)
    return wire.open_reader() if wire.open_reader else converse.open_reader()


def _open_decoder(call: Call, decode: Callable[[Json], Response]) -> ChunkReader:
    parts = _Parts()

    def read(chunk: Json) -> Iterable[Event]:
        # A plugin's `decode` may return anything, and the plugin is reported for it.
        with isolate_plugin_errors(call.adapter):
            return list(parts.read(decode(chunk)))

    def end() -> Iterable[Event]:
        parts.usage = _add_usage({"usage": parts.usage}, call)["usage"]
        return parts.end()

    return ChunkReader(read, end)


@dataclass
class _Parts:
    """Builds the events of a stream whose chunks decode to parts of a response.

    Text arrives in pieces, every other block in one.
    """

    blocks: int = 0
    is_in_text: bool = False
    is_started: bool = False
    stop: Json = field(default_factory=dict)
    usage: Json = field(default_factory=dict)

    def read(self, part: Response) -> Iterator[Event]:
        if not self.is_started:
            self.is_started = True
            yield {"messageStart": {"role": "assistant"}}
        message: Any = (part.get("output") or {}).get("message") or {}
        for block in message.get("content") or ():
            yield from self._add_text(block) if "text" in block else self._add_whole(block)
        self.stop |= {name: part[name] for name in ("stopReason", "additionalModelResponseFields") if part.get(name)}
        self.usage |= part.get("usage") or {}

    def _add_text(self, block: Json) -> Iterator[Event]:
        self.is_in_text = True
        if block["text"]:
            yield {"contentBlockDelta": {"delta": {"text": block["text"]}, "contentBlockIndex": self.blocks}}

    def _add_whole(self, block: Json) -> Iterator[Event]:
        yield from self._close_text()
        # `replay` also gives the start and stop of a message of this block alone; they are left out.
        for event in replay({"output": {"message": {"content": [block]}}}):
            [(kind, payload)] = event.items()
            if kind.startswith("contentBlock"):
                yield {kind: {**payload, "contentBlockIndex": self.blocks}}
        self.blocks += 1

    def _close_text(self) -> Iterator[Event]:
        if self.is_in_text:
            yield {"contentBlockStop": {"contentBlockIndex": self.blocks}}
            self.is_in_text, self.blocks = False, self.blocks + 1

    def end(self) -> Iterator[Event]:
        if self.is_started:
            yield from self._close_text()
            yield {"messageStop": self.stop}
            yield {"metadata": {"usage": self.usage}}
