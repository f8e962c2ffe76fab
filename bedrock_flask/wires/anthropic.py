"""The wire of Claude's Messages format: requests to Converse, Converse replies and events to Claude's.

Source: "Anthropic Claude Messages API request and response" (AWS user guide); stream shapes as in Anthropic's
"Streaming Messages". What Converse cannot say goes where AWS takes it for Claude, into additionalModelRequestFields.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Request, Response, member
from bedrock_flask.usage import Usage, from_members, from_metrics
from bedrock_flask.wire import Wire

# Why a model stops, both ways; a reason that AWS adds tomorrow reads as the plain end of a turn.
TO_CLAUDE = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "refusal",
    "content_filtered": "refusal",
    "malformed_model_output": "end_turn",
    "malformed_tool_use": "end_turn",
    "model_context_window_exceeded": "model_context_window_exceeded",
}
TO_CONVERSE = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "refusal": "content_filtered",
    "pause_turn": "end_turn",
    "model_context_window_exceeded": "model_context_window_exceeded",
}


def complete(reply: Json) -> bool:
    """Whether a reply is a whole message."""
    return reply.get("type") == "message" and isinstance(reply.get("content"), list) and bool(reply.get("stop_reason"))


def finished(chunk: Json) -> bool:
    """Whether this is `message_stop`."""
    return chunk.get("type") == "message_stop"


def usage(told: Json) -> Usage:
    """The counts of a reply, `message_start`, `message_delta` (cumulative), or the metrics in the last chunk."""
    started = from_members(member(told, "message", "usage"))
    return started.updated(from_members(member(told, "usage"))).updated(from_metrics(told))


# --- a Claude request, read ------------------------------------------------------------------------------------------

_INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
# Top-level members that have a place of their own in Converse, or none at all; the others are Claude's own.
_PLACED = frozenset(
    {*_INFERENCE, "messages", "system", "tools", "tool_choice", "output_config"}
    | {"anthropic_version", "model", "stream", "amazon-bedrock-guardrailConfig"}
)
_NO_TOOL = "none"


def read_request(body: Json) -> Request:
    """A Messages body as a Converse request."""
    tool_config, own_tools = _read_tools(body)
    output_config, own_output = _read_output_config(body.get("output_config") or {})
    own = {name: value for name, value in body.items() if name not in _PLACED} | own_tools | own_output
    request = {
        "messages": [_read_message(message) for message in body["messages"]],
        "system": _read_content(body.get("system") or []),
        "inferenceConfig": {_INFERENCE[name]: body[name] for name in _INFERENCE if name in body},
        "toolConfig": tool_config,
        "outputConfig": output_config,
        "additionalModelRequestFields": own,
    }
    return {name: value for name, value in request.items() if value or name == "messages"}


def _read_message(message: Json) -> Json:
    return {"role": message["role"], "content": _read_content(message["content"])}


def _read_content(content: str | list[Json]) -> list[Json]:
    if isinstance(content, str):
        return [{"text": content}]
    return [part for block in content for part in _read_block(block)]


def _read_block(block: Json) -> Iterator[Json]:
    kind = block["type"]
    reader = _READERS.get(kind) or (_read_server_tool_result if kind.endswith("_tool_result") else None)
    if reader is not None:
        yield reader(block)
    yield from _cache_points(block)


def _cache_points(block: Json) -> Iterator[Json]:
    # Inside a tool result Converse has no cache points; behind it they mark the same prefix, or a little more.
    inner = block.get("content") if block.get("type") == "tool_result" else None
    marks = [each.get("cache_control") for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []
    mark = block.get("cache_control") or next(filter(None, marks), None)
    if mark:
        yield {"cachePoint": {"type": "default", **_present(ttl=mark.get("ttl"))}}


def _read_text(block: Json) -> Json:
    if not block.get("citations"):
        return {"text": block["text"]}
    citations = [_read_citation(each) for each in block["citations"]]
    return {"citationsContent": {"content": [{"text": block["text"]}], "citations": citations}}


def _read_image(block: Json) -> Json:
    source = block["source"]
    return {"image": {"format": source["media_type"].partition("/")[2], "source": {"bytes": source["data"]}}}


def _read_document(block: Json) -> Json:
    form, source = _DOCUMENT_SOURCES[block["source"]["type"]](block["source"])
    return {
        "document": {
            "format": form,
            "name": _document_name(block),
            "source": source,
            **_present(context=block.get("context"), citations=_read_citing(block)),
        }
    }


def _read_document_pieces(source: Json) -> tuple[str, Json]:
    pieces = source["content"] if isinstance(source["content"], list) else [{"type": "text", "text": source["content"]}]
    return "txt", {"content": [{"text": piece["text"]} for piece in pieces if piece["type"] == "text"]}


_DOCUMENT_SOURCES: dict[str, Callable[[Json], tuple[str, Json]]] = {
    "base64": lambda source: (source["media_type"].partition("/")[2], {"bytes": source["data"]}),
    "text": lambda source: ("txt", {"text": source["data"]}),
    "content": _read_document_pieces,
}


def _document_name(block: Json) -> str:
    """The title in the letters that Converse takes, or a name that stays the same for the same document."""
    title = " ".join(re.sub(r"[^0-9A-Za-z\s()\[\]-]", " ", block.get("title") or "").split())[:200].strip()
    return title or f"document-{sha256(json.dumps(block['source']).encode()).hexdigest()[:8]}"


def _read_search_result(block: Json) -> Json:
    return {
        "searchResult": {
            "source": block["source"],
            "title": block["title"],
            "content": [{"text": piece["text"]} for piece in block["content"]],
            **_present(citations=_read_citing(block)),
        }
    }


def _read_citing(block: Json) -> Json | None:
    citations = block.get("citations")
    return {"enabled": bool(citations.get("enabled"))} if citations else None


def _read_tool_use(block: Json) -> Json:
    use = {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}
    return {"toolUse": use if block["type"] == "tool_use" else {**use, "type": "server_tool_use"}}


def _read_tool_result(block: Json) -> Json:
    content = _read_content(block.get("content") or [])
    result = {"toolUseId": block["tool_use_id"], "content": [each for each in content if "cachePoint" not in each]}
    return {"toolResult": {**result, "status": "error"} if block.get("is_error") else result}


def _read_server_tool_result(block: Json) -> Json:
    content = [{"json": {"content": block.get("content")}}]
    return {"toolResult": {"toolUseId": block["tool_use_id"], "content": content, "type": block["type"]}}


def _read_thinking(block: Json) -> Json:
    text = {"text": block["thinking"], **_present(signature=block.get("signature"))}
    return {"reasoningContent": {"reasoningText": text}}


def _read_redacted(block: Json) -> Json:
    return {"reasoningContent": {"redactedContent": block["data"]}}


def _read_compaction(block: Json) -> Json:
    return {"text": block.get("content") or ""}


def _read_tool_change(key: str) -> Callable[[Json], Json]:
    def read(block: Json) -> Json:
        tool = block["tool"]
        name = tool.get("name") or member(tool, "definition", "name")
        reference = _present(type=tool.get("type"), name=name, serverName=tool.get("server_name"))
        return {key: {"tool": reference}}

    return read


# Blocks that have no like in Converse (container uploads, listings of MCP tools) are left out.
_READERS: dict[str, Callable[[Json], Json]] = {
    "text": _read_text,
    "image": _read_image,
    "document": _read_document,
    "search_result": _read_search_result,
    "tool_use": _read_tool_use,
    "server_tool_use": _read_tool_use,
    "mcp_tool_use": _read_tool_use,
    "tool_result": _read_tool_result,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
    "compaction": _read_compaction,
    "tool_addition": _read_tool_change("toolAddition"),
    "tool_removal": _read_tool_change("toolRemoval"),
}


def _read_tools(body: Json) -> tuple[Json, Json]:
    """The toolConfig, and what Claude's own members must say because Converse cannot."""
    tools, choice = body.get("tools") or [], body.get("tool_choice") or {}
    custom = [tool for tool in tools if tool.get("type") in (None, "custom")]
    typed = [tool for tool in tools if tool not in custom]
    forbidden = choice.get("type") == _NO_TOOL
    config: Json = {}
    # Without tool use in the history, no tools say the same as tool_choice "none", and to every model.
    if custom and not (forbidden and not _uses_tools(body)):
        config = {
            "tools": [part for tool in custom for part in _read_tool(tool)],
            **_present(toolChoice=_read_tool_choice(choice)),
        }
    beyond = choice and (choice.get("disable_parallel_tool_use") or typed or (forbidden and config))
    return config, {**({"tools": typed} if typed else {}), **({"tool_choice": choice} if beyond else {})}


def _read_tool(tool: Json) -> Iterator[Json]:
    told = _present(description=tool.get("description") or None, strict=tool.get("strict"))
    yield {"toolSpec": {"name": tool["name"], "inputSchema": {"json": tool["input_schema"]}, **told}}
    yield from _cache_points(tool)


def _read_tool_choice(choice: Json) -> Json | None:
    kind = choice.get("type")
    if kind in ("auto", "any"):
        return {kind: {}}
    return {"tool": {"name": choice["name"]}} if kind == "tool" else None


def _uses_tools(body: Json) -> bool:
    blocks = (block for message in body["messages"] for block in message["content"] if isinstance(block, dict))
    return any(block.get("type") in ("tool_use", "tool_result") for block in blocks)


def _read_output_config(told: Json) -> tuple[Json, Json]:
    """The outputConfig for a JSON Schema, and the rest as Claude's own: some models refuse effort in Converse."""
    form = told.get("format")
    rest = {name: value for name, value in told.items() if name != "format" and value is not None}
    schema = {"schema": json.dumps(form["schema"])} if form else {}
    config = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}} if form else {}
    return config, ({"output_config": rest} if rest else {})


# --- citations, both ways --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """How both formats tell where a citation points: Claude's type, Converse's member, their names for the parts."""

    claude: str
    converse: str
    title: str
    parts: dict[str, str]


_DOCUMENT = {"document_index": "documentIndex"}
_SEARCH = {"search_result_index": "searchResultIndex"}
_CHARS = {"start_char_index": "start", "end_char_index": "end"}
_PAGES = {"start_page_number": "start", "end_page_number": "end"}
_BLOCKS = {"start_block_index": "start", "end_block_index": "end"}
_PLACES = (
    _Place("char_location", "documentChar", "document_title", _DOCUMENT | _CHARS),
    _Place("page_location", "documentPage", "document_title", _DOCUMENT | _PAGES),
    _Place("content_block_location", "documentChunk", "document_title", _DOCUMENT | _BLOCKS),
    _Place("search_result_location", "searchResultLocation", "title", _SEARCH | _BLOCKS),
    _Place("web_search_result_location", "web", "title", {"url": "url"}),
)


def _read_citation(citation: Json) -> Json:
    place = next((each for each in _PLACES if each.claude == citation.get("type")), _PLACES[0])
    parts, cited = place.parts.items(), citation.get("cited_text")
    return {
        **_present(title=citation.get(place.title), source=citation.get("source")),
        "sourceContent": [{"text": cited}] if cited is not None else [],
        "location": {place.converse: {there: citation[here] for here, there in parts if here in citation}},
    }


def _write_citation(citation: Json) -> Json:
    location = citation.get("location") or {}
    place = next((each for each in _PLACES if each.converse in location), _PLACES[0])
    parts = location.get(place.converse, {})
    return {
        "type": place.claude,
        "cited_text": "".join(piece.get("text", "") for piece in citation.get("sourceContent", ())),
        place.title: citation.get("title"),
        **_present(source=citation.get("source")),
        **{here: parts[there] for here, there in place.parts.items() if there in parts},
    }


# --- a Converse response, written ------------------------------------------------------------------------------------


def write_reply(response: Response, model_id: str) -> Json:
    """A Converse response as a Messages reply."""
    content = response["output"]["message"]["content"]
    written = [_WRITERS[kind](block[kind]) for block in content for kind in block if kind in _WRITERS]
    return {
        **_message(model_id),
        "content": written,
        **_write_stop(response),
        "usage": _write_usage(response.get("usage", {})),
    }


def _message(model_id: str) -> Json:
    # An id is told apart by clients that add up usage, so each answer has its own.
    return {
        "id": f"msg_bdrk_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": _model_name(model_id),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _write_usage({}),
    }


def _model_name(model_id: str) -> str:
    """Claude's own name of a Bedrock id: `claude-opus-4-6` of `us.anthropic.claude-opus-4-6-v1`."""
    _, claude, name = model_id.rpartition("anthropic.")
    return re.sub(r"-v\d+(:.*)?$", "", name) if claude else model_id


def _write_stop(told: Json) -> Json:
    return {
        "stop_reason": TO_CLAUDE.get(told.get("stopReason", "end_turn"), "end_turn"),
        "stop_sequence": member(told, "additionalModelResponseFields", "stop_sequence"),
    }


def _write_usage(counts: Json) -> Json:
    written = {
        "input_tokens": counts.get("inputTokens", 0),
        "cache_creation_input_tokens": counts.get("cacheWriteInputTokens", 0),
        "cache_read_input_tokens": counts.get("cacheReadInputTokens", 0),
        "output_tokens": counts.get("outputTokens", 0),
    }
    by_ttl = {f"ephemeral_{each['ttl']}_input_tokens": each["inputTokens"] for each in counts.get("cacheDetails", ())}
    return {**written, "cache_creation": by_ttl} if by_ttl else written


def _write_text(text: str) -> Json:
    return {"type": "text", "text": text}


def _write_citations(cited: Json) -> Json:
    text = "".join(piece.get("text", "") for piece in cited.get("content", ()))
    return {**_write_text(text), "citations": [_write_citation(each) for each in cited.get("citations", ())]}


def _write_tool_use(use: Json) -> Json:
    kind = "server_tool_use" if use.get("type") == "server_tool_use" else "tool_use"
    return {"type": kind, "id": use["toolUseId"], "name": use["name"], "input": use.get("input", {})}


def _write_reasoning(reasoning: Json) -> Json:
    if "redactedContent" in reasoning:
        return {"type": "redacted_thinking", "data": reasoning["redactedContent"]}
    text = reasoning.get("reasoningText", {})
    return {"type": "thinking", "thinking": text.get("text", ""), "signature": text.get("signature", "")}


# What Claude answers with; blocks that its format does not have in answers, such as images, are left out.
_WRITERS: dict[str, Callable[[Any], Json]] = {
    "text": _write_text,
    "citationsContent": _write_citations,
    "toolUse": _write_tool_use,
    "reasoningContent": _write_reasoning,
}


# --- Converse events, written ----------------------------------------------------------------------------------------


@dataclass
class _Stream:
    """What is known of a stream while it is written: its blocks' numbers by Converse's, and why it stopped."""

    model_id: str
    numbers: dict[int, int] = field(default_factory=dict)
    redacted: dict[int, str] = field(default_factory=dict)
    stop: Json = field(default_factory=dict)


def write_chunks(events: Iterable[Event], model_id: str) -> Iterator[Json]:
    """Converse events as the chunks of a Messages stream; Converse tells usage last, so `message_delta` has it."""
    stream = _Stream(model_id)
    with closing(events) as each:
        for event in each:
            [(kind, told)] = event.items()
            if kind in _CHUNKS:
                yield from _CHUNKS[kind](stream, told)


def _write_message_start(stream: _Stream, told: Json) -> Iterator[Json]:
    yield {"type": "message_start", "message": _message(stream.model_id)}


def _write_block_start(stream: _Stream, told: Json) -> Iterator[Json]:
    if "toolUse" in told["start"]:
        use = {**told["start"]["toolUse"], "input": {}}
        yield from _opened(stream, told["contentBlockIndex"], _write_tool_use(use))


def _write_block_delta(stream: _Stream, told: Json) -> Iterator[Json]:
    index = told["contentBlockIndex"]
    [(kind, delta)] = told["delta"].items()
    if kind == "reasoningContent":
        [(kind, delta)] = delta.items()
        kind = f"reasoningContent.{kind}"
    if kind == "reasoningContent.redactedContent":
        # Claude tells it whole, in the block's start.
        stream.redacted[index] = stream.redacted.get(index, "") + delta
    elif kind in _DELTAS:
        block, write = _DELTAS[kind]
        if block is not None:
            yield from _opened(stream, index, block)
        if index in stream.numbers:
            yield {"type": "content_block_delta", "index": stream.numbers[index], "delta": write(delta)}


def _write_block_stop(stream: _Stream, told: Json) -> Iterator[Json]:
    index = told["contentBlockIndex"]
    if index in stream.redacted:
        yield from _opened(stream, index, {"type": "redacted_thinking", "data": stream.redacted[index]})
    if index in stream.numbers:
        yield {"type": "content_block_stop", "index": stream.numbers[index]}


def _write_message_stop(stream: _Stream, told: Json) -> Iterator[Json]:
    stream.stop = told
    yield from ()


def _write_metadata(stream: _Stream, told: Json) -> Iterator[Json]:
    counts = _write_usage(told.get("usage", {}))
    yield {"type": "message_delta", "delta": _write_stop(stream.stop), "usage": counts}
    yield {"type": "message_stop"}


def _opened(stream: _Stream, index: int, block: Json) -> Iterator[Json]:
    """The block's start, unless it has started; blocks are counted anew, since some of Converse's are left out."""
    if index not in stream.numbers:
        stream.numbers[index] = len(stream.numbers)
        yield {"type": "content_block_start", "index": stream.numbers[index], "content_block": dict(block)}


_CHUNKS: dict[str, Callable[[_Stream, Json], Iterator[Json]]] = {
    "messageStart": _write_message_start,
    "contentBlockStart": _write_block_start,
    "contentBlockDelta": _write_block_delta,
    "contentBlockStop": _write_block_stop,
    "messageStop": _write_message_stop,
    "metadata": _write_metadata,
}
_TEXT: Json = {"type": "text", "text": ""}
_THINKING: Json = {"type": "thinking", "thinking": "", "signature": ""}
# For each kind of delta: the block that it begins, if it can begin one, and how it is written.
_DELTAS: dict[str, tuple[Json | None, Callable[[Any], Json]]] = {
    "text": (_TEXT, lambda text: {"type": "text_delta", "text": text}),
    "citation": (_TEXT, lambda citation: {"type": "citations_delta", "citation": _write_citation(citation)}),
    "toolUse": (None, lambda use: {"type": "input_json_delta", "partial_json": use.get("input", "")}),
    "reasoningContent.text": (_THINKING, lambda text: {"type": "thinking_delta", "thinking": text}),
    "reasoningContent.signature": (_THINKING, lambda text: {"type": "signature_delta", "signature": text}),
}


def _present(**members: Any) -> Json:
    return {name: value for name, value in members.items() if value is not None}


WIRE = Wire(
    name="anthropic",
    complete=complete,
    finished=finished,
    usage=usage,
    read_request=read_request,
    write_reply=write_reply,
    write_chunks=write_chunks,
)
