"""The text of a token, of which nothing is proven yet: its form, and what it says of its issuer and its key."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The server takes no longer header; issuers send some two thousand characters.
_MOST = 8192
# A header is a JSON object, which begins with `{"`, or with a space after the brace.
_FORM = re.compile(r"(ey[\w-]+)\.([\w-]+)\.([\w-]*)", re.ASCII)


@dataclass(frozen=True)
class Unproven:
    """What a token says of itself."""

    issuer: str
    algorithm: str
    key: str | None


def is_token(text: str) -> bool:
    """Whether a text has the form of a signed token."""
    return text.startswith("ey") and len(text) <= _MOST and _FORM.fullmatch(text) is not None


def read_unproven(text: str) -> Unproven | None:
    """What a token says of itself; None if it does not say that, or in another way."""
    header, claims, _ = text.split(".")
    try:
        head, body = _decode(header), _decode(claims)
    except (ValueError, RecursionError):
        return None
    issuer, algorithm, key = body.get("iss"), head.get("alg"), head.get("kid")
    if not isinstance(issuer, str) or not isinstance(algorithm, str) or not isinstance(key, str | None):
        return None
    return Unproven(issuer, algorithm, key)


def _decode(part: str) -> Mapping[str, Any]:
    decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(decoded, dict):
        raise ValueError
    return decoded
