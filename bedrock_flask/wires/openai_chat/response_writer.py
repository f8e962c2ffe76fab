"""A Converse response as a chat completion, and Converse events as its chunks."""

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from types import MappingProxyType
from typing import Any

from bedrock_flask.converse import (
    Event,
    Json,
    Response,
    list_known_members,
    list_unknown_kinds,
    map_shape_errors,
    member,
)
from bedrock_flask.wires.custom_tools import read_free_text
from bedrock_flask.wires.member_text import MemberText
from bedrock_flask.wires.openai_usage import write_usage
from bedrock_flask.wires.text_template import TextTemplate
from bedrock_flask.wires.wire import EventWriter, report_left_out, write_all, write_reported

# OpenAI's name for each stop reason. It has none for a malformed answer, nor for a reason that AWS adds later, and
# neither must pass for a whole answer: other gateways write `error`, with the original reason beside it.
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


def _build_head(kind: str, model_id: str) -> Json:
    # Clients add up usage by id, so each reply needs a new one.
    return {"id": f"chatcmpl-{token_hex(16)}", "object": kind, "created": int(time.time()), "model": model_id}


def _write_stop(payload: Json, *, has_calls: bool) -> Json:
    # A model whose format has no reasons gives none, and its answer is whole.
    reason = payload.get("stopReason")
    # Some models end a turn that calls tools like any other; some clients then do not run them.
    calls_tools = has_calls and reason in (None, "end_turn", "stop_sequence")
    finish = FINISH.get("tool_use" if calls_tools else reason or "end_turn", UNKNOWN)
    return {"finish_reason": finish, "native_finish_reason": reason}


def _write_tier(payload: Json) -> Json:
    if "serviceTier" not in payload:
        return {}
    tier = member(payload, "serviceTier", "type")
    return {"service_tier": tier} if tier in ("default", "flex", "priority") else {}


def _is_client_call(use: Json) -> bool:
    """Whether the client must run the tool, rather than Bedrock, which has run it already."""
    return use.get("type") != "server_tool_use"


# --- whole -----------------------------------------------------------------------------------------------------------


@map_shape_errors()
def write_reply(response: Response, model_id: str, *, custom: Collection[str] = ()) -> Json:
    """A Converse response as a chat completion; raises UpstreamProtocolError for any other document.

    `custom` names the custom tools of the request.
    """
    content = response["output"]["message"]["content"]
    message = _write_message(content, custom)
    stop = _write_stop(response, has_calls="tool_calls" in message)
    return {
        **_build_head("chat.completion", model_id),
        "choices": [{"index": 0, "message": message, "logprobs": None, **stop}],
        "usage": write_usage(response.get("usage"), **USAGE_NAMES),
        **_write_tier(response),
        **write_reported(response),
        **report_left_out([kind for block in content for kind in _find_unsupported(block)]),
    }


def _find_unsupported(block: Json) -> list[str]:
    """The kind of a block, or of a block's start, that chat completions do not have."""
    use = block.get("toolUse")
    return list_unknown_kinds(block, _BLOCKS) if use is None or _is_client_call(use) else ["toolUse"]


# The kinds of blocks that are written.
_BLOCKS = frozenset({"text", "citationsContent", "toolUse", "reasoningContent"})


def _write_message(content: Iterable[Json], custom: Collection[str]) -> Json:
    text = ""
    calls: list[Json] = []
    details: list[Json] = []
    annotations: list[Json] = []
    for block in content:
        for kind, value in list_known_members(block, _BLOCKS):
            if kind == "text":
                text += value
            elif kind == "citationsContent":
                cited = "".join(piece.get("text") or "" for piece in value.get("content") or ())
                span = (len(text), len(text) + len(cited))
                for citation in value.get("citations") or ():
                    annotations += _write_citation(citation, span)
                text += cited
            elif kind == "reasoningContent":
                details.append({**_write_reasoning(value), "index": len(details)})
            elif _is_client_call(value):
                calls.append(_write_call(value, custom))
    thoughts = "".join(detail.get("text") or "" for detail in details)
    optional = {"tool_calls": calls, "annotations": annotations, "reasoning_content": thoughts}
    return {
        "role": "assistant",
        "content": text or (None if calls else ""),
        "refusal": None,
        **{name: value for name, value in optional.items() if value},
        **({"reasoning_details": details} if details else {}),
    }


def _write_call(use: Json, custom: Collection[str]) -> Json:
    if use["name"] in custom:
        called = {"name": use["name"], "input": read_free_text(use.get("input"))}
        return {"id": use["toolUseId"], "type": "custom", "custom": called}
    # Arguments that the token limit cut are not JSON, but text.
    given = use.get("input")
    arguments = given if isinstance(given, str) else json.dumps({} if given is None else given)
    return {"id": use["toolUseId"], "type": "function", "function": {"name": use["name"], "arguments": arguments}}


def _write_reasoning(reasoning: Json) -> Json:
    if "redactedContent" in reasoning:
        return {"type": "reasoning.encrypted", "data": reasoning["redactedContent"]}
    return {"type": "reasoning.text", **(reasoning.get("reasoningText") or {})}


def _write_citation(citation: Json, span: tuple[int, int]) -> Iterator[Json]:
    """The annotation for a cited web page at this span of the text; OpenAI has none for documents."""
    url = member(citation, "location", "web", "url")
    if url:
        start, end = span
        cited = {"url": url, "title": citation.get("title") or "", "start_index": start, "end_index": end}
        yield {"type": "url_citation", "url_citation": cited}


# --- as events -------------------------------------------------------------------------------------------------------


@dataclass
class _Stream:
    """The state of a stream; blocks are identified by Converse's number.

    head       the members that all chunks share
    with_usage whether the client wants the usage
    calls      the number of each tool call of the client's
    silent     the tool calls that have no arguments yet
    custom     the names of the request's custom tools
    inputs     the reader of each custom tool's input
    thoughts   the number of each block of reasoning
    starts     where the text of each block starts in the whole text
    length     the length of the text so far
    left_out   the kinds of blocks that chat completions do not have
    is_over    whether the last event came
    template   the chunk of a piece of text
    """

    head: Json
    with_usage: bool
    calls: dict[int, int] = field(default_factory=dict)
    silent: set[int] = field(default_factory=set)
    custom: Collection[str] = ()
    inputs: dict[int, MemberText] = field(default_factory=dict)
    thoughts: dict[int, int] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    length: int = 0
    left_out: list[str] = field(default_factory=list)
    is_over: bool = False
    template: TextTemplate | None = None


def write_chunks(events: Iterable[Event], model_id: str, *, custom: Collection[str] = ()) -> Iterator[Json]:
    """The Converse events of a whole stream as chunks, with the usage."""
    return write_all(open_writer(model_id, custom=custom), events)


def open_writer(model_id: str, *, custom: Collection[str] = (), with_usage: bool = True) -> EventWriter:
    """A writer of the chunks of one stream; Converse sends the usage last, so a chunk without choices has it.

    `custom` names the custom tools of the request. Without usage, the last chunk comes only where Bedrock reports
    something beside it, and then with a choice, because not every client accepts one without.
    """
    stream = _Stream(_build_head("chat.completion.chunk", model_id), with_usage, custom=custom)
    return EventWriter(
        lambda kind, payload: _EVENTS[kind](stream, payload) if kind in _EVENTS and not stream.is_over else (),
        partial(_write_text, stream),
    )


def _build_chunk(stream: _Stream, delta: Json, stop: Json | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, **(stop or {"finish_reason": None})}
    # A null for usage announces that it is still to come.
    return {**stream.head, "choices": [choice], **({"usage": None} if stream.with_usage else {})}


def _write_message_start(stream: _Stream, payload: Json) -> Iterator[Json]:
    yield _build_chunk(stream, {"role": "assistant", "content": ""})


def _write_block_start(stream: _Stream, payload: Json) -> Iterator[Json]:
    index, use = payload["contentBlockIndex"], payload["start"].get("toolUse")
    stream.left_out += _find_unsupported(payload["start"])
    if use is not None and _is_client_call(use):
        stream.calls[index] = len(stream.calls)
        if use["name"] in stream.custom:
            stream.inputs[index] = MemberText("input")
            called: Json = {"type": "custom", "custom": {"name": use["name"], "input": ""}}
        else:
            stream.silent.add(index)
            called = {"type": "function", "function": {"name": use["name"], "arguments": ""}}
        yield _build_call_chunk(stream, index, {"id": use["toolUseId"], **called})


def _write_block_delta(stream: _Stream, payload: Json) -> Iterator[Json]:
    stream.left_out += list_unknown_kinds(payload["delta"], _DELTAS)
    for kind, delta in list_known_members(payload["delta"], _DELTAS):
        yield from _DELTAS[kind](stream, payload["contentBlockIndex"], delta)


def _write_block_stop(stream: _Stream, payload: Json) -> Iterator[Json]:
    index = payload["contentBlockIndex"]
    if index in stream.silent:
        # A call without arguments has no delta, but OpenAI's arguments are always an object.
        yield _build_call_chunk(stream, index, {"function": {"arguments": "{}"}})
    reader = stream.inputs.get(index)
    if reader is not None and not reader.found:
        # The model has other arguments than the one that it was to fill: the client gets all of them.
        yield _build_call_chunk(stream, index, {"custom": {"input": reader.raw if reader.raw.strip() else "{}"}})


def _write_message_stop(stream: _Stream, payload: Json) -> Iterator[Json]:
    stop = _write_stop(payload, has_calls=bool(stream.calls))
    yield {**_build_chunk(stream, {}, stop), **report_left_out(stream.left_out)}


def _write_metadata(stream: _Stream, payload: Json) -> Iterator[Json]:
    stream.is_over = True
    reported = _write_tier(payload) | write_reported(payload)
    if stream.with_usage:
        usage = write_usage(payload.get("usage"), **USAGE_NAMES)
        yield {**stream.head, "choices": [], "usage": usage, **reported}
    elif reported:
        yield {**_build_chunk(stream, {}), **reported}


_EVENTS: dict[str, Callable[[_Stream, Json], Iterator[Json]]] = {
    "messageStart": _write_message_start,
    "contentBlockStart": _write_block_start,
    "contentBlockDelta": _write_block_delta,
    "contentBlockStop": _write_block_stop,
    "messageStop": _write_message_stop,
    "metadata": _write_metadata,
}


def _write_text_delta(stream: _Stream, index: int, text: str) -> Iterator[Json]:
    stream.starts.setdefault(index, stream.length)
    stream.length += len(text)
    yield _build_text_chunk(stream, text)


def _write_text(stream: _Stream, index: int, text: str) -> bytes | None:
    """The text of the chunk for a piece of a text."""
    if stream.is_over:
        return None
    stream.starts.setdefault(index, stream.length)
    stream.length += len(text)
    if stream.template is None:
        stream.template = TextTemplate(partial(_build_text_chunk, stream))
    return stream.template.fill(text)


def _build_text_chunk(stream: _Stream, text: str) -> Json:
    return _build_chunk(stream, {"content": text})


def _write_citation_delta(stream: _Stream, index: int, citation: Json) -> Iterator[Json]:
    for annotation in _write_citation(citation, (stream.starts.get(index, stream.length), stream.length)):
        yield _build_chunk(stream, {"annotations": [annotation]})


def _write_tool_delta(stream: _Stream, index: int, use: Json) -> Iterator[Json]:
    arguments = use.get("input") or ""
    if index in stream.inputs:
        if text := stream.inputs[index].feed(arguments):
            yield _build_call_chunk(stream, index, {"custom": {"input": text}})
    elif index in stream.calls and arguments:
        if not arguments.isspace():
            stream.silent.discard(index)
        yield _build_call_chunk(stream, index, {"function": {"arguments": arguments}})


def _build_call_chunk(stream: _Stream, index: int, call: Json) -> Json:
    return _build_chunk(stream, {"tool_calls": [{"index": stream.calls[index], **call}]})


def _write_reasoning_delta(stream: _Stream, index: int, reasoning: Json) -> Iterator[Json]:
    number = stream.thoughts.setdefault(index, len(stream.thoughts))
    for name, value in list_known_members(reasoning, _THOUGHTS):
        kind, written = _THOUGHTS[name]
        plain = {"reasoning_content": value} if name == "text" else {}
        yield _build_chunk(stream, {**plain, "reasoning_details": [{"type": kind, written: value, "index": number}]})


_DELTAS: dict[str, Callable[[_Stream, int, Any], Iterator[Json]]] = {
    "text": _write_text_delta,
    "citation": _write_citation_delta,
    "toolUse": _write_tool_delta,
    "reasoningContent": _write_reasoning_delta,
}
# For each part of reasoning: the kind of detail that it belongs to, and the member that has it.
_THOUGHTS = {
    "text": ("reasoning.text", "text"),
    "signature": ("reasoning.text", "signature"),
    "redactedContent": ("reasoning.encrypted", "data"),
}
