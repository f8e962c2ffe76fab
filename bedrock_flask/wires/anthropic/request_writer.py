"""A Converse request as a Messages body, the reverse of `read_request`."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any

from bedrock_flask.converse import Json, Request, member, merge, omit_null
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol.json_path import Path, Step, extend_path, parse_path
from bedrock_flask.wires.anthropic.citations import SEARCH_KEY, write_citation
from bedrock_flask.wires.anthropic.request_reader import BILLING, EAGER, INFERENCE, SCOPE


def write_request(request: Request) -> Json:
    """A Converse request as a Messages body, without its envelope (model, stream, version).

    `max_tokens`, which Claude requires, is not made up here. The guardrail, the service tier, the performance and the
    log metadata are not written, because a Messages body does not have them. Raises InvalidBody for blocks that the
    format does not have, by their path in the Converse request.
    """
    extras = dict(request.get("extras") or {})
    scope, billing, eager = extras.pop(SCOPE, None), extras.pop(BILLING, []), extras.pop(EAGER, [])
    keys = extras.pop(SEARCH_KEY, {})
    top = _Cursor("", scope)
    system = [_write_text(line) for line in billing] + _write_content(request.get("system") or [], top.at("system"))
    messages = [_write_message(turn, top.at("messages", index)) for index, turn in enumerate(request["messages"])]
    tools = _write_tools(member(request, "toolConfig", "tools") or [], top.at("toolConfig.tools"))
    user = member(request, "requestMetadata", "user_id")
    body = {
        **_write_inference(request.get("inferenceConfig") or {}),
        **({"system": system} if system else {}),
        "messages": messages,
        **({"tools": tools} if tools else {}),
        **_write_choice(member(request, "toolConfig", "toolChoice"), extras),
        **_write_output(request.get("outputConfig") or {}, extras.pop("effort", None)),
        **({"metadata": {"user_id": user}} if user is not None else {}),
    }
    _restore_extras(body, extras | keys | {f"tools[{index}].eager_input_streaming": True for index in eager})
    merged: Json = merge(body, request.get("additionalModelRequestFields") or {}, join_lists=True)
    return merged


@dataclass(frozen=True)
class _Cursor:
    """The path of a value in the Converse request, and the scope of the cache points in it."""

    path: str
    scope: str | None

    def at(self, *steps: Step) -> "_Cursor":
        return replace(self, path=reduce(extend_path, steps, self.path))

    def error(self) -> InvalidBody:
        return InvalidBody([FieldError(self.path, "is not supported by the Messages format")])


# --- messages --------------------------------------------------------------------------------------------------------


def _write_message(turn: Json, cursor: _Cursor) -> Json:
    return {"role": turn["role"], "content": _write_content(turn["content"], cursor.at("content"))}


def _write_content(blocks: list[Json], cursor: _Cursor) -> list[Json]:
    written: list[Json] = []
    for index, block in enumerate(blocks):
        [(kind, value)] = block.items()
        here = cursor.at(index, kind)
        if kind == "cachePoint":
            _write_mark(written, value, here)
        elif kind in _BLOCKS:
            written.append(_BLOCKS[kind](value, here))
        else:
            raise here.error()
    return written


def _write_mark(written: list[Json], point: Json, cursor: _Cursor) -> None:
    if not written:
        raise cursor.error()
    written[-1]["cache_control"] = {"type": "ephemeral", **omit_null(ttl=point.get("ttl"), scope=cursor.scope)}


# --- blocks ----------------------------------------------------------------------------------------------------------


def _write_text(text: str, cursor: _Cursor | None = None) -> Json:
    return {"type": "text", "text": text}


def _write_cited(cited: Json, cursor: _Cursor) -> Json:
    text = "".join(piece.get("text", "") for piece in cited.get("content", ()))
    return {**_write_text(text), "citations": [write_citation(each) for each in cited.get("citations", ())]}


def _write_image(image: Json, cursor: _Cursor) -> Json:
    if "bytes" not in image["source"]:
        raise cursor.error()
    source = {"type": "base64", "media_type": f"image/{image['format']}", "data": image["source"]["bytes"]}
    return {"type": "image", "source": source}


def _write_document(document: Json, cursor: _Cursor) -> Json:
    return {
        "type": "document",
        "source": _write_document_source(document, cursor),
        "title": document["name"],
        **omit_null(context=document.get("context"), citations=document.get("citations")),
    }


def _write_document_source(document: Json, cursor: _Cursor) -> Json:
    [(kind, value)] = document["source"].items()
    form = document.get("format")
    if kind == "content":
        return {"type": "content", "content": [_write_text(piece["text"]) for piece in value]}
    if kind == "bytes" and form == "pdf":
        return {"type": "base64", "media_type": "application/pdf", "data": value}
    text = value if kind == "text" else _decode_text(value) if kind == "bytes" and form in _TEXTS else None
    if text is None:
        raise cursor.error()
    return {"type": "text", "media_type": "text/plain", "data": text}


# Formats of documents that are text.
_TEXTS = ("txt", "md", "csv", "html")


def _decode_text(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _write_search_result(result: Json, cursor: _Cursor) -> Json:
    content = [_write_text(piece["text"]) for piece in result["content"]]
    return {"type": "search_result", **result, "content": content}


def _write_tool_use(use: Json, cursor: _Cursor) -> Json:
    kind = "server_tool_use" if use.get("type") == "server_tool_use" else "tool_use"
    return {"type": kind, "id": use["toolUseId"], "name": use["name"], "input": use["input"]}


def _write_tool_result(result: Json, cursor: _Cursor) -> Json:
    failed = {"is_error": True} if result.get("status") == "error" else {}
    kind, content = result.get("type") or "", result["content"]
    if kind.endswith("_tool_result") and len(content) == 1 and "content" in (member(content[0], "json") or {}):
        written = content[0]["json"]["content"]
    else:
        kind, written = "tool_result", _write_content(content, cursor.at("content"))
    return {"type": kind, "tool_use_id": result["toolUseId"], "content": written, **failed}


def _write_json(value: Any, cursor: _Cursor) -> Json:
    return _write_text(json.dumps(value, ensure_ascii=False))


def _write_reasoning(reasoning: Json, cursor: _Cursor) -> Json:
    if "redactedContent" in reasoning:
        return {"type": "redacted_thinking", "data": reasoning["redactedContent"]}
    text = reasoning["reasoningText"]
    return {"type": "thinking", "thinking": text["text"], "signature": text.get("signature", "")}


def _write_tool_change(kind: str) -> Callable[[Json, _Cursor], Json]:
    def write(change: Json, cursor: _Cursor) -> Json:
        tool = change["tool"]
        members = omit_null(type=tool.get("type"), name=tool.get("name"), server_name=tool.get("serverName"))
        return {"type": kind, "tool": members}

    return write


# Blocks that Claude's format has, by Converse's name; `json` occurs only in tool results.
_BLOCKS: dict[str, Callable[[Any, _Cursor], Json]] = {
    "text": _write_text,
    "citationsContent": _write_cited,
    "image": _write_image,
    "document": _write_document,
    "searchResult": _write_search_result,
    "toolUse": _write_tool_use,
    "toolResult": _write_tool_result,
    "json": _write_json,
    "reasoningContent": _write_reasoning,
    "toolAddition": _write_tool_change("tool_addition"),
    "toolRemoval": _write_tool_change("tool_removal"),
}


# --- tools, and how the model answers --------------------------------------------------------------------------------


def _write_tools(tools: list[Json], cursor: _Cursor) -> list[Json]:
    written: list[Json] = []
    for index, tool in enumerate(tools):
        [(kind, value)] = tool.items()
        here = cursor.at(index, kind)
        if kind == "cachePoint":
            _write_mark(written, value, here)
        elif kind == "toolSpec":
            more = omit_null(description=value.get("description"), strict=value.get("strict"))
            written.append({"name": value["name"], "input_schema": value["inputSchema"]["json"], **more})
        else:
            raise here.error()
    return written


def _write_choice(choice: Json | None, extras: Json) -> Json:
    """The choice of a tool, which also says whether several may be called at a time."""
    one_by_one = extras.pop("parallel_tool_calls", None) is False
    written = extras.pop("tool_choice", None)
    if written is None and choice:
        [(kind, members)] = choice.items()
        written = {"type": kind, **members}
    if one_by_one:
        written = {**(written or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tool_choice": written} if written else {}


def _write_inference(config: Json) -> Json:
    return {here: config[there] for here, there in INFERENCE.items() if there in config}


def _write_output(config: Json, effort: str | None) -> Json:
    schema = member(config, "textFormat", "structure", "jsonSchema", "schema")
    effort = effort or config.get("effort")
    # The name and the description of a schema are labels, which Claude's format does not have.
    form = {"format": {"type": "json_schema", "schema": json.loads(schema)}} if schema is not None else {}
    written = {**omit_null(effort=effort), **form}
    return {"output_config": written} if written else {}


# --- extras -----------------------------------------------------------------------------------------------------------


def _restore_extras(body: Json, extras: Json) -> None:
    """Put extras back at their paths; indexes ignore blank items that were dropped while reading."""
    placed = [(parse_path(path), extras[path]) for path in extras]
    # In the order of the caller's body, so that an item is there before its neighbours are counted.
    for steps, value in sorted(placed, key=lambda each: [str(step).rjust(9) for step in each[0]]):
        _put(body, steps, value)


def _put(holder: Any, steps: Path, value: Any) -> None:
    for step, following in pairwise(steps):
        holder = _step_into(holder, step, [] if isinstance(following, int) else {})
    if isinstance(holder, list):
        holder.insert(int(steps[-1]), value)
    else:
        holder[steps[-1]] = value


def _step_into(holder: Any, step: str | int, empty: Any) -> Any:
    if isinstance(holder, dict):
        return holder.setdefault(step, empty)
    if int(step) >= len(holder):
        holder.append(empty)
    return holder[min(int(step), len(holder) - 1)]
