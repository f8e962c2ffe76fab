"""Write tool calls as text if the request offers no tools, as for a summary: Converse rejects calls without tools.

They become text in their turns; an invented tool could be called again. A call reads
`[Tool call ID: NAME(ARGUMENTS)]` and its result `[Tool result ID: RESULT]` or `[Tool error ID: RESULT]`; the media of a
result follow its text.
"""

import json
from collections.abc import Iterator
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import is_empty, remove_member, replace_blocks, walk_blocks


def flatten_tool_history(request: Request, capabilities: Capabilities) -> RepairResult:
    """Replace tool calls and their results by text, if the request has no tools."""
    if not is_empty(member(request, "toolConfig", "tools") or ()):
        return RepairResult(request)
    replacements = {
        path: _flatten(block) for path, block in walk_blocks(request) if "toolUse" in block or "toolResult" in block
    }
    without_tools = remove_member(request, "toolConfig")
    return RepairResult(replace_blocks(without_tools, replacements), ("toolConfig",) if replacements else ())


def _flatten(block: Json) -> list[Json]:
    if "toolUse" in block:
        use = block["toolUse"]
        return [{"text": f"[Tool call {use['toolUseId']}: {use['name']}({_format_json(use.get('input', {}))})]"}]
    result = block["toolResult"]
    content = result.get("content") or []
    kind = "error" if result.get("status") == "error" else "result"
    text = "\n".join(_list_texts(content))
    media = [part for part in content if not {"text", "json", "cachePoint"} & part.keys()]
    return [{"text": f"[Tool {kind} {result['toolUseId']}: {text}]"}, *media]


def _list_texts(content: list[Json]) -> Iterator[str]:
    for block in content:
        if "text" in block:
            yield block["text"]
        elif "json" in block:
            yield _format_json(block["json"])


def _format_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
