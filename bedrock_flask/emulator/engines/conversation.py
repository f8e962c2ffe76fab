"""What engines read from a Converse request: the prompt, the tools, the blocks in the order of caching."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from bedrock_flask.converse import Json, Request, text_of


def find_last_text(request: Request) -> str:
    """The text of the last message of the user."""
    messages = [message for message in request.get("messages", []) if message.get("role") == "user"]
    return text_of(messages[-1]["content"]).strip() if messages else ""


def find_prompt(request: Request) -> str:
    """The last text of the user, or what the tools answered if the last message has no text."""
    return find_last_text(request) or "\n".join(map(format_tool_result, find_tool_results(request))).strip()


def find_tool_results(request: Request) -> list[Json]:
    """The tool results of the last message."""
    messages = request.get("messages") or [{"content": []}]
    return [block["toolResult"] for block in messages[-1]["content"] if "toolResult" in block]


def format_tool_result(result: Json) -> str:
    """What a tool answered, as text."""
    return "\n".join(
        block["text"] if "text" in block else json.dumps(block.get("json", f"({next(iter(block), 'nothing')})"))
        for block in result.get("content", [])
    )


def list_tools(request: Request) -> list[Json]:
    """The tools with a schema: `{name, description, inputSchema}`."""
    tools = (request.get("toolConfig") or {}).get("tools", [])
    return [tool["toolSpec"] for tool in tools if "toolSpec" in tool]


def find_forced_tools(request: Request) -> list[Json]:
    """The tool that must be called: the named one, or the first for `any`; empty if the request forces none."""
    tools = list_tools(request)
    choice = (request.get("toolConfig") or {}).get("toolChoice") or {}
    if "tool" in choice:
        return [tool for tool in tools if tool["name"] == choice["tool"].get("name")]
    return tools[:1] if "any" in choice else []


def iterate_blocks(request: Request) -> Iterator[Json]:
    """Everything that the model reads, in the order in which it caches it: tools, system, messages."""
    yield from (request.get("toolConfig") or {}).get("tools", [])
    yield from request.get("system") or []
    for message in request.get("messages", []):
        yield from message.get("content", [])


def count_tokens(request: Request, count: Callable[[str], int]) -> int:
    """The tokens that the model reads after the last cache point; those before it are counted separately."""
    tokens = 0
    for block in iterate_blocks(request):
        tokens = 0 if "cachePoint" in block else tokens + count(format_block(block))
    return tokens


def format_block(block: Any) -> str:
    """A block as text to count tokens of."""
    if isinstance(block, dict) and isinstance(block.get("text"), str):
        return str(block["text"])
    return json.dumps(block, sort_keys=True)
