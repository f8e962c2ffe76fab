"""A Messages request, read: what Converse can say, and the rest as extras by name or by path."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from typing import Any

from bedrock_flask.bedrock.anthropic_betas import split_billing_line
from bedrock_flask.converse import (
    Json,
    Request,
    build_cache_point,
    is_blank,
    member,
    omit_null,
    uses_tools,
)
from bedrock_flask.wires.anthropic.citations import read_citations
from bedrock_flask.wires.reading.cursor import Cursor

# Extras of marks and tools that ask the same wherever they stand.
BILLING = "system.billing"
SCOPE = "cache_control.scope"
EAGER = "tools.eager_input_streaming"

# Extras that ask for nothing that shows in an answer: who asks and who pays, how a prefix is cached, how finely
# arguments are streamed. The choice of a tool is left only where it is no tool at all, of which only some models can be
# told, or a typed one, which is left as well.
HINTS = frozenset({"metadata", "service_tier", "tool_choice", BILLING, SCOPE, EAGER})

INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
# Top-level members that are read one by one, or that ask nothing of the model.
_READ = frozenset(
    {*INFERENCE, "messages", "system", "tools", "tool_choice", "output_config", "output_format", "metadata"}
    | {"cache_control", "anthropic_version", "model", "stream", "amazon-bedrock-guardrailConfig"}
)
# Values of members that ask for what happens anyway.
_KEEPS_ALL = ("all", {"type": "all"})
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "allowed_callers": (["direct"],),
    "billing_policy": ({"type": "billing_policy"}, {"type": "billing_policy", "bill_to": "self"}),
    "caller": ({"type": "direct"},),
    "citations": ([],),
    "clear_at": ("never",),
    # Claude Code's: nothing is cleared.
    "context_management": (
        *({}, {"edits": []}),
        *({"edits": [{"type": "clear_thinking_20251015", "keep": keep}]} for keep in _KEEPS_ALL),
    ),
    "defer_loading": (False,),
    "eager_input_streaming": (False,),
    "fallbacks": ([],),
    "input_examples": ([],),
    "mcp_servers": ([],),
    "safeguards": ([],),
    "service_tier": ("auto",),
    "speed": ("standard",),
    "tool_changes": ([],),
}
# What Bedrock takes as the value of a requestMetadata.
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}", re.ASCII)


def read_request(body: Json) -> Request:
    """A Messages body as a Converse request; raises InvalidBody for what no model could be asked."""
    top = Cursor("", {}, _DEFAULTS)
    messages = _read_messages(body, top)
    request = {
        "messages": messages,
        "system": _read_system(body.get("system") or [], top.at("system")),
        "inferenceConfig": _read_inference(body, top),
        "toolConfig": _read_tools(body, messages, top),
        "outputConfig": _read_output(body, top),
        "requestMetadata": _read_metadata(body.get("metadata") or {}, top.at("metadata")),
        "extras": top.extras,
    }
    top.leave_rest(body, *_READ)
    return {name: value for name, value in request.items() if value or name == "messages"}


# --- messages --------------------------------------------------------------------------------------------------------


def _read_messages(body: Json, top: Cursor) -> list[Json]:
    turns: list[Json] = []
    for index, message in enumerate(body["messages"]):
        turns += _read_message(message, top.at("messages").item(index))
    if body.get("cache_control"):
        _mark(turns[-1]["content"] if turns else [], body["cache_control"], top.at("cache_control"))
    return turns


def _read_message(message: Json, place: Cursor) -> Iterator[Json]:
    if message["role"] not in _ROLES:
        place.leave(message)
        return
    inner = replace(place, extras={})
    content = _read_content(message.get("content") or [], inner.at("content"))
    inner.leave_rest(message, "role", "content")
    if content:
        place.extras.update(inner.extras)
        yield {"role": message["role"], "content": content}
    elif all(path.endswith(".cache_control") for path in inner.extras):
        raise place.wrong("says nothing: its content is empty or blank")
    else:
        # All that it says is beyond Converse.
        place.leave(message)


# Converse has the same.
_ROLES = ("user", "assistant", "system")


def _read_system(system: str | list[Json], place: Cursor) -> list[Json]:
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    read: list[Json] = []
    lines: list[str] = []
    for index, block in enumerate(blocks):
        here = place.item(index)
        if block["type"] != "text":
            here.leave(block)
            continue
        line, text = split_billing_line(block["text"])
        lines += [line] if line else []
        if not is_blank(text):
            here.leave_rest(block, "type", "text", "cache_control")
            read.append({"text": text})
        if block.get("cache_control"):
            _mark(read, block["cache_control"], here.at("cache_control"))
    if lines:
        # They change with every request: as a part of the prompt they would spoil what is cached.
        Cursor(BILLING, place.extras).leave(lines)
    return read


def _read_content(content: str | list[Json], place: Cursor) -> list[Json]:
    if isinstance(content, str):
        return [] if is_blank(content) else [{"text": content}]
    read: list[Json] = []
    for index, block in enumerate(content):
        here = place.item(index)
        kind = block["type"]
        taken, reader = _BLOCKS.get(kind) or (_RESULT if kind.endswith("_tool_result") else (frozenset(), None))
        if reader is None:
            here.leave(block)
            continue
        parts = [*reader(block, here)]
        if any("cachePoint" not in part for part in parts):
            here.leave_rest(block, *taken, "type", "cache_control")
        read += parts
        if block.get("cache_control"):
            _mark(read, block["cache_control"], here.at("cache_control"))
    return read


def _mark(read: list[Json], mark: Json, place: Cursor) -> None:
    """Set a cache point behind what is read; one that stands there already marks the same prefix."""
    if not read:
        place.leave(mark)
    elif "cachePoint" not in read[-1]:
        read.append(_cache_point(mark, place))


def _cache_point(mark: Json, place: Cursor) -> Json:
    if mark.get("scope"):
        Cursor(SCOPE, place.extras).leave(mark["scope"])
    place.leave_rest(mark, "type", "ttl", "scope")
    return build_cache_point(mark.get("ttl"))


# --- blocks ----------------------------------------------------------------------------------------------------------


def _read_text(block: Json, place: Cursor) -> Iterator[Json]:
    if is_blank(block["text"]):
        return
    citations = read_citations(block.get("citations") or [], place.at("citations"))
    if not citations:
        yield {"text": block["text"]}
    else:
        yield {"citationsContent": {"content": [{"text": block["text"]}], "citations": citations}}


def _read_image(block: Json, place: Cursor) -> Iterator[Json]:
    source = _at_hand(block["source"], {"base64"}, place.at("source"))
    yield {"image": {"format": source["media_type"].partition("/")[2], "source": {"bytes": source["data"]}}}


def _read_document(block: Json, place: Cursor) -> Iterator[Json]:
    here = place.at("source")
    source = _at_hand(block["source"], _DOCUMENT_SOURCES, here)
    form, read = _DOCUMENT_SOURCES[source["type"]](source, here)
    yield {
        "document": {
            "format": form,
            "name": _document_name(block),
            "source": read,
            **omit_null(context=block.get("context"), citations=_read_citing(block)),
        }
    }
    yield from _marks_inside(block, source, here)


def _at_hand(source: Json, kinds: Collection[str], place: Cursor) -> Json:
    """The source of a medium, which must stand in the request."""
    if source["type"] not in kinds:
        elsewhere = place.at(_ELSEWHERE.get(source["type"], "type"))
        raise elsewhere.wrong("is no medium that Bedrock could read: send it as base64")
    return source


_ELSEWHERE = {"url": "url", "file": "file_id"}


def _read_pieces(holder: Json, place: Cursor) -> list[Json]:
    """The content of a document or a search result, which in Converse is text in pieces and no more."""
    read = []
    for here, piece in _pieces(holder, place):
        if piece["type"] != "text":
            here.leave(piece)
        elif not is_blank(piece["text"]):
            here.leave_rest(piece, "type", "text", "cache_control")
            read.append({"text": piece["text"]})
    return read


def _marks_inside(block: Json, holder: Json, place: Cursor) -> Iterator[Json]:
    """The first mark inside a block: Converse has none there; behind it it marks the same prefix, or a little more."""
    marked = [(here, piece) for here, piece in _pieces(holder, place) if piece["type"] == "text"]
    points = (_cache_point(piece["cache_control"], here) for here, piece in marked if piece.get("cache_control"))
    if not block.get("cache_control"):
        yield from islice(points, 1)


def _pieces(holder: Json, place: Cursor) -> Iterator[tuple[Cursor, Json]]:
    content = holder.get("content") or []
    pieces = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return ((place.at("content").item(index), piece) for index, piece in enumerate(pieces))


_DOCUMENT_SOURCES: dict[str, Callable[[Json, Cursor], tuple[str, Json]]] = {
    "base64": lambda source, place: (source["media_type"].partition("/")[2], {"bytes": source["data"]}),
    "text": lambda source, place: ("txt", {"text": source["data"]}),
    "content": lambda source, place: ("txt", {"content": _read_pieces(source, place)}),
}


def _document_name(block: Json) -> str:
    """The title in the letters that Converse takes, or a name that stays the same for the same document."""
    title = " ".join(re.sub(r"[^0-9A-Za-z\s()\[\]-]", " ", block.get("title") or "").split())[:200].strip()
    return title or f"document-{sha256(json.dumps(block['source']).encode()).hexdigest()[:8]}"


def _read_search_result(block: Json, place: Cursor) -> Iterator[Json]:
    yield {
        "searchResult": {
            "source": block["source"],
            "title": block["title"],
            "content": _read_pieces(block, place),
            **omit_null(citations=_read_citing(block)),
        }
    }
    yield from _marks_inside(block, block, place)


def _read_citing(block: Json) -> Json | None:
    citations = block.get("citations")
    return {"enabled": bool(citations.get("enabled"))} if citations else None


def _read_tool_use(block: Json, place: Cursor) -> Iterator[Json]:
    use = {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}
    yield {"toolUse": use if block["type"] == "tool_use" else {**use, "type": "server_tool_use"}}


def _read_tool_result(block: Json, place: Cursor) -> Iterator[Json]:
    content = _read_content(block.get("content") or [], place.at("content"))
    said = [part for part in content if "cachePoint" not in part]
    yield {"toolResult": {"toolUseId": block["tool_use_id"], "content": said, **_read_failure(block)}}
    if not block.get("cache_control"):
        yield from [part for part in content if "cachePoint" in part][:1]


def _read_server_tool_result(block: Json, place: Cursor) -> Iterator[Json]:
    result = {"toolUseId": block["tool_use_id"], "content": [{"json": {"content": block.get("content")}}]}
    yield {"toolResult": {**result, "type": block["type"], **_read_failure(block)}}


def _read_failure(block: Json) -> Json:
    return {"status": "error"} if block.get("is_error") else {}


def _read_thinking(block: Json, place: Cursor) -> Iterator[Json]:
    # Answers of models that sign nothing have come with an empty signature.
    text = {"text": block["thinking"], **omit_null(signature=block.get("signature") or None)}
    yield {"reasoningContent": {"reasoningText": text}}


def _read_redacted(block: Json, place: Cursor) -> Iterator[Json]:
    yield {"reasoningContent": {"redactedContent": block["data"]}}


def _read_compaction(block: Json, place: Cursor) -> Iterator[Json]:
    content = block.get("content")
    if isinstance(content, str) and not is_blank(content):
        yield {"text": content}
    elif content:
        place.leave(block)


def _read_tool_change(key: str) -> Callable[[Json, Cursor], Iterator[Json]]:
    def read(block: Json, place: Cursor) -> Iterator[Json]:
        tool = block["tool"]
        name = tool.get("name") or member(tool, "definition", "name")
        place.at("tool").leave_rest(tool, "type", "name", "server_name")
        yield {key: {"tool": omit_null(type=tool.get("type"), name=name, serverName=tool.get("server_name"))}}

    return read


_Reader = Callable[[Json, Cursor], Iterator[Json]]
_USE = (frozenset({"id", "name", "input"}), _read_tool_use)
_RESULT: tuple[frozenset[str], _Reader] = (
    frozenset({"tool_use_id", "content", "is_error"}),
    _read_server_tool_result,
)
# The blocks that have a like in Converse, by kind: which of their members are read, and how.
_BLOCKS: dict[str, tuple[frozenset[str], _Reader]] = {
    "text": (frozenset({"text", "citations"}), _read_text),
    "image": (frozenset({"source"}), _read_image),
    "document": (frozenset({"source", "title", "context", "citations"}), _read_document),
    "search_result": (frozenset({"source", "title", "content", "citations"}), _read_search_result),
    "tool_use": _USE,
    "server_tool_use": _USE,
    "mcp_tool_use": _USE,
    "tool_result": (frozenset({"tool_use_id", "content", "is_error"}), _read_tool_result),
    "thinking": (frozenset({"thinking", "signature"}), _read_thinking),
    "redacted_thinking": (frozenset({"data"}), _read_redacted),
    "compaction": (frozenset({"content"}), _read_compaction),
    "tool_addition": (frozenset({"tool"}), _read_tool_change("toolAddition")),
    "tool_removal": (frozenset({"tool"}), _read_tool_change("toolRemoval")),
}


# --- tools -----------------------------------------------------------------------------------------------------------


def _read_tools(body: Json, messages: Iterable[Json], top: Cursor) -> Json:
    offered, choice = body.get("tools") or [], body.get("tool_choice") or {}
    # Without tool use in the history, no tools say the same as the choice of none, and to every model.
    if choice.get("type") == "none" and not uses_tools(messages):
        return {}
    tools = _read_tool_list(offered, top)
    wanted = _read_choice(choice, offered, tools, top) if choice else None
    return {"tools": tools, **omit_null(toolChoice=wanted)} if tools else {}


def _read_tool_list(offered: Iterable[Json], top: Cursor) -> list[Json]:
    read: list[Json] = []
    eager = []
    for index, tool in enumerate(offered):
        here = top.at("tools").item(index)
        if _is_typed(tool):
            here.leave(tool)
            continue
        if tool.get("eager_input_streaming"):
            eager.append(index)
        here.leave_rest(tool, *_TOOL)
        told = omit_null(description=tool.get("description") or None, strict=tool.get("strict"))
        read.append({"toolSpec": {"name": tool["name"], "inputSchema": {"json": tool["input_schema"]}, **told}})
        if tool.get("cache_control"):
            _mark(read, tool["cache_control"], here.at("cache_control"))
    if eager:
        Cursor(EAGER, top.extras).leave(eager)
    return read


_TOOL = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming"})


def _read_choice(choice: Json, offered: list[Json], tools: list[Json], top: Cursor) -> Json | None:
    kind, here = choice["type"], top.at("tool_choice")
    if kind != "none" and choice.get("disable_parallel_tool_use") and offered:
        top.at("parallel_tool_calls").leave(False)
    typed = any(_is_typed(tool) for tool in offered)
    names = {member(tool, "toolSpec", "name") for tool in tools}
    if kind == "auto":
        return {"auto": {}}
    if kind == "any" and tools:
        return {"any": {}}
    if kind == "tool" and choice["name"] in names:
        return {"tool": {"name": choice["name"]}}
    if kind != "none" and not typed:
        raise here.wrong("asks for a tool that the request does not have")
    if offered:
        here.leave({name: value for name, value in choice.items() if name != "disable_parallel_tool_use"})
    return None


def _is_typed(tool: Json) -> bool:
    """Whether the provider has defined the tool."""
    return tool.get("type") not in (None, "custom")


# --- how the model answers -------------------------------------------------------------------------------------------


def _read_inference(body: Json, top: Cursor) -> Json:
    read = {there: body[here] for here, there in INFERENCE.items() if body.get(here) is not None}
    if read.get("maxTokens") == 0:
        # It fills the cache, and writes nothing; Converse has no word for that.
        top.at("max_tokens").leave(read.pop("maxTokens"))
    return read


def _read_output(body: Json, top: Cursor) -> Json:
    """The outputConfig for a JSON Schema; the effort is left, for some models refuse it in Converse."""
    told, older = body.get("output_config") or {}, body.get("output_format")
    form = told.get("format")
    if form and older:
        raise top.at("output_format").wrong("must not stand beside output_config.format, which says the same")
    if told.get("effort"):
        top.at("effort").leave(told["effort"])
    top.at("output_config").leave_rest(told, "format", "effort")
    form = form or older
    if not form:
        return {}
    schema = {"schema": json.dumps(form["schema"])}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _read_metadata(metadata: Json, place: Cursor) -> Json:
    user = metadata.get("user_id")
    if user is not None and set(metadata) == {"user_id"} and _METADATA.fullmatch(user):
        return {"user_id": user}
    if any(value is not None for value in metadata.values()):
        place.leave(metadata)
    return {}
