"""The tools of a request and which of them must be called, to and from Converse.

A custom tool takes free text; in Converse it is a tool with the one argument `input`. A tool of a namespace is named
`namespace__tool` there. A search for further tools that the client runs is a tool, and what it finds are tools of the
request. `find_custom_tools`, `find_namespaced_tools` and `has_tool_search` read what a reply must know about them.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from bedrock_flask.converse import Json, is_blank, member, omit_null
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.custom_tools import CUSTOM, describe_grammar, is_custom
from bedrock_flask.wires.reading.cursor import Cursor

# --- what a reply must know ------------------------------------------------------------------------------------------

NO_NAMESPACES: Mapping[str, tuple[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class RequestTools:
    """The tools of a request as far as its reply depends on them, by their names in Converse."""

    custom: frozenset[str] = frozenset()
    namespaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    searches: bool = False

    def is_search(self, name: str) -> bool:
        """Whether this is the client's search for further tools."""
        return self.searches and name == SEARCH

    def name_members(self, name: str) -> Json:
        """The members that name a tool in a reply."""
        namespace, own = self.namespaced.get(name, (None, name))
        return {"name": own, **({"namespace": namespace} if namespace else {})}


def has_tool_search(body: Json) -> bool:
    """Whether the client of a request searches for further tools itself."""
    return any(_is_search(offer.tool) for offer in _find_offers(body, Cursor("", {})))


def find_custom_tools(body: Json) -> frozenset[str]:
    """The custom tools of a request, by their names in Converse."""
    return frozenset(offer.name for offer in _find_offers(body, Cursor("", {})) if offer.tool["type"] == "custom")


def find_namespaced_tools(body: Json) -> dict[str, tuple[str, str]]:
    """The namespace and the name in it of each tool that has a namespace, by its name in Converse."""
    offers = _find_offers(body, Cursor("", {}))
    return {
        offer.name: (offer.namespace, offer.tool["name"])
        for offer in offers
        if offer.namespace and _is_callers(offer.tool)
    }


def full_name(call: Json) -> str:
    """The name in Converse of the tool that an item calls."""
    return _join_name(call.get("namespace") or "", call["name"])


# The name in Converse of the client's search for further tools, which has none in this format.
SEARCH = "tool_search"


def is_client_search(item: Json) -> bool:
    """Whether an item is a search for tools, or what it found, that the client runs: it has a call to refer to."""
    return item.get("execution") != "server" and bool(item.get("call_id"))


def write_found_tools(item: Json) -> str:
    """The names and descriptions of what a search found, for the model; `read_tools` reads the tools themselves."""
    offers = _flatten_offers(item["tools"], Cursor("", {}))
    found = [
        {"name": offer.name, **omit_null(description=offer.tool.get("description") or None)}
        for offer in offers
        if _is_callers(offer.tool)
    ]
    return json.dumps(found, ensure_ascii=False)


def _is_search(tool: Json) -> bool:
    return bool(tool["type"] == SEARCH and tool.get("execution") == "client")


def _is_callers(tool: Json) -> bool:
    """Whether the client runs the tool."""
    return _is_search(tool) or tool["type"] in ("function", "custom")


def _join_name(namespace: str, name: str) -> str:
    return f"{namespace}__{name}" if namespace else name


# --- read ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Offer:
    """One tool at its cursor; the first tool of a namespace has the description of the namespace in `about`.

    `found` says that a search found it; several may find the same.
    """

    cursor: Cursor
    tool: Json
    namespace: str = ""
    about: str = ""
    found: bool = False

    @property
    def name(self) -> str:
        if _is_search(self.tool):
            return SEARCH
        name = self.tool.get("name", "")
        return place_at(_join_name(self.namespace, name), name)


def _find_offers(body: Json, top: Cursor) -> Iterator[_Offer]:
    """Every tool of a request, also those in its conversation."""
    if tools := body.get("tools"):
        yield from _flatten_offers(tools, top.at("tools"))
    if not isinstance(body["input"], list):
        return
    for index, item in enumerate(body["input"]):
        if item.get("type") == "additional_tools":
            yield from _flatten_offers(item["tools"], top.at("input").item(index).at("tools"))
        elif item.get("type") == "tool_search_output":
            offers = _flatten_offers(item["tools"], top.at("input").item(index).at("tools"))
            yield from (replace(offer, found=True) for offer in offers)


def _flatten_offers(tools: Iterable[Json], cursor: Cursor) -> Iterator[_Offer]:
    for index, tool in enumerate(tools):
        here = cursor.item(index)
        if tool["type"] != "namespace":
            yield _Offer(here, tool)
            continue
        here.add_unread(tool, "type", "name", "description", "tools")
        about = tool.get("description") or ""
        for number, each in enumerate(tool["tools"]):
            yield _Offer(here.at("tools").item(number), each, tool["name"], "" if number else about)


def read_tools(body: Json, top: Cursor, *, used: bool) -> Json:
    """The toolConfig; `used` says whether the conversation has used tools."""
    choice, offers = body.get("tool_choice"), [*_find_offers(body, top)]
    if choice is None and not offers:
        return {}
    here = top.at("tool_choice")
    offered = [offer for offer in offers if _is_callers(offer.tool)]
    if choice == "none":
        # Without tool use in the history, sending no tools means the same, and every model supports it.
        if not (offered and used):
            return {}
        here.add_extra({"type": "none"})
    kind = choice["type"] if isinstance(choice, dict) else choice
    if isinstance(choice, dict) and kind == "allowed_tools":
        offered = _select_allowed(choice, offered, here)
        kind = choice["mode"]
    elif kind != "none":
        _add_server_tools([offer for offer in offers if not _is_callers(offer.tool)])
    if kind != "none":
        for offer in offered:
            _add_unread(offer)
    specs = _build_specs(offered)
    wanted = _read_choice(kind, choice, specs, here)
    config = {"tools": [*specs.values()], **({"toolChoice": place_at(wanted, choice)} if wanted else {})}
    return place_at(config, body.get("tools")) if specs else {}


def _add_server_tools(offers: Iterable[_Offer]) -> None:
    """Add the tools that OpenAI runs itself to the extras.

    Web search is a hint, because clients always offer it. So is a search among the tools of the request: the model sees
    them all.
    """
    for offer in offers:
        if offer.tool["type"] in ("web_search", SEARCH):
            offer.cursor.add_hint(f"tools.{offer.tool['type']}", offer.tool)
        else:
            offer.cursor.add_extra(offer.tool)


def _select_allowed(choice: Json, offers: list[_Offer], cursor: Cursor) -> list[_Offer]:
    """The tools that may be called; the model does not see the others."""
    own, names, whole = [], set[str](), set[str]()
    offered = {offer.name for offer in offers}
    in_namespace: dict[str, set[str]] = {}
    for offer in offers:
        in_namespace.setdefault(offer.namespace, set()).add(offer.name)
    for index, each in enumerate(choice["tools"]):
        if each["type"] == "namespace":
            found = in_namespace.get(each["name"]) or set()
            # At the end, once for each: they may be mentioned many times.
            whole.add(each["name"])
        elif each["type"] in _SPECS and (name := each.get("name") or each["type"]):
            found = {name} & offered
            names |= found
        else:
            own.append(each)
            continue
        if not found:
            here = cursor.at("tools").item(index).at("name")
            here.reject(_describe_unknown(each.get("name") or SEARCH))
    names = names.union(*(in_namespace.get(name, ()) for name in whole))
    if own:
        cursor.at("tools").add_extra(own)
    return [offer for offer in offers if offer.name in names]


def _build_specs(offers: Iterable[_Offer]) -> dict[str, Json]:
    """The tools as Converse takes them, by name."""
    specs: dict[str, Json] = {}
    for offer in offers:
        if offer.found and offer.name in specs:
            continue
        spec = place_at({"toolSpec": _SPECS[offer.tool["type"]](offer)}, offer.tool)
        if specs.setdefault(offer.name, spec) != spec:
            offer.cursor.at("name").reject(f"is used by another tool, too: {offer.name[:100]!r}")
    return specs


def _add_unread(offer: _Offer) -> None:
    tool, cursor = offer.tool, offer.cursor
    for name in _NOT_NEEDED:
        if tool.get(name) not in (None, False, ["direct"]):
            cursor.at(name).add_hint(f"tools.{name}", tool[name])
    if member(tool, "format", "type") not in (None, "text", "grammar"):
        cursor.at("format").add_extra(tool["format"])
    cursor.add_unread(
        tool, "type", "name", "description", *_NOT_NEEDED, *_READ[tool["type"]], defaults={"async": (False,)}
    )


# How a tool is found and what its output is like: a model does not need it to call the tool.
_NOT_NEEDED = ("defer_loading", "allowed_callers", "output_schema")
_READ = {"function": ("parameters", "strict"), "custom": ("format",), SEARCH: ("execution", "parameters")}


def _build_function(offer: _Offer) -> Json:
    # Tools are not strict by default.
    strict = {"strict": True} if offer.tool.get("strict") else {}
    schema = offer.tool.get("parameters") or {"type": "object", "properties": {}}
    return {
        "name": offer.name,
        **_build_description(offer),
        "inputSchema": place_at({"json": schema}, schema),
        **strict,
    }


def _build_custom(offer: _Offer) -> Json:
    return {"name": offer.name, **_build_description(offer), "inputSchema": {"json": CUSTOM}}


def _build_description(offer: _Offer) -> Json:
    texts = (
        offer.tool.get("description"),
        # Another tool has no such member, and whatever is there was not checked.
        _describe_format(offer.tool.get("format") or {}) if offer.tool["type"] == "custom" else "",
        _describe_namespace(offer),
    )
    description = "\n\n".join(text for text in texts if text and not is_blank(text))
    return {"description": description} if description else {}


def _describe_format(form: Json) -> str:
    return describe_grammar(form) if form.get("type") == "grammar" else ""


def _describe_namespace(offer: _Offer) -> str:
    return f"Of all tools whose names begin with {offer.namespace}__: {offer.about}" if offer.about else ""


_SPECS = {"function": _build_function, "custom": _build_custom, SEARCH: _build_function}


def _read_choice(kind: str | None, choice: Any, names: Collection[str], cursor: Cursor) -> Json:
    if kind in _SPECS:
        name = choice.get("name") or kind
        if name not in names:
            cursor.at("name").reject(_describe_unknown(name))
        cursor.add_unread(choice, "type", "name")
        return {"tool": {"name": name}}
    if kind == "required":
        if not names:
            cursor.reject("requires a tool, but the request has no function or custom tool")
        return {"any": {}}
    if kind not in ("auto", "none", None):
        cursor.at("type").add_extra(kind)
        cursor.add_unread(choice, "type")
    return {}


def _describe_unknown(name: str) -> str:
    return f"must name one of the tools, which {name[:100]!r} does not"


# --- write -----------------------------------------------------------------------------------------------------------


def write_tools(config: Json) -> list[Json]:
    """Write the tools of a toolConfig; raises InvalidBody for tools that the format does not have."""
    # Cache points do not change an answer, and tools have none in this format.
    tools = [tool for tool in config.get("tools", ()) if "cachePoint" not in tool]
    return [_write_tool(tool, Cursor(f"toolConfig.tools[{index}]", {})) for index, tool in enumerate(tools)]


def _write_tool(tool: Json, cursor: Cursor) -> Json:
    if "toolSpec" not in tool:
        raise cursor.error("is not supported by the Responses format")
    spec = tool["toolSpec"]
    common = {"name": spec["name"], **({"description": spec["description"]} if "description" in spec else {})}
    if is_custom(spec):
        return {"type": "custom", **common}
    # The default of `strict` is true.
    return {
        "type": "function",
        **common,
        "parameters": spec["inputSchema"]["json"],
        "strict": bool(spec.get("strict")),
    }


def write_choice(config: Json, tools: Iterable[Json], extras: Json) -> Any:
    """The choice of tools; None where the model is free to choose."""
    choice = config.get("toolChoice", {})
    if "tool_choice.tools" in extras:
        allowed = [{"type": tool["type"], "name": tool["name"]} for tool in tools]
        mode = "required" if "any" in choice else "auto"
        return {"type": "allowed_tools", "mode": mode, "tools": [*allowed, *extras["tool_choice.tools"]]}
    if "tool" in choice:
        name = choice["tool"]["name"]
        kind = next((tool["type"] for tool in tools if tool["name"] == name), "function")
        return {"type": kind, "name": name}
    if "any" in choice:
        return "required"
    return "none" if extras.get("tool_choice") == {"type": "none"} else None
