"""A frame of Bedrock's event stream as a chunk of the answer, or as the error that ends it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bedrock_flask.bedrock.errors import find_error
from bedrock_flask.call import Chunk
from bedrock_flask.errors import BedrockError, GatewayError, UpstreamProtocolError, redact_account_arns
from bedrock_flask.protocol.eventstream import Decoder, EventStreamError, Frame, HeaderValue, chunk_bytes, encode
from bedrock_flask.transport.refusal import find_first_text, parse_any


def read_chunks(decoder: Decoder, data: bytes) -> tuple[list[Chunk], GatewayError | None]:
    """The chunks that these bytes complete, and the error that comes after them, if there is one."""
    error: GatewayError | None = None
    try:
        frames = decoder.feed(data)
    except EventStreamError as fault:
        frames = [*fault.frames]
        error = UpstreamProtocolError(f"Bedrock's stream cannot be read: {fault}.")
    chunks: list[Chunk] = []
    try:
        for frame in frames:
            event = frame.event
            # What comes before an error is part of the answer.
            chunks.append(Chunk(event, frame.payload, frame.raw) if event and event != "chunk" else _read_chunk(frame))
    except GatewayError as ended:
        return chunks, ended
    return chunks, error


def _read_chunk(frame: Frame) -> Chunk:
    if not frame.event:
        raise _read_fault(frame)
    try:
        return Chunk(frame.event, chunk_bytes(frame), frame.raw)
    except EventStreamError:
        raise UpstreamProtocolError("Bedrock's stream has a chunk without bytes.") from None


def _read_fault(frame: Frame) -> GatewayError:
    """The error that a frame reports which is not an event."""
    kind = frame.headers.get(":message-type")
    if kind == "exception":
        document = parse_any(frame.payload)
        message = find_first_text(document, "message", "Message", "originalMessage")
        # Some exceptions are wrapped in another, and the payload has the name (maximhq/bifrost#4808).
        inner = find_first_text(document, "__type").rpartition("#")[2]
        name = inner if find_error(inner) else _find_text(frame.headers, ":exception-type")
        return _add_frame(BedrockError(name, message, document=document), frame)
    if kind == "error":
        code, message = (_find_text(frame.headers, name) for name in (":error-code", ":error-message"))
        return _add_frame(BedrockError(code, message), frame)
    return UpstreamProtocolError("Bedrock's stream has an event of an unknown type.")


def _find_text(headers: Mapping[str, HeaderValue], name: str) -> str:
    value = headers.get(name)
    return value if isinstance(value, str) else ""


def _add_frame(refused: BedrockError, frame: Frame) -> BedrockError:
    """The error with its frame, which Bedrock's own routes pass on without the ARNs that name an account."""
    masked = replace(
        frame,
        headers={name: _mask(value) for name, value in frame.headers.items()},
        payload=_mask_payload(frame.payload),
    )
    refused.frame = frame.raw if masked == frame else encode(masked)
    return refused


def _mask(value: Any) -> Any:
    return redact_account_arns(value) if isinstance(value, str) else value


def _mask_payload(payload: bytes) -> bytes:
    """The payload of an error without the ARNs that name an account; its bytes unchanged if there are none."""
    document = parse_any(payload)
    if not isinstance(document, dict):
        text = payload.decode("utf-8", "replace")
        masked_text = redact_account_arns(text)
        return payload if masked_text == text else masked_text.encode()
    masked = {name: _mask(value) for name, value in document.items()}
    return payload if masked == document else json.dumps(masked).encode()
