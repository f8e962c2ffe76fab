"""A Converse request as a Messages body: what `read_request` has read says the same again."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bedrock_flask.converse import Json, Request, member, merge, omit_null
from bedrock_flask.wires.anthropic.citations import write_citation
from bedrock_flask.wires.anthropic.request_reader import BILLING, EAGER, INFERENCE, SCOPE
from bedrock_flask.wires.reading.cursor import Cursor


def write_request(request: Request) -> Json:
    """A Converse request as a Messages body, but for its envelope (the model, whether it streams, the version).

    A limit of tokens, which Claude needs, is not invented. What stands beside the body where Bedrock is called without
    Converse (guardrail, service tier, performance, the metadata of invocation logs) is not written. Raises InvalidBody
    for blocks that Claude's format has not, by their path in the Converse request.
    """
    extras = dict(request.get("extras") or {})
    scope, billing, eager = extras.pop(SCOPE, None), extras.pop(BILLING, []), extras.pop(EAGER, [])
    top = _Converse("", scope)
    system = [_write_text(line) for line in billing] + _write_content(request.get("system") or [], top.at("system"))
    messages = [_write_message(turn, top.item("messages", index)) for index, turn in enumerate(request["messages"])]
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
    _restore_extras(body, extras | {f"tools[{index}].eager_input_streaming": True for index in eager})
    merged: Json = merge(body, request.get("additionalModelRequestFields") or {}, join_lists=True)
    return merged


@dataclass(frozen=True)
class _Converse:
    """The path of a value in the Converse request, and who shares what its cache points mark."""

    path: str
    scope: str | None

    def at(self, name: str) -> "_Converse":
        return _Converse(f"{self.path}.{name}" if self.path else name, self.scope)

    def item(self, name: str, index: int) -> "_Converse":
        return self.at(f"{name}[{index}]")

    def unsaid(self) -> Exception:
        return Cursor(self.path, {}).wrong("cannot be said to Claude in its own format")


# --- messages --------------------------------------------------------------------------------------------------------


def _write_message(turn: Json, place: _Converse) -> Json:
    return {"role": turn["role"], "content": _write_content(turn["content"], place.at("content"))}


def _write_content(blocks: list[Json], place: _Converse) -> list[Json]:
    written: list[Json] = []
    for index, block in enumerate(blocks):
        [(kind, told)] = block.items()
        here = _Converse(f"{place.path}[{index}]", place.scope).at(kind)
        if kind == "cachePoint":
            _write_mark(written, told, here)
        elif kind in _BLOCKS:
            written.append(_BLOCKS[kind](told, here))
        else:
            raise here.unsaid()
    return written


def _write_mark(written: list[Json], point: Json, place: _Converse) -> None:
    if not written:
        raise place.unsaid()
    written[-1]["cache_control"] = {"type": "ephemeral", **omit_null(ttl=point.get("ttl"), scope=place.scope)}


# --- blocks ----------------------------------------------------------------------------------------------------------


def _write_text(text: str, place: _Converse | None = None) -> Json:
    return {"type": "text", "text": text}


def _write_cited(cited: Json, place: _Converse) -> Json:
    text = "".join(piece.get("text", "") for piece in cited.get("content", ()))
    return {**_write_text(text), "citations": [write_citation(each) for each in cited.get("citations", ())]}


def _write_image(image: Json, place: _Converse) -> Json:
    if "bytes" not in image["source"]:
        raise place.unsaid()
    source = {"type": "base64", "media_type": f"image/{image['format']}", "data": image["source"]["bytes"]}
    return {"type": "image", "source": source}


def _write_document(document: Json, place: _Converse) -> Json:
    return {
        "type": "document",
        "source": _write_document_source(document, place),
        "title": document["name"],
        **omit_null(context=document.get("context"), citations=document.get("citations")),
    }


def _write_document_source(document: Json, place: _Converse) -> Json:
    [(kind, told)] = document["source"].items()
    form = document.get("format")
    if kind == "content":
        return {"type": "content", "content": [_write_text(piece["text"]) for piece in told]}
    if kind == "bytes" and form == "pdf":
        return {"type": "base64", "media_type": "application/pdf", "data": told}
    text = told if kind == "text" else _decoded(told) if kind == "bytes" and form in _TEXTS else None
    if text is None:
        raise place.unsaid()
    return {"type": "text", "media_type": "text/plain", "data": text}


# Formats of documents that are text.
_TEXTS = ("txt", "md", "csv", "html")


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _write_search_result(result: Json, place: _Converse) -> Json:
    content = [_write_text(piece["text"]) for piece in result["content"]]
    return {"type": "search_result", **result, "content": content}


def _write_tool_use(use: Json, place: _Converse) -> Json:
    kind = "server_tool_use" if use.get("type") == "server_tool_use" else "tool_use"
    return {"type": kind, "id": use["toolUseId"], "name": use["name"], "input": use["input"]}


def _write_tool_result(result: Json, place: _Converse) -> Json:
    failed = {"is_error": True} if result.get("status") == "error" else {}
    kind, content = result.get("type") or "", result["content"]
    if kind.endswith("_tool_result") and len(content) == 1 and "content" in (member(content[0], "json") or {}):
        written = content[0]["json"]["content"]
    else:
        kind, written = "tool_result", _write_content(content, place.at("content"))
    return {"type": kind, "tool_use_id": result["toolUseId"], "content": written, **failed}


def _write_json(value: Any, place: _Converse) -> Json:
    return _write_text(json.dumps(value, ensure_ascii=False))


def _write_reasoning(reasoning: Json, place: _Converse) -> Json:
    if "redactedContent" in reasoning:
        return {"type": "redacted_thinking", "data": reasoning["redactedContent"]}
    told = reasoning["reasoningText"]
    return {"type": "thinking", "thinking": told["text"], "signature": told.get("signature", "")}


def _write_tool_change(kind: str) -> Callable[[Json, _Converse], Json]:
    def write(change: Json, place: _Converse) -> Json:
        tool = change["tool"]
        told = omit_null(type=tool.get("type"), name=tool.get("name"), server_name=tool.get("serverName"))
        return {"type": kind, "tool": told}

    return write


# Blocks that Claude's format has, by Converse's name; `json` stands in tool results only.
_BLOCKS: dict[str, Callable[[Any, _Converse], Json]] = {
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


def _write_tools(tools: list[Json], place: _Converse) -> list[Json]:
    written: list[Json] = []
    for index, tool in enumerate(tools):
        [(kind, told)] = tool.items()
        here = _Converse(f"{place.path}[{index}]", place.scope).at(kind)
        if kind == "cachePoint":
            _write_mark(written, told, here)
        elif kind == "toolSpec":
            more = omit_null(description=told.get("description"), strict=told.get("strict"))
            written.append({"name": told["name"], "input_schema": told["inputSchema"]["json"], **more})
        else:
            raise here.unsaid()
    return written


def _write_choice(choice: Json | None, extras: Json) -> Json:
    """The choice of a tool; that only one may be called at a time is a part of it."""
    one_by_one = extras.pop("parallel_tool_calls", None) is False
    told = extras.pop("tool_choice", None)
    if told is None and choice:
        [(kind, told)] = choice.items()
        told = {"type": kind, **told}
    if one_by_one:
        told = {**(told or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tool_choice": told} if told else {}


def _write_inference(told: Json) -> Json:
    return {here: told[there] for here, there in INFERENCE.items() if there in told}


def _write_output(told: Json, effort: str | None) -> Json:
    schema = member(told, "textFormat", "structure", "jsonSchema", "schema")
    effort = effort or told.get("effort")
    # The name and the description of a schema are labels, which Claude's format has not.
    form = {"format": {"type": "json_schema", "schema": json.loads(schema)}} if schema is not None else {}
    config = {**omit_null(effort=effort), **form}
    return {"output_config": config} if config else {}


# --- extras -----------------------------------------------------------------------------------------------------------

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def _restore_extras(body: Json, extras: Json) -> None:
    """Set what was left in extras where it stood; what was blank in front of it, and is not read, is not counted."""
    placed = [([int(index) if index else name for index, name in _STEP.findall(path)], extras[path]) for path in extras]
    # In the order of the caller's body, so that an item is in its place before its neighbours are counted.
    for steps, value in sorted(placed, key=lambda each: [str(step).rjust(9) for step in each[0]]):
        _put(body, steps, value)


def _put(holder: Any, steps: list[str | int], value: Any) -> None:
    for step, following in pairwise(steps):
        holder = _inner(holder, step, [] if isinstance(following, int) else {})
    if isinstance(holder, list):
        holder.insert(int(steps[-1]), value)
    else:
        holder[steps[-1]] = value


def _inner(holder: Any, step: str | int, empty: Any) -> Any:
    if isinstance(holder, dict):
        return holder.setdefault(step, empty)
    if int(step) >= len(holder):
        holder.append(empty)
    return holder[min(int(step), len(holder) - 1)]
