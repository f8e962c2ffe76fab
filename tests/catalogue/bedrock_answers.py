"""Bedrock's answers for the blocks of a message: whole and as events, in Converse's form and in Claude's."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_flask.protocol import eventstream

Json = dict[str, Any]

USAGE = {"inputTokens": 3, "outputTokens": 10, "totalTokens": 13}


def frame(event: Json) -> bytes:
    [(kind, items)] = event.items()
    return eventstream.encode(eventstream.event(kind, json.dumps(items).encode()))


def events_of(blocks: list[Json], stop: str, usage: Mapping[str, int], more: Json | None = None) -> Iterator[Json]:
    """The events in which Converse streams these blocks, each text and input in two pieces."""
    yield {"messageStart": {"role": "assistant"}}
    for index, block in enumerate(blocks):
        start, deltas = _parts(block)
        if start:
            yield {"contentBlockStart": {"contentBlockIndex": index, "start": start}}
        for delta in deltas:
            yield {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    extra = {"additionalModelResponseFields": more} if more else {}
    yield {"messageStop": {"stopReason": stop, **extra}}
    yield {"metadata": {"usage": dict(usage)}}


def _parts(block: Json) -> tuple[Json, list[Json]]:
    if "text" in block:
        return {}, [{"text": piece} for piece in _halves(block["text"])]
    if "toolUse" in block:
        use = {name: value for name, value in block["toolUse"].items() if name != "input"}
        pieces = _halves(json.dumps(block["toolUse"]["input"])) if block["toolUse"]["input"] else []
        return {"toolUse": use}, [{"toolUse": {"input": piece}} for piece in pieces]
    reasoning = block["reasoningContent"]
    if "redactedContent" in reasoning:
        return {}, [{"reasoningContent": reasoning}]
    found = reasoning["reasoningText"]
    texts = [{"reasoningContent": {"text": piece}} for piece in _halves(found["text"])]
    signed = [{"reasoningContent": {"signature": found["signature"]}}] if "signature" in found else []
    return {}, [*texts, *signed]


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]


def claudes_reply(blocks: list[Json], stop: str) -> Json:
    """The same in Claude's own words."""
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "model": "claude",
        "content": [_claudes(block) for block in blocks],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": USAGE["inputTokens"], "output_tokens": USAGE["outputTokens"]},
    }


def claudes_chunks(blocks: list[Json], stop: str) -> Iterator[Json]:
    """The chunks of that."""
    reply = claudes_reply(blocks, stop)
    yield {"type": "message_start", "message": {**reply, "content": [], "stop_reason": None}}
    for index, block in enumerate(reply["content"]):
        start, deltas = _claudes_parts(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": USAGE["outputTokens"]}}
    yield {"type": "message_stop"}


def _claudes(block: Json) -> Json:
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    if "toolUse" in block:
        use = block["toolUse"]
        return {"type": "tool_use", "id": use["toolUseId"], "name": use["name"], "input": use["input"]}
    value = block["reasoningContent"]["reasoningText"]
    return {"type": "thinking", "thinking": value["text"], "signature": value["signature"]}


def _claudes_parts(block: Json) -> tuple[Json, list[Json]]:
    if block["type"] == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": block["text"]}]
    if block["type"] == "tool_use":
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        return {**block, "input": {}}, [delta]
    deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}] if block["thinking"] else []
    signed = {"type": "signature_delta", "signature": block["signature"]}
    return {**block, "thinking": "", "signature": ""}, [*deltas, signed]
