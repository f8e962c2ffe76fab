"""Cache points: they save money and change nothing else, so what a model does not take is dropped and told."""

from collections.abc import Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.blocks import blocks, edited
from bedrock_flask.translation.repairs.record import Repaired

_POINT = "cachePoint"
_MOST = 4
_LONG = "1h"


def supported(request: Request, capabilities: Capabilities) -> Repaired:
    """Without the cache points that this model does not take; those that are left stand in blocks of their own."""
    beside = {path: _apart(block) for path, block in blocks(request) if _POINT in block and len(block) > 1}
    request = edited(request, beside)
    return _without_points(request, [path for path in _points(request) if not _takes(path, capabilities)])


def placed(request: Request, capabilities: Capabilities) -> Repaired:
    """With cache points only where this model takes them among the turns.

    Too many are refused, and so is a longer one behind a shorter one: which to give up is for the caller to say.
    """
    unwanted = [] if capabilities.cache_after_results else list(_after_results(request))
    repaired = _without_points(request, unwanted)
    faults = list(_faults(repaired.request))
    if faults:
        raise InvalidBody(faults)
    return repaired


def _apart(block: Json) -> list[Json]:
    rest = {kind: value for kind, value in block.items() if kind != _POINT}
    return [rest, {_POINT: block[_POINT]}]


def _points(request: Request) -> Iterator[str]:
    return (path for path, block in blocks(request) if _POINT in block)


def _takes(path: str, capabilities: Capabilities) -> bool:
    # No model takes one inside a tool result.
    among_tools = path.startswith("toolConfig.")
    return capabilities.cache and ".toolResult." not in path and (capabilities.cache_tools or not among_tools)


def _without_points(request: Request, paths: list[str]) -> Repaired:
    return Repaired(edited(request, dict.fromkeys(paths, ())), tuple(f"{path}.{_POINT}" for path in paths))


def _after_results(request: Request) -> Iterator[str]:
    for index, message in enumerate(request["messages"]):
        after = False
        for at, block in enumerate(message["content"]):
            after = "toolResult" in block or (after and _POINT in block)
            if after and _POINT in block:
                yield f"messages[{index}].content[{at}]"


def _faults(request: Request) -> Iterator[FieldError]:
    short = False
    for number, (path, block) in enumerate((path, block) for path, block in blocks(request) if _POINT in block):
        long = block[_POINT].get("ttl") == _LONG
        if number >= _MOST:
            yield FieldError(f"{path}.{_POINT}", f"must not be the fifth or a later one: a request takes {_MOST}")
        elif long and short:
            yield FieldError(f"{path}.{_POINT}.ttl", "must not be 1h behind a cache point of 5m")
        short = short or not long
