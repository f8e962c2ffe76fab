"""A Converse request as a Responses body, the reverse of `read_request`."""

import json
import re
from collections.abc import Iterator
from typing import Any

from bedrock_flask.converse import Json, Request
from bedrock_flask.protocol.json_path import Path, Step, get_at, parse_path
from bedrock_flask.wires.custom_tools import is_custom
from bedrock_flask.wires.openai_responses.items import write_system, write_turns
from bedrock_flask.wires.openai_responses.request_reader import ENCRYPTED, LOGPROBS
from bedrock_flask.wires.openai_responses.tools import write_choice, write_tools

_INFERENCE = {
    "maxTokens": "max_output_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    # The format has no stop sequences; this is their name in Chat Completions.
    "stopSequences": "stop",
}
_WRITTEN = frozenset(
    {
        *("messages", "system", "inferenceConfig", "toolConfig", "outputConfig", "requestMetadata", "serviceTier"),
        *("additionalModelRequestFields", "extras"),
    }
)


def write_request(request: Request) -> Json:
    """A Converse request as a Responses body; raises InvalidBody for content that the format does not have.

    Other members that the format does not have keep their names in Converse. Extras by path go back to their path if
    the body has it: a request whose items were joined has fewer of them.
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
        "include": [*([ENCRYPTED, LOGPROBS] if extras.get("logprobs") else []), *extras.get("include", ())] or None,
        **{name: value for name, value in request.items() if name not in _WRITTEN},
        **(request.get("additionalModelRequestFields") or {}),
    }
    body = {name: value for name, value in body.items() if value is not None}
    restored = [(parse_path(path), value) for path, value in _list_by_path(extras)]
    for path, value in sorted(restored, key=lambda each: _order(each[0])):
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
    # The caller's own metadata may contain both, too; as separate members they mean the same.
    own: Json = {
        name: metadata[name] for name in ("user", "safety_identifier") if name in metadata and name not in extras
    }
    rest = {name: value for name, value in metadata.items() if name not in own}
    return {**own, **({"metadata": rest} if rest else {})}


# --- extras, put back at their paths --------------------------------------------------------------------------------

# Extras that other members express.
_EXPRESSED = frozenset({"effort", "include", "json_object", "logprobs", "tool_choice", "tool_choice.tools"})
# Extras that collect values from several paths.
_COLLECTED = re.compile(r"(input|tools)\.")
# Steps in front of a member of a part: `input`, the item, `content`.
_PART_DEPTH = 3


def _list_by_path(extras: Json) -> Iterator[tuple[str, Any]]:
    for name, value in extras.items():
        if _COLLECTED.match(name):
            yield from value.items()
        elif name not in _EXPRESSED:
            yield name, value


def _order(path: Path) -> list[tuple[int, str]]:
    """Sorts whole items before what they contain, and by their numbers."""
    return [(step, "") if isinstance(step, int) else (-1, step) for step in path]


def _put(body: Json, path: Path, value: Any) -> None:
    top, *steps = path
    if not steps:
        body[str(top)] = value
        return
    holder: Any = body.setdefault(str(top), [] if isinstance(steps[0], int) else {})
    *between, last = steps
    for step in between:
        holder = _step_into(holder, step)
    if isinstance(last, int) and isinstance(holder, list):
        holder.insert(last, value)
    # A part without this member is not the part from which the extra came.
    elif isinstance(holder, dict) and (last in holder or len(between) < _PART_DEPTH):
        holder[last] = value


def _step_into(holder: Any, step: Step) -> Any:
    try:
        return get_at(holder, [step])
    except (KeyError, IndexError, TypeError):
        return None
