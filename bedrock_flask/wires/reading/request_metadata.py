"""The metadata and the service tier of requests in OpenAI's formats, as far as Converse can express them."""

import re
from collections.abc import Mapping

from bedrock_flask.converse import Json
from bedrock_flask.wires.reading.cursor import Cursor

# Bedrock's name for each of OpenAI's tiers that it has.
_TIERS = {"flex": "flex", "priority": "priority", "fast": "priority"}
# What Converse takes as requestMetadata. Source: the service model of bedrock-runtime.
_MAX_PAIRS = 16
_PAIR = tuple(re.compile(rf"[a-zA-Z0-9\s:_@$#=/+,\-.]{{{least},256}}", re.ASCII) for least in (1, 0))


def read_tier(body: Json, top: Cursor) -> Json:
    """Converse's serviceTier; empty for the default tiers."""
    tier = body.get("service_tier")
    if tier in _TIERS:
        return {"type": _TIERS[tier]}
    if tier not in (None, "auto", "default"):
        top.at("service_tier").add_extra(tier)
    return {}


def read_metadata(body: Json, top: Cursor) -> Json:
    """Converse's requestMetadata, with the members for the end user where Bedrock accepts their values."""
    if body.keys().isdisjoint(_METADATA):
        return {}
    metadata: Json = dict(body.get("metadata") or {})
    if not _is_metadata(metadata):
        top.at("metadata").add_extra(metadata)
        metadata = {}
    for name in _END_USER:
        value = body.get(name)
        if value is not None and metadata.get(name, value) == value and _is_metadata({**metadata, name: value}):
            metadata[name] = value
        elif value is not None:
            top.at(name).add_extra(value)
    return metadata


# The members that name the end user.
_END_USER = ("user", "safety_identifier")
_METADATA = ("metadata", *_END_USER)


def _is_metadata(pairs: Mapping[str, str]) -> bool:
    return len(pairs) <= _MAX_PAIRS and all(
        form.fullmatch(text) for pair in pairs.items() for form, text in zip(_PAIR, pair, strict=True)
    )
