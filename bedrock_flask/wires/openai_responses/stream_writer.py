"""Converse events as the event stream of OpenAI's Responses API."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from bedrock_flask.converse import Event, Json, list_known_members, list_unknown_kinds
from bedrock_flask.protocol.sse import write_json
from bedrock_flask.wires.member_text import MemberText
from bedrock_flask.wires.openai_responses import response_writer
from bedrock_flask.wires.openai_responses.items import write_reasoning_members
from bedrock_flask.wires.openai_responses.tools import NO_NAMESPACES, RequestTools
from bedrock_flask.wires.text_template import TextTemplate
from bedrock_flask.wires.wire import EventWriter, report_left_out, write_all


def write_chunks(
    events: Iterable[Event],
    model: str,
    *,
    custom: frozenset[str] = frozenset(),
    namespaced: Mapping[str, tuple[str, str]] = NO_NAMESPACES,
    searches: bool = False,
) -> Iterator[Json]:
    """The Converse events of a whole stream as the events of a Responses stream."""
    return write_all(open_writer(model, custom=custom, namespaced=namespaced, searches=searches), events)


def open_writer(
    model: str,
    *,
    custom: frozenset[str] = frozenset(),
    namespaced: Mapping[str, tuple[str, str]] = NO_NAMESPACES,
    searches: bool = False,
) -> EventWriter:
    """A writer of the events of one Responses stream; the last event has the usage, which Converse sends last.

    `custom`, `namespaced` and `searches` are what `find_custom_tools`, `find_namespaced_tools` and `has_tool_search`
    read from the request.
    """
    stream = _Stream(response_writer.start_response(model), RequestTools(custom, namespaced, searches))

    def write(kind: str, payload: Json) -> Iterator[Json]:
        if stream.is_over:
            return
        for chunk in _EVENTS.get(kind, _ignore)(stream, payload):
            yield number_event(chunk, next(stream.numbers))

    return EventWriter(write, partial(_write_further_text, stream))


def number_event(event: Json, number: int) -> Json:
    """The event with its number in the stream."""
    return {"type": event.pop("type"), "sequence_number": number, **event}


# --- items, each while it is written ---------------------------------------------------------------------------------


@dataclass(eq=False)
class _Item:
    """One item of the output: whether its last block has stopped, and whether the whole item is done.

    Each kind adds two methods: `add` writes a delta, `stop` the end of a block.
    """

    index: int
    item: Json
    stopped: bool = False
    done: bool = False

    def build_event(self, kind: str, **members: Any) -> Json:
        """An event about this item."""
        return {"type": f"response.{kind}", "item_id": self.item["id"], "output_index": self.index, **members}

    def start(self) -> Iterator[Json]:
        """The events before the first delta."""
        item = {**self.item, "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": self.index, "item": item}

    def finish(self, status: str) -> Iterator[Json]:
        """The events after the last block."""
        self.done = True
        item = {**self.item, "status": status}
        yield {"type": "response.output_item.done", "output_index": self.index, "item": item}


@dataclass(eq=False)
class _Message(_Item):
    """Consecutive texts: the pieces of the one that is open, and the event of a further piece."""

    pieces: list[str] = field(default_factory=list)
    template: tuple[bytes, bytes, bytes] | None = None

    def start(self) -> Iterator[Json]:
        if self.stopped:
            self.stopped = False
        else:
            yield from super().start()
        # The event has a separate part, because the one in the item grows.
        yield self._build_part_event(
            "content_part.added", part=response_writer.build_text_part(""), index=len(self.item["content"])
        )
        self.item["content"] = [*self.item["content"], response_writer.build_text_part("")]
        self.pieces, self.template = [], None

    def add(self, delta: str) -> Iterator[Json]:
        self.pieces.append(delta)
        yield self._build_text_event(delta)

    def write_text(self, delta: str, number: int) -> bytes:
        """The JSON text of the event that `add` builds, with its sequence number."""
        self.pieces.append(delta)
        if self.template is None:
            template = TextTemplate(lambda text: number_event(self._build_text_event(text), 0))
            start, _, middle = template.before.partition(b'"sequence_number":0')
            self.template = start + b'"sequence_number":', middle, template.after
        start, middle, end = self.template
        return start + str(number).encode() + middle + write_json(delta) + end

    def stop(self) -> Iterator[Json]:
        part = self.item["content"][-1] = response_writer.build_text_part("".join(self.pieces))
        yield self._build_part_event("output_text.done", text=part["text"], logprobs=[])
        yield self._build_part_event("content_part.done", part=part)

    def _build_text_event(self, delta: str) -> Json:
        return self._build_part_event("output_text.delta", delta=delta, logprobs=[])

    def _build_part_event(self, kind: str, index: int | None = None, **members: Any) -> Json:
        return self.build_event(
            kind, content_index=len(self.item["content"]) - 1 if index is None else index, **members
        )


@dataclass(eq=False)
class _Thought(_Item):
    """One block of reasoning."""

    reasoning: Json = field(default_factory=dict)

    def add(self, delta: Json) -> Iterator[Json]:
        for name, value in list_known_members(delta, _THOUGHTS):
            if name == "redactedContent":
                self.reasoning[name] = self.reasoning.get(name, "") + value
                continue
            text = self.reasoning.setdefault("reasoningText", {"text": ""})
            if name == "text" and value:
                if not text["text"]:
                    yield self.build_event("reasoning_summary_part.added", summary_index=0, part=_build_summary(""))
                yield self.build_event("reasoning_summary_text.delta", summary_index=0, delta=value)
            text[name] = text.get(name, "") + value

    def stop(self) -> Iterator[Json]:
        self.item.update(write_reasoning_members(self.reasoning))
        for part in self.item["summary"]:
            yield self.build_event("reasoning_summary_text.done", summary_index=0, text=part["text"])
            yield self.build_event("reasoning_summary_part.done", summary_index=0, part=part)


_THOUGHTS = ("text", "signature", "redactedContent")


def _build_summary(text: str) -> Json:
    return {"type": "summary_text", "text": text}


@dataclass(eq=False)
class _Function(_Item):
    """A call of a function."""

    def add(self, delta: Json) -> Iterator[Json]:
        if delta.get("input"):
            self.item["arguments"] += delta["input"]
            yield self.build_event("function_call_arguments.delta", delta=delta["input"])

    def stop(self) -> Iterator[Json]:
        # A call without arguments has no delta, or a blank one.
        if not self.item["arguments"].strip():
            yield from self.add({"input": "{}"})
        yield self.build_event("function_call_arguments.done", arguments=self.item["arguments"])


@dataclass(eq=False)
class _Custom(_Item):
    """A call of a custom tool, whose input comes inside JSON."""

    reader: MemberText = field(default_factory=lambda: MemberText("input"))

    def add(self, delta: Json) -> Iterator[Json]:
        yield from self._add(self.reader.feed(delta.get("input") or ""))

    def stop(self) -> Iterator[Json]:
        if not self.reader.found:
            yield from self._add(self.reader.raw if self.reader.raw.strip() else "{}")
        yield self.build_event("custom_tool_call_input.done", input=self.item["input"])

    def _add(self, text: str) -> Iterator[Json]:
        if text:
            self.item["input"] += text
            yield self.build_event("custom_tool_call_input.delta", delta=text)


@dataclass(eq=False)
class _Search(_Item):
    """A search for further tools, whose arguments come as an object in the last event about it."""

    text: str = ""

    def add(self, delta: Json) -> Iterator[Json]:
        self.text += delta.get("input") or ""
        yield from ()

    def stop(self) -> Iterator[Json]:
        try:
            self.item["arguments"] = json.loads(self.text) if self.text.strip() else {}
        except ValueError:
            # Arguments that the token limit cut are not JSON, but text.
            self.item["arguments"] = self.text
        yield from ()


_Kind = _Message | _Thought | _Function | _Custom | _Search
# How a call is written, by the type of its item.
_CALLS: Mapping[str, type[_Function | _Custom | _Search]] = {
    "function_call": _Function,
    "custom_tool_call": _Custom,
    "tool_search_call": _Search,
}


# --- events ----------------------------------------------------------------------------------------------------------


@dataclass
class _Stream:
    """The state of a stream.

    items     all items so far
    blocks    the item of each Converse block
    left_out  the kinds of blocks that the format does not have
    stop      the payload of `messageStop`
    is_over   whether the last event was written
    numbers   the sequence numbers that are left
    """

    response: Json
    tools: RequestTools
    items: list[_Kind] = field(default_factory=list)
    blocks: dict[int, _Kind] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    stop: Json = field(default_factory=dict)
    is_over: bool = False
    numbers: Iterator[int] = field(default_factory=count)


def _ignore(stream: _Stream, payload: Json) -> Iterator[Json]:
    # AWS may add types of events.
    yield from ()


def _write_message_start(stream: _Stream, payload: Json) -> Iterator[Json]:
    yield {"type": "response.created", "response": stream.response}
    yield {"type": "response.in_progress", "response": stream.response}


def _write_block_start(stream: _Stream, payload: Json) -> Iterator[Json]:
    use = payload["start"].get("toolUse")
    stream.left_out += response_writer.find_unsupported(payload["start"])
    if use is not None and response_writer.is_client_call(use):
        item = response_writer.build_call(use, stream.tools)
        kind = _CALLS[item["type"]]
        yield from _open_item(stream, payload["contentBlockIndex"], kind(len(stream.items), item))


def _write_block_delta(stream: _Stream, payload: Json) -> Iterator[Json]:
    index = payload["contentBlockIndex"]
    stream.left_out += list_unknown_kinds(payload["delta"], _KNOWN)
    for kind, delta in list_known_members(payload["delta"], _ADDED):
        if index not in stream.blocks and kind in _OPENED and delta:
            yield from _open_item(stream, index, _OPENED[kind](stream))
        if index in stream.blocks:
            yield from stream.blocks[index].add(delta)


def _write_further_text(stream: _Stream, index: int, text: str) -> bytes | None:
    """The text of the event for a further piece of a text; the first one begins an item."""
    item = stream.blocks.get(index)
    if not isinstance(item, _Message) or stream.is_over:
        return None
    return item.write_text(text, next(stream.numbers))


def _write_block_stop(stream: _Stream, payload: Json) -> Iterator[Json]:
    item = stream.blocks.get(payload["contentBlockIndex"])
    if item is not None:
        item.stopped = True
        yield from item.stop()


def _write_message_stop(stream: _Stream, payload: Json) -> Iterator[Json]:
    stream.stop = payload
    for item in stream.items:
        if not item.stopped:
            yield from item.stop()
    # Only the stop reason says whether the last item is whole.
    statuses = response_writer.set_statuses((item.item for item in stream.items), payload.get("stopReason"))
    for item, ended in zip(stream.items, statuses, strict=True):
        if not item.done:
            yield from item.finish(ended["status"])


def _write_metadata(stream: _Stream, payload: Json) -> Iterator[Json]:
    stream.is_over = True
    response = response_writer.end_response(stream.response, (item.item for item in stream.items), stream.stop, payload)
    yield {"type": f"response.{response['status']}", "response": {**response, **report_left_out(stream.left_out)}}


def _open_item(stream: _Stream, index: int, item: _Kind) -> Iterator[Json]:
    """The events that start an item or continue a message; earlier items that have stopped are finished first."""
    for before in stream.items:
        if before.stopped and not before.done and before is not item:
            yield from before.finish("completed")
    if item not in stream.items:
        stream.items.append(item)
    stream.blocks[index] = item
    yield from item.start()


def _open_message(stream: _Stream) -> _Message:
    last = stream.items[-1] if stream.items else None
    if isinstance(last, _Message) and last.stopped and not last.done:
        return last
    return _Message(len(stream.items), response_writer.build_message([]))


def _open_thought(stream: _Stream) -> _Thought:
    return _Thought(len(stream.items), {"id": response_writer.make_id("rs"), "type": "reasoning", "summary": []})


# Text and reasoning start with their first delta.
_OPENED: Mapping[str, Callable[[_Stream], _Message | _Thought]] = {
    "text": _open_message,
    "reasoningContent": _open_thought,
}
_ADDED = frozenset({"text", "reasoningContent", "toolUse"})
# The format has no citations of documents, but the text that they belong to is written.
_KNOWN = _ADDED | {"citation"}
_EVENTS: Mapping[str, Callable[[_Stream, Json], Iterator[Json]]] = {
    "messageStart": _write_message_start,
    "contentBlockStart": _write_block_start,
    "contentBlockDelta": _write_block_delta,
    "contentBlockStop": _write_block_stop,
    "messageStop": _write_message_stop,
    "metadata": _write_metadata,
}
