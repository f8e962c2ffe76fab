"""A Converse response as a `response` object of OpenAI's Responses API."""

import json
import time
from collections.abc import Iterable, Mapping
from itertools import groupby
from secrets import token_hex
from typing import Any

from bedrock_flask.converse import Json, Response, list_unknown_kinds, map_shape_errors, member
from bedrock_flask.wires.custom_tools import read_free_text
from bedrock_flask.wires.openai_responses.items import write_reasoning_members
from bedrock_flask.wires.openai_responses.tools import NO_NAMESPACES, RequestTools
from bedrock_flask.wires.openai_usage import write_usage
from bedrock_flask.wires.wire import report_left_out, write_reported

# The status for each stop reason and, for an incomplete response, the reason. Any other stop reason is a failure, also
# one that AWS adds later: it must not pass for the plain end of an answer.
_STOPS: Mapping[str, tuple[str, str | None]] = {
    "end_turn": ("completed", None),
    "stop_sequence": ("completed", None),
    "tool_use": ("completed", None),
    "max_tokens": ("incomplete", "max_output_tokens"),
    "model_context_window_exceeded": ("incomplete", "max_output_tokens"),
    "guardrail_intervened": ("incomplete", "content_filter"),
    "content_filtered": ("incomplete", "content_filter"),
}
_FAILED = ("failed", None)


@map_shape_errors()
def write_reply(
    response: Response,
    model: str,
    *,
    custom: frozenset[str] = frozenset(),
    namespaced: Mapping[str, tuple[str, str]] = NO_NAMESPACES,
    searches: bool = False,
) -> Json:
    """A Converse response as a `response` object; raises UpstreamProtocolError for any other document.

    `custom`, `namespaced` and `searches` are what `find_custom_tools`, `find_namespaced_tools` and `has_tool_search`
    read from the request.
    """
    content = response["output"]["message"]["content"]
    left_out = [kind for block in content for kind in find_unsupported(block)]
    items = _write_items(content, RequestTools(custom, namespaced, searches))
    return {**end_response(start_response(model), items, response, response), **report_left_out(left_out)}


def start_response(model: str) -> Json:
    """A response that has only just started."""
    return {
        "id": make_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
        "user": None,
    }


def end_response(response: Json, output: Iterable[Json], stop: Json, metadata: Json) -> Json:
    """The whole response: `stop` has the stop reason, `metadata` the usage and the service tier."""
    native = stop.get("stopReason")
    status, reason = find_status(native)
    tier = member(metadata, "serviceTier", "type")
    return {
        **response,
        "status": status,
        "completed_at": int(time.time()) if status == "completed" else None,
        "error": _write_error(str(native)) if status == "failed" else None,
        "incomplete_details": {"reason": reason} if reason else None,
        "native_stop_reason": native,
        "output": set_statuses(output, native),
        "service_tier": tier if tier in ("flex", "priority") else "default",
        "usage": _write_usage(metadata["usage"]) if metadata.get("usage") is not None else None,
        **write_reported(metadata),
    }


def find_status(native: str | None) -> tuple[str, str | None]:
    """The status of a response, and why it is incomplete; a model whose format has no reasons gives a whole answer."""
    return _STOPS.get(native or "end_turn", _FAILED)


def set_statuses(output: Iterable[Json], native: str | None) -> list[Json]:
    """The items with their status: in an answer that was cut, the last one is incomplete."""
    items = [{**item, "status": "completed"} for item in output]
    if items and find_status(native)[0] != "completed":
        items[-1]["status"] = "incomplete"
    return items


def make_id(kind: str) -> str:
    """An id that no other response or item has."""
    return f"{kind}_{token_hex(16)}"


def _write_error(native: str) -> Json:
    return {"code": "server_error", "message": f"The model stopped with {native!r}."}


def _write_usage(counts: Any) -> Json:
    usage = write_usage(counts, input_name="input_tokens", output_name="output_tokens")
    # Bedrock does not count the tokens of the reasoning separately.
    return {**usage, "output_tokens_details": {"reasoning_tokens": 0}}


# --- items -----------------------------------------------------------------------------------------------------------


def _write_items(content: Iterable[Json], tools: RequestTools) -> list[Json]:
    """The items of an answer; consecutive texts are one message. Blocks that the format does not have are left out."""
    items: list[Json] = []
    for kind, blocks in groupby(filter(_has_content, content), _find_kind):
        if kind == "text":
            items.append(build_message([build_text_part(_join_text(block)) for block in blocks]))
        elif kind == "toolUse":
            items += [_build_whole_call(block["toolUse"], tools) for block in blocks]
        else:
            items += [build_reasoning(block["reasoningContent"]) for block in blocks]
    return items


# The kind of a block by the member that it has.
_KINDS = {"text": "text", "citationsContent": "text", "toolUse": "toolUse", "reasoningContent": "reasoningContent"}


def _find_kind(block: Json) -> str:
    return next((kind for name, kind in _KINDS.items() if block.get(name) is not None), "")


def find_unsupported(block: Json) -> list[str]:
    """The kind of a block, or of a block's start, that the format does not have."""
    # The client must not answer the call of a tool that Bedrock has run itself.
    is_server_call = _find_kind(block) == "toolUse" and not is_client_call(block["toolUse"])
    return ["toolUse"] if is_server_call else list_unknown_kinds(block, _KINDS)


def _has_content(block: Json) -> bool:
    kind = _find_kind(block)
    return bool(kind) and not find_unsupported(block) and (kind != "text" or bool(_join_text(block)))


def is_client_call(use: Json) -> bool:
    """Whether the client is to run this tool."""
    return not use.get("type")


def _join_text(block: Json) -> str:
    if block.get("text") is not None:
        return str(block["text"])
    return "".join(piece.get("text") or "" for piece in block["citationsContent"].get("content") or ())


def build_message(parts: list[Json]) -> Json:
    """An item with texts of the model."""
    return {"id": make_id("msg"), "type": "message", "role": "assistant", "content": parts}


def build_text_part(text: str) -> Json:
    """One text of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def build_reasoning(reasoning: Json) -> Json:
    """An item with the model's reasoning."""
    return {"id": make_id("rs"), "type": "reasoning", **write_reasoning_members(reasoning)}


def build_call(use: Json, tools: RequestTools) -> Json:
    """An item for a tool call, without its arguments yet."""
    if tools.is_search(use["name"]):
        search = {"type": "tool_search_call", "call_id": use["toolUseId"], "execution": "client", "arguments": {}}
        return {"id": make_id("tsc"), **search}
    common = {"call_id": use["toolUseId"], **tools.name_members(use["name"])}
    if use["name"] in tools.custom:
        return {"id": make_id("ctc"), "type": "custom_tool_call", **common, "input": ""}
    return {"id": make_id("fc"), "type": "function_call", **common, "arguments": ""}


def _build_whole_call(use: Json, tools: RequestTools) -> Json:
    item, given = build_call(use, tools), {} if use.get("input") is None else use["input"]
    if "input" in item:
        return {**item, "input": read_free_text(given)}
    if tools.is_search(use["name"]):
        return {**item, "arguments": given}
    # Arguments that the token limit cut are not JSON, but text.
    return {**item, "arguments": given if isinstance(given, str) else json.dumps(given)}
