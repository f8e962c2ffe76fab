"""Mark what a model caches, in a request of a format whose clients cannot say so."""

from collections.abc import Iterator
from dataclasses import dataclass

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, build_cache_point, member
from bedrock_flask.translation.repairs.place_cache_points import drop_unsupported_cache_points, place_cache_points
from bedrock_flask.translation.repairs.request_parts import walk_blocks

_POINT = "cachePoint"
# The turns of the user behind which there is a point. A model without a lookback (Nova) reads only what ends at a point
# of this request, and the previous request ended with the previous turn. Claude looks back for 20 blocks, and a turn
# may have more. With tools and system these are the four points that a request may have. Sources: AWS user guide,
# Prompt caching; aws/agent-toolkit-for-aws, prompt-caching.md; UKGovernmentBEIS/inspect_ai#5131 (live calls).
_TURNS = 2


@dataclass(frozen=True)
class CachedRequest:
    """A request with cache points, and the parts that have one: `tools`, `system`, `messages`, `ttl=1h`."""

    request: Request
    parts: tuple[str, ...] = ()


def has_cache_points(request: Request) -> bool:
    """Whether the caller has marked anything."""
    return any(_POINT in block for _, block in walk_blocks(request))


def add_cache_points(request: Request, capabilities: Capabilities, ttl: str | None = None) -> CachedRequest:
    """Add cache points after the tools, after the system prompt and after the last two turns of the user.

    They are added to a repaired request, and stand where the model takes them. Everything else stays as it is, so the
    prefix of the next turn is that of this one; only the points of the turns move. An hour's lifetime is asked for
    where the model has it.
    """
    if not capabilities.cache or not request["messages"]:
        return CachedRequest(request)
    point = build_cache_point(ttl if capabilities.long_cache else None)
    turns = [index for index, turn in enumerate(request["messages"]) if turn["role"] == "user"][-_TURNS:]
    marked = {
        **request,
        "messages": [
            {**turn, "content": [*turn["content"], point]} if index in turns else turn
            for index, turn in enumerate(request["messages"])
        ],
    }
    if capabilities.cache_tools and member(request, "toolConfig", "tools"):
        marked["toolConfig"] = {**request["toolConfig"], "tools": [*request["toolConfig"]["tools"], point]}
    if request.get("system"):
        marked["system"] = [*request["system"], point]
    for place in (drop_unsupported_cache_points, place_cache_points):
        marked = place(marked, capabilities).request
    marked["messages"] = [{**turn, "content": [*_merge_points(turn["content"])]} for turn in marked["messages"]]
    return CachedRequest(marked, tuple(_list_parts(marked)))


def _merge_points(content: list[Json]) -> Iterator[Json]:
    """The blocks, with one point where two have been moved to the same place."""
    for before, block in zip([{}, *content], content, strict=False):
        if _POINT not in block or _POINT not in before:
            yield block


def _list_parts(request: Request) -> Iterator[str]:
    points = [(path, block[_POINT]) for path, block in walk_blocks(request) if _POINT in block]
    for part, prefix in (("tools", "toolConfig"), ("system", "system"), ("messages", "messages")):
        if any(path.startswith(prefix) for path, _ in points):
            yield part
    if any(point.get("ttl") == "1h" for _, point in points):
        yield "ttl=1h"
