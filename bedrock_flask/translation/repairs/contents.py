"""What is in a Converse request, by name, so that a repair runs only where there is something for it."""

from collections.abc import Iterable
from typing import Any

from bedrock_flask.converse import Json, Request

# Beside these, contents are the kinds of blocks and tools (`toolUse`, `toolSpec`), the members of the request, of its
# `inferenceConfig` and of its `extras`.
BLANK = "a blank text, or a message without content"
SYSTEM_TURN = "a message of the role `system`"
UNEVEN_TURNS = "turns that do not alternate, beginning with the user's"
OPEN_ANSWER = "a last turn that is the assistant's"
NO_MESSAGES = "no messages"

_HOLDERS = ("inferenceConfig", "extras")
# The roles in their order, and the members of a turn.
_ROLES, _TURN = ("user", "assistant"), ("role", "content")
_POINT = frozenset({"cachePoint"})


def find_contents(request: Request) -> frozenset[str]:
    """The names of what is in a request, found in one walk over its blocks."""
    found = set(request)
    for name in _HOLDERS:
        found.update(request.get(name) or ())
    if config := request.get("toolConfig"):
        _add_kinds(found, config.get("tools") or ())
    if system := request.get("system"):
        _add_kinds(found, system)
    messages = request["messages"]
    for index, message in enumerate(messages):
        role = message["role"]
        if role != _ROLES[index % 2] or len(message) != len(_TURN):
            found.add(UNEVEN_TURNS)
            if role == "system":
                found.add(SYSTEM_TURN)
        if _add_kinds(found, message["content"]):
            found.add(BLANK)
    if not messages:
        found.add(NO_MESSAGES)
    elif messages[-1]["role"] == "assistant":
        found.add(OPEN_ANSWER)
    return frozenset(found)


def _add_kinds(found: set[str], blocks: Iterable[Json]) -> bool:
    """Add what is in blocks; returns whether they have no content."""
    is_empty = True
    for block in blocks:
        found.update(block)
        text: Any = block.get("text")
        if isinstance(text, str):
            if not text or text.isspace():
                found.add(BLANK)
        elif "toolResult" in block:
            _add_kinds(found, block["toolResult"].get("content") or ())
        elif "toolSpec" in block and (block["toolSpec"].get("description") or "x").isspace():
            found.add(BLANK)
        if is_empty:
            is_empty = block.keys() == _POINT
    return is_empty
