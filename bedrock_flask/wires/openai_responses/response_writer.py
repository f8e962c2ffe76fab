"""A Converse response as a `response` object of OpenAI's Responses API."""

import json
import time
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any
from uuid import uuid4

from bedrock_flask.converse import Json, Response, as_garbled, member, unknown_kinds
from bedrock_flask.wires.openai_responses.items import reasoning_members
from bedrock_flask.wires.openai_responses.member_text import MemberText, mended
from bedrock_flask.wires.openai_responses.tools import NO_NAMESPACES, Asked
from bedrock_flask.wires.openai_usage import write_usage
from bedrock_flask.wires.wire import report_left_out

# Why a model stops, as a status and, for an incomplete answer, a reason. All else is a failure, also a reason that AWS
# adds tomorrow: it must not pass for the plain end of an answer.
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


@as_garbled()
def write_reply(
    response: Response,
    model: str,
    *,
    custom: frozenset[str] = frozenset(),
    namespaced: Mapping[str, tuple[str, str]] = NO_NAMESPACES,
) -> Json:
    """A Converse response as a `response` object; Garbled for what is none.

    `custom` and `namespaced` are what the tools of the request tell.
    """
    content = response["output"]["message"]["content"]
    left = report_left_out([kind for block in content for kind in unsaid(block)])
    return {**ended(started(model), _output(content, Asked(custom, namespaced)), response, response), **left}


def started(model: str) -> Json:
    """A response of which nothing is known yet."""
    return {
        "id": new_id("resp"),
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


def ended(response: Json, output: Iterable[Json], stop: Json, told: Json) -> Json:
    """The whole response: `stop` has why the model stopped, `told` the usage and the tier."""
    native = stop.get("stopReason") or "end_turn"
    status, reason = _STOPS.get(native, _FAILED)
    tier = member(told, "serviceTier", "type")
    return {
        **response,
        "status": status,
        "completed_at": int(time.time()) if status == "completed" else None,
        "error": _error(native) if status == "failed" else None,
        "incomplete_details": {"reason": reason} if reason else None,
        "native_stop_reason": native,
        "output": with_status(output, native),
        "service_tier": tier if tier in ("flex", "priority") else "default",
        "usage": _usage(told["usage"]) if told.get("usage") is not None else None,
    }


def with_status(output: Iterable[Json], native: str) -> list[Json]:
    """The items: when the answer is cut, the last one is."""
    items = [{**item, "status": "completed"} for item in output]
    if items and _STOPS.get(native, _FAILED)[0] != "completed":
        items[-1]["status"] = "incomplete"
    return items


def new_id(kind: str) -> str:
    """A name that no other response or item has."""
    return f"{kind}_{uuid4().hex}"


def _error(native: str) -> Json:
    return {"code": "server_error", "message": f"The model failed to answer: it stopped with {native!r}."}


def _usage(counts: Any) -> Json:
    usage = write_usage(counts, input_name="input_tokens", output_name="output_tokens")
    # Bedrock does not count the tokens of the reasoning apart.
    return {**usage, "output_tokens_details": {"reasoning_tokens": 0}}


# --- items -----------------------------------------------------------------------------------------------------------


def _output(content: Iterable[Json], asked: Asked) -> list[Json]:
    """The items of an answer; texts in a row are one message. Blocks that the format has not are `unsaid`."""
    items: list[Json] = []
    for kind, blocks in groupby(filter(_is_written, content), _kind):
        if kind == "text":
            items.append(message([text_part(_text(block)) for block in blocks]))
        elif kind == "toolUse":
            items += [_call(block["toolUse"], asked) for block in blocks]
        else:
            items += [thought(block["reasoningContent"]) for block in blocks]
    return items


# The members that tell what a block is, and what it is.
_KINDS = {"text": "text", "citationsContent": "text", "toolUse": "toolUse", "reasoningContent": "reasoningContent"}


def _kind(block: Json) -> str:
    return next((kind for name, kind in _KINDS.items() if block.get(name) is not None), "")


def unsaid(block: Json) -> list[str]:
    """The kind of a block, or of a block's start, that the format has no words for."""
    # A tool that Bedrock has run itself is no call for the client to answer.
    return unknown_kinds(block, _KINDS) if _kind(block) != "toolUse" or is_call(block["toolUse"]) else ["toolUse"]


def _is_written(block: Json) -> bool:
    kind = _kind(block)
    return bool(kind) and not unsaid(block) and (kind != "text" or bool(_text(block)))


def is_call(use: Json) -> bool:
    """Whether the client is to run this tool."""
    return not use.get("type")


def _text(block: Json) -> str:
    if block.get("text") is not None:
        return str(block["text"])
    return "".join(piece.get("text") or "" for piece in block["citationsContent"].get("content") or ())


def message(parts: list[Json]) -> Json:
    """What the model says."""
    return {"id": new_id("msg"), "type": "message", "role": "assistant", "content": parts}


def text_part(text: str) -> Json:
    """One text of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def thought(reasoning: Json) -> Json:
    """The model's reasoning."""
    return {"id": new_id("rs"), "type": "reasoning", **reasoning_members(reasoning)}


def call(use: Json, asked: Asked) -> Json:
    """A call of a tool, so far without what it is given."""
    told = {"call_id": use["toolUseId"], **asked.names(use["name"])}
    if use["name"] in asked.custom:
        return {"id": new_id("ctc"), "type": "custom_tool_call", **told, "input": ""}
    return {"id": new_id("fc"), "type": "function_call", **told, "arguments": ""}


def _call(use: Json, asked: Asked) -> Json:
    item, given = call(use, asked), {} if use.get("input") is None else use["input"]
    if "input" in item:
        return {**item, "input": _free_text(given)}
    # Arguments that the token limit has cut are text.
    return {**item, "arguments": given if isinstance(given, str) else json.dumps(given)}


def _free_text(given: Any) -> str:
    """What a custom tool is given; all of it where the model has not put it in `input`."""
    match given:
        case str():
            reader = MemberText("input")
            text = reader.feed(given)
            return text if reader.found else given
        case {"input": str(text)}:
            return mended(text)
    return json.dumps(given)
