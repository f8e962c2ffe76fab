"""Keep cache points where the model takes them: they save money and change nothing else, so others move or are dropped.

A point marks all that is before it. Where it may not stand it moves back, to the end of the next block behind which the
model takes one; the prefix that is cached is a little shorter. Of too many points those of the earliest messages are
dropped: what they cache is part of what a later one caches, and an agent that marks each step has one more with every
step (twentyhq/twenty#26217, oguzbilgic/kern-ai#317).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult, trace_faults
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

_POINT = "cachePoint"
_MAX_POINTS = 4
_LONG = "1h"


def drop_unsupported_cache_points(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop the cache points that the model does not support, and put each of the others into a separate block."""
    separated = {path: _separate(block) for path, block in walk_blocks(request) if _POINT in block and len(block) > 1}
    request = replace_blocks(request, separated)
    unsupported = [path for path in _find_points(request) if not _is_supported(path, capabilities)]
    return RepairResult(request).then(_drop_points(request, unsupported))


def place_cache_points(request: Request, capabilities: Capabilities) -> RepairResult:
    """Move the cache points back that may not stand where they are, and drop those that are too many: both is reported.

    A longer one after a shorter one is rejected: the caller decides which to give up.
    """
    repaired = RepairResult(request).then(_move_points(request, capabilities))
    repaired = repaired.then(_drop_surplus_points(repaired.request))
    if not capabilities.long_cache:
        repaired = repaired.then(_shorten_cache(repaired.request))
    faults = list(_find_faults(repaired.request))
    if faults:
        raise InvalidBody(trace_faults(repaired.request, faults))
    return repaired


def may_precede_point(block: Json, capabilities: Capabilities) -> bool:
    """Whether the model takes a cache point directly behind this block."""
    if "toolResult" in block:
        return capabilities.cache_after_results
    if "reasoningContent" in block or ("document" in block and block["document"].get("format") != "pdf"):
        # Of other documents Bedrock makes text, and the point is left over.
        return False
    # Where media take none, a point is a member of a text in the model's own format: nothing is known of other blocks.
    return capabilities.cache_after_media or "text" in block


@dataclass
class _Place:
    """A block and the cache point behind it; the path is that of the block."""

    path: str
    block: Json
    point: Json | None = None


def _move_points(request: Request, capabilities: Capabilities) -> RepairResult:
    before: _Place | None = None
    # The last place behind which the model takes a point.
    there: _Place | None = None
    moved: dict[str, tuple[Json, ...]] = {}
    for path, block in walk_blocks(request):
        if ".toolResult." in path:
            continue
        if _POINT not in block:
            before = _Place(path, block)
            there = before if _takes_point(before, capabilities) else there
            continue
        here = None if path.endswith("[0]") else before
        if here is not None and here.point is None and may_precede_point(here.block, capabilities):
            here.point = block
            continue
        moved[path] = ()
        if there is not None and there.point is None:
            there.point = block
            moved[there.path] = (there.block, block)
    return RepairResult(
        replace_blocks(request, moved), tuple(f"{path}.{_POINT}" for path, blocks in moved.items() if not blocks)
    )


def _takes_point(place: _Place, capabilities: Capabilities) -> bool:
    return _is_supported(place.path, capabilities) and may_precede_point(place.block, capabilities)


def _shorten_cache(request: Request) -> RepairResult:
    """Leave the default lifetime to the points of an hour, which is reported."""
    long = {path: block for path, block in walk_blocks(request) if (block.get(_POINT) or {}).get("ttl") == _LONG}
    short = {
        path: [{_POINT: {name: value for name, value in block[_POINT].items() if name != "ttl"}}]
        for path, block in long.items()
    }
    return RepairResult(replace_blocks(request, short), tuple(f"{path}.{_POINT}.ttl" for path in long))


def _separate(block: Json) -> list[Json]:
    rest = {kind: value for kind, value in block.items() if kind != _POINT}
    return [rest, {_POINT: block[_POINT]}]


def _find_points(request: Request) -> Iterator[str]:
    return (path for path, block in walk_blocks(request) if _POINT in block)


def _is_supported(path: str, capabilities: Capabilities) -> bool:
    # No model takes one inside a tool result.
    in_tools = path.startswith("toolConfig.")
    return capabilities.cache and ".toolResult." not in path and (capabilities.cache_tools or not in_tools)


def _drop_points(request: Request, paths: list[str]) -> RepairResult:
    return RepairResult(replace_blocks(request, dict.fromkeys(paths, ())), tuple(f"{path}.{_POINT}" for path in paths))


def _drop_surplus_points(request: Request) -> RepairResult:
    """Keep the last point, which caches most; the first ones of the messages are dropped before those of tools."""
    points = [*_find_points(request)]
    surplus = max(0, len(points) - _MAX_POINTS)
    return _drop_points(request, sorted(points[:-1], key=_is_outside_messages)[:surplus])


def _is_outside_messages(path: str) -> bool:
    return not path.startswith("messages[")


def _find_faults(request: Request) -> Iterator[FieldError]:
    has_short = False
    for path, block in ((path, block) for path, block in walk_blocks(request) if _POINT in block):
        is_long = block[_POINT].get("ttl") == _LONG
        if is_long and has_short:
            yield FieldError(f"{path}.{_POINT}.ttl", "must not be 1h after a cache point of 5m")
        has_short = has_short or not is_long
