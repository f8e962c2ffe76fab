"""A model's reasoning in `encrypted_content`: the caller keeps it and sends it back, the gateway stores nothing.

Clients do not read that text, so it may have any form. The gateway's form is Converse's blocks with their signatures.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any

from bedrock_flask.converse import Json

# Marks a text that the gateway encoded, with the version of the form.
_OURS = "bf1."
# Marks a signature that holds the `encrypted_content` of a model that speaks this format.
_SEALED = "responses1."


def encode(blocks: Sequence[Json]) -> str:
    """Encode reasoning blocks as one text."""
    text = json.dumps(blocks, separators=(",", ":"), sort_keys=True)
    return _OURS + base64.urlsafe_b64encode(text.encode()).decode()


def decode(text: str) -> list[Json] | None:
    """Decode the reasoning blocks of a text, or return None for a text that the gateway did not encode."""
    if not text.startswith(_OURS):
        return None
    try:
        blocks = json.loads(base64.b64decode(text[len(_OURS) :], altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return None
    return blocks if isinstance(blocks, list) and all(map(_is_reasoning, blocks)) else None


def seal(encrypted: str) -> str:
    """A signature for Converse that holds the `encrypted_content` of a model that speaks this format itself."""
    return _SEALED + encrypted


def unseal(signature: str) -> str | None:
    """The `encrypted_content` in such a signature, or None for a signature of another model."""
    return signature[len(_SEALED) :] if signature.startswith(_SEALED) else None


def _is_reasoning(block: Any) -> bool:
    match block:
        case {"reasoningContent": {"redactedContent": str(), **others}, **more}:
            return not others and not more
        case {"reasoningContent": {"reasoningText": {"text": str(), **text}, **others}, **more}:
            signature = text.pop("signature", "")
            return isinstance(signature, str) and not text and not others and not more
    return False
