"""What is in Claude's own body, by name, so that an edit runs only where there is something for it."""

from typing import Any

from bedrock_flask.translation.messages.record import Body

# Beside these, contents are the members of the body, the kinds of blocks in its messages, and `cache_control` anywhere.
SYSTEM_TURN = "a message of the role `system`"
EMPTY_TURN = "a message without content"

_MARK = "cache_control"
# The members of a body that hold marks.
_HOLDERS = ("tools", "system", "messages")


def find_contents(body: Body) -> frozenset[str]:
    """The names of what is in a body, found in one walk over its blocks."""
    found = set(body)
    for turn in body["messages"]:
        content = turn.get("content")
        if turn["role"] == "system":
            found.add(SYSTEM_TURN)
        if not content:
            found.add(EMPTY_TURN)
        elif isinstance(content, list):
            # A turn of an unknown role may hold anything.
            kinds = (block.get("type") for block in content if isinstance(block, dict))
            found.update(kind for kind in kinds if isinstance(kind, str))
    for name in _HOLDERS:
        _find_marks(found, body.get(name))
    return frozenset(found)


def _find_marks(found: set[str], items: Any) -> None:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            if _MARK in item:
                found.add(_MARK)
            elif "content" in item:
                _find_marks(found, item["content"])
