"""A model's reasoning in `encrypted_content`: the caller keeps it and sends it back, the gateway keeps nothing.

Clients hand that text back unread, so it may be in any form. Here it is Converse's own blocks, with their signatures.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any

from bedrock_flask.converse import Json

# Says whose text it is, and in which form, should there ever be another.
_OURS = "bf1."


def encode(blocks: Sequence[Json]) -> str:
    """The reasoning blocks as one text."""
    text = json.dumps(blocks, separators=(",", ":"), sort_keys=True)
    return _OURS + base64.urlsafe_b64encode(text.encode()).decode()


def decode(text: str) -> list[Json] | None:
    """The reasoning blocks of a text; None if it is not one of ours."""
    if not text.startswith(_OURS):
        return None
    try:
        blocks = json.loads(base64.b64decode(text[len(_OURS) :], altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return None
    return blocks if isinstance(blocks, list) and all(map(_is_reasoning, blocks)) else None


def _is_reasoning(block: Any) -> bool:
    match block:
        case {"reasoningContent": {"redactedContent": str(), **others}, **more}:
            return not others and not more
        case {"reasoningContent": {"reasoningText": {"text": str(), **text}, **others}, **more}:
            signature = text.pop("signature", "")
            return isinstance(signature, str) and not text and not others and not more
    return False
