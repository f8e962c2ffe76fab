"""Read the answer of one model as Converse, whole or as a stream of events."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.call import IDLE, REPLY, Call, Chunk, Idle, Reply, Stream
from bedrock_flask.converse import Event, Json, Response, replay
from bedrock_flask.translation.answer_tool import AnswerTool
from bedrock_flask.translation.repairs import restore_event_tool_names, restore_tool_names
from bedrock_flask.translation.take_converse_answer import take_answer, take_answer_events
from bedrock_flask.wires import converse, find_wire


def read_response(
    reply: Reply, call: Call, names: Mapping[str, str], answer_tool: AnswerTool | None = None
) -> Response:
    """A whole answer as a Converse response, with the caller's names for its tools.

    The input of `answer_tool` is its text.
    """
    response = _read_document(reply.document, call)
    return restore_tool_names(take_answer(response, answer_tool) if answer_tool else response, names)


def read_events(
    stream: Stream, call: Call, names: Mapping[str, str], answer_tool: AnswerTool | None = None
) -> Generator[Event | Idle]:
    """A stream as Converse events; a whole answer that arrives as a stream is replayed."""
    with closing(stream.chunks) as chunks:
        events = _read_chunks(chunks, call)
        for event in take_answer_events(events, answer_tool) if answer_tool else events:
            yield restore_event_tool_names(event, names) if isinstance(event, dict) else event


def _read_document(document: Json, call: Call) -> Response:
    if call.wire != converse.WIRE.name and call.adapter.decode is not None:
        with isolate_plugin_errors(call.adapter):
            return call.adapter.decode(document)
    wire = find_wire(call.adapter, call.wire)
    return wire.read_reply(document) if wire.read_reply else document


def _read_chunks(chunks: Iterator[Chunk | Idle], call: Call) -> Iterator[Event | Idle]:
    for chunk in chunks:
        if chunk is IDLE:
            yield chunk
        elif chunk.event == REPLY:
            yield from replay(_read_document(chunk.document, call))
        else:
            # The first chunk of a stream: all others follow it.
            yield from _read_stream(map(_read_chunk, chain([chunk], chunks)), call)


def _read_chunk(chunk: Chunk | Idle) -> Json | Idle:
    if chunk is IDLE:
        return chunk
    return chunk.document if chunk.event == "chunk" else {chunk.event: chunk.document}


def _read_stream(documents: Iterable[Any], call: Call) -> Iterator[Event | Idle]:
    if call.wire != converse.WIRE.name and call.adapter.decode is not None:
        return _decode_chunks(documents, call)
    wire = find_wire(call.adapter, call.wire)
    return wire.read_chunks(documents) if wire.read_chunks else iter(documents)


def _decode_chunks(documents: Iterable[Any], call: Call) -> Iterator[Event | Idle]:
    parts = _Parts()
    for document in documents:
        if document is IDLE:
            yield document
            continue
        # A plugin's `decode` may return anything, and the plugin is reported for it.
        with isolate_plugin_errors(call.adapter):
            assert call.adapter.decode is not None  # noqa: S101 - or this would not be called
            events = list(parts.read(call.adapter.decode(document)))
        yield from events
    yield from parts.end()


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
            yield {"messageStop": self.stop or {"stopReason": "end_turn"}}
            yield {"metadata": {"usage": self.usage}}
