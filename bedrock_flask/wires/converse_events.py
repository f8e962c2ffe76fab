"""The events of a Converse stream: what they hold, and one by one, for the wires that read another format's stream."""

from typing import Any

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.converse import Event, Json, omit_null

# The events that hold only a piece of the answer.
PIECES = frozenset({"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"})
# Converse's name for each count of `Usage`.
_COUNTS = {
    "input": "inputTokens",
    "output": "outputTokens",
    "cache_read": "cacheReadInputTokens",
    "cache_write": "cacheWriteInputTokens",
}


def start_message() -> Event:
    """The first event of every stream."""
    return {"messageStart": {"role": "assistant"}}


def start_block(index: int, kind: str, start: Json) -> Event:
    """The start of a tool use, or of a block that Converse does not have; TypeError unless `kind` is text."""
    if not isinstance(kind, str):
        raise TypeError("the kind of a block must be a string")
    return {"contentBlockStart": {"start": {kind: start}, "contentBlockIndex": index}}


def add_delta(index: int, kind: str, delta: Any) -> Event:
    """A piece of a block."""
    return {"contentBlockDelta": {"delta": {kind: delta}, "contentBlockIndex": index}}


def stop_block(index: int) -> Event:
    """The end of a block."""
    return {"contentBlockStop": {"contentBlockIndex": index}}


def stop_message(reason: str | None, fields: Json | None = None) -> Event:
    """Why the model stopped, with what Converse passes on as `additionalModelResponseFields`."""
    return {"messageStop": omit_null(stopReason=reason, additionalModelResponseFields=fields)}


def end_stream(usage: Usage, tier: str | None = None, cache_details: list[Json] | None = None) -> Event:
    """The last event: token counts, and the service tier that served the request."""
    counts: Json = {name: getattr(usage, count) for count, name in _COUNTS.items()}
    known = omit_null(**counts, cacheDetails=cache_details or None)
    if usage.input is not None or usage.output is not None:
        known["totalTokens"] = sum(count for count in usage.counts() if count is not None)
    return {"metadata": {"usage": known, **({"serviceTier": {"type": tier}} if tier else {})}}
