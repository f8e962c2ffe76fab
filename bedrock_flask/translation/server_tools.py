"""Tools that a provider runs itself: left out where the model has other tools, refused where the request needs them."""

import re
from collections.abc import Container, Iterator
from typing import Any

from bedrock_flask.bedrock.server_tools import find_server_members, is_server_tool
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, RefusedSafeguard

# Extras by name: a tool at its position in any format, and those that Responses collects.
_TOOL = re.compile(r"(input\[\d+\]\.)?tools\[\d+\](\.tools\[\d+\])?")
_COLLECTED = "tools.web_search"


def leave_out_server_tools(request: Request, taken: Container[str] = ()) -> tuple[Request, tuple[str, ...]]:
    """The request without the tools that a provider runs, and the names of the extras that were left out.

    `taken` are extras that the model takes. Raises RefusedSafeguard if the request has no other tool or forces one of
    them: the answer would pretend to have used it.
    """
    extras = request.get("extras")
    if not extras:
        return request, ()
    members = dict(find_server_members(extras))
    tools = {name: [*_find_tools(name, value)] for name, value in extras.items()}
    tools |= {name: [(name, kind)] for name, kind in members.items()}
    found = {name: named for name, named in tools.items() if named and name not in taken}
    if not found:
        return request, ()
    if not _has_tools(request) or _is_forced(extras):
        raise RefusedSafeguard([explain(path, kind) for named in found.values() for path, kind in named])
    rest = {name: value for name, value in extras.items() if name not in found}
    return {**request, "extras": rest}, tuple(found)


def find_hosted_tools(body: Any, taken: Container[str]) -> list[int]:
    """The positions of a body's tools that run on servers which are not there; `taken` are the types of those that are.

    Raises RefusedSafeguard if the body has no other tool or forces one of them.
    """
    tools = body.get("tools") or []
    kinds = [tool.get("type") for tool in tools]
    lost = [index for index, kind in enumerate(kinds) if is_server_tool(kind) and kind not in taken]
    choice = member(body, "tool_choice", "type")
    if lost and (len(lost) == len(tools) or choice in {kinds[index] for index in lost}):
        raise RefusedSafeguard([explain(f"tools[{index}]", str(kinds[index])) for index in lost])
    return lost


def explain(path: str, kind: str) -> FieldError:
    """The fault of a request that needs such a tool."""
    return FieldError(path, f"'{kind[:100]}' runs on its provider's servers, which models on Bedrock cannot use")


def _find_tools(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The path and the type of each such tool in an extra."""
    if name == _COLLECTED:
        yield from ((path, tool["type"]) for path, tool in value.items())
    elif _TOOL.fullmatch(name) and is_server_tool(member(value, "type")):
        yield name, value["type"]


def _has_tools(request: Request) -> bool:
    return any("toolSpec" in tool for tool in member(request, "toolConfig", "tools") or ())


def _is_forced(extras: Request) -> bool:
    """Whether the choice of a tool, which Converse cannot express, is one of these tools."""
    return member(extras, "tool_choice", "type") == "tool" or is_server_tool(extras.get("tool_choice.type"))
