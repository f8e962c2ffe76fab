"""A Responses body as a Converse request; what Converse cannot express becomes extras, by name or by path."""

import json
from collections.abc import Iterator
from typing import Any

from bedrock_flask.converse import Json, Request, is_blank, omit_null, uses_tools
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.openai_responses.items import read_items
from bedrock_flask.wires.openai_responses.tools import read_tools
from bedrock_flask.wires.reading.cursor import Cursor
from bedrock_flask.wires.reading.openai_hints import DEFAULTS, HINTS, INCLUDED_HINTS
from bedrock_flask.wires.reading.request_metadata import read_metadata, read_tier

__all__ = ["ENCRYPTED", "HINTS", "LOGPROBS", "find_stored", "read_request"]

# Top-level members that are read one by one, or that do not concern the model.
_READ = frozenset(
    {"input", "instructions", "max_output_tokens", "temperature", "top_p", "tools", "tool_choice", "text", "reasoning"}
    | {"include", "metadata", "user", "safety_identifier", "service_tier", "prompt_cache_options", "stream_options"}
    | {"model", "stream"}
)
# Members that need something stored, which the gateway does not do.
_STORED = {
    "store": "must not be true: the gateway stores no responses",
    "background": "must not be true: the gateway stores no responses to fetch later",
    "previous_response_id": "is not supported: the gateway stores no responses. Send the conversation in input.",
    "conversation": "is not supported: the gateway stores no conversations. Send the conversation in input.",
    "prompt": "is not supported: the gateway stores no prompts. Send the prompt in instructions and input.",
}
_NO_ITEMS = "is not supported: the gateway stores no items. Send the item itself."
_NO_FILES = "is not supported: the gateway stores no files. Send the file itself."
ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"


def read_request(body: Json) -> Request:
    """A Responses body as a Converse request; raises InvalidBody for a request that no model can answer."""
    top = Cursor("", {})
    for name, reason in _STORED.items():
        if body.get(name):
            top.at(name).reject(reason)
    prompt = [] if is_blank(body.get("instructions")) else [{"text": body["instructions"]}]
    system, turns = read_items([] if prompt and _is_nothing(body["input"]) else body["input"], top.at("input"))
    if not (turns or system or prompt):
        top.at("input").reject("must have at least one user message")
    request = {
        "messages": turns,
        "system": [*prompt, *system],
        "inferenceConfig": _read_inference(body, top),
        "toolConfig": read_tools(body, top, used=uses_tools(turns)),
        "outputConfig": _read_text(body["text"], top.at("text")) if body.get("text") else {},
        "requestMetadata": read_metadata(body, top),
        "serviceTier": read_tier(body, top),
        "extras": top.extras,
    }
    if body.get("reasoning"):
        _add_reasoning(body["reasoning"], top.at("reasoning"))
    if body.get("include"):
        _add_include(body["include"], top.at("include"))
    if body.get("prompt_cache_options") or body.get("stream_options"):
        _add_options(body, top)
    top.add_unread(body, *_READ, *_STORED, defaults=DEFAULTS)
    return top.finish({name: value for name, value in request.items() if value or name == "messages"})


def find_stored(body: Json) -> Iterator[tuple[str, str]]:
    """The path of each member of a body that needs something stored, and why it is refused."""
    yield from ((name, reason) for name, reason in _STORED.items() if body.get(name))
    items = body.get("input")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if item.get("type") == "item_reference":
            yield f"input[{index}]", _NO_ITEMS
        for holder in ("content", "output"):
            parts = item.get(holder)
            for number, part in enumerate(parts if isinstance(parts, list) else ()):
                if isinstance(part, dict) and part.get("file_id"):
                    yield f"input[{index}].{holder}[{number}].file_id", _NO_FILES


def _is_nothing(given: str | list[Json]) -> bool:
    """Whether the input is empty or one blank text, which is what programs send that have only instructions."""
    if isinstance(given, str):
        return is_blank(given)
    return not given or (len(given) == 1 and given[0].get("role") == "user" and _is_blank(given[0].get("content")))


def _is_blank(content: Any) -> bool:
    if isinstance(content, list):
        return all(part.get("type") == "input_text" and is_blank(part.get("text")) for part in content)
    return is_blank(content)


def _read_inference(body: Json, top: Cursor) -> Json:
    temperature = body.get("temperature")
    if temperature is not None and temperature > 1:
        top.at("temperature").reject("must be at most 1, the maximum on Bedrock")
    return omit_null(maxTokens=body.get("max_output_tokens"), temperature=temperature, topP=body.get("top_p"))


def _read_text(text: Json, cursor: Cursor) -> Json:
    cursor.add_unread(text, "format", defaults={"verbosity": ("medium",)})
    form = text.get("format") or {"type": "text"}
    if form["type"] == "json_object":
        Cursor("json_object", cursor.extras).add_extra(True)
    elif form["type"] not in ("text", "json_schema"):
        cursor.at("format").add_extra(form)
    if form["type"] != "json_schema":
        return {}
    # Bedrock always makes the answer fit the schema, so `strict` changes nothing.
    cursor.at("format").add_unread(form, "type", "name", "description", "schema", "strict")
    described = {"description": form["description"]} if form.get("description") else {}
    schema = {"schema": json.dumps(form["schema"]), "name": form["name"], **described}
    return {"textFormat": place_at({"type": "json_schema", "structure": {"jsonSchema": schema}}, form)}


def _add_reasoning(reasoning: Json, cursor: Cursor) -> None:
    if reasoning.get("effort") is not None:
        Cursor("effort", cursor.extras).add_extra(reasoning["effort"])
    cursor.add_unread(reasoning, "effort", defaults={"context": ("auto",), "mode": ("standard",)})


def _add_include(include: Any, cursor: Cursor) -> None:
    for index, each in enumerate(include):
        # Reasoning is always returned in a form that can be sent back.
        if each == LOGPROBS:
            Cursor("logprobs", cursor.extras).add_extra(True)
        elif each in INCLUDED_HINTS:
            cursor.extras.setdefault("include", []).append(each)
        elif each != ENCRYPTED:
            cursor.item(index).add_extra(each)


def _add_options(body: Json, top: Cursor) -> None:
    options, here = dict(body.get("prompt_cache_options") or {}), top.at("prompt_cache_options")
    if options.pop("prewarm", None):
        here.at("prewarm").reject("must not be true: models on Bedrock cannot prewarm a cache without answering")
    stream = dict(body.get("stream_options") or {})
    if not stream.get("include_obfuscation"):
        stream.pop("include_obfuscation", None)
    for cursor, rest in ((here, options), (top.at("stream_options"), stream)):
        if rest:
            cursor.add_extra(rest)
