"""A Converse response, whole or as events, written as a chat completion or its chunks."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from bedrock_flask.converse import Event, Json, Response, as_garbled, known_members, member, unknown_kinds
from bedrock_flask.wires.openai_usage import write_usage
from bedrock_flask.wires.wire import map_events, report_left_out

# Why a model stops. OpenAI has no word for a malformed answer, nor for a reason that AWS adds tomorrow: to call either
# `stop` would pass it off as whole, so they are told as other gateways do, and Converse's own word stands beside.
FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
UNKNOWN = "error"
USAGE_NAMES = MappingProxyType({"input_name": "prompt_tokens", "output_name": "completion_tokens"})


def _head(kind: str, model_id: str) -> Json:
    # An id is told apart by clients that add up usage, so each answer has its own.
    return {"id": f"chatcmpl-{uuid4().hex}", "object": kind, "created": int(time.time()), "model": model_id}


def _write_stop(told: Json) -> Json:
    reason = told.get("stopReason") or "end_turn"
    return {"finish_reason": FINISH.get(reason, UNKNOWN), "native_finish_reason": reason}


def _write_tier(told: Json) -> Json:
    tier = member(told, "serviceTier", "type")
    return {"service_tier": tier} if tier in ("default", "flex", "priority") else {}


def _is_clients(use: Json) -> bool:
    """Whether the client is to run the tool: Bedrock has already run its own."""
    return use.get("type") != "server_tool_use"


# --- whole -----------------------------------------------------------------------------------------------------------


@as_garbled()
def write_reply(response: Response, model_id: str) -> Json:
    """A Converse response as a chat completion; Garbled for what is none."""
    content = response["output"]["message"]["content"]
    choice = {"index": 0, "message": _write_message(content), "logprobs": None}
    return {
        **_head("chat.completion", model_id),
        "choices": [{**choice, **_write_stop(response)}],
        "usage": write_usage(response.get("usage"), **USAGE_NAMES),
        **_write_tier(response),
        **report_left_out([kind for block in content for kind in _unsaid(block)]),
    }


def _unsaid(block: Json) -> list[str]:
    """The kind of a block, or of a block's start, that chat completions have no words for."""
    use = block.get("toolUse")
    return unknown_kinds(block, _BLOCKS) if use is None or _is_clients(use) else ["toolUse"]


# The kinds of blocks that are told.
_BLOCKS = frozenset({"text", "citationsContent", "toolUse", "reasoningContent"})


def _write_message(content: Iterable[Json]) -> Json:
    text = ""
    calls: list[Json] = []
    details: list[Json] = []
    annotations: list[Json] = []
    for block in content:
        for kind, value in known_members(block, _BLOCKS):
            if kind == "text":
                text += value
            elif kind == "citationsContent":
                said = "".join(piece.get("text") or "" for piece in value.get("content") or ())
                places = (len(text), len(text) + len(said))
                annotations += [each for told in value.get("citations") or () for each in _write_citation(told, places)]
                text += said
            elif kind == "reasoningContent":
                details.append({**_write_reasoning(value), "index": len(details)})
            elif _is_clients(value):
                calls.append(_write_call(value))
    thoughts = "".join(detail.get("text") or "" for detail in details)
    told = {"tool_calls": calls, "annotations": annotations, "reasoning_content": thoughts}
    return {
        "role": "assistant",
        "content": text or (None if calls else ""),
        "refusal": None,
        **{name: value for name, value in told.items() if value},
        **({"reasoning_details": details} if details else {}),
    }


def _write_call(use: Json) -> Json:
    # Arguments that the token limit cut are no object, but the text that there is.
    given = use.get("input")
    arguments = given if isinstance(given, str) else json.dumps({} if given is None else given)
    return {"id": use["toolUseId"], "type": "function", "function": {"name": use["name"], "arguments": arguments}}


def _write_reasoning(reasoning: Json) -> Json:
    if "redactedContent" in reasoning:
        return {"type": "reasoning.encrypted", "data": reasoning["redactedContent"]}
    return {"type": "reasoning.text", **(reasoning.get("reasoningText") or {})}


def _write_citation(citation: Json, places: tuple[int, int]) -> Iterator[Json]:
    """The citation of a page of the web; OpenAI has none of documents."""
    url = member(citation, "location", "web", "url")
    if url:
        start, end = places
        cited = {"url": url, "title": citation.get("title") or "", "start_index": start, "end_index": end}
        yield {"type": "url_citation", "url_citation": cited}


# --- as events -------------------------------------------------------------------------------------------------------


@dataclass
class _Stream:
    """What is known of a stream while it is written, by Converse's number of a block.

    head       what is the same in each chunk
    calls      which call it is, counted over the client's tools only
    silent     the calls that have no arguments yet
    thoughts   which part of the reasoning it is
    starts     where its text starts in the whole
    said       how much text there is
    unsaid     the kinds of blocks that chat completions have no words for
    """

    head: Json
    calls: dict[int, int] = field(default_factory=dict)
    silent: set[int] = field(default_factory=set)
    thoughts: dict[int, int] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    said: int = 0
    unsaid: list[str] = field(default_factory=list)


def write_chunks(events: Iterable[Event], model_id: str) -> Iterator[Json]:
    """Converse events as chunks, each at once; Converse tells usage last, so a chunk without choices has it."""
    stream = _Stream(_head("chat.completion.chunk", model_id))
    return map_events(events, lambda kind, told: _EVENTS[kind](stream, told) if kind in _EVENTS else ())


def _chunk(stream: _Stream, delta: Json, stop: Json | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, **(stop or {"finish_reason": None})}
    # That usage is null says that it is still to come.
    return {**stream.head, "choices": [choice], "usage": None}


def _write_message_start(stream: _Stream, told: Json) -> Iterator[Json]:
    yield _chunk(stream, {"role": "assistant", "content": ""})


def _write_block_start(stream: _Stream, told: Json) -> Iterator[Json]:
    index, use = told["contentBlockIndex"], told["start"].get("toolUse")
    stream.unsaid += _unsaid(told["start"])
    if use is not None and _is_clients(use):
        stream.calls[index] = len(stream.calls)
        stream.silent.add(index)
        call = {"id": use["toolUseId"], "type": "function", "function": {"name": use["name"], "arguments": ""}}
        yield _call_chunk(stream, index, call)


def _write_block_delta(stream: _Stream, told: Json) -> Iterator[Json]:
    stream.unsaid += unknown_kinds(told["delta"], _DELTAS)
    for kind, delta in known_members(told["delta"], _DELTAS):
        yield from _DELTAS[kind](stream, told["contentBlockIndex"], delta)


def _write_block_stop(stream: _Stream, told: Json) -> Iterator[Json]:
    index = told["contentBlockIndex"]
    if index in stream.silent:
        # A call without arguments has no delta, and its arguments are an object all the same.
        yield _call_chunk(stream, index, {"function": {"arguments": "{}"}})


def _write_message_stop(stream: _Stream, told: Json) -> Iterator[Json]:
    yield {**_chunk(stream, {}, _write_stop(told)), **report_left_out(stream.unsaid)}


def _write_metadata(stream: _Stream, told: Json) -> Iterator[Json]:
    yield {**stream.head, "choices": [], "usage": write_usage(told.get("usage"), **USAGE_NAMES), **_write_tier(told)}


_EVENTS: dict[str, Callable[[_Stream, Json], Iterator[Json]]] = {
    "messageStart": _write_message_start,
    "contentBlockStart": _write_block_start,
    "contentBlockDelta": _write_block_delta,
    "contentBlockStop": _write_block_stop,
    "messageStop": _write_message_stop,
    "metadata": _write_metadata,
}


def _write_text_delta(stream: _Stream, index: int, text: str) -> Iterator[Json]:
    stream.starts.setdefault(index, stream.said)
    stream.said += len(text)
    yield _chunk(stream, {"content": text})


def _write_citation_delta(stream: _Stream, index: int, citation: Json) -> Iterator[Json]:
    for annotation in _write_citation(citation, (stream.starts.get(index, stream.said), stream.said)):
        yield _chunk(stream, {"annotations": [annotation]})


def _write_tool_delta(stream: _Stream, index: int, use: Json) -> Iterator[Json]:
    arguments = use.get("input") or ""
    if index in stream.calls and arguments:
        if not arguments.isspace():
            stream.silent.discard(index)
        yield _call_chunk(stream, index, {"function": {"arguments": arguments}})


def _call_chunk(stream: _Stream, index: int, call: Json) -> Json:
    return _chunk(stream, {"tool_calls": [{"index": stream.calls[index], **call}]})


def _write_reasoning_delta(stream: _Stream, index: int, reasoning: Json) -> Iterator[Json]:
    number = stream.thoughts.setdefault(index, len(stream.thoughts))
    for name, value in known_members(reasoning, _THOUGHTS):
        kind, written = _THOUGHTS[name]
        plain = {"reasoning_content": value} if name == "text" else {}
        yield _chunk(stream, {**plain, "reasoning_details": [{"type": kind, written: value, "index": number}]})


_DELTAS: dict[str, Callable[[_Stream, int, Any], Iterator[Json]]] = {
    "text": _write_text_delta,
    "citation": _write_citation_delta,
    "toolUse": _write_tool_delta,
    "reasoningContent": _write_reasoning_delta,
}
# The kind of detail that a delta of reasoning belongs to, and the member that it is told in.
_THOUGHTS = {
    "text": ("reasoning.text", "text"),
    "signature": ("reasoning.text", "signature"),
    "redactedContent": ("reasoning.encrypted", "data"),
}
