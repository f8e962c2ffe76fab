"""Converse as the canonical form: a request made ready for one model, and its answer read back, whole or as events."""

import json
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.call import IDLE, REPLY, Call, Idle, Reply, Stream
from bedrock_flask.converse import Event, Json, Request, Response, replay
from bedrock_flask.errors import FieldError, InvalidBody, NotConversable, Unsupported
from bedrock_flask.models.models_file import DROP
from bedrock_flask.models.resolver import Model
from bedrock_flask.translation.extras import place_extras
from bedrock_flask.translation.repairs import apply_repairs, restore_event_tool_names, restore_tool_names
from bedrock_flask.wires import converse


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What goes up for a canonical request, how its tools were renamed, and what was left out of it."""

    operation: str
    wire: str
    body: bytes
    names: Mapping[str, str]
    dropped: tuple[str, ...]


def build_bedrock_request(model: Model, request: Request, *, hints: Collection[str], policy: str) -> Prepared:
    """The request, repaired for this model, its extras placed, in the format that goes up.

    NotConversable for a model that is reached in its own body only; Unsupported for what it cannot take.
    """
    adapter = model.adapter
    if not is_conversable(model):
        raise NotConversable(f"'{model.name}' takes its own body only: POST to /v1/models/{model.name}/invoke.")
    mended = apply_repairs(request, model.capabilities)
    if mended.refused and policy != DROP:
        raise Unsupported([FieldError(path, f"'{model.name}' cannot take this") for path in mended.refused])
    asked, homeless = place_extras(
        mended.request, adapter, model.capabilities, model=model.name, hints=hints, policy=policy
    )
    names, dropped = mended.names, (*mended.reported, *mended.refused, *homeless)
    if converse.WIRE.name in adapter.speaks:
        body, operation, wire = asked, adapter.speaks[converse.WIRE.name], converse.WIRE.name
    else:
        assert adapter.encode is not None  # noqa: S101 - conversable
        with isolate_plugin_errors(adapter):
            body, operation, wire = adapter.encode(asked), adapter.operation, adapter.wire
        if found := [fault for fault in adapter.faults(body) if not fault.unknown]:
            raise InvalidBody(found)
    return Prepared(operation=operation, wire=wire, body=json.dumps(body).encode(), names=names, dropped=dropped)


def is_conversable(model: Model) -> bool:
    """Whether a canonical request can reach the model: by Converse, or by its adapter's own functions."""
    adapter = model.adapter
    return converse.WIRE.name in adapter.speaks or (adapter.encode is not None and adapter.decode is not None)


def read_response(reply: Reply, call: Call, names: Mapping[str, str]) -> Response:
    """A whole answer as a Converse response, its tools named as the caller names them."""
    return restore_tool_names(_decoded(json.loads(reply.body), call), names)


def read_events(stream: Stream, call: Call, names: Mapping[str, str]) -> Generator[Event | Idle]:
    """A stream as Converse events; the whole answer of a model that does not stream is replayed."""
    parts = _Parts()
    with closing(stream.chunks) as chunks:
        for chunk in chunks:
            if chunk is IDLE:
                yield chunk
                continue
            told = json.loads(chunk.data)
            if chunk.event == REPLY:
                events = replay(_decoded(told, call))
            elif call.wire == converse.WIRE.name:
                events = iter([{chunk.event: told}])
            else:
                part = _decoded(told, call)
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
