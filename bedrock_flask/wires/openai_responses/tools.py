"""The tools of a request and which of them must be called, to and from Converse.

A custom tool takes free text; to Converse it is a tool with the one argument `input`. The tools of a namespace are told
apart by their names, `namespace__tool`. What an answer must know of either is told by `custom_tools` and
`namespaced_tools`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.wires.reading.cursor import Cursor

# --- what an answer must know ----------------------------------------------------------------------------------------

NO_NAMESPACES: Mapping[str, tuple[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Asked:
    """The tools of a request as far as its answer depends on them, by their names in Converse."""

    custom: frozenset[str] = frozenset()
    namespaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def names(self, name: str) -> Json:
        """The members that name a tool in an answer."""
        namespace, own = self.namespaced.get(name, (None, name))
        return {"name": own, **({"namespace": namespace} if namespace else {})}


def custom_tools(body: Json) -> frozenset[str]:
    """The custom tools of a request, by their names in Converse."""
    return frozenset(offer.name for offer in _offers(body, Cursor("", {})) if offer.tool["type"] == "custom")


def namespaced_tools(body: Json) -> dict[str, tuple[str, str]]:
    """The namespace and the name in it of each tool that has a namespace, by its name in Converse."""
    offers = _offers(body, Cursor("", {}))
    return {offer.name: (offer.namespace, offer.tool["name"]) for offer in offers if offer.namespace}


def full_name(told: Json) -> str:
    """The name in Converse of the tool that a call names."""
    return _joined(told.get("namespace") or "", told["name"])


def _joined(namespace: str, name: str) -> str:
    return f"{namespace}__{name}" if namespace else name


# --- read ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Offer:
    """One tool where it is offered; `about` is what its namespace says, told with the first of its tools."""

    place: Cursor
    tool: Json
    namespace: str = ""
    about: str = ""

    @property
    def name(self) -> str:
        return _joined(self.namespace, self.tool.get("name", ""))


def _offers(body: Json, top: Cursor) -> Iterator[_Offer]:
    """Every tool of a request, also those that stand in its conversation."""
    yield from _offers_of(body.get("tools") or (), top.at("tools"))
    items = body["input"] if isinstance(body["input"], list) else []
    for index, item in enumerate(items):
        if item.get("type") == "additional_tools":
            yield from _offers_of(item["tools"], top.at("input").item(index).at("tools"))


def _offers_of(tools: Iterable[Json], place: Cursor) -> Iterator[_Offer]:
    for index, tool in enumerate(tools):
        here = place.item(index)
        if tool["type"] != "namespace":
            yield _Offer(here, tool)
            continue
        here.leave_rest(tool, "type", "name", "description", "tools")
        about = tool.get("description") or ""
        for number, each in enumerate(tool["tools"]):
            yield _Offer(here.at("tools").item(number), each, tool["name"], "" if number else about)


def read_tools(body: Json, top: Cursor, *, used: bool) -> Json:
    """The toolConfig; `used` says whether the conversation has used tools."""
    here, choice = top.at("tool_choice"), body.get("tool_choice")
    offers = [*_offers(body, top)]
    offered = [offer for offer in offers if offer.tool["type"] in _SPECS]
    if choice == "none":
        # Without tool use in the history, no tools say the same, and to every model.
        if not (offered and used):
            return {}
        here.leave({"type": "none"})
    kind = choice["type"] if isinstance(choice, dict) else choice
    if isinstance(choice, dict) and kind == "allowed_tools":
        offered = _allowed(choice, offered, here)
        kind = choice["mode"]
    elif kind != "none":
        _leave_own([offer for offer in offers if offer.tool["type"] not in _SPECS])
    if kind != "none":
        for offer in offered:
            _leave_rest(offer)
    specs = _specs(offered)
    wanted = _read_choice(kind, choice, specs, here)
    return {"tools": [*specs.values()], **({"toolChoice": wanted} if wanted else {})} if specs else {}


def _leave_own(offers: Iterable[_Offer]) -> None:
    """What OpenAI's servers would run. That a model cannot search the web is no reason not to ask it anything."""
    for offer in offers:
        if offer.tool["type"] == "web_search":
            offer.place.mention("tools.web_search", offer.tool)
        else:
            offer.place.leave(offer.tool)


def _allowed(choice: Json, offers: list[_Offer], place: Cursor) -> list[_Offer]:
    """The tools that may be called: to a model, the others are not there."""
    own, names = [], set()
    for index, each in enumerate(choice["tools"]):
        if each["type"] == "namespace":
            found = {offer.name for offer in offers if offer.namespace == each["name"]}
        elif each["type"] in _SPECS:
            found = {offer.name for offer in offers if offer.name == each["name"]}
        else:
            own.append(each)
            continue
        if not found:
            raise place.at("tools").item(index).at("name").wrong(_stranger(each["name"]))
        names |= found
    if own:
        place.at("tools").leave(own)
    return [offer for offer in offers if offer.name in names]


def _specs(offers: Iterable[_Offer]) -> dict[str, Json]:
    """The tools as Converse takes them, by name."""
    specs: dict[str, Json] = {}
    for offer in offers:
        spec = {"toolSpec": _SPECS[offer.tool["type"]](offer)}
        if specs.setdefault(offer.name, spec) != spec:
            raise offer.place.at("name").wrong(f"names another tool, too: {offer.name[:100]!r}")
    return specs


def _leave_rest(offer: _Offer) -> None:
    told, place = offer.tool, offer.place
    for name in _ASIDE:
        if told.get(name) not in (None, False, ["direct"]):
            place.at(name).mention(f"tools.{name}", told[name])
    if (told.get("format") or {}).get("type") not in (None, "text", "grammar"):
        place.at("format").leave(told["format"])
    place.leave_rest(told, "type", "name", "description", *_ASIDE, *_TAKEN[told["type"]], defaults={"async": (False,)})


# How a tool is found and what its output is like: nothing that a model must be told to call it.
_ASIDE = ("defer_loading", "allowed_callers", "output_schema")
_TAKEN = {"function": ("parameters", "strict"), "custom": ("format",)}


def _function(offer: _Offer) -> Json:
    # Not strict is what all tools are unless told otherwise.
    strict = {"strict": True} if offer.tool.get("strict") else {}
    schema = offer.tool.get("parameters") or {"type": "object", "properties": {}}
    return {"name": offer.name, **_described(offer), "inputSchema": {"json": schema}, **strict}


def _custom(offer: _Offer) -> Json:
    return {"name": offer.name, **_described(offer), "inputSchema": {"json": CUSTOM}}


def _described(offer: _Offer) -> Json:
    texts = (offer.tool.get("description"), _about_format(offer.tool.get("format") or {}), _about_namespace(offer))
    description = "\n\n".join(text for text in texts if text and not text.isspace())
    return {"description": description} if description else {}


def _about_format(form: Json) -> str:
    if form.get("type") != "grammar":
        return ""
    return f"The text in `input` must fit this {form['syntax']} grammar:\n\n{form['definition']}"


def _about_namespace(offer: _Offer) -> str:
    return f"Of all tools whose names begin with {offer.namespace}__: {offer.about}" if offer.about else ""


# What a custom tool takes, to a model that knows of functions only.
CUSTOM: Json = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool, as free text."}},
    "required": ["input"],
}
_SPECS = {"function": _function, "custom": _custom}


def _read_choice(kind: str | None, choice: Any, names: Collection[str], place: Cursor) -> Json:
    if kind in _SPECS:
        if choice["name"] not in names:
            raise place.at("name").wrong(_stranger(choice["name"]))
        place.leave_rest(choice, "type", "name")
        return {"tool": {"name": choice["name"]}}
    if kind == "required":
        if not names:
            raise place.wrong("asks for a tool, and the request has none that could be called")
        return {"any": {}}
    if kind not in ("auto", "none", None):
        place.at("type").leave(kind)
        place.leave_rest(choice, "type")
    return {}


def _stranger(name: str) -> str:
    return f"names {name[:100]!r}, which is no tool of the request"


# --- written ---------------------------------------------------------------------------------------------------------


def is_custom(spec: Json) -> bool:
    """Whether this was a custom tool before it was told to Converse."""
    return bool(spec["inputSchema"].get("json") == CUSTOM)


def write_tools(config: Json) -> list[Json]:
    """The tools of a toolConfig; raises InvalidBody."""
    # Cache points ask for nothing that shows, and tools have none in this format.
    tools = [tool for tool in config.get("tools", ()) if "cachePoint" not in tool]
    return [_write_tool(tool, Cursor(f"toolConfig.tools[{index}]", {})) for index, tool in enumerate(tools)]


def _write_tool(tool: Json, place: Cursor) -> Json:
    if "toolSpec" not in tool:
        raise place.wrong("has no like in the format of OpenAI's Responses")
    spec = tool["toolSpec"]
    told = {"name": spec["name"], **({"description": spec["description"]} if "description" in spec else {})}
    if is_custom(spec):
        return {"type": "custom", **told}
    # Left out, `strict` would be true.
    return {
        "type": "function",
        **told,
        "parameters": spec["inputSchema"]["json"],
        "strict": bool(spec.get("strict")),
    }


def write_choice(config: Json, tools: Iterable[Json], extras: Json) -> Any:
    """Which tools must be called, and which may be; None where the model is free."""
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
