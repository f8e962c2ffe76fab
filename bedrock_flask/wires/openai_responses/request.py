"""A Responses request, to and from Converse: what Converse can say, and the rest as extras by name or by path."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_flask.converse import Json, Request
from bedrock_flask.wires.openai_responses.items import read_items, uses_tools, write_system, write_turns
from bedrock_flask.wires.openai_responses.tools import is_custom, read_tools, write_choice, write_tools
from bedrock_flask.wires.reading.cursor import Cursor, equals_default
from bedrock_flask.wires.reading.request_metadata import read_metadata, read_tier

# Extras that ask for nothing that must show in an answer: names and notes, how things are cached, how much is told of
# the reasoning. The Codex CLI always sends some of them, among them the offer to search the web and, where it does not
# know the model, the wish for one call at a time.
HINTS = frozenset(
    {"user", "safety_identifier", "metadata", "client_metadata", "stream_options", "parallel_tool_calls", "tool_choice"}
    | {"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "text.verbosity"}
    | {"reasoning.summary", "reasoning.generate_summary", "reasoning.context"}
    | {"input.reasoning.encrypted_content", "input.phase", "input.internal_chat_message_metadata_passthrough"}
    | {"input.detail", "input.prompt_cache_breakpoint"}
    | {"tools.web_search", "tools.defer_loading", "tools.allowed_callers", "tools.output_schema"}
    # A number of calls of OpenAI's own tools, which is never exceeded where none of them is run.
    | {"max_tool_calls"}
)

# Top-level members that are read one by one, or that ask nothing of the model.
_READ = frozenset(
    {"input", "instructions", "max_output_tokens", "temperature", "top_p", "tools", "tool_choice", "text", "reasoning"}
    | {"include", "metadata", "user", "safety_identifier", "service_tier", "prompt_cache_options", "stream_options"}
    | {"model", "stream"}
)
# Of the others: the values that ask for what happens anyway.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "store": (False,),
    "background": (False,),
    "parallel_tool_calls": (True,),
    "truncation": ("disabled",),
    "top_logprobs": (0,),
    "context_management": ([],),
    "client_metadata": ({},),
}
# Members for which something would have to be kept.
_KEPT = {
    "store": "must not be true: the gateway keeps no answers",
    "background": "must not be true: the gateway answers at once, and keeps no answers",
    "previous_response_id": "names an answer, and the gateway keeps none; send the conversation in input",
    "conversation": "names a conversation, and the gateway keeps none; send it in input",
    "prompt": "names a prompt, and the gateway keeps none; send it in instructions and input",
}
_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"


# --- read ------------------------------------------------------------------------------------------------------------


def read_request(body: Json) -> Request:
    """A Responses body as a Converse request; raises InvalidBody for what no model could be asked."""
    top = Cursor("", {})
    for name, reason in _KEPT.items():
        if body.get(name):
            raise top.at(name).wrong(reason)
    system, turns = read_items(body["input"], top.at("input"))
    instructions = body.get("instructions") or ""
    request = {
        "messages": turns,
        "system": [*([{"text": instructions}] if instructions and not instructions.isspace() else []), *system],
        "inferenceConfig": _read_inference(body, top),
        "toolConfig": read_tools(body, top, used=uses_tools(turns)),
        "outputConfig": _read_text(body.get("text") or {}, top.at("text")),
        "requestMetadata": read_metadata(body, top),
        "serviceTier": read_tier(body.get("service_tier"), top.at("service_tier")),
        "extras": top.extras,
    }
    _leave_reasoning(body.get("reasoning") or {}, top.at("reasoning"))
    _leave_include(body.get("include") or (), top.at("include"))
    _leave_options(body, top)
    for name, value in body.items():
        if name not in _READ and value is not None and value not in _NEUTRAL.get(name, ()):
            top.at(name).leave(value)
    return {name: value for name, value in request.items() if value or name == "messages"}


def _read_inference(body: Json, top: Cursor) -> Json:
    temperature = body.get("temperature")
    if temperature is not None and temperature > 1:
        raise top.at("temperature").wrong("must be at most 1: Bedrock takes no more")
    told = {"maxTokens": body.get("max_output_tokens"), "temperature": temperature, "topP": body.get("top_p")}
    return {name: value for name, value in told.items() if value is not None}


def _read_text(text: Json, place: Cursor) -> Json:
    place.leave_rest(text, "format")
    form = text.get("format") or {"type": "text"}
    if form["type"] == "json_object":
        Cursor("json_object", place.extras).leave(True)
    elif form["type"] not in ("text", "json_schema"):
        place.at("format").leave(form)
    if form["type"] != "json_schema":
        return {}
    # Bedrock always forces the answer to fit, so `strict` asks for nothing more.
    place.at("format").leave_rest(form, "type", "name", "description", "schema", "strict")
    described = {"description": form["description"]} if form.get("description") else {}
    schema = {"schema": json.dumps(form["schema"]), "name": form["name"], **described}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _leave_reasoning(reasoning: Json, place: Cursor) -> None:
    if reasoning.get("effort") is not None:
        Cursor("effort", place.extras).leave(reasoning["effort"])
    place.leave_rest(reasoning, "effort", neutral=equals_default({"context": "auto", "mode": "standard"}))


def _leave_include(include: Any, place: Cursor) -> None:
    for index, each in enumerate(include):
        # The reasoning is always told in a form that can be sent back.
        if each == _LOGPROBS:
            Cursor("logprobs", place.extras).leave(True)
        elif each != _ENCRYPTED:
            place.item(index).leave(each)


def _leave_options(body: Json, top: Cursor) -> None:
    options, here = dict(body.get("prompt_cache_options") or {}), top.at("prompt_cache_options")
    if options.pop("prewarm", None):
        raise here.at("prewarm").wrong("must not be true: a model on Bedrock always answers")
    stream = dict(body.get("stream_options") or {})
    if not stream.get("include_obfuscation"):
        stream.pop("include_obfuscation", None)
    for place, rest in ((here, options), (top.at("stream_options"), stream)):
        if rest:
            place.leave(rest)


# --- written ---------------------------------------------------------------------------------------------------------

_INFERENCE = {
    "maxTokens": "max_output_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    # The format has no such thing; this is what it is called elsewhere at OpenAI.
    "stopSequences": "stop",
}
_WRITTEN = frozenset(
    {"messages", "system", "inferenceConfig", "toolConfig", "outputConfig", "requestMetadata", "serviceTier", "extras"}
)


def write_request(request: Request) -> Json:
    """A Converse request as a Responses body; raises InvalidBody for content that the format cannot say.

    Other members that the format does not have stand under the names that they have in Converse. Extras by path go back
    to that path if it is there: a request whose items have been put together has fewer of them.
    """
    config, extras = request.get("toolConfig", {}), request.get("extras", {})
    tools = write_tools(config)
    custom = frozenset(tool["toolSpec"]["name"] for tool in config.get("tools", ()) if _is_custom(tool))
    instructions, rest = write_system(request.get("system", []))
    body = {
        "input": [*rest, *write_turns(request["messages"], custom)],
        "instructions": instructions,
        **{_INFERENCE[name]: value for name, value in request.get("inferenceConfig", {}).items()},
        "tools": tools or None,
        "tool_choice": write_choice(config, tools, extras),
        "text": _write_text(request.get("outputConfig", {}), extras),
        "reasoning": _write_effort(request.get("outputConfig", {}), extras),
        "service_tier": request.get("serviceTier", {}).get("type"),
        **_write_metadata(request.get("requestMetadata", {}), extras),
        "include": [_ENCRYPTED, *([_LOGPROBS] if extras.get("logprobs") else [])],
        "store": False,
        **{name: value for name, value in request.items() if name not in _WRITTEN},
    }
    body = {name: value for name, value in body.items() if value is not None}
    for path, value in sorted(_by_path(extras), key=lambda each: _steps(each[0])):
        _put(body, path, value)
    return body


def _is_custom(tool: Json) -> bool:
    return "toolSpec" in tool and is_custom(tool["toolSpec"])


def _write_text(config: Json, extras: Json) -> Json | None:
    if extras.get("json_object"):
        return {"format": {"type": "json_object"}}
    if "textFormat" not in config:
        return None
    schema = config["textFormat"]["structure"]["jsonSchema"]
    named = {"name": "answer", **schema, "schema": json.loads(schema["schema"])}
    return {"format": {"type": "json_schema", **named, "strict": True}}


def _write_effort(config: Json, extras: Json) -> Json | None:
    effort = extras.get("effort", config.get("effort"))
    return {"effort": effort} if effort is not None else None


def _write_metadata(metadata: Json, extras: Json) -> Json:
    # Both may stand in the caller's own metadata, too, and then it is as well said there.
    own: Json = {
        name: metadata[name] for name in ("user", "safety_identifier") if name in metadata and name not in extras
    }
    rest = {name: value for name, value in metadata.items() if name not in own}
    return {**own, **({"metadata": rest} if rest else {})}


# --- extras, put back where they stood -------------------------------------------------------------------------------

# Extras that are said by other members.
_SAID = frozenset({"effort", "json_object", "logprobs", "tool_choice", "tool_choice.tools"})
# Extras that are gathered from many places.
_GATHERED = re.compile(r"(input|tools)\.")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def _by_path(extras: Json) -> Iterator[tuple[str, Any]]:
    for name, value in extras.items():
        if _GATHERED.match(name):
            yield from value.items()
        elif name not in _SAID:
            yield name, value


def _steps(path: str) -> list[tuple[int, str]]:
    """The steps to a place; whole items sort before what stands in them, and by their numbers."""
    return [(int(number) if number else -1, name) for number, name in _STEP.findall(path)]


def _put(body: Json, path: str, value: Any) -> None:
    (_, top), *steps = _steps(path)
    if not steps:
        body[top] = value
        return
    holder: Any = body.setdefault(top, {} if steps[0][1] else [])
    *between, (last, name) = steps
    for number, member in between:
        holder = _inside(holder, number, member)
    if not name and isinstance(holder, list):
        holder.insert(last, value)
    # A part that has no such member is another than the one that this stood in.
    elif isinstance(holder, dict) and (name in holder or len(between) < _PART_DEPTH):
        holder[name] = value


_PART_DEPTH = 3


def _inside(holder: Any, number: int, member: str) -> Any:
    if member:
        return holder.get(member) if isinstance(holder, dict) else None
    return holder[number] if isinstance(holder, list) and number < len(holder) else None
