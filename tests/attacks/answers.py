"""A true answer of Bedrock in its pieces, which the lies take apart: head, frames, whole body; each holds a mark."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bedrock_flask.protocol import eventstream
from tests.attacks import surface_documents

CONVERSE, INVOKE = "converse", "invoke"
STREAM_TYPE, JSON_TYPE = eventstream.MEDIA_TYPE, "application/json"

_USAGE = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
_METRICS = {"inputTokenCount": 3, "outputTokenCount": 4, "invocationLatency": 9, "firstByteLatency": 2}


def make_events(form: str, mark: str) -> list[tuple[str, Any]]:
    """The events of a whole stream: their types, and their documents."""
    if form == CONVERSE:
        return [
            ("messageStart", {"role": "assistant"}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Here is "}}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": mark}}),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": "end_turn"}),
            ("metadata", {"usage": _USAGE, "metrics": {"latencyMs": 9}}),
        ]
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": mark}}
    stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}}
    documents: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**make_reply(INVOKE, mark), "content": [], "stop_reason": None}},
        start,
        delta,
        {"type": "content_block_stop", "index": 0},
        stop,
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": _METRICS},
    ]
    return [("chunk", document) for document in documents]


def make_reply(form: str, mark: str) -> dict[str, Any]:
    """The document of a whole answer."""
    if form in surface_documents.FORMS:
        return surface_documents.make_reply(form, mark)
    if form == CONVERSE:
        message = {"role": "assistant", "content": [{"text": f"Here is {mark}"}]}
        return {"output": {"message": message}, "stopReason": "end_turn", "usage": _USAGE, "metrics": {"latencyMs": 9}}
    return {
        "id": "msg_bdrk_01",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": f"Here is {mark}"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }


def frame_of(form: str, event: tuple[str, Any]) -> bytes:
    """One event as a frame."""
    kind, document = event
    return frame_text(form, kind, json.dumps(document))


def frame_text(form: str, kind: str, text: str | bytes) -> bytes:
    """A frame whose document is any text."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return eventstream.encode(eventstream.event(kind, data) if form == CONVERSE else eventstream.chunk(data))


def head(status: str = "200 OK", **headers: str) -> bytes:
    """The head of an answer; `_` in a name is written `-`."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nx-amzn-requestid: lie\r\n{lines}\r\n".encode("latin-1")


def chunked(parts: Iterable[bytes], *, end: bytes = b"0\r\n\r\n") -> list[bytes]:
    """The parts as HTTP chunks, and their end."""
    return [b"%x\r\n%b\r\n" % (len(part), part) for part in parts] + [end]


def stream(frames: Sequence[bytes], *, end: bytes = b"0\r\n\r\n", **headers: str) -> list[bytes]:
    """A streamed answer of these frames."""
    own: Mapping[str, str] = {
        "content_type": STREAM_TYPE,
        "x_amzn_bedrock_content_type": JSON_TYPE,
        "transfer_encoding": "chunked",
        **headers,
    }
    return [head(**own), *chunked(frames, end=end)]


def whole(body: bytes, **headers: str) -> list[bytes]:
    """A whole answer with this body."""
    own = {"content_type": JSON_TYPE, "content_length": str(len(body)), **headers}
    return [head(**own), body]
