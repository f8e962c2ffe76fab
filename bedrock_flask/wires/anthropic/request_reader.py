"""A Messages body as a Converse request; what Converse cannot express becomes extras, by name or by path."""

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
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.anthropic.citations import SEARCH_KEY, read_citations
from bedrock_flask.wires.reading.cursor import STAND_IN, Cursor
from bedrock_flask.wires.reading.media_types import LIST_ITS_HOST

# Extras that collect the same request from several positions.
BILLING = "system.billing"
SCOPE = "cache_control.scope"
EAGER = "tools.eager_input_streaming"

# Extras that do not change an answer: the end user, the billing, how a prefix is cached, how finely arguments are
# streamed, whether several tools are called at once. `tool_choice` is an extra only if it is `none`, which not every
# model supports, or names a tool that is one.
HINTS = frozenset({"metadata", "service_tier", "tool_choice", "parallel_tool_calls", BILLING, SCOPE, EAGER, SEARCH_KEY})

INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
# Top-level members that are read one by one, or that do not concern the model.
_READ = frozenset(
    {*INFERENCE, "messages", "system", "tools", "tool_choice", "output_config", "output_format", "metadata"}
    | {"cache_control", "anthropic_version", "model", "stream", "amazon-bedrock-guardrailConfig"}
)
_KEEPS_ALL = ("all", {"type": "all"})
# Values that mean the same as an absent member.
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
# The values that Bedrock accepts in requestMetadata.
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}", re.ASCII)


def read_request(body: Json) -> Request:
    """A Messages body as a Converse request; raises InvalidBody for a request that no model can answer."""
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
    top.add_unread(body, *_READ)
    return top.finish({name: value for name, value in request.items() if value or name == "messages"})


# --- messages --------------------------------------------------------------------------------------------------------


def _read_messages(body: Json, top: Cursor) -> list[Json]:
    turns: list[Json] = []
    for index, message in enumerate(body["messages"]):
        turns += _read_message(message, top.at("messages").item(index))
    if body.get("cache_control"):
        _add_cache_point(turns[-1]["content"] if turns else [], body["cache_control"], top.at("cache_control"))
    return turns


def _read_message(message: Json, cursor: Cursor) -> Iterator[Json]:
    if message["role"] not in _ROLES:
        cursor.add_extra(message)
        return
    inner = replace(cursor, extras={})
    content = _read_content(message.get("content") or [], inner.at("content"))
    inner.add_unread(message, "role", "content")
    # An empty answer is what a refusal leaves in a history.
    if content or (message["role"] == "assistant" and not message.get("content")):
        cursor.extras.update(inner.extras)
        yield place_at({"role": message["role"], "content": content}, message)
    elif all(path.endswith(".cache_control") for path in inner.extras):
        cursor.reject("must have content that is not blank")
        yield {"role": message["role"], "content": [STAND_IN]}
    else:
        # Converse can express none of it.
        cursor.add_extra(message)


# Converse has the same roles.
_ROLES = ("user", "assistant", "system")


def _read_system(system: str | list[Json], cursor: Cursor) -> list[Json]:
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    read: list[Json] = []
    lines: list[str] = []
    for index, block in enumerate(blocks):
        here = cursor.item(index)
        if block["type"] != "text":
            here.add_extra(block)
            continue
        line, text = split_billing_line(block["text"])
        lines += [line] if line else []
        if not is_blank(text):
            here.add_unread(block, "type", "text", "cache_control")
            read.append(place_at({"text": text}, block))
        if block.get("cache_control"):
            _add_cache_point(read, block["cache_control"], here.at("cache_control"))
    if lines:
        # They change with every request, so as a part of the prompt they would defeat the cache.
        Cursor(BILLING, cursor.extras).add_extra(lines)
    return read


def _read_content(content: str | list[Json], cursor: Cursor) -> list[Json]:
    if isinstance(content, str):
        return [] if is_blank(content) else [{"text": content}]
    read: list[Json] = []
    for index, block in enumerate(content):
        here = cursor.item(index)
        kind = block["type"]
        taken, reader = _BLOCKS.get(kind) or (_RESULT if _is_tool_result(block) else (frozenset(), None))
        if reader is None:
            here.add_extra(block)
            continue
        parts = [place_at(part, block) for part in here.gather(reader(block, here))]
        if any("cachePoint" not in part for part in parts):
            here.add_unread(block, *taken, "type", "cache_control")
        read += parts
        if block.get("cache_control"):
            _add_cache_point(read, block["cache_control"], here.at("cache_control"))
    return read


def _is_tool_result(block: Json) -> bool:
    # Anthropic adds kinds of them.
    return str(block["type"]).endswith("_tool_result") and isinstance(block.get("tool_use_id"), str)


def _add_cache_point(read: list[Json], mark: Json, cursor: Cursor) -> None:
    """Add a cache point behind what is read; an earlier one there marks the same prefix."""
    if not read:
        cursor.add_extra(mark)
    elif "cachePoint" not in read[-1]:
        read.append(_read_cache_point(mark, cursor))


def _read_cache_point(mark: Json, cursor: Cursor) -> Json:
    if mark.get("scope"):
        Cursor(SCOPE, cursor.extras).add_extra(mark["scope"])
    cursor.add_unread(mark, "type", "ttl", "scope")
    return place_at(build_cache_point(mark.get("ttl")), mark)


# --- blocks ----------------------------------------------------------------------------------------------------------


def _read_text(block: Json, cursor: Cursor) -> Iterator[Json]:
    if is_blank(block["text"]):
        return
    citations = read_citations(block.get("citations") or [], cursor.at("citations"))
    if not citations:
        yield {"text": block["text"]}
    else:
        yield {"citationsContent": {"content": [{"text": block["text"]}], "citations": citations}}


def _read_image(block: Json, cursor: Cursor) -> Iterator[Json]:
    if block["source"]["type"] == "url":
        raise (
            cursor.at("source")
            .at("url")
            .error(f"is a URL, which the gateway does not fetch; send the image as base64, {LIST_ITS_HOST}")
        )
    source = _require_inline(block["source"], {"base64"}, cursor.at("source"))
    yield {"image": {"format": source["media_type"].partition("/")[2], "source": {"bytes": source["data"]}}}


def _read_document(block: Json, cursor: Cursor) -> Iterator[Json]:
    here = cursor.at("source")
    source = _require_inline(block["source"], _DOCUMENT_SOURCES, here)
    form, read = _DOCUMENT_SOURCES[source["type"]](source, here)
    yield {
        "document": {
            "format": form,
            "name": _name_document(block),
            "source": read,
            **omit_null(context=block.get("context"), citations=_read_citations_option(block)),
        }
    }
    if source["type"] == "content":
        yield from _read_inner_marks(block, source, here)


def _require_inline(source: Json, kinds: Collection[str], cursor: Cursor) -> Json:
    """The source of a medium, which must be in the request itself."""
    if source["type"] not in kinds:
        elsewhere = cursor.at(_ELSEWHERE.get(source["type"], "type"))
        raise elsewhere.error("is not supported: send the medium as base64")
    return source


_ELSEWHERE = {"url": "url", "file": "file_id"}


def _read_pieces(holder: Json, cursor: Cursor) -> list[Json]:
    """The content of a document or a search result; in Converse it is only text."""
    read = []
    for here, piece in _list_pieces(holder, cursor):
        if piece["type"] != "text":
            here.add_extra(piece)
        elif not is_blank(piece["text"]):
            here.add_unread(piece, "type", "text", "cache_control")
            read.append({"text": piece["text"]})
    return read


def _read_inner_marks(block: Json, holder: Json, cursor: Cursor) -> Iterator[Json]:
    """The first cache mark inside a block: Converse has none there, and behind the block it caches no less."""
    marked = [(here, piece) for here, piece in _list_pieces(holder, cursor) if piece["type"] == "text"]
    points = (_read_cache_point(piece["cache_control"], here) for here, piece in marked if piece.get("cache_control"))
    if not block.get("cache_control"):
        yield from islice(points, 1)


def _list_pieces(holder: Json, cursor: Cursor) -> Iterator[tuple[Cursor, Json]]:
    content = holder.get("content") or []
    pieces = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return ((cursor.at("content").item(index), piece) for index, piece in enumerate(pieces))


_DOCUMENT_SOURCES: dict[str, Callable[[Json, Cursor], tuple[str, Json]]] = {
    "base64": lambda source, cursor: (source["media_type"].partition("/")[2], {"bytes": source["data"]}),
    "text": lambda source, cursor: ("txt", {"text": source["data"]}),
    "content": lambda source, cursor: ("txt", {"content": _read_pieces(source, cursor)}),
}


def _name_document(block: Json) -> str:
    """The title in the characters that Converse accepts, or else a name derived from the content."""
    title = " ".join(re.sub(r"[^0-9A-Za-z\s()\[\]-]", " ", block.get("title") or "").split())[:200].strip()
    return title or f"document-{sha256(json.dumps(block['source']).encode()).hexdigest()[:8]}"


def _read_search_result(block: Json, cursor: Cursor) -> Iterator[Json]:
    yield {
        "searchResult": {
            "source": block["source"],
            "title": block["title"],
            "content": _read_pieces(block, cursor),
            **omit_null(citations=_read_citations_option(block)),
        }
    }
    yield from _read_inner_marks(block, block, cursor)


def _read_citations_option(block: Json) -> Json | None:
    citations = block.get("citations")
    return {"enabled": bool(citations.get("enabled"))} if citations else None


def _read_tool_use(block: Json, cursor: Cursor) -> Iterator[Json]:
    use = {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}
    yield {"toolUse": use if block["type"] == "tool_use" else {**use, "type": "server_tool_use"}}


def _read_tool_result(block: Json, cursor: Cursor) -> Iterator[Json]:
    content = _read_content(block.get("content") or [], cursor.at("content"))
    result = [part for part in content if "cachePoint" not in part]
    yield {"toolResult": {"toolUseId": block["tool_use_id"], "content": result, **_read_failure(block)}}
    if not block.get("cache_control"):
        yield from [part for part in content if "cachePoint" in part][:1]


def _read_server_tool_result(block: Json, cursor: Cursor) -> Iterator[Json]:
    result = {"toolUseId": block["tool_use_id"], "content": [{"json": {"content": block.get("content")}}]}
    yield {"toolResult": {**result, "type": block["type"], **_read_failure(block)}}


def _read_failure(block: Json) -> Json:
    return {"status": "error"} if block.get("is_error") else {}


def _read_thinking(block: Json, cursor: Cursor) -> Iterator[Json]:
    # Models that do not sign their reasoning send an empty signature.
    text = {"text": block["thinking"], **omit_null(signature=block.get("signature") or None)}
    yield {"reasoningContent": {"reasoningText": text}}


def _read_redacted(block: Json, cursor: Cursor) -> Iterator[Json]:
    yield {"reasoningContent": {"redactedContent": block["data"]}}


def _read_compaction(block: Json, cursor: Cursor) -> Iterator[Json]:
    content = block.get("content")
    if isinstance(content, str) and not is_blank(content):
        yield {"text": content}
    elif content:
        cursor.add_extra(block)


def _read_tool_reference(block: Json, cursor: Cursor) -> Iterator[Json]:
    """A tool that a search has found: it is among the request's tools, so its name is all that the model needs."""
    yield {"text": f"Found the tool: {block.get('tool_name')}"}


def _read_tool_change(key: str) -> Callable[[Json, Cursor], Iterator[Json]]:
    def read(block: Json, cursor: Cursor) -> Iterator[Json]:
        tool = block["tool"]
        name = tool.get("name") or member(tool, "definition", "name")
        cursor.at("tool").add_unread(tool, "type", "name", "server_name")
        yield {key: {"tool": omit_null(type=tool.get("type"), name=name, serverName=tool.get("server_name"))}}

    return read


_Reader = Callable[[Json, Cursor], Iterator[Json]]
_USE = (frozenset({"id", "name", "input"}), _read_tool_use)
_RESULT: tuple[frozenset[str], _Reader] = (
    frozenset({"tool_use_id", "content", "is_error"}),
    _read_server_tool_result,
)
# The kinds of blocks that Converse has too: their members that are read, and how.
_BLOCKS: dict[str, tuple[frozenset[str], _Reader]] = {
    "text": (frozenset({"text", "citations"}), _read_text),
    "image": (frozenset({"source"}), _read_image),
    "document": (frozenset({"source", "title", "context", "citations"}), _read_document),
    "search_result": (frozenset({"source", "title", "content", "citations"}), _read_search_result),
    "tool_use": _USE,
    "server_tool_use": _USE,
    # The name of its server tells the model nothing that the tool's does not.
    "mcp_tool_use": (_USE[0] | {"server_name"}, _read_tool_use),
    "tool_result": (frozenset({"tool_use_id", "content", "is_error"}), _read_tool_result),
    "thinking": (frozenset({"thinking", "signature"}), _read_thinking),
    "redacted_thinking": (frozenset({"data"}), _read_redacted),
    "compaction": (frozenset({"content"}), _read_compaction),
    "tool_reference": (frozenset({"tool_name"}), _read_tool_reference),
    "tool_addition": (frozenset({"tool"}), _read_tool_change("toolAddition")),
    "tool_removal": (frozenset({"tool"}), _read_tool_change("toolRemoval")),
}


# --- tools -----------------------------------------------------------------------------------------------------------


def _read_tools(body: Json, messages: Iterable[Json], top: Cursor) -> Json:
    offered, choice = body.get("tools") or [], body.get("tool_choice") or {}
    # Without tool use in the history, sending no tools means the same as `none`, and every model supports it.
    if choice.get("type") == "none" and not uses_tools(messages):
        return {}
    tools = _read_tool_list(offered, top)
    wanted = _read_choice(choice, offered, tools, top) if choice else None
    return place_at({"tools": tools, **omit_null(toolChoice=place_at(wanted, choice))}, offered) if tools else {}


def _read_tool_list(offered: Iterable[Json], top: Cursor) -> list[Json]:
    read: list[Json] = []
    eager = []
    for index, tool in enumerate(offered):
        here = top.at("tools").item(index)
        if _is_server_tool(tool):
            here.add_extra(tool)
            continue
        if tool.get("eager_input_streaming"):
            eager.append(index)
        here.add_unread(tool, *_TOOL)
        optional = omit_null(description=tool.get("description") or None, strict=tool.get("strict"))
        schema = place_at({"json": tool["input_schema"]}, tool["input_schema"])
        spec = {"name": tool["name"], "inputSchema": schema, **optional}
        read.append(place_at({"toolSpec": spec}, tool))
        if tool.get("cache_control"):
            _add_cache_point(read, tool["cache_control"], here.at("cache_control"))
    if eager:
        Cursor(EAGER, top.extras).add_extra(eager)
    return read


_TOOL = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming"})


def _read_choice(choice: Json, offered: list[Json], tools: list[Json], top: Cursor) -> Json | None:
    kind, here = choice["type"], top.at("tool_choice")
    if kind != "none" and choice.get("disable_parallel_tool_use") and offered:
        top.at("parallel_tool_calls").add_extra(False)
    typed = any(_is_server_tool(tool) for tool in offered)
    names = {member(tool, "toolSpec", "name") for tool in tools}
    if kind == "auto":
        return {"auto": {}}
    if kind == "any" and tools:
        return {"any": {}}
    if kind == "tool" and choice["name"] in names:
        return {"tool": {"name": choice["name"]}}
    if kind != "none" and not typed:
        here.reject("requires a tool that the request does not have")
        return None
    if offered:
        here.add_extra({name: value for name, value in choice.items() if name != "disable_parallel_tool_use"})
    return None


def _is_server_tool(tool: Json) -> bool:
    """Whether Anthropic defines the tool, rather than the caller."""
    return tool.get("type") not in (None, "custom")


# --- how the model answers -------------------------------------------------------------------------------------------


def _read_inference(body: Json, top: Cursor) -> Json:
    read = {there: body[here] for here, there in INFERENCE.items() if body.get(here) is not None}
    if read.get("maxTokens") == 0:
        # It fills the cache and generates nothing, which Converse cannot express.
        top.at("max_tokens").add_extra(read.pop("maxTokens"))
    return read


def _read_output(body: Json, top: Cursor) -> Json:
    """The outputConfig for a JSON Schema; the effort becomes an extra, because some models refuse it in Converse."""
    config, older = body.get("output_config") or {}, body.get("output_format")
    form = config.get("format")
    if form and older:
        top.at("output_format").reject("must not be used together with output_config.format")
    if config.get("effort"):
        top.at("effort").add_extra(config["effort"])
    top.at("output_config").add_unread(config, "format", "effort")
    form = form or older
    if not form:
        return {}
    schema = {"schema": json.dumps(form["schema"])}
    return {"textFormat": place_at({"type": "json_schema", "structure": {"jsonSchema": schema}}, form)}


def _read_metadata(metadata: Any, cursor: Cursor) -> Json:
    # A request whose tokens are counted has no metadata: whatever it holds there was not validated.
    members = metadata if isinstance(metadata, dict) else {}
    user = members.get("user_id")
    if isinstance(user, str) and set(members) == {"user_id"} and _METADATA.fullmatch(user):
        return {"user_id": user}
    if not isinstance(metadata, dict) or any(value is not None for value in members.values()):
        cursor.add_extra(metadata)
    return {}
