"""What engines read from a Converse request: the prompt, the tools, the blocks in the order of caching."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from bedrock_flask.converse import Json, Request, member, text_of


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
    """The tool that must be called; empty if the request forces none.

    It is the named one, or for `any` the first. After a tool result it is the first that the conversation has not
    called yet, so that a program that forces a tool in every turn comes to an end: there may be none.
    """
    tools = list_tools(request)
    choice = (request.get("toolConfig") or {}).get("toolChoice") or {}
    if "tool" in choice:
        tools = [tool for tool in tools if tool["name"] == choice["tool"].get("name")]
    elif "any" not in choice:
        return []
    if find_tool_results(request):
        called = [block["toolUse"].get("name") for block in iterate_blocks(request) if "toolUse" in block]
        tools = [tool for tool in tools if tool["name"] not in called]
    return tools[:1]


def find_answer_schema(request: Request) -> Any:
    """The JSON Schema that the answer must satisfy, or None."""
    schema = member(request, "outputConfig", "textFormat", "structure", "jsonSchema", "schema")
    if isinstance(schema, str):
        with contextlib.suppress(ValueError):
            return json.loads(schema)
    return {"type": "object", "properties": {"answer": {}}} if member(request, "extras", "json_object") else None


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
