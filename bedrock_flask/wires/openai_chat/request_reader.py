"""A Chat Completions request, read: what Converse can say, and the rest as extras by name or by path."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bedrock_flask.converse import Json, Request, is_blank, omit_null
from bedrock_flask.protocol.json import parse
from bedrock_flask.wires.openai_chat.parts import read_mark, read_parts, read_text
from bedrock_flask.wires.openai_chat.tools import read_tools
from bedrock_flask.wires.reading.cursor import Cursor
from bedrock_flask.wires.reading.request_metadata import read_metadata, read_tier

# Extras that ask for nothing that shows in an answer. The wish for no tool is among them: where the history has used
# tools, Bedrock must be told of them, and then only some models can be told not to call any.
HINTS = frozenset({"user", "safety_identifier", "metadata", "tool_choice", "stream_options"})

# Top-level members that are read one by one, or that ask nothing of the model.
_READ = frozenset(
    {"messages", "max_completion_tokens", "max_tokens", "temperature", "top_p", "stop", "tools", "tool_choice"}
    | {"response_format", "metadata", "user", "safety_identifier", "service_tier", "model", "stream", "stream_options"}
    | {"reasoning_effort"}
)
# Of the others: the values that ask for what happens anyway.
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "parallel_tool_calls": (True,),
    "store": (False,),
    "modalities": ([], ["text"]),
    "verbosity": ("medium",),
    "prompt_cache_options": ({},),
    "functions": ([],),
    "function_call": ("none", "auto"),
}


def read_request(body: Json) -> Request:
    """A Chat Completions body as a Converse request; raises InvalidBody for what no model could be asked."""
    top = Cursor("", {})
    system, turns = _read_messages(body["messages"], top.at("messages"))
    request = {
        "messages": turns,
        "system": system,
        "inferenceConfig": _read_inference(body, top),
        "toolConfig": read_tools(body, turns, top),
        "outputConfig": _read_format(body.get("response_format") or {}, top),
        "requestMetadata": read_metadata(body, top),
        "serviceTier": read_tier(body.get("service_tier"), top.at("service_tier")),
        "extras": top.extras,
    }
    # The dialect, which streams, reads `include_usage`.
    options = body.get("stream_options") or {}
    if wished := {name: value for name, value in options.items() if name != "include_usage" and value}:
        top.at("stream_options").leave(wished)
    if body.get("reasoning_effort") is not None:
        top.at("effort").leave(body["reasoning_effort"])
    top.leave_rest(body, *_READ, defaults=_DEFAULTS)
    return {name: value for name, value in request.items() if value or name == "messages"}


# --- messages --------------------------------------------------------------------------------------------------------


def _read_messages(messages: Iterable[Json], place: Cursor) -> tuple[list[Json], list[Json]]:
    """The system prompt and the turns."""
    system: list[Json] = []
    turns: list[Json] = []
    before = ""
    unsaid: set[str] = set()
    for index, message in enumerate(messages):
        here, role = place.item(index), message["role"]
        beyond = [call for call in _calls(message) if _kind(call) not in _CALLS]
        unsaid |= {call["id"] for call in beyond if isinstance(call.get("id"), str)}
        if role in _SYSTEM:
            content = _with_mark(_read_plain(message, here), message)
            # One that is blank instructs nothing, so there is nothing to cache.
            system += content if _says_something(content) else []
        elif role not in _ROLES or (role == "tool" and message["tool_call_id"] in unsaid):
            # A result goes where its call went.
            here.leave(message)
        else:
            turn, read = _ROLES[role]
            content = _with_mark(read(message, here), message)
            if not _says_something(content):
                if not beyond:
                    raise here.wrong("says nothing: there is no text in it, no medium and no tool call")
                here.leave(message)
                continue
            # The results of parallel calls must stand in one turn, and what the user adds stands in it behind them.
            if before == "tool" and turn == "user":
                turns[-1]["content"] += content
            else:
                turns.append({"role": turn, "content": content})
            before = role
    return system, turns


def _says_something(content: Iterable[Json]) -> bool:
    return any("cachePoint" not in block for block in content)


def _read_plain(message: Json, place: Cursor) -> Iterator[Json]:
    place.leave_rest(message, "role", "content", "cache_control")
    return read_parts(message["content"], place.at("content"))


def _read_assistant(message: Json, place: Cursor) -> Iterator[Json]:
    place.leave_rest(message, "role", "content", "refusal", "tool_calls", "cache_control", *_AGAIN, *_REASONING)
    yield from _read_reasoning(message, place.at("reasoning_details"))
    yield from read_parts(message.get("content"), place.at("content"))
    yield from read_text(message.get("refusal"), place)
    for index, call in enumerate(_calls(message)):
        yield from _read_call(call, place.at("tool_calls").item(index))


def _read_tool(message: Json, place: Cursor) -> Iterator[Json]:
    # The call that this answers has the tool's name.
    place.leave_rest(message, "role", "content", "tool_call_id", "name", "cache_control")
    content = list(read_parts(message["content"], place.at("content")))
    said = [block for block in content if "cachePoint" not in block]
    # What the tool gave is text, be it JSON: so it is what the model would have read.
    yield {"toolResult": {"toolUseId": message["tool_call_id"], "content": said}}
    # Inside a tool result Converse has no cache points; behind it they mark the same prefix, or a little more.
    yield from [block for block in content if "cachePoint" in block][:1]


# Members that tell again what the text of an answer tells.
_AGAIN = ("annotations", "parsed")
_SYSTEM = ("system", "developer")
_ROLES: dict[str, tuple[str, Callable[[Json, Cursor], Iterator[Json]]]] = {
    "user": ("user", _read_plain),
    "assistant": ("assistant", _read_assistant),
    "tool": ("user", _read_tool),
}


def _with_mark(content: Iterable[Json], message: Json) -> list[Json]:
    """The content and the cache point of the message as a whole, unless its last part has one."""
    blocks = list(content)
    return blocks if blocks and "cachePoint" in blocks[-1] else [*blocks, *read_mark(message)]


# --- reasoning -------------------------------------------------------------------------------------------------------

_REASONING = ("reasoning_details", "reasoning_content", "reasoning")


def _read_reasoning(message: Json, place: Cursor) -> Iterator[Json]:
    """The blocks of an answer's reasoning; beside its details, the plain text is the same once more."""
    details = message.get("reasoning_details")
    if not details:
        said = message.get("reasoning_content") or message.get("reasoning") or ""
        details = [{"type": "reasoning.text", "text": said}]
    known: list[Json] = []
    for index, detail in enumerate(details):
        if detail["type"] in _DETAILS:
            place.item(index).leave_rest(detail, "type", "id", "format", "index", *_DETAILS[detail["type"]])
            known.append(detail)
        else:
            place.item(index).leave(detail)
    for detail in _joined(known):
        yield from _READ_DETAILS[detail["type"]](detail)


def _joined(details: Iterable[Json]) -> Iterator[Json]:
    """The details, and those whole that a client has kept in the pieces in which they were streamed."""
    held: Json | None = None
    for detail in details:
        if held is not None and _continues(held, detail):
            pieces = {name: (held.get(name) or "") + (detail.get(name) or "") for name in _DETAILS[detail["type"]]}
            held = {**held, **pieces}
        else:
            if held is not None:
                yield held
            held = detail
    if held is not None:
        yield held


def _continues(held: Json, detail: Json) -> bool:
    same = held["type"] == detail["type"] and held.get("index") == detail.get("index") is not None
    # Text behind a signature is another block's.
    return same and not (held.get("signature") and detail.get("text"))


def _read_thought(detail: Json) -> Iterator[Json]:
    text, signature = detail.get("text") or "", detail.get("signature") or None
    if signature or not is_blank(text):
        yield {"reasoningContent": {"reasoningText": {"text": text, **omit_null(signature=signature)}}}


def _read_summary(detail: Json) -> Iterator[Json]:
    return _read_thought({"text": detail["summary"]})


def _read_encrypted(detail: Json) -> Iterator[Json]:
    yield {"reasoningContent": {"redactedContent": detail["data"]}}


# For each kind of detail: the members that it comes in, and how it is read.
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


def _calls(message: Json) -> list[Json]:
    return (message.get("tool_calls") or []) if message["role"] == "assistant" else []


def _kind(call: Json) -> str:
    return "function" if call.get("type") is None else str(call["type"])


def _read_call(call: Json, place: Cursor) -> Iterator[Json]:
    kind = _kind(call)
    if kind not in _CALLS:
        place.leave(call)
        return
    taken, read = _CALLS[kind]
    here, told = place.at(kind), call[kind]
    place.leave_rest(call, "id", "type", "index", kind)
    here.leave_rest(told, "name", taken, "parsed_arguments")
    yield {"toolUse": {"toolUseId": call["id"], "name": told["name"], "input": read(told.get(taken), here.at(taken))}}


def _read_arguments(arguments: str | None, place: Cursor) -> Json:
    # What a call without arguments comes as, depending on who wrote it down.
    if not arguments or arguments.isspace() or arguments.strip() == "null":
        return {}
    value = place.made(lambda text: parse(text.encode()), arguments)
    if not isinstance(value, dict):
        raise place.wrong("must be a JSON object in a string")
    return value


def _read_input(text: str, place: Cursor) -> Json:
    # In the history, a custom tool is a function with one argument.
    return {"input": text}


# For each kind of call: the member that has what the tool is given, and how it is read.
_CALLS: dict[str, tuple[str, Callable[[Any, Cursor], Json]]] = {
    "function": ("arguments", _read_arguments),
    "custom": ("input", _read_input),
}


# --- how the model writes --------------------------------------------------------------------------------------------


def _read_inference(body: Json, top: Cursor) -> Json:
    temperature, limits = body.get("temperature"), {"max_completion_tokens", "max_tokens"}
    if temperature is not None and temperature > 1:
        raise top.at("temperature").wrong("must be at most 1: Bedrock takes no more")
    tokens = {body[name] for name in limits if body.get(name) is not None}
    if len(tokens) > 1:
        raise top.at("max_tokens").wrong("must not be another number than max_completion_tokens")
    stop = body.get("stop") or []
    return {
        **omit_null(maxTokens=next(iter(tokens), None), temperature=temperature, topP=body.get("top_p")),
        **({"stopSequences": stops} if (stops := [*filter(None, [stop] if isinstance(stop, str) else stop)]) else {}),
    }


def _read_format(told: Json, top: Cursor) -> Json:
    kind = told.get("type")
    if kind == "json_object":
        top.at("json_object").leave(True)
    if kind != "json_schema":
        return {}
    here, form = top.at("response_format", "json_schema"), told["json_schema"]
    # Bedrock always forces the answer to fit, so `strict` asks for nothing more.
    here.leave_rest(form, "name", "description", "schema", "strict")
    schema = {"schema": json.dumps(form.get("schema") or {}), "name": form["name"]}
    described = {**schema, **omit_null(description=form.get("description"))}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": described}}}
