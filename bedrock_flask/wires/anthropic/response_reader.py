"""A Messages reply as a Converse response, and the chunks of its stream as Converse events."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.bedrock.usage import Usage, from_members, from_metrics
from bedrock_flask.converse import Event, Json, Response, fold, map_shape_errors, member
from bedrock_flask.wires.anthropic.citations import read_citations
from bedrock_flask.wires.converse_events import (
    add_delta,
    end_stream,
    start_block,
    start_message,
    stop_block,
    stop_message,
)
from bedrock_flask.wires.reading.cursor import Cursor
from bedrock_flask.wires.wire import ChunkReader, find_stated_error, raise_reported_error, read_all


def is_complete(reply: Json) -> bool:
    """Whether a reply is a whole message, and states no error."""
    is_whole = isinstance(reply.get("content"), list) and bool(reply.get("stop_reason"))
    return reply.get("type") == "message" and is_whole and find_stated_error(reply) is None


def is_stop(chunk: Json) -> bool:
    """Whether this is the `message_delta` with the stop reason."""
    return bool(member(chunk, "delta", "stop_reason"))


def is_terminal(chunk: Json) -> bool:
    """Whether this is `message_stop`."""
    return chunk.get("type") == "message_stop"


def read_usage(document: Json) -> Usage:
    """The counts of a reply, `message_start`, `message_delta` (cumulative), or the metrics in the last chunk."""
    first = from_members(member(document, "message", "usage"))
    return first.merge(from_members(member(document, "usage"))).merge(from_metrics(document))


@map_shape_errors()
def read_reply(reply: Json) -> Response:
    """A Messages reply as a Converse response; raises UpstreamProtocolError for any other document."""
    return fold(read_chunks(_split_reply(reply)))


def _split_reply(reply: Json) -> Iterator[Json]:
    """The chunks of a stream that brings each block of this reply in one piece."""
    yield {"type": "message_start", "message": {"usage": reply.get("usage")}}
    for index, block in enumerate(reply["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": reply}
    yield {"type": "message_stop"}


def read_chunks(chunks: Iterable[Json]) -> Iterator[Event]:
    """The chunks of a whole Messages stream as Converse events."""
    return read_all(open_reader(), chunks)


def open_reader() -> ChunkReader:
    """A reader of the chunks of one Messages stream."""
    stream = _Stream()

    def read(chunk: Json) -> Iterator[Event]:
        raise_reported_error(chunk.get("error"))
        stream.usage = stream.usage.merge(read_usage(chunk))
        stream.cache_details = _read_cache_details(chunk) or stream.cache_details
        return _CHUNKS.get(chunk["type"], _ignore)(stream, chunk)

    return ChunkReader(read)


@dataclass
class _Stream:
    """The state of a stream: what `message_stop` must repeat, and the open blocks of which nothing was sent yet."""

    usage: Usage = field(default_factory=Usage)
    cache_details: list[Json] = field(default_factory=list)
    stop: Json = field(default_factory=dict)
    unsent: dict[int, Json] = field(default_factory=dict)


def _ignore(stream: _Stream, chunk: Json) -> Iterator[Event]:
    # `ping`, and chunks that Anthropic adds later.
    yield from ()


def _start_message(stream: _Stream, chunk: Json) -> Iterator[Event]:
    yield start_message()


def _start_block(stream: _Stream, chunk: Json) -> Iterator[Event]:
    index, block = chunk["index"], chunk["content_block"]
    kind = block["type"]
    if kind in _TOOL_USES:
        typed = {"type": "server_tool_use"} if kind == "server_tool_use" else {}
        yield start_block(index, "toolUse", {"toolUseId": block["id"], "name": block["name"], **typed})
        stream.unsent[index] = block
    elif kind in _BLOCKS:
        stream.unsent[index] = block
        for name, delta in _BLOCKS[kind](block):
            stream.unsent.pop(index, None)
            yield add_delta(index, name, delta)
    else:
        # Converse has no such block; the format of the caller reports it.
        yield start_block(index, kind, block)


def _add_delta(stream: _Stream, chunk: Json) -> Iterator[Event]:
    delta = chunk["delta"]
    if delta["type"] in _DELTAS:
        stream.unsent.pop(chunk["index"], None)
        for name, value in _DELTAS[delta["type"]](delta):
            yield add_delta(chunk["index"], name, value)


def _stop_block(stream: _Stream, chunk: Json) -> Iterator[Event]:
    index = chunk["index"]
    block = stream.unsent.pop(index, None)
    if block is not None and block["type"] not in _TOOL_USES:
        yield add_delta(index, *_EMPTY[block["type"]])
    elif block is not None and block.get("input"):
        # The deltas of a tool use replace the input that its block starts with; here there were none.
        yield add_delta(index, "toolUse", {"input": json.dumps(block["input"])})
    yield stop_block(index)


def _read_stop(stream: _Stream, chunk: Json) -> Iterator[Event]:
    stream.stop = chunk["delta"]
    yield from ()


def _stop_message(stream: _Stream, chunk: Json) -> Iterator[Event]:
    reason: Any = stream.stop.get("stop_reason")
    sequence = stream.stop.get("stop_sequence")
    yield stop_message(_STOPS.get(reason, reason), {"stop_sequence": sequence} if sequence is not None else None)
    yield end_stream(stream.usage, cache_details=stream.cache_details)


_CHUNKS: dict[str, Callable[[_Stream, Json], Iterator[Event]]] = {
    "message_start": _start_message,
    "content_block_start": _start_block,
    "content_block_delta": _add_delta,
    "content_block_stop": _stop_block,
    "message_delta": _read_stop,
    "message_stop": _stop_message,
}
# Other reasons have the same name in Converse, or none there.
_STOPS = {"refusal": "content_filtered"}


def _read_cache_details(chunk: Json) -> list[Json]:
    counts = member(chunk, "message", "usage", "cache_creation") or member(chunk, "usage", "cache_creation") or {}
    written = ((ttl, counts.get(f"ephemeral_{ttl}_input_tokens")) for ttl in ("5m", "1h"))
    return [{"ttl": ttl, "inputTokens": count} for ttl, count in written if count]


# --- blocks, as pairs of the kind of a Converse delta and its value --------------------------------------------------

_Deltas = Iterator[tuple[str, Any]]


def _read_text(block: Json) -> _Deltas:
    citations = read_citations(block.get("citations") or [], Cursor("citations", {}))
    if block["text"] or citations:
        yield "text", block["text"]
    yield from (("citation", citation) for citation in citations)


def _read_thinking(block: Json) -> _Deltas:
    for kind, name in (("text", "thinking"), ("signature", "signature")):
        if block.get(name):
            yield "reasoningContent", {kind: block[name]}


def _read_redacted(block: Json) -> _Deltas:
    yield "reasoningContent", {"redactedContent": block["data"]}


_TOOL_USES = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_BLOCKS: dict[str, Callable[[Json], _Deltas]] = {
    "text": _read_text,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
}
# What a block that ends without any content says in Converse.
_EMPTY: dict[str, tuple[str, Any]] = {"text": ("text", ""), "thinking": ("reasoningContent", {"text": ""})}


def _read_citation(delta: Json) -> _Deltas:
    yield from (("citation", citation) for citation in read_citations([delta["citation"]], Cursor("citations", {})))


_DELTAS: dict[str, Callable[[Json], _Deltas]] = {
    "text_delta": lambda delta: iter([("text", delta["text"])]),
    "citations_delta": _read_citation,
    "input_json_delta": lambda delta: iter([("toolUse", {"input": delta["partial_json"]})]),
    "thinking_delta": lambda delta: iter([("reasoningContent", {"text": delta["thinking"]})]),
    "signature_delta": lambda delta: iter([("reasoningContent", {"signature": delta["signature"]})]),
}
