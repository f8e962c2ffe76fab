"""Write the calls and results of tools that Anthropic's servers ran as text, in their places in the history.

Bedrock refuses these blocks, and without them the model would not know what they found. A call and its result stay
together.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.translation.messages.record import Body, Edited

_ADVISOR = "advisor"
# A turn of any other may hold anything, and Bedrock decides.
_ROLES = ("user", "assistant", "system")


def write_tools_as_text(body: Body, capabilities: Capabilities) -> Edited:
    """Replace each such block by a text, and report it."""
    reported: list[str] = []
    messages = [_edit_turn(turn, f"messages[{index}].content", reported) for index, turn in enumerate(body["messages"])]
    return Edited({**body, "messages": messages}, reported=tuple(reported)) if reported else Edited(body)


def _edit_turn(turn: Json, path: str, reported: list[str]) -> Json:
    content = turn.get("content")
    if not isinstance(content, list) or turn["role"] not in _ROLES:
        return turn
    edited = [_edit_block(block) for block in content]
    changed = [index for index, block in enumerate(content) if block is not edited[index]]
    reported += [f"{path}[{index}]" for index in changed]
    return {**turn, "content": edited} if changed else turn


def _edit_block(block: Json) -> Json:
    write = _WRITERS.get(block["type"])
    if write is None or (block["type"] == "server_tool_use" and block.get("name") != _ADVISOR):
        return block
    mark = {"cache_control": block["cache_control"]} if block.get("cache_control") else {}
    return {"type": "text", "text": write(block), **mark}


def _write_call(block: Json) -> str:
    server = f" of the server '{block['server_name']}'" if block.get("server_name") else ""
    return f"[Called the tool '{block['name']}'{server} with {_write_json(block.get('input') or {})}]"


def _write_result(block: Json) -> str:
    failed = "Error" if block.get("is_error") else "Result"
    return f"[{failed} of that tool: {_write_content(block.get('content'))}]"


def _write_content(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    return "\n".join(
        text if isinstance(text, str) else _write_json(part) for text, part in zip(texts, parts, strict=True)
    )


def _write_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_WRITERS: Mapping[str, Callable[[Json], str]] = MappingProxyType(
    {
        "mcp_tool_use": _write_call,
        "mcp_tool_result": _write_result,
        "server_tool_use": _write_call,
        "advisor_tool_result": _write_result,
    }
)
# The kinds of blocks that may become texts.
SERVED = (*_WRITERS,)
