"""The tools of a Chat Completions request and the choice among them, read."""

from collections.abc import Iterable, Iterator
from typing import Any

from bedrock_flask.converse import Json, omit_null, uses_tools
from bedrock_flask.wires.openai_chat.parts import read_mark
from bedrock_flask.wires.reading.cursor import Cursor

# What Converse calls the choices that name no tool.
_CHOICES = {"auto": "auto", "required": "any"}
_NO_TOOL = "none"


def read_tools(body: Json, turns: Iterable[Json], top: Cursor) -> Json:
    """The toolConfig, empty where no tool may be called."""
    here, choice = top.at("tool_choice"), body.get("tool_choice")
    tools = [*_read_list(body.get("tools") or (), top.at("tools"))]
    tools = _allowed(tools, choice, here.at("allowed_tools", "tools"))
    if choice == _NO_TOOL:
        # Without tool use in the history, no tools say the same, and to every model.
        if not tools or not uses_tools(turns):
            return {}
        here.leave({"type": _NO_TOOL})
    wanted = _read_choice(choice, here)
    if "any" in wanted and not tools:
        raise here.wrong("asks for a tool, and there is no function that could be called")
    if "tool" in wanted and wanted["tool"]["name"] not in _names(tools):
        raise here.wrong(f"names {wanted['tool']['name'][:100]!r}, which is no function among the tools")
    return {"tools": tools, **omit_null(toolChoice=wanted or None)} if tools else {}


def _read_list(tools: Iterable[Json], place: Cursor) -> Iterator[Json]:
    for index, tool in enumerate(tools):
        here = place.item(index)
        if tool["type"] == "function":
            here.leave_rest(tool, "type", "function", "cache_control")
            here.at("function").leave_rest(tool["function"], "name", "description", "parameters", "strict")
            yield _read_function(tool["function"])
            yield from read_mark(tool)
        else:
            # A custom tool's call is told otherwise than a function's, and an answer would not know which it was.
            here.leave(tool)


def _read_function(function: Json) -> Json:
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    told = omit_null(description=function.get("description") or None, strict=function.get("strict"))
    return {"toolSpec": {"name": function["name"], "inputSchema": {"json": schema}, **told}}


def _allowed(tools: list[Json], choice: Any, place: Cursor) -> list[Json]:
    """The tools without those that must not be called, each with its cache point: to the model they are not there."""
    if not isinstance(choice, dict) or choice["type"] != "allowed_tools":
        return tools
    named = [
        each["function"]["name"] if each["type"] == "function" else None for each in choice["allowed_tools"]["tools"]
    ]
    for index, name in enumerate(named):
        if name is not None and name not in _names(tools):
            raise place.item(index).wrong("is no function among the tools")
    kept: list[Json] = []
    wanted = False
    for tool in tools:
        wanted = tool["toolSpec"]["name"] in named if "toolSpec" in tool else wanted
        kept += [tool] if wanted else []
    return kept


def _read_choice(choice: Any, place: Cursor) -> Json:
    kind = choice["type"] if isinstance(choice, dict) else choice
    if kind == "allowed_tools":
        kind = choice["allowed_tools"]["mode"]
    elif kind == "function":
        return {"tool": {"name": choice["function"]["name"]}}
    elif kind == "custom":
        place.at("custom").leave(choice["custom"])
    return {_CHOICES[kind]: {}} if kind in _CHOICES else {}


def _names(tools: Iterable[Json]) -> list[str]:
    return [tool["toolSpec"]["name"] for tool in tools if "toolSpec" in tool]
