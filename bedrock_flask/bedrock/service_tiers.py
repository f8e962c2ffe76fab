"""The service tier of a call: the one that answered, or else the one that was requested.

Sources: botocore's service model of bedrock-runtime (a header of InvokeModel, a member of Converse, both ways); AWS
user guide, "Service tiers for inference" (a member of OpenAI's formats).
"""

from collections.abc import Mapping
from typing import Any

import orjson

HEADER = "x-amzn-bedrock-service-tier"
UNKNOWN = "unknown"
# What Converse and OpenAI's formats call it.
_OF_CONVERSE, _OF_OPENAI = b'"serviceTier"', b'"service_tier"'


def find_tier(document: Mapping[str, Any]) -> str:
    """The tier that an answer or an event of a stream names; empty if it names none."""
    if tier := _read_tier(document):
        return tier
    inner = document.get("metadata") or document.get("response")
    return _read_tier(inner) if isinstance(inner, dict) else ""


def _read_tier(members: Mapping[str, Any]) -> str:
    tier = members.get("serviceTier") or members.get("service_tier")
    tier = tier.get("type") if isinstance(tier, dict) else tier
    return tier if isinstance(tier, str) else ""


def find_requested_tier(headers: Mapping[str, str], body: bytes) -> str:
    """The tier that a call asks for; empty if it asks for none, UNKNOWN if its body cannot be read here."""
    for name, value in headers.items():
        if name.lower() == HEADER:
            return value
    # Within a string the second quotation mark would be escaped: most bodies need not be parsed.
    if _OF_CONVERSE not in body and _OF_OPENAI not in body:
        return ""
    try:
        document = orjson.loads(body)
    except ValueError:
        # Half of a surrogate pair is strict JSON, and this parser refuses it.
        return UNKNOWN
    # The `metadata` of a request are the caller's own.
    return _read_tier(document) if isinstance(document, dict) else ""
