"""The parts of a Converse request that repairs work on: its content blocks by path, and its extras by name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bedrock_flask.converse import Json, Request, member
from bedrock_flask.protocol.json_places import keep_place

# The blocks that replace the block at a path.
Replacements = Mapping[str, Iterable[Json]]


def walk_blocks(request: Request) -> Iterator[tuple[str, Json]]:
    """Each block with its path, in Bedrock's order: tools, system, messages; a tool result follows its content."""
    yield from _pair_with_paths("toolConfig.tools", member(request, "toolConfig", "tools") or ())
    yield from _pair_with_paths("system", request.get("system") or ())
    for index, message in enumerate(request["messages"]):
        for path, block in _pair_with_paths(f"messages[{index}].content", message["content"]):
            yield from _pair_with_paths(f"{path}.toolResult.content", member(block, "toolResult", "content") or ())
            yield path, block


def replace_blocks(request: Request, replacements: Replacements) -> Request:
    """The request with other blocks at some paths; tools, system and messages that become empty are removed."""
    if not replacements:
        return request
    changed = dict(request)
    if "toolConfig" in request:
        tools = list(_replace("toolConfig.tools", request["toolConfig"].get("tools") or (), replacements))
        changed["toolConfig"] = {**request["toolConfig"], "tools": tools}
        if is_empty(tools):
            del changed["toolConfig"]
    if "system" in request:
        changed["system"] = list(_replace("system", request["system"], replacements))
        if is_empty(changed["system"]):
            del changed["system"]
    messages = (
        {**message, "content": list(_replace(f"messages[{index}].content", message["content"], replacements))}
        for index, message in enumerate(request["messages"])
    )
    changed["messages"] = [message for message in messages if not is_empty(message["content"])]
    return changed


def is_empty(content: Iterable[Json]) -> bool:
    """Whether the content has no block, or only cache points, which mark what is before them."""
    return all("cachePoint" in block and len(block) == 1 for block in content)


def remove_member(request: Request, name: str) -> Request:
    """The request without one member."""
    return {key: value for key, value in request.items() if key != name}


def get_extra(request: Request, name: str) -> Any:
    """One extra, which Converse cannot express, by its canonical name; None if there is none."""
    return member(request, "extras", name)


def set_extras(request: Request, **changes: Any) -> Request:
    """The request with some extras changed; None removes one."""
    before = request.get("extras") or {}
    after = {name: value for name, value in {**before, **changes}.items() if value is not None or name not in changes}
    if after == before:
        return request
    return {**request, "extras": after} if after else remove_member(request, "extras")


def _pair_with_paths(path: str, content: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    return ((f"{path}[{index}]", block) for index, block in enumerate(content))


def _replace(path: str, content: Iterable[Json], replacements: Replacements) -> Iterator[Json]:
    for block_path, block in _pair_with_paths(path, content):
        for new in replacements.get(block_path, (block,)):
            result = new.get("toolResult")
            if result is None:
                yield keep_place(new, block)
            else:
                inner = _replace(f"{block_path}.toolResult.content", result.get("content") or (), replacements)
                yield keep_place({**new, "toolResult": {**result, "content": list(inner)}}, block)
