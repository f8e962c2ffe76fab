"""Converse events as the event stream of OpenAI's Responses API."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bedrock_flask.converse import Event, Json, known_members, unknown_kinds
from bedrock_flask.wires.openai_responses import response_writer
from bedrock_flask.wires.openai_responses.items import reasoning_members
from bedrock_flask.wires.openai_responses.member_text import MemberText
from bedrock_flask.wires.openai_responses.tools import NO_NAMESPACES, Asked
from bedrock_flask.wires.wire import map_events, report_left_out


def write_chunks(
    events: Iterable[Event],
    model: str,
    *,
    custom: frozenset[str] = frozenset(),
    namespaced: Mapping[str, tuple[str, str]] = NO_NAMESPACES,
) -> Iterator[Json]:
    """Converse events as the events of a Responses stream; Converse tells usage last, and with it the stream ends.

    `custom` and `namespaced` are what the tools of the request tell.
    """
    stream, numbers = _Stream(response_writer.started(model), Asked(custom, namespaced)), count()

    def write(kind: str, told: Json) -> Iterator[Json]:
        for chunk in _EVENTS.get(kind, _nothing)(stream, told):
            yield {"type": chunk.pop("type"), "sequence_number": next(numbers), **chunk}

    return map_events(events, write)


# --- items, each while it is written ---------------------------------------------------------------------------------


@dataclass(eq=False)
class _Item:
    """One item of the output, and whether all of it has come.

    Each kind has two functions more: `add` tells what comes next, `stop` that a block of it is whole.
    """

    index: int
    item: Json
    stopped: bool = False
    done: bool = False

    def told(self, kind: str, **members: Any) -> Json:
        """An event about this item."""
        return {"type": f"response.{kind}", "item_id": self.item["id"], "output_index": self.index, **members}

    def start(self) -> Iterator[Json]:
        """What there is to tell before the first of it comes."""
        item = {**self.item, "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": self.index, "item": item}

    def finish(self, status: str) -> Iterator[Json]:
        """What there is to tell when nothing more can come."""
        self.done = True
        item = {**self.item, "status": status}
        yield {"type": "response.output_item.done", "output_index": self.index, "item": item}


@dataclass(eq=False)
class _Message(_Item):
    """Texts in a row."""

    def start(self) -> Iterator[Json]:
        if self.stopped:
            self.stopped = False
        else:
            yield from super().start()
        # The event's own part: the one in the item grows.
        yield self._about_part("content_part.added", part=response_writer.text_part(""), of=len(self.item["content"]))
        self.item["content"] = [*self.item["content"], response_writer.text_part("")]

    def add(self, delta: str) -> Iterator[Json]:
        self.item["content"][-1]["text"] += delta
        yield self._about_part("output_text.delta", delta=delta, logprobs=[])

    def stop(self) -> Iterator[Json]:
        part = dict(self.item["content"][-1])
        yield self._about_part("output_text.done", text=part["text"], logprobs=[])
        yield self._about_part("content_part.done", part=part)

    def _about_part(self, kind: str, of: int | None = None, **members: Any) -> Json:
        return self.told(kind, content_index=len(self.item["content"]) - 1 if of is None else of, **members)


@dataclass(eq=False)
class _Thought(_Item):
    """One block of reasoning."""

    reasoning: Json = field(default_factory=dict)

    def add(self, delta: Json) -> Iterator[Json]:
        for name, value in known_members(delta, _THOUGHTS):
            if name == "redactedContent":
                self.reasoning[name] = self.reasoning.get(name, "") + value
                continue
            text = self.reasoning.setdefault("reasoningText", {"text": ""})
            if name == "text" and value:
                if not text["text"]:
                    yield self.told("reasoning_summary_part.added", summary_index=0, part=_summary(""))
                yield self.told("reasoning_summary_text.delta", summary_index=0, delta=value)
            text[name] = text.get(name, "") + value

    def stop(self) -> Iterator[Json]:
        self.item.update(reasoning_members(self.reasoning))
        for part in self.item["summary"]:
            yield self.told("reasoning_summary_text.done", summary_index=0, text=part["text"])
            yield self.told("reasoning_summary_part.done", summary_index=0, part=part)


_THOUGHTS = ("text", "signature", "redactedContent")


def _summary(text: str) -> Json:
    return {"type": "summary_text", "text": text}


@dataclass(eq=False)
class _Function(_Item):
    """A call of a function."""

    def add(self, delta: Json) -> Iterator[Json]:
        if delta.get("input"):
            self.item["arguments"] += delta["input"]
            yield self.told("function_call_arguments.delta", delta=delta["input"])

    def stop(self) -> Iterator[Json]:
        # A call without arguments comes without any, or blank.
        if not self.item["arguments"].strip():
            yield from self.add({"input": "{}"})
        yield self.told("function_call_arguments.done", arguments=self.item["arguments"])


@dataclass(eq=False)
class _Custom(_Item):
    """A call of a custom tool, whose input comes inside JSON."""

    reader: MemberText = field(default_factory=lambda: MemberText("input"))

    def add(self, delta: Json) -> Iterator[Json]:
        yield from self._add(self.reader.feed(delta.get("input") or ""))

    def stop(self) -> Iterator[Json]:
        if not self.reader.found:
            yield from self._add(self.reader.raw if self.reader.raw.strip() else "{}")
        yield self.told("custom_tool_call_input.done", input=self.item["input"])

    def _add(self, text: str) -> Iterator[Json]:
        if text:
            self.item["input"] += text
            yield self.told("custom_tool_call_input.delta", delta=text)


_Kind = _Message | _Thought | _Function | _Custom


# --- events ----------------------------------------------------------------------------------------------------------


@dataclass
class _Stream:
    """What is known of a stream while it is written: its items, also by Converse's blocks, and why it stopped.

    Kinds of blocks that the format has no words for are in `unsaid`.
    """

    response: Json
    asked: Asked
    items: list[_Kind] = field(default_factory=list)
    blocks: dict[int, _Kind] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)
    stop: Json = field(default_factory=dict)


def _nothing(stream: _Stream, told: Json) -> Iterator[Json]:
    # AWS may add events.
    yield from ()


def _message_start(stream: _Stream, told: Json) -> Iterator[Json]:
    yield {"type": "response.created", "response": stream.response}
    yield {"type": "response.in_progress", "response": stream.response}


def _block_start(stream: _Stream, told: Json) -> Iterator[Json]:
    use = told["start"].get("toolUse")
    stream.unsaid += response_writer.unsaid(told["start"])
    if use is not None and response_writer.is_call(use):
        item = response_writer.call(use, stream.asked)
        kind = _Custom if "input" in item else _Function
        yield from _open(stream, told["contentBlockIndex"], kind(len(stream.items), item))


def _block_delta(stream: _Stream, told: Json) -> Iterator[Json]:
    index = told["contentBlockIndex"]
    stream.unsaid += unknown_kinds(told["delta"], _KNOWN)
    for kind, delta in known_members(told["delta"], _ADDED):
        if index not in stream.blocks and kind in _OPENED and delta:
            yield from _open(stream, index, _OPENED[kind](stream))
        if index in stream.blocks:
            yield from stream.blocks[index].add(delta)


def _block_stop(stream: _Stream, told: Json) -> Iterator[Json]:
    item = stream.blocks.get(told["contentBlockIndex"])
    if item is not None:
        item.stopped = True
        yield from item.stop()


def _message_stop(stream: _Stream, told: Json) -> Iterator[Json]:
    stream.stop = told
    for item in stream.items:
        if not item.stopped:
            yield from item.stop()
    # Only now it is known whether the last item is whole.
    native = told.get("stopReason") or "end_turn"
    statuses = response_writer.with_status((item.item for item in stream.items), native)
    for item, ended in zip(stream.items, statuses, strict=True):
        if not item.done:
            yield from item.finish(ended["status"])


def _metadata(stream: _Stream, told: Json) -> Iterator[Json]:
    response = response_writer.ended(stream.response, (item.item for item in stream.items), stream.stop, told)
    yield {"type": f"response.{response['status']}", "response": {**response, **report_left_out(stream.unsaid)}}


def _open(stream: _Stream, index: int, item: _Kind) -> Iterator[Json]:
    """What begins an item; all items before it that have stopped are whole, but for the message that goes on."""
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
    return _Message(len(stream.items), response_writer.message([]))


def _open_thought(stream: _Stream) -> _Thought:
    return _Thought(len(stream.items), {"id": response_writer.new_id("rs"), "type": "reasoning", "summary": []})


# Text and reasoning begin with their first delta.
_OPENED: Mapping[str, Callable[[_Stream], _Message | _Thought]] = {
    "text": _open_message,
    "reasoningContent": _open_thought,
}
_ADDED = frozenset({"text", "reasoningContent", "toolUse"})
# What a text cites has no place in the format, but it is a part of a block that has one.
_KNOWN = _ADDED | {"citation"}
_EVENTS: Mapping[str, Callable[[_Stream, Json], Iterator[Json]]] = {
    "messageStart": _message_start,
    "contentBlockStart": _block_start,
    "contentBlockDelta": _block_delta,
    "contentBlockStop": _block_stop,
    "messageStop": _message_stop,
    "metadata": _metadata,
}
