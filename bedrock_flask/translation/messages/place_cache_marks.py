"""Place the cache marks of Claude's own body where Bedrock takes them, with a lifetime that the model has."""

from collections.abc import Iterator
from typing import Any

from bedrock_flask.bodies.anthropic_body import MAX_CACHE_CONTROLS
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.protocol.json_path import Path, copy_without, format_path
from bedrock_flask.translation.messages.join_user_turns import list_blocks
from bedrock_flask.translation.messages.record import Body, Edited

_MARK = "cache_control"
# The only members that hold marks; a tool's arguments may have a member of that name.
_HOLDERS = ("tools", "system", "messages", "content")
_UNMARKABLE = ("thinking", "redacted_thinking")


def place_cache_marks(body: Body, capabilities: Capabilities) -> Edited:
    """Move a mark of the whole request to the last block of the last message, as Anthropic's API does.

    It is dropped and reported if no block can have it, or if there are as many marks as a request may have.
    """
    mark = body.get(_MARK)
    if mark is None:
        return Edited(body)
    rest = {name: value for name, value in body.items() if name != _MARK}
    *before, last = rest["messages"] or [{"role": "user"}]
    blocks = list_blocks(last)
    places = [index for index, block in enumerate(blocks) if _can_be_marked(block)]
    if not places or len([*_find_marks(rest)]) >= MAX_CACHE_CONTROLS:
        return Edited(rest, reported=(_MARK,))
    if not blocks[places[-1]].get(_MARK):
        blocks[places[-1]] = {**blocks[places[-1]], _MARK: mark}
    return Edited({**rest, "messages": [*before, {**last, "content": blocks}]})


def shorten_cache(body: Body, capabilities: Capabilities) -> Edited:
    """Leave the default lifetime to a prefix that should be cached for an hour, where the model takes no such mark."""
    if capabilities.long_cache:
        return Edited(body)
    paths = [(*path, "ttl") for path, mark in _find_marks(body) if mark.get("ttl") == "1h"]
    if not paths:
        return Edited(body)
    return Edited(copy_without(body, paths), reported=tuple(map(format_path, paths)))


def _can_be_marked(block: Any) -> bool:
    # A turn of an unknown role may hold anything.
    return isinstance(block, dict) and block.get("type") not in _UNMARKABLE and block.get("text") != ""


def _find_marks(holder: Any, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    if path and isinstance(holder.get(_MARK), dict):
        yield (*path, _MARK), holder[_MARK]
    for name in _HOLDERS:
        items = holder.get(name)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                yield from _find_marks(item, (*path, name, index))
