"""The answer of one model read as Converse, whole or as a stream of events."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.call import IDLE, REPLY, Call, Idle, Reply, Stream
from bedrock_flask.converse import Event, Json, Response, replay
from bedrock_flask.translation.repairs import restore_event_tool_names, restore_tool_names
from bedrock_flask.wires import converse


def read_response(reply: Reply, call: Call, names: Mapping[str, str]) -> Response:
    """A whole answer as a Converse response, its tools named as the caller names them."""
    return restore_tool_names(_decoded(reply.document, call), names)


def read_events(stream: Stream, call: Call, names: Mapping[str, str]) -> Generator[Event | Idle]:
    """A stream as Converse events; the whole answer of a model that does not stream is replayed."""
    parts = _Parts()
    with closing(stream.chunks) as chunks:
        for chunk in chunks:
            if chunk is IDLE:
                yield chunk
                continue
            document = chunk.document
            if chunk.event == REPLY:
                events = replay(_decoded(document, call))
            elif call.wire == converse.WIRE.name:
                events = iter([{chunk.event: document}])
            else:
                part = _decoded(document, call)
                # What `decode` gives may be in no shape of Converse's, and the plugin answers for that too.
                with isolate_plugin_errors(call.adapter):
                    events = iter(list(parts.events(part)))
            for event in events:
                yield restore_event_tool_names(event, names)
    for event in parts.end():
        yield event


def _decoded(told: Json, call: Call) -> Response:
    if call.wire == converse.WIRE.name or call.adapter.decode is None:
        return told
    with isolate_plugin_errors(call.adapter):
        return call.adapter.decode(told)


@dataclass
class _Parts:
    """The events of a stream whose chunks decode to parts of a response: text grows, any other block comes whole."""

    blocks: int = 0
    in_text: bool = False
    begun: bool = False
    stop: Json = field(default_factory=dict)
    usage: Json = field(default_factory=dict)

    def events(self, part: Response) -> Iterator[Event]:
        if not self.begun:
            self.begun = True
            yield {"messageStart": {"role": "assistant"}}
        message: Any = (part.get("output") or {}).get("message") or {}
        for block in message.get("content") or ():
            yield from self._text(block) if "text" in block else self._whole(block)
        self.stop |= {name: part[name] for name in ("stopReason", "additionalModelResponseFields") if part.get(name)}
        self.usage |= part.get("usage") or {}

    def _text(self, block: Json) -> Iterator[Event]:
        self.in_text = True
        if block["text"]:
            yield {"contentBlockDelta": {"delta": {"text": block["text"]}, "contentBlockIndex": self.blocks}}

    def _whole(self, block: Json) -> Iterator[Event]:
        yield from self._close()
        # Everything but its own start and stop, which `replay` writes for a message of this block alone.
        for event in replay({"output": {"message": {"content": [block]}}}):
            [(kind, told)] = event.items()
            if kind.startswith("contentBlock"):
                yield {kind: {**told, "contentBlockIndex": self.blocks}}
        self.blocks += 1

    def _close(self) -> Iterator[Event]:
        if self.in_text:
            yield {"contentBlockStop": {"contentBlockIndex": self.blocks}}
            self.in_text, self.blocks = False, self.blocks + 1

    def end(self) -> Iterator[Event]:
        if self.begun:
            yield from self._close()
            yield {"messageStop": self.stop or {"stopReason": "end_turn"}}
            yield {"metadata": {"usage": self.usage}}
