"""A Converse response as a Messages reply, and Converse events as the chunks of its stream."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bedrock_flask.bedrock.usage import from_members
from bedrock_flask.converse import Event, Json, Response, as_garbled, known_members, member, unknown_kinds
from bedrock_flask.wires.anthropic.citations import write_citation
from bedrock_flask.wires.wire import map_events, report_left_out

# Why a model stops. What Claude has no word for keeps Bedrock's: it is no plain end of a turn. So does a reason that
# AWS adds tomorrow; the SDKs read this member as it comes.
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


@as_garbled()
def write_reply(response: Response, model_id: str) -> Json:
    """A Converse response as a Messages reply; Garbled for what is none."""
    content = response["output"]["message"]["content"]
    return {
        **_message(model_id),
        "content": [_WRITERS[kind](told) for block in content for kind, told in known_members(block, _WRITERS)],
        **_write_stop(response),
        "usage": _write_usage(response.get("usage")),
        **report_left_out([kind for block in content for kind in unknown_kinds(block, _WRITERS)]),
    }


def _message(model_id: str) -> Json:
    # An id is told apart by clients that add up usage, so each answer has its own.
    return {
        "id": f"msg_bdrk_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": _model_name(model_id),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _write_usage({}),
    }


def _model_name(model_id: str) -> str:
    """Claude's own name of a Bedrock id: `claude-opus-4-6` of `us.anthropic.claude-opus-4-6-v1`."""
    _, claude, name = model_id.rpartition("anthropic.")
    return re.sub(r"-v\d+(:.*)?$", "", name) if claude else model_id


def _write_stop(told: Json) -> Json:
    reason = told.get("stopReason")
    written = {
        "stop_reason": TO_CLAUDE.get(reason, reason) if reason else None,
        "stop_sequence": member(told, "additionalModelResponseFields", "stop_sequence"),
    }
    if reason not in _REFUSALS:
        return written
    return {**written, "stop_details": {"type": "refusal", "category": None, "explanation": _REFUSALS[reason]}}


def _write_usage(counts: Any) -> Json:
    counted = from_members(counts)
    written = {
        "input_tokens": counted.input or 0,
        "cache_creation_input_tokens": counted.cache_write or 0,
        "cache_read_input_tokens": counted.cache_read or 0,
        "output_tokens": counted.output or 0,
    }
    details = member(counts, "cacheDetails") or ()
    by_ttl = {f"ephemeral_{each['ttl']}_input_tokens": each.get("inputTokens") or 0 for each in details}
    return {**written, "cache_creation": {**_NO_WRITES, **by_ttl}} if by_ttl else written


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


# What Claude answers with; blocks that its format does not have in answers, such as images, are left out and told of.
_WRITERS: dict[str, Callable[[Any], Json]] = {
    "text": _write_text,
    "citationsContent": _write_citations,
    "toolUse": _write_tool_use,
    "reasoningContent": _write_reasoning,
}


# --- a stream --------------------------------------------------------------------------------------------------------


@dataclass
class _Stream:
    """What is known of a stream while it is written: its blocks' numbers by Converse's, and why it stopped.

    Kinds of blocks that Claude's format has not are in `unsaid`.
    Claude tells redacted reasoning and signatures whole, the first in its block's start, the second last.
    """

    model_id: str
    numbers: dict[int, int] = field(default_factory=dict)
    redacted: dict[int, str] = field(default_factory=dict)
    signatures: dict[int, str] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)
    stop: Json | None = None


def write_chunks(events: Iterable[Event], model_id: str) -> Iterator[Json]:
    """Converse events as the chunks of a Messages stream; Converse tells usage last, so `message_delta` has it."""
    stream = _Stream(model_id)
    return map_events(events, lambda kind, told: _CHUNKS[kind](stream, told) if kind in _CHUNKS else ())


def _write_message_start(stream: _Stream, told: Json) -> Iterator[Json]:
    yield {"type": "message_start", "message": _message(stream.model_id)}


def _write_block_start(stream: _Stream, told: Json) -> Iterator[Json]:
    stream.unsaid += unknown_kinds(told["start"], _WRITERS)
    if told["start"].get("toolUse") is not None:
        use = {**told["start"]["toolUse"], "input": {}}
        yield from _opened(stream, told["contentBlockIndex"], _write_tool_use(use))


def _write_block_delta(stream: _Stream, told: Json) -> Iterator[Json]:
    stream.unsaid += unknown_kinds(told["delta"], _KINDS)
    for kind, delta in known_members(told["delta"], _KINDS):
        parts = known_members(delta, _THOUGHTS) if kind == "reasoningContent" else [("", delta)]
        for part, value in parts:
            yield from _write_delta(stream, told["contentBlockIndex"], ".".join(filter(None, (kind, part))), value)


def _write_delta(stream: _Stream, index: int, kind: str, delta: Any) -> Iterator[Json]:
    if kind == "reasoningContent.redactedContent":
        stream.redacted[index] = stream.redacted.get(index, "") + delta
    elif kind == "reasoningContent.signature":
        # Anthropic's SDKs keep the last signature that comes, and not all of them joined.
        stream.signatures[index] = stream.signatures.get(index, "") + delta
        yield from _opened(stream, index, _THINKING)
    else:
        block, write = _DELTAS[kind]
        if block is not None:
            yield from _opened(stream, index, block)
        if index in stream.numbers:
            yield {"type": "content_block_delta", "index": stream.numbers[index], "delta": write(delta)}


def _write_block_stop(stream: _Stream, told: Json) -> Iterator[Json]:
    index = told["contentBlockIndex"]
    if index in stream.redacted:
        yield from _opened(stream, index, {"type": "redacted_thinking", "data": stream.redacted[index]})
    if index in stream.signatures:
        delta = {"type": "signature_delta", "signature": stream.signatures[index]}
        yield {"type": "content_block_delta", "index": stream.numbers[index], "delta": delta}
    if index in stream.numbers:
        yield {"type": "content_block_stop", "index": stream.numbers[index]}


def _write_message_stop(stream: _Stream, told: Json) -> Iterator[Json]:
    stream.stop = told
    yield from ()


def _write_metadata(stream: _Stream, told: Json) -> Iterator[Json]:
    # Without a stop the answer is cut, and must not end as if it were whole.
    if stream.stop is not None:
        counts = _write_usage(told.get("usage"))
        yield {
            "type": "message_delta",
            "delta": _write_stop(stream.stop),
            "usage": counts,
            **report_left_out(stream.unsaid),
        }
        yield {"type": "message_stop"}


def _opened(stream: _Stream, index: int, block: Json) -> Iterator[Json]:
    """The block's start, unless it has started; blocks are counted anew, since some of Converse's are left out."""
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
# For each kind of delta: the block that it begins, if it can begin one, and how it is written.
_DELTAS: dict[str, tuple[Json | None, Callable[[Any], Json]]] = {
    "text": (_TEXT, lambda text: {"type": "text_delta", "text": text}),
    "citation": (_TEXT, lambda citation: {"type": "citations_delta", "citation": write_citation(citation)}),
    "toolUse": (None, lambda use: {"type": "input_json_delta", "partial_json": use.get("input") or ""}),
    "reasoningContent.text": (_THINKING, lambda text: {"type": "thinking_delta", "thinking": text}),
}
# The kinds of deltas, and the parts of one of reasoning.
_KINDS = frozenset({"text", "citation", "toolUse", "reasoningContent"})
_THOUGHTS = frozenset({"text", "signature", "redactedContent"})
