"""The tools of a Chat Completions request, and the choice of tools, as Converse's toolConfig."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bedrock_flask.converse import Json, omit_null, uses_tools
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.custom_tools import CUSTOM, describe_grammar
from bedrock_flask.wires.openai_chat.parts import read_mark
from bedrock_flask.wires.reading.cursor import Cursor

# Converse's name for each choice that does not name a tool.
_CHOICES = {"auto": "auto", "required": "any"}
_NO_TOOL = "none"


def read_tools(body: Json, turns: Iterable[Json], top: Cursor) -> Json:
    """The toolConfig; empty where no tool may be called."""
    choice = body.get("tool_choice")
    if choice is None and not body.get("tools"):
        return {}
    here = top.at("tool_choice")
    tools = [*_read_tool_list(body.get("tools") or (), top.at("tools"))]
    tools = _select_allowed(tools, choice, here.at("allowed_tools", "tools"))
    if choice == _NO_TOOL:
        # Without tool use in the history, sending no tools means the same, and every model supports it.
        if not tools or not uses_tools(turns):
            return {}
        here.add_extra({"type": _NO_TOOL})
    wanted = _read_choice(choice, here)
    if "any" in wanted and not tools:
        here.reject("requires a tool, but the request has none")
    if "tool" in wanted and wanted["tool"]["name"] not in _list_names(tools):
        here.reject(f"must name one of the tools, which {wanted['tool']['name'][:100]!r} does not")
    offered = {"tools": tools, **omit_null(toolChoice=place_at(wanted, choice) or None)}
    return place_at(offered, body.get("tools")) if tools else {}


def _read_tool_list(tools: Iterable[Json], cursor: Cursor) -> Iterator[Json]:
    for index, tool in enumerate(tools):
        here = cursor.item(index)
        kind = tool["type"]
        if kind not in _TOOLS:
            here.add_extra(tool)
            continue
        members, read = _TOOLS[kind]
        here.add_unread(tool, "type", kind, "cache_control")
        here.at(kind).add_unread(tool[kind], "name", "description", *members)
        yield place_at({"toolSpec": {"name": tool[kind]["name"], **read(tool[kind])}}, tool)
        yield from read_mark(tool)


def _read_function(function: Json) -> Json:
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    optional = omit_null(description=function.get("description") or None, strict=function.get("strict"))
    return {"inputSchema": place_at({"json": schema}, schema), **optional}


def _read_custom(custom: Json) -> Json:
    form = custom.get("format") or {}
    grammar = describe_grammar(form["grammar"]) if form.get("type") == "grammar" else ""
    description = "\n\n".join(filter(None, [custom.get("description"), grammar]))
    return {"inputSchema": {"json": CUSTOM}, **omit_null(description=description or None)}


# For each kind of tool: its members besides the name and the description, and how it is read.
_TOOLS: dict[str, tuple[tuple[str, ...], Callable[[Json], Json]]] = {
    "function": (("parameters", "strict"), _read_function),
    "custom": (("format",), _read_custom),
}


def find_custom_tools(body: Json) -> frozenset[str]:
    """The names of the custom tools of a request, whose calls are written differently."""
    return frozenset(tool["custom"]["name"] for tool in body.get("tools") or () if tool["type"] == "custom")


def _select_allowed(tools: list[Json], choice: Any, cursor: Cursor) -> list[Json]:
    """The tools that may be called, each with its cache point; the model does not see the others."""
    if not isinstance(choice, dict) or choice["type"] != "allowed_tools":
        return tools
    named = dict.fromkeys(each[each["type"]]["name"] for each in choice["allowed_tools"]["tools"])
    offered = {*_list_names(tools)}
    for index, each in enumerate(choice["allowed_tools"]["tools"]):
        if each[each["type"]]["name"] not in offered:
            cursor.item(index).reject("must name one of the tools")
    kept: list[Json] = []
    wanted = False
    for tool in tools:
        wanted = tool["toolSpec"]["name"] in named if "toolSpec" in tool else wanted
        kept += [tool] if wanted else []
    return kept


def _read_choice(choice: Any, cursor: Cursor) -> Json:
    kind = choice["type"] if isinstance(choice, dict) else choice
    if kind == "allowed_tools":
        kind = choice["allowed_tools"]["mode"]
    elif kind in _TOOLS:
        return {"tool": {"name": choice[kind]["name"]}}
    return {_CHOICES[kind]: {}} if kind in _CHOICES else {}


def _list_names(tools: Iterable[Json]) -> list[str]:
    return [tool["toolSpec"]["name"] for tool in tools if "toolSpec" in tool]
