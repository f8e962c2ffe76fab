"""Put the media of tool results beside the results, in the same turn, for a model that takes none inside.

Each has a number, which stands in its place in the result and before it in the turn.
"""

from collections.abc import Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.translation.repairs.record import RepairResult

MEDIA = ("image", "document", "video")


def place_media(request: Request, capabilities: Capabilities) -> RepairResult:
    """Move images, documents and video out of the tool results, which is reported."""
    if capabilities.media_in_results:
        return RepairResult(request)
    reported: list[str] = []
    messages = []
    for index, message in enumerate(request["messages"]):
        places = [*_find_media(message["content"], f"messages[{index}].content")]
        reported += places
        messages.append({**message, "content": [*_move(message["content"])]} if places else message)
    return RepairResult({**request, "messages": messages}, tuple(reported))


def _find_media(content: list[Json], path: str) -> Iterator[str]:
    for position, block in enumerate(content):
        for place, part in enumerate(_get_parts(block)):
            yield from (f"{path}[{position}].toolResult.content[{place}].{kind}" for kind in MEDIA if kind in part)


def _move(content: list[Json]) -> Iterator[Json]:
    number = 0
    for block in content:
        parts, moved = [], []
        for part in _get_parts(block):
            kind = next((kind for kind in MEDIA if kind in part), None)
            if kind is None:
                parts.append(part)
            else:
                number += 1
                name = f"{kind} {number}"
                parts.append({"text": f"[{name}: see below]"})
                moved += [{"text": f"[{name}]"}, part]
        yield {"toolResult": {**block["toolResult"], "content": parts}} if moved else block
        yield from moved


def _get_parts(block: Json) -> list[Json]:
    result = block.get("toolResult") or {}
    return list(result.get("content") or ())
