"""A Responses request as a Converse request: what Converse can say, and the rest as extras by name or by path."""

import json
from collections.abc import Mapping
from typing import Any

from bedrock_flask.converse import Json, Request, uses_tools
from bedrock_flask.wires.openai_responses.items import read_items
from bedrock_flask.wires.openai_responses.tools import read_tools
from bedrock_flask.wires.reading.cursor import Cursor
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
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
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
ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"


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
    top.leave_rest(body, *_READ, defaults=_DEFAULTS)
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
    place.leave_rest(reasoning, "effort", defaults={"context": ("auto",), "mode": ("standard",)})


def _leave_include(include: Any, place: Cursor) -> None:
    for index, each in enumerate(include):
        # The reasoning is always told in a form that can be sent back.
        if each == LOGPROBS:
            Cursor("logprobs", place.extras).leave(True)
        elif each != ENCRYPTED:
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
