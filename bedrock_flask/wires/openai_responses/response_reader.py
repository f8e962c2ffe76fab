"""A `response` object as a Converse response, and the events of its stream as Converse events."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.bedrock.usage import Usage, from_metrics
from bedrock_flask.converse import Event, Json, Response, fold, is_blank, map_shape_errors, member
from bedrock_flask.wires.converse_events import (
    add_delta,
    end_stream,
    start_block,
    start_message,
    stop_block,
    stop_message,
)
from bedrock_flask.wires.openai_responses import encrypted_reasoning
from bedrock_flask.wires.openai_responses.tools import full_name
from bedrock_flask.wires.openai_usage import read_counts
from bedrock_flask.wires.wire import ChunkReader, find_stated_error, raise_reported_error, read_all

# The events that hold only a piece of the answer.
PIECES = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
    }
)
_ENDS = ("completed", "incomplete", "failed")


def is_complete(reply: Json) -> bool:
    """Whether a reply is a whole response, and states no error."""
    is_whole = reply.get("object") == "response" and reply.get("status") in _ENDS
    return is_whole and isinstance(reply.get("output"), list) and find_stated_error(reply) is None


def is_stop(chunk: Json) -> bool:
    """Whether this is the last event, with a response whose status, where it has one, is the event's own."""
    response = chunk.get("response")
    is_end = is_terminal(chunk) and isinstance(response, dict)
    return is_end and member(response, "status") in (None, chunk["type"].removeprefix("response."))


def is_terminal(chunk: Json) -> bool:
    """Whether this is the last event, which has the whole response."""
    return chunk.get("type") in [f"response.{end}" for end in _ENDS]


def read_usage(document: Json) -> Usage:
    """The counts of a response, or of the event that has it."""
    counts = member(document, "response", "usage") or member(document, "usage")
    return read_counts(counts, input_name="input_tokens", output_name="output_tokens").merge(from_metrics(document))


@map_shape_errors()
def read_reply(reply: Json) -> Response:
    """A `response` object as a Converse response; raises UpstreamProtocolError for any other document."""
    return fold(read_chunks(_split_reply(reply)))


def _split_reply(reply: Json) -> Iterator[Json]:
    """The events of a stream that brings each item of this response in one piece."""
    yield {"type": "response.created"}
    for index, item in enumerate(reply["output"]):
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{reply['status']}", "response": reply}


def read_chunks(chunks: Iterable[Json]) -> Iterator[Event]:
    """The events of a whole Responses stream as Converse events."""
    return read_all(open_reader(), chunks)


def open_reader() -> ChunkReader:
    """A reader of the events of one Responses stream."""
    stream = _Stream()

    def read(chunk: Json) -> Iterator[Event]:
        if chunk["type"] == "error":
            raise_reported_error(member(chunk, "error") or chunk)
        stream.usage = stream.usage.merge(read_usage(chunk))
        return _EVENTS.get(chunk["type"], _ignore)(stream, chunk)

    return ChunkReader(read)


# --- blocks ----------------------------------------------------------------------------------------------------------

# What identifies a Converse block: the item, and which block of the item it is.
_Key = tuple[int, int]


@dataclass
class _Block:
    """A Converse block: its number, whether a delta of it was sent, and the part of the reasoning that it is at."""

    index: int
    has_delta: bool = False
    part: tuple[str, int] | None = None


@dataclass
class _Stream:
    """The state of a stream: its open blocks, how many there were, and which of them are whole."""

    usage: Usage = field(default_factory=Usage)
    count: int = 0
    open: dict[_Key, _Block] = field(default_factory=dict)
    closed: set[_Key] = field(default_factory=set)
    has_calls: bool = False


def _open_block(stream: _Stream, key: _Key) -> _Block:
    """The open block of that key, a new one where there is none."""
    if key not in stream.open:
        stream.open[key] = _Block(stream.count)
        stream.count += 1
    return stream.open[key]


def _add(stream: _Stream, key: _Key, kind: str, delta: Any) -> Iterator[Event]:
    block = _open_block(stream, key)
    block.has_delta = True
    yield add_delta(block.index, kind, delta)


def _close_block(stream: _Stream, key: _Key) -> Iterator[Event]:
    stream.closed.add(key)
    if key in stream.open:
        yield stop_block(stream.open.pop(key).index)


# --- events ----------------------------------------------------------------------------------------------------------


def _ignore(stream: _Stream, chunk: Json) -> Iterator[Event]:
    # Events that repeat earlier ones, and those that OpenAI adds later.
    yield from ()


def _start_message(stream: _Stream, chunk: Json) -> Iterator[Event]:
    yield start_message()


def _start_item(stream: _Stream, chunk: Json) -> Iterator[Event]:
    # Messages and reasoning begin with their first delta.
    if chunk["item"]["type"] in _CALLS:
        yield from _start_call(stream, (chunk["output_index"], 0), chunk["item"])


def _add_text(stream: _Stream, chunk: Json) -> Iterator[Event]:
    return _add(stream, (chunk["output_index"], chunk["content_index"]), "text", chunk["delta"])


def _add_summary(stream: _Stream, chunk: Json) -> Iterator[Event]:
    return _add_thought(stream, chunk, ("summary", chunk["summary_index"]))


def _add_reasoning(stream: _Stream, chunk: Json) -> Iterator[Event]:
    return _add_thought(stream, chunk, ("content", chunk["content_index"]))


def _add_thought(stream: _Stream, chunk: Json, part: tuple[str, int]) -> Iterator[Event]:
    key = (chunk["output_index"], 0)
    block = _open_block(stream, key)
    between = _BETWEEN_PARTS if block.part not in (None, part) else ""
    block.part = part
    return _add(stream, key, "reasoningContent", {"text": between + chunk["delta"]})


_BETWEEN_PARTS = "\n\n"


def _add_arguments(stream: _Stream, chunk: Json) -> Iterator[Event]:
    return _add(stream, (chunk["output_index"], 0), "toolUse", {"input": chunk["delta"]})


def _add_input(stream: _Stream, chunk: Json) -> Iterator[Event]:
    # To Converse, a custom tool is a tool with one argument, `input`.
    key = (chunk["output_index"], 0)
    begin = "" if _open_block(stream, key).has_delta else '{"input": "'
    return _add(stream, key, "toolUse", {"input": begin + json.dumps(chunk["delta"])[1:-1]})


def _finish_part(stream: _Stream, chunk: Json) -> Iterator[Event]:
    return _finish_text(stream, (chunk["output_index"], chunk["content_index"]), chunk["part"])


def _finish_item(stream: _Stream, chunk: Json) -> Iterator[Event]:
    item, index = chunk["item"], chunk["output_index"]
    if item["type"] in _ITEMS:
        yield from _ITEMS[item["type"]](stream, index, item)
    else:
        # Converse has no such block; the format of the caller reports it.
        yield start_block(_open_block(stream, (index, 0)).index, item["type"], item)
        yield from _close_block(stream, (index, 0))


def _end(stream: _Stream, chunk: Json) -> Iterator[Event]:
    response = chunk["response"]
    if not stream.count:
        # The last event has the whole answer, which would be lost if nothing of it came before.
        for index, item in enumerate(response.get("output") or ()):
            yield from _finish_item(stream, {"output_index": index, "item": item})
    tier = response.get("service_tier")
    yield stop_message(_read_reason(response, has_calls=stream.has_calls))
    yield end_stream(stream.usage, tier if tier in ("flex", "priority") else None)


def _read_reason(response: Json, *, has_calls: bool) -> str | None:
    status, native = response.get("status"), response.get("native_stop_reason")
    if native:
        return str(native)
    if status == "failed":
        raise_reported_error(response.get("error") or {"message": "it failed without details"})
    if status == "incomplete":
        reason: Any = member(response, "incomplete_details", "reason")
        return str(_INCOMPLETE.get(reason, reason) or status)
    return "tool_use" if has_calls else "end_turn"


_INCOMPLETE = {"max_output_tokens": "max_tokens", "content_filter": "content_filtered"}
_EVENTS: dict[str, Callable[[_Stream, Json], Iterator[Event]]] = {
    "response.created": _start_message,
    "response.output_item.added": _start_item,
    "response.output_text.delta": _add_text,
    "response.refusal.delta": _add_text,
    "response.reasoning_summary_text.delta": _add_summary,
    "response.reasoning_text.delta": _add_reasoning,
    "response.function_call_arguments.delta": _add_arguments,
    "response.custom_tool_call_input.delta": _add_input,
    "response.content_part.done": _finish_part,
    "response.output_item.done": _finish_item,
    **dict.fromkeys([f"response.{end}" for end in _ENDS], _end),
}


# --- whole items, of which deltas may have been sent -----------------------------------------------------------------


def _finish_message(stream: _Stream, index: int, item: Json) -> Iterator[Event]:
    for number, part in enumerate(item["content"]):
        yield from _finish_text(stream, (index, number), part)


def _finish_text(stream: _Stream, key: _Key, part: Json) -> Iterator[Event]:
    if key in stream.closed or part["type"] not in _TEXTS:
        return
    text = part[_TEXTS[part["type"]]]
    if text and key not in stream.open:
        yield from _add(stream, key, "text", text)
    for annotation in part.get("annotations") or ():
        if annotation["type"] == "url_citation":
            citation = {"title": annotation.get("title") or "", "location": {"web": {"url": annotation["url"]}}}
            yield from _add(stream, key, "citation", citation)
    yield from _close_block(stream, key)


# The member that has the text of each kind of part.
_TEXTS = {"output_text": "text", "refusal": "refusal"}


def _finish_reasoning(stream: _Stream, index: int, item: Json) -> Iterator[Event]:
    for number, reasoning in enumerate(_read_reasoning(item)):
        key = (index, number)
        has_text = _open_block(stream, key).has_delta
        for name, value in reasoning.items():
            if name != "text" or not has_text:
                yield from _add(stream, key, "reasoningContent", {name: value})
    for key in [key for key in stream.open if key[0] == index]:
        yield from _close_block(stream, key)


def _read_reasoning(item: Json) -> list[Json]:
    """The members of each block of reasoning that an item holds."""
    encrypted = item.get("encrypted_content")
    blocks = encrypted_reasoning.decode(encrypted) if encrypted else None
    if blocks is not None:
        thoughts = [block["reasoningContent"] for block in blocks]
        return [thought.get("reasoningText") or thought for thought in thoughts]
    text = _BETWEEN_PARTS.join(part["text"] for name in ("summary", "content") for part in item.get(name) or ())
    seal = {"signature": encrypted_reasoning.seal(encrypted)} if encrypted else {}
    return [{"text": text, **seal}] if text or seal else []


def _start_call(stream: _Stream, key: _Key, item: Json) -> Iterator[Event]:
    stream.has_calls = True
    start = {"toolUseId": item["call_id"], "name": full_name(item)}
    yield start_block(_open_block(stream, key).index, "toolUse", start)


def _finish_call(stream: _Stream, index: int, item: Json) -> Iterator[Event]:
    key = (index, 0)
    if key not in stream.open:
        yield from _start_call(stream, key, item)
    if not stream.open[key].has_delta and not is_blank(item["arguments"]):
        yield from _add(stream, key, "toolUse", {"input": item["arguments"]})
    yield from _close_block(stream, key)


def _finish_custom_call(stream: _Stream, index: int, item: Json) -> Iterator[Event]:
    key = (index, 0)
    if key not in stream.open:
        yield from _start_call(stream, key, item)
    whole = json.dumps({"input": item["input"]})
    yield from _add(stream, key, "toolUse", {"input": '"}' if stream.open[key].has_delta else whole})
    yield from _close_block(stream, key)


_CALLS = frozenset({"function_call", "custom_tool_call"})
_ITEMS: dict[str, Callable[[_Stream, int, Json], Iterator[Event]]] = {
    "message": _finish_message,
    "reasoning": _finish_reasoning,
    "function_call": _finish_call,
    "custom_tool_call": _finish_custom_call,
}
