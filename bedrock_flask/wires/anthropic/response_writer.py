"""A Converse response as a Messages reply, and Converse events as the chunks of its stream."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from typing import Any

from bedrock_flask.bedrock.usage import from_members
from bedrock_flask.converse import (
    Event,
    Json,
    Response,
    list_known_members,
    list_unknown_kinds,
    map_shape_errors,
    member,
)
from bedrock_flask.wires.anthropic.citations import write_citation
from bedrock_flask.wires.text_template import TextTemplate
from bedrock_flask.wires.wire import EventWriter, report_left_out, write_all, write_reported

# Claude's name for each stop reason. A reason that Claude does not have keeps Bedrock's name, because it must not pass
# for a plain end of a turn; so does one that AWS adds later. The SDKs accept any text here.
TO_CLAUDE = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "refusal",
    "content_filtered": "refusal",
    "malformed_model_output": "malformed_model_output",
    "malformed_tool_use": "malformed_tool_use",
    "model_context_window_exceeded": "model_context_window_exceeded",
}
_REFUSALS = {
    "guardrail_intervened": "A guardrail of Amazon Bedrock intervened (guardrail_intervened).",
    "content_filtered": "Amazon Bedrock filtered the content (content_filtered).",
}


def add_tokens(chunk: Json, count: Callable[[], int]) -> Json:
    """Set the input tokens of `message_start`: Claude reports them there, Converse at the end."""
    if chunk.get("type") == "message_start":
        chunk["message"]["usage"]["input_tokens"] = count()
    return chunk


# --- a reply ---------------------------------------------------------------------------------------------------------


@map_shape_errors()
def write_reply(response: Response, model_id: str) -> Json:
    """A Converse response as a Messages reply; raises UpstreamProtocolError for any other document."""
    content = response["output"]["message"]["content"]
    blocks = [_WRITERS[kind](value) for block in content for kind, value in list_known_members(block, _WRITERS)]
    return {
        **_build_message(model_id),
        "content": blocks,
        **_write_stop(response, has_calls=any(block["type"] == "tool_use" for block in blocks)),
        "usage": _write_usage(response.get("usage")) | _write_tier(response),
        **write_reported(response),
        **report_left_out([kind for block in content for kind in list_unknown_kinds(block, _WRITERS)]),
    }


def _build_message(model_id: str) -> Json:
    # Clients add up usage by id, so each reply needs a new one.
    return {
        "id": f"msg_bdrk_{token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": _find_model_name(model_id),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _write_usage({}),
    }


def _find_model_name(model_id: str) -> str:
    """Anthropic's name for a Bedrock id: `claude-opus-4-6` for `us.anthropic.claude-opus-4-6-v1`."""
    _, claude, name = model_id.rpartition("anthropic.")
    return re.sub(r"-v\d+(:.*)?$", "", name) if claude else model_id


def _write_stop(payload: Json, *, has_calls: bool) -> Json:
    reason = payload.get("stopReason")
    if has_calls and reason in ("end_turn", "stop_sequence"):
        # Some models end a turn that calls tools like any other; some clients then do not run them.
        reason = "tool_use"
    stop = {
        "stop_reason": TO_CLAUDE.get(reason, reason) if reason else None,
        "stop_sequence": member(payload, "additionalModelResponseFields", "stop_sequence"),
    }
    if reason not in _REFUSALS:
        return stop
    return {**stop, "stop_details": {"type": "refusal", "category": None, "explanation": _REFUSALS[reason]}}


def _write_usage(counts: Any) -> Json:
    tokens = from_members(counts)
    usage = {
        "input_tokens": tokens.input or 0,
        "cache_creation_input_tokens": tokens.cache_write or 0,
        "cache_read_input_tokens": tokens.cache_read or 0,
        "output_tokens": tokens.output or 0,
    }
    details = member(counts, "cacheDetails") or ()
    by_ttl = {f"ephemeral_{each['ttl']}_input_tokens": each.get("inputTokens") or 0 for each in details}
    return {**usage, "cache_creation": {**_NO_WRITES, **by_ttl}} if by_ttl else usage


def _write_tier(payload: Json) -> Json:
    tier = _TIERS.get(member(payload, "serviceTier", "type"))
    return {"service_tier": tier} if tier else {}


# Anthropic's name for each of Bedrock's tiers that it has.
_TIERS = {"default": "standard", "priority": "priority"}
_NO_WRITES = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}


def _write_text(text: str) -> Json:
    return {"type": "text", "text": text}


def _write_citations(cited: Json) -> Json:
    text = "".join(piece.get("text") or "" for piece in cited.get("content") or ())
    return {**_write_text(text), "citations": [write_citation(each) for each in cited.get("citations") or ()]}


def _write_tool_use(use: Json) -> Json:
    kind = "server_tool_use" if use.get("type") == "server_tool_use" else "tool_use"
    return {"type": kind, "id": use["toolUseId"], "name": use["name"], "input": use.get("input", {})}


def _write_reasoning(reasoning: Json) -> Json:
    if "redactedContent" in reasoning:
        return {"type": "redacted_thinking", "data": reasoning["redactedContent"]}
    text = reasoning.get("reasoningText") or {}
    return {"type": "thinking", "thinking": text.get("text") or "", "signature": text.get("signature") or ""}


# The blocks that a reply of Claude's can have. Others, such as images, are left out and reported.
_WRITERS: dict[str, Callable[[Any], Json]] = {
    "text": _write_text,
    "citationsContent": _write_citations,
    "toolUse": _write_tool_use,
    "reasoningContent": _write_reasoning,
}


# --- a stream --------------------------------------------------------------------------------------------------------


@dataclass
class _Stream:
    """The state of a stream.

    numbers     Claude's number of each block, by Converse's
    redacted    redacted reasoning, which Claude sends whole in the start of its block
    signatures  signatures, which Claude sends whole at the end of their blocks
    left_out    the kinds of blocks that Claude's format does not have
    has_calls   whether the client is to run a tool
    stop        the stop reason, once it is known
    is_over     whether the last chunk was written
    templates   for each block of text, the chunk of a further piece
    """

    model_id: str
    numbers: dict[int, int] = field(default_factory=dict)
    redacted: dict[int, str] = field(default_factory=dict)
    signatures: dict[int, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    has_calls: bool = False
    stop: Json | None = None
    is_over: bool = False
    templates: dict[int, TextTemplate] = field(default_factory=dict)


def write_chunks(events: Iterable[Event], model_id: str) -> Iterator[Json]:
    """The Converse events of a whole stream as the chunks of a Messages stream."""
    return write_all(open_writer(model_id), events)


def open_writer(model_id: str) -> EventWriter:
    """A writer of the chunks of one Messages stream; Converse sends the usage last, so `message_delta` has it."""
    stream = _Stream(model_id)
    return EventWriter(
        lambda kind, payload: _CHUNKS[kind](stream, payload) if kind in _CHUNKS and not stream.is_over else (),
        partial(_write_further_text, stream),
    )


def _write_further_text(stream: _Stream, index: int, text: str) -> bytes | None:
    """The text of the chunk for a further piece of a text; the first one begins a block."""
    number = stream.numbers.get(index)
    if number is None or stream.is_over:
        return None
    template = stream.templates.get(index)
    if template is None:
        template = stream.templates[index] = TextTemplate(lambda piece: _build_delta(number, _DELTAS["text"][1](piece)))
    return template.fill(text)


def _write_message_start(stream: _Stream, payload: Json) -> Iterator[Json]:
    yield {"type": "message_start", "message": _build_message(stream.model_id)}


def _write_block_start(stream: _Stream, payload: Json) -> Iterator[Json]:
    stream.left_out += list_unknown_kinds(payload["start"], _WRITERS)
    if payload["start"].get("toolUse") is not None:
        use = {**payload["start"]["toolUse"], "input": {}}
        block = _write_tool_use(use)
        stream.has_calls = stream.has_calls or block["type"] == "tool_use"
        yield from _open_block(stream, payload["contentBlockIndex"], block)


def _write_block_delta(stream: _Stream, payload: Json) -> Iterator[Json]:
    stream.left_out += list_unknown_kinds(payload["delta"], _KINDS)
    for kind, delta in list_known_members(payload["delta"], _KINDS):
        parts = list_known_members(delta, _THOUGHTS) if kind == "reasoningContent" else [("", delta)]
        for part, value in parts:
            yield from _write_delta(stream, payload["contentBlockIndex"], ".".join(filter(None, (kind, part))), value)


def _write_delta(stream: _Stream, index: int, kind: str, delta: Any) -> Iterator[Json]:
    if kind == "reasoningContent.redactedContent":
        stream.redacted[index] = stream.redacted.get(index, "") + delta
    elif kind == "reasoningContent.signature":
        # Anthropic's SDKs keep only the last signature of a block, so its pieces are joined.
        stream.signatures[index] = stream.signatures.get(index, "") + delta
        yield from _open_block(stream, index, _THINKING)
    else:
        block, write = _DELTAS[kind]
        if block is not None:
            yield from _open_block(stream, index, block)
        if index in stream.numbers:
            yield _build_delta(stream.numbers[index], write(delta))


def _write_block_stop(stream: _Stream, payload: Json) -> Iterator[Json]:
    index = payload["contentBlockIndex"]
    if index in stream.redacted:
        yield from _open_block(stream, index, {"type": "redacted_thinking", "data": stream.redacted[index]})
    if index in stream.signatures:
        yield _build_delta(stream.numbers[index], {"type": "signature_delta", "signature": stream.signatures[index]})
    if index in stream.numbers:
        yield {"type": "content_block_stop", "index": stream.numbers[index]}


def _write_message_stop(stream: _Stream, payload: Json) -> Iterator[Json]:
    stream.stop = payload
    yield from ()


def _write_metadata(stream: _Stream, payload: Json) -> Iterator[Json]:
    # Without a stop reason the answer was cut, and must not end as if it were whole.
    if stream.stop is not None:
        counts = _write_usage(payload.get("usage"))
        yield {
            "type": "message_delta",
            "delta": _write_stop(stream.stop, has_calls=stream.has_calls),
            "usage": counts | _write_tier(payload),
            **write_reported(payload),
            **report_left_out(stream.left_out),
        }
        yield {"type": "message_stop"}
        stream.is_over = True


def _build_delta(number: int, delta: Json) -> Json:
    return {"type": "content_block_delta", "index": number, "delta": delta}


def _open_block(stream: _Stream, index: int, block: Json) -> Iterator[Json]:
    """The start of a block that has not started yet, numbered anew because some of Converse's blocks are left out."""
    if index not in stream.numbers:
        stream.numbers[index] = len(stream.numbers)
        yield {"type": "content_block_start", "index": stream.numbers[index], "content_block": dict(block)}


_CHUNKS: dict[str, Callable[[_Stream, Json], Iterator[Json]]] = {
    "messageStart": _write_message_start,
    "contentBlockStart": _write_block_start,
    "contentBlockDelta": _write_block_delta,
    "contentBlockStop": _write_block_stop,
    "messageStop": _write_message_stop,
    "metadata": _write_metadata,
}
_TEXT: Json = {"type": "text", "text": ""}
_THINKING: Json = {"type": "thinking", "thinking": "", "signature": ""}
# For each kind of delta: the block that it starts, if it can start one, and how it is written.
_DELTAS: dict[str, tuple[Json | None, Callable[[Any], Json]]] = {
    "text": (_TEXT, lambda text: {"type": "text_delta", "text": text}),
    "citation": (_TEXT, lambda citation: {"type": "citations_delta", "citation": write_citation(citation)}),
    "toolUse": (None, lambda use: {"type": "input_json_delta", "partial_json": use.get("input") or ""}),
    "reasoningContent.text": (_THINKING, lambda text: {"type": "thinking_delta", "thinking": text}),
}
# The kinds of deltas, and the parts of one of reasoning.
_KINDS = frozenset({"text", "citation", "toolUse", "reasoningContent"})
_THOUGHTS = frozenset({"text", "signature", "redactedContent"})
