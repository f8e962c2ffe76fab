"""A chat completion as a Converse response, and its chunks as Converse events."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bedrock_flask.bedrock.usage import Usage, from_metrics
from bedrock_flask.converse import Event, Json, Response, fold, member
from bedrock_flask.wires.converse_events import (
    add_delta,
    end_stream,
    start_block,
    start_message,
    stop_block,
    stop_message,
)
from bedrock_flask.wires.openai_chat.response_writer import FINISH, USAGE_NAMES
from bedrock_flask.wires.openai_usage import read_counts
from bedrock_flask.wires.wire import ChunkReader, find_stated_error, has_metrics, raise_reported_error, read_all


def is_complete(reply: Json) -> bool:
    """Whether a reply has a choice with a message and the reason why the model stopped, and states no error."""
    choice = _find_first_choice(reply)
    has_message = isinstance(member(choice, "message"), dict) and bool(_find_finish_reason(choice))
    return has_message and find_stated_error(reply) is None


def is_stop(chunk: Json) -> bool:
    """Whether this chunk has the reason why the model stopped."""
    return bool(_find_finish_reason(_find_first_choice(chunk)))


def is_terminal(chunk: Json) -> bool:
    """Whether this is the last chunk: with the metrics, with the usage alone, or with the reason why the model stopped.

    A chunk that has a reason and a null for usage announces that the usage is still to come.
    """
    if has_metrics(chunk) or (chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)):
        return True
    return bool(_find_finish_reason(_find_first_choice(chunk))) and not ("usage" in chunk and chunk["usage"] is None)


def is_last_event(chunk: Json) -> bool:
    """Whether this chunk of OpenAI's own API is the last one: the mark of the end, or the usage that a call asks for.

    Here a chunk that has a reason and no usage is not the last one.
    """
    return "end" in chunk or (chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict))


def read_usage(document: Json) -> Usage:
    """The counts of a reply or a chunk, or of the metrics in the last chunk."""
    return read_counts(document.get("usage"), **USAGE_NAMES).merge(from_metrics(document))


def _find_first_choice(document: Json) -> Any:
    choices = document.get("choices")
    return choices[0] if isinstance(choices, list) and choices else None


def _find_finish_reason(choice: Any) -> Any:
    # Mistral's models call it `stop_reason`.
    return member(choice, "finish_reason") or member(choice, "stop_reason")


def read_reply(reply: Json) -> Response:
    """A chat completion as a Converse response: the reasoning, then the text, then the calls of tools.

    Raises UpstreamProtocolError for any other document.
    """
    # A whole message has the members of a chunk's delta.
    return fold(read_all(_make_reader(_Stream(is_whole=True, is_finished=True)), [reply]))


def read_chunks(chunks: Iterable[Json]) -> Iterator[Event]:
    """The chunks of a whole chat completion as Converse events."""
    return read_all(open_reader(), chunks)


def open_reader() -> ChunkReader:
    """A reader of the chunks of one chat completion."""
    return _make_reader(_Stream())


@dataclass
class _Stream:
    """The state of a stream.

    is_whole   whether the one chunk is a whole reply
    index      the number of the last Converse block, -1 before the first
    block      what identifies the block that is open, None between blocks
    is_signed  whether the open block of reasoning has its signature, behind which another block begins
    citations  what the open block cites, sent when it closes
    calls      the Converse block of each tool call
    """

    is_whole: bool = False
    is_started: bool = False
    is_finished: bool = False
    reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    tier: str | None = None
    index: int = -1
    block: tuple[Any, ...] | None = None
    is_signed: bool = False
    citations: list[Json] = field(default_factory=list)
    calls: dict[Any, int] = field(default_factory=dict)


def _make_reader(stream: _Stream) -> ChunkReader:
    return ChunkReader(partial(_read_chunk, stream), partial(_end, stream))


def _read_chunk(stream: _Stream, chunk: Json) -> Iterator[Event]:
    raise_reported_error(chunk.get("error"))
    if not stream.is_started:
        stream.is_started = True
        yield start_message()
    stream.usage = stream.usage.merge(read_usage(chunk))
    stream.tier = chunk.get("service_tier") or stream.tier
    choice = _find_first_choice(chunk)
    delta = member(choice, "delta") or member(choice, "message") or {}
    # Some servers call the reasoning `reasoning`, and some send it under both names.
    delta = {**delta, "reasoning_content": delta.get("reasoning_content") or delta.get("reasoning")}
    for name, read in _MEMBERS.items():
        if delta.get(name):
            yield from read(stream, delta)
    stream.reason = _read_reason(choice) or stream.reason
    stream.is_finished = stream.is_finished or is_terminal(chunk)


def _end(stream: _Stream) -> Iterator[Event]:
    # A stream without its terminal chunk was cut, and must not end as if it were whole.
    if stream.is_finished:
        yield from _close_block(stream)
        yield stop_message(stream.reason)
        yield end_stream(stream.usage, stream.tier if stream.tier in _TIERS else None)


_TIERS = ("default", "flex", "priority")


def _read_reason(choice: Any) -> str | None:
    native = member(choice, "native_finish_reason")
    if native in FINISH:
        return str(native)
    reason = _find_finish_reason(choice)
    return str(_STOPS.get(reason, reason)) if reason else None


_STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "content_filtered",
    "error": "malformed_model_output",
}


# --- blocks ----------------------------------------------------------------------------------------------------------


def _open_block(stream: _Stream, *identity: Any) -> Iterator[Event]:
    """Close the open block unless it is this one, and number the new one."""
    if stream.block != identity:
        yield from _close_block(stream)
        stream.block, stream.index = identity, stream.index + 1


def _close_block(stream: _Stream) -> Iterator[Event]:
    if stream.block is not None:
        yield from (add_delta(stream.index, "citation", citation) for citation in stream.citations)
        yield stop_block(stream.index)
    stream.block, stream.is_signed, stream.citations = None, False, []


def _add_unknown(stream: _Stream, kind: str, value: Json) -> Iterator[Event]:
    """A block that Converse does not have; the format of the caller reports it."""
    yield from _close_block(stream)
    yield from _open_block(stream, kind)
    yield start_block(stream.index, kind, value)
    yield from _close_block(stream)


def _add_text(stream: _Stream, text: str) -> Iterator[Event]:
    if text:
        yield from _open_block(stream, "text")
        yield add_delta(stream.index, "text", text)


def _read_content(stream: _Stream, delta: Json) -> Iterator[Event]:
    content = delta["content"]
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "text":
            yield from _add_text(stream, part["text"])
        else:
            yield from _add_unknown(stream, part["type"], part)


def _read_refusal(stream: _Stream, delta: Json) -> Iterator[Event]:
    yield from _add_text(stream, delta["refusal"])


def _read_annotations(stream: _Stream, delta: Json) -> Iterator[Event]:
    for annotation in delta["annotations"]:
        if annotation.get("type") == "url_citation":
            cited = annotation["url_citation"]
            yield from _open_block(stream, "text")
            stream.citations.append({"title": cited.get("title") or "", "location": {"web": {"url": cited["url"]}}})


def _read_details(stream: _Stream, delta: Json) -> Iterator[Event]:
    for detail in delta["reasoning_details"]:
        kind = detail["type"]
        if kind not in _DETAILS:
            yield from _add_unknown(stream, kind, detail)
            continue
        if stream.is_signed and detail.get("text") and detail.get("index") is None:
            yield from _close_block(stream)
        yield from _open_block(stream, kind, detail.get("index"))
        for name, part in _DETAILS[kind].items():
            if detail.get(name) is not None:
                yield add_delta(stream.index, "reasoningContent", {part: detail[name]})
                stream.is_signed = stream.is_signed or part == "signature"


# For each kind of detail: its members, by Converse's name for them.
_DETAILS = {
    "reasoning.text": {"text": "text", "signature": "signature"},
    "reasoning.summary": {"summary": "text"},
    "reasoning.encrypted": {"data": "redactedContent"},
}


def _read_reasoning(stream: _Stream, delta: Json) -> Iterator[Event]:
    # Beside the details, the plain text repeats them.
    if not delta.get("reasoning_details"):
        yield from _open_block(stream, "reasoning")
        yield add_delta(stream.index, "reasoningContent", {"text": delta["reasoning_content"]})


def _read_calls(stream: _Stream, delta: Json) -> Iterator[Event]:
    for position, call in enumerate(delta["tool_calls"]):
        key = _make_call_key(stream, call, position)
        if call.get("type") not in (None, "function"):
            yield from _add_unknown(stream, call["type"], call)
            continue
        function = call["function"]
        if key not in stream.calls:
            yield from _open_block(stream, "call", key)
            stream.calls[key] = stream.index
            yield start_block(stream.index, "toolUse", {"toolUseId": call["id"], "name": function["name"]})
        arguments = function.get("arguments")
        if arguments:
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            yield add_delta(stream.calls[key], "toolUse", {"input": text})


def _make_call_key(stream: _Stream, call: Json, position: int) -> tuple[str, Any]:
    """What the pieces of one call have in common."""
    if call.get("index") is not None:
        return "index", call["index"]
    # Servers that send no index send each call in one piece, with its id.
    return ("position", position) if stream.is_whole else ("id", call["id"])


# The members of a delta in the order in which they are read.
_MEMBERS: dict[str, Callable[[_Stream, Json], Iterator[Event]]] = {
    "reasoning_details": _read_details,
    "reasoning_content": _read_reasoning,
    "content": _read_content,
    "refusal": _read_refusal,
    "annotations": _read_annotations,
    "tool_calls": _read_calls,
}
