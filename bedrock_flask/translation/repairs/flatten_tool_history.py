"""Write tool calls as text if the request does not offer their tools: Converse rejects calls without tools.

That is the case for a summary, and for calls of a tool that another provider has run itself, such as Anthropic's web
search: the text is all that another model can read of it.

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
    """Replace tool calls and their results by text, if the request has no tools, or not the server's tool called."""
    tools = member(request, "toolConfig", "tools") or ()
    has_tools = not is_empty(tools)
    has_system_tools = any("systemTool" in tool for tool in tools)
    replacements = {
        path: _flatten(block)
        for path, block in walk_blocks(request)
        if ("toolUse" in block or "toolResult" in block)
        and (not has_tools or (_is_served(block) and not has_system_tools))
    }
    flat = replace_blocks(request if has_tools else remove_member(request, "toolConfig"), replacements)
    return RepairResult(flat, tuple(replacements) if has_tools else ("toolConfig",) if replacements else ())


def _is_served(block: Json) -> bool:
    """Whether this is a call that a provider has run itself, or its result."""
    return "type" in (block.get("toolUse") or block.get("toolResult") or {})


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
            yield _format_json(_drop_encrypted(block["json"]))


def _drop_encrypted(value: Any) -> Any:
    """The value without what only the provider that wrote it can read, such as `encrypted_content`."""
    if isinstance(value, dict):
        return {name: _drop_encrypted(inner) for name, inner in value.items() if not name.startswith("encrypted_")}
    return [_drop_encrypted(inner) for inner in value] if isinstance(value, list) else value


def _format_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
