"""Tool calls in a conversation whose request has no tools, such as a summary: Converse takes neither without the other.

They are told as text, in their turns; a made-up tool could be called again. A call reads
`[Tool call ID: NAME(ARGUMENTS)]` and its result `[Tool result ID: RESULT]`, or `[Tool error ID: RESULT]`; media of a
result stand after its text.
"""

import json
from collections.abc import Iterator
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.translation.repairs.blocks import blocks, edited, says_nothing, without
from bedrock_flask.translation.repairs.record import Repaired


def told(request: Request, capabilities: Capabilities) -> Repaired:
    """With tool calls and their results as text, if there are no tools."""
    if not says_nothing(member(request, "toolConfig", "tools") or ()):
        return Repaired(request)
    edits = {path: _told(block) for path, block in blocks(request) if "toolUse" in block or "toolResult" in block}
    return Repaired(edited(without(request, "toolConfig"), edits), ("toolConfig",) if edits else ())


def _told(block: Json) -> list[Json]:
    if "toolUse" in block:
        use = block["toolUse"]
        return [{"text": f"[Tool call {use['toolUseId']}: {use['name']}({_json(use.get('input', {}))})]"}]
    result = block["toolResult"]
    content = result.get("content") or []
    kind = "error" if result.get("status") == "error" else "result"
    said = "\n".join(_texts(content))
    media = [each for each in content if not {"text", "json", "cachePoint"} & each.keys()]
    return [{"text": f"[Tool {kind} {result['toolUseId']}: {said}]"}, *media]


def _texts(content: list[Json]) -> Iterator[str]:
    for block in content:
        if "text" in block:
            yield block["text"]
        elif "json" in block:
            yield _json(block["json"])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
