"""What OpenAI's clients say about a request, as far as Converse can tell it: who asks, for what, and how quickly."""

import re
from collections.abc import Mapping

from bedrock_flask.converse import Json
from bedrock_flask.wires.reading.cursor import Cursor

# The tiers of OpenAI's that Bedrock has, by Bedrock's name for them.
_TIERS = {"flex": "flex", "priority": "priority", "fast": "priority"}
# What Converse takes as requestMetadata. Source: the service model of bedrock-runtime.
_MOST_PAIRS = 16
_PAIR = tuple(re.compile(rf"[a-zA-Z0-9\s:_@$#=/+,\-.]{{{least},256}}", re.ASCII) for least in (1, 0))


def read_tier(tier: str | None, place: Cursor) -> Json:
    """Converse's serviceTier; the usual tiers ask for nothing."""
    if tier in _TIERS:
        return {"type": _TIERS[tier]}
    if tier not in (None, "auto", "default"):
        place.leave(tier)
    return {}


def read_metadata(body: Json, top: Cursor) -> Json:
    """What Converse's requestMetadata can tell of the caller's."""
    metadata: Json = dict(body.get("metadata") or {})
    if not _is_metadata(metadata):
        top.at("metadata").leave(metadata)
        metadata = {}
    for name in ("user", "safety_identifier"):
        value = body.get(name)
        if value is not None and metadata.get(name, value) == value and _is_metadata({**metadata, name: value}):
            metadata[name] = value
        elif value is not None:
            top.at(name).leave(value)
    return metadata


def _is_metadata(pairs: Mapping[str, str]) -> bool:
    return len(pairs) <= _MOST_PAIRS and all(
        form.fullmatch(text) for pair in pairs.items() for form, text in zip(_PAIR, pair, strict=True)
    )
