"""The answers of the scripted Bedrock, as the bytes that it sends: whole ones, and the chunks of streams."""

import functools
import json
from collections.abc import Sequence
from typing import Any

from bedrock_flask.protocol import eventstream

CONVERSE, INVOKE = "converse", "invoke"

# Streams of a model with one of these in its id are paced, at this many events a second; others are sent at once. At
# 1,000 a second each event comes in a read of its own, as tokens do.
PACES = {"nova-pro": 50, "haiku": 50, "nova-micro": 1000}

TEXT = "The quick brown fox jumps over the lazy dog. " * 6
WORD = " word"
_USAGE = {"inputTokens": 12, "outputTokens": 100, "totalTokens": 112}
_METRICS = {
    "inputTokenCount": 12,
    "outputTokenCount": 100,
    "invocationLatency": 900,
    "firstByteLatency": 200,
}


def find_pace(model: str) -> int:
    """Events a second of a stream of this model; 0 if they are sent at once."""
    return next((pace for part, pace in PACES.items() if part in model), 0)


@functools.cache
def write_whole(form: str) -> bytes:
    """The whole response, head and body."""
    body = _write_json(_CONVERSE_REPLY if form == CONVERSE else _CLAUDE_REPLY)
    head = f"HTTP/1.1 200 OK\r\n{_OWN_HEADERS}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@functools.cache
def write_stream(form: str, deltas: int) -> Sequence[bytes]:
    """The pieces of a streamed response of this many deltas: the head with the first events, the deltas, the end."""
    delta = write_delta(form, WORD)
    return (write_start(form), *[delta] * deltas, write_end(form))


def write_start(form: str) -> bytes:
    """The head of a streamed response, and its events before the deltas."""
    # InvokeModel names the type of its chunks.
    kind = f"content-type: {eventstream.MEDIA_TYPE}\r\nx-amzn-bedrock-content-type: application/json\r\n"
    head = f"HTTP/1.1 200 OK\r\n{_OWN_HEADERS}{kind}transfer-encoding: chunked\r\n\r\n"
    events: Sequence[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    if form == INVOKE:
        start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        message = _CLAUDE_REPLY | {"content": [], "stop_reason": None}
        events = [("", {"type": "message_start", "message": message}), ("", start)]
    return head.encode() + b"".join(_write_event(form, kind, event) for kind, event in events)


def write_delta(form: str, text: str) -> bytes:
    """One event with text."""
    if form == CONVERSE:
        return _write_event(form, "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})
    return _write_event(
        form, "", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    )


def write_end(form: str) -> bytes:
    """The events after the deltas, and the end of the response."""
    converse = [
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": _USAGE, "metrics": {"latencyMs": 900}}),
    ]
    claude = [
        ("", {"type": "content_block_stop", "index": 0}),
        ("", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 100}}),
        ("", {"type": "message_stop", "amazon-bedrock-invocationMetrics": _METRICS}),
    ]
    events = converse if form == CONVERSE else claude
    return b"".join(_write_event(form, kind, event) for kind, event in events) + b"0\r\n\r\n"


def _write_event(form: str, kind: str, event: dict[str, Any]) -> bytes:
    """An event as a chunk of the response; Bedrock pads each."""
    if form == CONVERSE:
        frame = eventstream.event(kind, _write_json(event | {"p": eventstream.padding(1)}))
    else:
        frame = eventstream.chunk(_write_json(event), eventstream.padding(1))
    data = eventstream.encode(frame)
    return b"%x\r\n%b\r\n" % (len(data), data)


def _write_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


_OWN_HEADERS = (
    "date: Mon, 01 Jan 2029 00:00:00 GMT\r\nconnection: keep-alive\r\n"
    "x-amzn-requestid: 6f1c2a9e-3b0d-4b7e-9a7c-0c5d1e2f3a4b\r\n"
)
_CONVERSE_REPLY: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": TEXT}]}},
    "stopReason": "end_turn",
    "usage": _USAGE,
    "metrics": {"latencyMs": 900},
}
_CLAUDE_REPLY: dict[str, Any] = {
    "id": "msg_bdrk_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 100},
}
