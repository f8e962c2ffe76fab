"""The blocks of a Converse request by their paths: to look at, and to put others in their place."""

from collections.abc import Iterable, Iterator, Mapping

from bedrock_flask.converse import Json, Request, member

# By the path of a block, the blocks that stand in its place.
Edits = Mapping[str, Iterable[Json]]


def blocks(request: Request) -> Iterator[tuple[str, Json]]:
    """Every block with its path in Bedrock's order: tools, system, messages; those in a tool result come before it."""
    yield from _listed("toolConfig.tools", member(request, "toolConfig", "tools") or ())
    yield from _listed("system", request.get("system") or ())
    for index, message in enumerate(request["messages"]):
        for path, block in _listed(f"messages[{index}].content", message["content"]):
            yield from _listed(f"{path}.toolResult.content", member(block, "toolResult", "content") or ())
            yield path, block


def edited(request: Request, edits: Edits) -> Request:
    """The request with other blocks at some paths; tools, system and messages that this leaves empty are gone."""
    if not edits:
        return request
    changed = dict(request)
    if "toolConfig" in request:
        tools = request["toolConfig"].get("tools") or ()
        changed["toolConfig"] = {**request["toolConfig"], "tools": list(_edited("toolConfig.tools", tools, edits))}
        if says_nothing(changed["toolConfig"]["tools"]):
            del changed["toolConfig"]
    if "system" in request:
        changed["system"] = list(_edited("system", request["system"], edits))
        if says_nothing(changed["system"]):
            del changed["system"]
    messages = (
        {**message, "content": list(_edited(f"messages[{index}].content", message["content"], edits))}
        for index, message in enumerate(request["messages"])
    )
    changed["messages"] = [message for message in messages if not says_nothing(message["content"])]
    return changed


def says_nothing(content: Iterable[Json]) -> bool:
    """Whether nothing stands here but cache points, which mark what stands before them."""
    return all("cachePoint" in block and len(block) == 1 for block in content)


def without(request: Request, name: str) -> Request:
    """The request without one member."""
    return {key: value for key, value in request.items() if key != name}


def _listed(path: str, content: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    return ((f"{path}[{index}]", block) for index, block in enumerate(content))


def _edited(path: str, content: Iterable[Json], edits: Edits) -> Iterator[Json]:
    for place, block in _listed(path, content):
        for new in edits.get(place, (block,)):
            result = new.get("toolResult")
            if result is None:
                yield new
            else:
                inner = _edited(f"{place}.toolResult.content", result.get("content") or (), edits)
                yield {**new, "toolResult": {**result, "content": list(inner)}}
