"""Questions to a Converse request that engines ask: what was said last, which tools there are, what is cached."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from bedrock_flask.converse import Json, Request, text_of


def last_text(request: Request) -> str:
    """The text of the last message of the user."""
    said = [message for message in request.get("messages", []) if message.get("role") == "user"]
    return text_of(said[-1]["content"]).strip() if said else ""


def said(request: Request) -> str:
    """The last text of the user, or what the tools have answered where the last message says nothing else."""
    return last_text(request) or "\n".join(map(result_text, tool_results(request))).strip()


def tool_results(request: Request) -> list[Json]:
    """The tool results of the last message."""
    messages = request.get("messages") or [{"content": []}]
    return [block["toolResult"] for block in messages[-1]["content"] if "toolResult" in block]


def result_text(result: Json) -> str:
    """What a tool has answered, as text."""
    return "\n".join(
        block["text"] if "text" in block else json.dumps(block.get("json", f"({next(iter(block), 'nothing')})"))
        for block in result.get("content", [])
    )


def tools(request: Request) -> list[Json]:
    """The tools with a schema: `{name, description, inputSchema}`."""
    listed = (request.get("toolConfig") or {}).get("tools", [])
    return [tool["toolSpec"] for tool in listed if "toolSpec" in tool]


def forced_tools(request: Request) -> list[Json]:
    """The tool that must be called: the named one, or the first where any will do; empty where none must be."""
    offered = tools(request)
    choice = (request.get("toolConfig") or {}).get("toolChoice") or {}
    if "tool" in choice:
        return [tool for tool in offered if tool["name"] == choice["tool"].get("name")]
    return offered[:1] if "any" in choice else []


def pieces(request: Request) -> Iterator[Json]:
    """Everything that the model reads, in the order in which it caches it: tools, system, messages."""
    yield from (request.get("toolConfig") or {}).get("tools", [])
    yield from request.get("system") or []
    for message in request.get("messages", []):
        yield from message.get("content", [])


def tokens(request: Request, count: Callable[[str], int]) -> int:
    """The tokens of what the model reads, behind the last cache point; what stands before it is counted apart."""
    read = 0
    for block in pieces(request):
        read = 0 if "cachePoint" in block else read + count(as_text(block))
    return read


def as_text(block: Any) -> str:
    """A block as text to count tokens of."""
    if isinstance(block, dict) and isinstance(block.get("text"), str):
        return str(block["text"])
    return json.dumps(block, sort_keys=True)
