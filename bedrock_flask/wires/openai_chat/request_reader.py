"""A Chat Completions body as a Converse request; what Converse cannot express becomes extras, by name or by path."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bedrock_flask.converse import Json, Request, is_blank, omit_null
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.openai_chat.parts import read_mark, read_parts, read_text
from bedrock_flask.wires.openai_chat.tools import read_tools
from bedrock_flask.wires.reading.cursor import STAND_IN, Cursor
from bedrock_flask.wires.reading.openai_hints import DEFAULTS, HINTS
from bedrock_flask.wires.reading.request_metadata import read_metadata, read_tier
from bedrock_flask.wires.tool_input import read_tool_input

__all__ = ["HINTS", "read_request"]

# Top-level members that are read one by one, or that do not concern the model.
_READ = frozenset(
    {"messages", "max_completion_tokens", "max_tokens", "temperature", "top_p", "stop", "tools", "tool_choice"}
    | {"response_format", "metadata", "user", "safety_identifier", "service_tier", "model", "stream", "stream_options"}
    | {"reasoning_effort"}
)


def read_request(body: Json) -> Request:
    """A Chat Completions body as a Converse request; raises InvalidBody for a request that no model can answer."""
    top = Cursor("", {})
    system, turns = _read_messages(body["messages"], top.at("messages"))
    request = {
        "messages": turns,
        "system": system,
        "inferenceConfig": _read_inference(body, top),
        "toolConfig": read_tools(body, turns, top),
        "outputConfig": _read_format(body.get("response_format") or {}, top),
        "requestMetadata": read_metadata(body, top),
        "serviceTier": read_tier(body, top),
        "extras": top.extras,
    }
    # The dialect reads `include_usage`.
    if options := body.get("stream_options"):
        others = {name: value for name, value in options.items() if name != "include_usage" and value}
        if others:
            top.at("stream_options").add_extra(others)
    top.add_unread(body, *_READ, defaults=DEFAULTS)
    # After the unread members: one that is called `effort` must not replace the documented parameter.
    if body.get("reasoning_effort") is not None:
        top.at("effort").add_extra(body["reasoning_effort"])
    return top.finish({name: value for name, value in request.items() if value or name == "messages"})


# --- messages --------------------------------------------------------------------------------------------------------


def _read_messages(messages: Iterable[Json], cursor: Cursor) -> tuple[list[Json], list[Json]]:
    """The system prompt, which is the instructions that come first, and the messages, later instructions in place."""
    system: list[Json] = []
    turns: list[Json] = []
    before = ""
    unread_calls: set[str] = set()
    for index, message in enumerate(messages):
        here, role = cursor.item(index), message["role"]
        unreadable = [call for call in _list_calls(message) if _find_kind(call) not in _CALLS]
        if unreadable:
            unread_calls |= {call["id"] for call in unreadable if isinstance(call.get("id"), str)}
        if role in _SYSTEM:
            content = _add_mark(_read_plain(message, here), message)
            # A blank one instructs nothing, so there is nothing to cache.
            if _has_content(content) and turns:
                turns.append(place_at({"role": "system", "content": content}, message))
                before = role
            elif _has_content(content):
                system += content
        elif role not in _ROLES or (role == "tool" and message["tool_call_id"] in unread_calls):
            # The result of an unread call is not read either.
            here.add_extra(message)
        else:
            turn, read = _ROLES[role]
            content = _add_mark(read(message, here), message)
            # An empty answer is what a refusal leaves in a history.
            if not _has_content(content) and (turn == "user" or unreadable):
                if unreadable:
                    here.add_extra(message)
                    continue
                here.reject("must have content that is not blank, or a tool call")
                content = [STAND_IN]
            # The results of parallel calls must be in one message, followed by what the user adds.
            if before == "tool" and turn == "user":
                turns[-1]["content"] += content
            else:
                turns.append(place_at({"role": place_at(turn, role), "content": content}, message))
            before = role
    return system, turns


def _has_content(content: Iterable[Json]) -> bool:
    return any("cachePoint" not in block for block in content)


def _read_plain(message: Json, cursor: Cursor) -> Iterator[Json]:
    _add_name_hint(message, cursor)
    cursor.add_unread(message, "role", "content", "name", "cache_control")
    return read_parts(message["content"], cursor.at("content"))


def _add_name_hint(message: Json, cursor: Cursor) -> None:
    # Converse has roles only.
    if message.get("name"):
        cursor.at("name").add_hint("messages.name", message["name"])


def _read_assistant(message: Json, cursor: Cursor) -> Iterator[Json]:
    _add_name_hint(message, cursor)
    cursor.add_unread(
        message, "role", "content", "name", "refusal", "tool_calls", "cache_control", *_REPEATED, *_REASONING
    )
    yield from _read_reasoning(message, cursor.at("reasoning_details"))
    yield from read_parts(message.get("content"), cursor.at("content"))
    yield from read_text(message.get("refusal"), cursor)
    for index, call in enumerate(_list_calls(message)):
        yield from _read_call(call, cursor.at("tool_calls").item(index))


def _read_tool(message: Json, cursor: Cursor) -> Iterator[Json]:
    # `name` repeats the tool's name, which the call has.
    cursor.add_unread(message, "role", "content", "tool_call_id", "name", "cache_control")
    content = list(read_parts(message["content"], cursor.at("content")))
    result = [block for block in content if "cachePoint" not in block]
    # The result stays text even if it is JSON, because the model would have read it as text.
    yield {"toolResult": {"toolUseId": message["tool_call_id"], "content": result}}
    # Inside a tool result Converse has no cache points; behind it they cache the same prefix, or a little more.
    yield from [block for block in content if "cachePoint" in block][:1]


# Members that repeat the text of an answer.
_REPEATED = ("annotations", "parsed")
_SYSTEM = ("system", "developer")
_ROLES: dict[str, tuple[str, Callable[[Json, Cursor], Iterator[Json]]]] = {
    "user": ("user", _read_plain),
    "assistant": ("assistant", _read_assistant),
    "tool": ("user", _read_tool),
}


def _add_mark(content: Iterable[Json], message: Json) -> list[Json]:
    """The content with the cache point of the message as a whole, unless its last part has one."""
    blocks = list(content)
    if not message.get("cache_control") or (blocks and "cachePoint" in blocks[-1]):
        return blocks
    return [*blocks, *read_mark(message)]


# --- reasoning -------------------------------------------------------------------------------------------------------

_REASONING = ("reasoning_details", "reasoning_content", "reasoning")


def _read_reasoning(message: Json, cursor: Cursor) -> Iterator[Json]:
    """The blocks of an answer's reasoning; beside its details, the plain text repeats them."""
    details = message.get("reasoning_details")
    if not details:
        text = message.get("reasoning_content") or message.get("reasoning") or ""
        if not text:
            return
        details = [{"type": "reasoning.text", "text": text}]
    known: list[Json] = []
    for index, detail in enumerate(details):
        if detail["type"] in _DETAILS:
            cursor.item(index).add_unread(detail, "type", "id", "format", "index", *_DETAILS[detail["type"]])
            known.append(detail)
        else:
            cursor.item(index).add_extra(detail)
    for detail in _join_details(known):
        yield from _READ_DETAILS[detail["type"]](detail)


def _join_details(details: Iterable[Json]) -> Iterator[Json]:
    """The details, with those joined that a client has kept in the pieces in which they were streamed."""
    held: Json | None = None
    for detail in details:
        if held is not None and _is_continuation(held, detail):
            pieces = {name: (held.get(name) or "") + (detail.get(name) or "") for name in _DETAILS[detail["type"]]}
            held = {**held, **pieces}
        else:
            if held is not None:
                yield held
            held = detail
    if held is not None:
        yield held


def _is_continuation(held: Json, detail: Json) -> bool:
    same = held["type"] == detail["type"] and held.get("index") == detail.get("index") is not None
    # Text behind a signature belongs to another block.
    return same and not (held.get("signature") and detail.get("text"))


def _read_thought(detail: Json) -> Iterator[Json]:
    text, signature = detail.get("text") or "", detail.get("signature") or None
    if signature or not is_blank(text):
        yield {"reasoningContent": {"reasoningText": {"text": text, **omit_null(signature=signature)}}}


def _read_summary(detail: Json) -> Iterator[Json]:
    return _read_thought({"text": detail["summary"]})


def _read_encrypted(detail: Json) -> Iterator[Json]:
    yield {"reasoningContent": {"redactedContent": detail["data"]}}


# For each kind of detail: its members, and how it is read.
_DETAILS = {
    "reasoning.text": ("text", "signature"),
    "reasoning.summary": ("summary",),
    "reasoning.encrypted": ("data",),
}
_READ_DETAILS: dict[str, Callable[[Json], Iterator[Json]]] = {
    "reasoning.text": _read_thought,
    "reasoning.summary": _read_summary,
    "reasoning.encrypted": _read_encrypted,
}


# --- calls -----------------------------------------------------------------------------------------------------------


def _list_calls(message: Json) -> list[Json]:
    return (message.get("tool_calls") or []) if message["role"] == "assistant" else []


def _find_kind(call: Json) -> str:
    return "function" if call.get("type") is None else str(call["type"])


def _read_call(call: Json, cursor: Cursor) -> Iterator[Json]:
    kind = _find_kind(call)
    if kind not in _CALLS:
        cursor.add_extra(call)
        return
    member, read = _CALLS[kind]
    here, called = cursor.at(kind), call[kind]
    cursor.add_unread(call, "id", "type", "index", "cache_control", kind)
    here.add_unread(called, "name", member, "parsed_arguments")
    given = read(called.get(member))
    yield place_at({"toolUse": {"toolUseId": call["id"], "name": called["name"], "input": given}}, call)
    yield from read_mark(call)


def _read_text(text: str) -> Json:
    # In Converse, a custom tool is a tool with one argument.
    return {"input": text}


# For each kind of call: the member with the tool's input, and how it is read.
_CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "function": ("arguments", read_tool_input),
    "custom": ("input", _read_text),
}


# --- how the model writes --------------------------------------------------------------------------------------------


def _read_inference(body: Json, top: Cursor) -> Json:
    temperature, limits = body.get("temperature"), {"max_completion_tokens", "max_tokens"}
    if temperature is not None and temperature > 1:
        top.at("temperature").reject("must be at most 1, the maximum on Bedrock")
    tokens = {body[name] for name in limits if body.get(name) is not None}
    if len(tokens) > 1:
        top.at("max_tokens").reject("must be equal to max_completion_tokens if both are given")
    stop = body.get("stop") or []
    return {
        **omit_null(maxTokens=next(iter(tokens), None), temperature=temperature, topP=body.get("top_p")),
        **(
            {"stopSequences": place_at(stops, stop)}
            if (stops := [*filter(None, [stop] if isinstance(stop, str) else stop)])
            else {}
        ),
    }


def _read_format(response_format: Json, top: Cursor) -> Json:
    kind = response_format.get("type")
    if kind == "json_object":
        top.at("json_object").add_extra(True)
    if kind != "json_schema":
        return {}
    here, form = top.at("response_format", "json_schema"), response_format["json_schema"]
    # Bedrock always makes the answer fit the schema, so `strict` changes nothing.
    here.add_unread(form, "name", "description", "schema", "strict")
    schema = {"schema": json.dumps(form.get("schema") or {}), "name": form["name"]}
    described = {**schema, **omit_null(description=form.get("description"))}
    return {"textFormat": place_at({"type": "json_schema", "structure": {"jsonSchema": described}}, response_format)}
