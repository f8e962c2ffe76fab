"""A Converse request as a Chat Completions body, the reverse of `read_request`."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bedrock_flask.converse import Json, Request, member, omit_null
from bedrock_flask.wires.openai_chat.parts import make_unsupported_error, unwrap_text, write_mark, write_parts
from bedrock_flask.wires.tool_input import write_tool_input

# OpenAI requires a name for a schema, Converse does not.
_UNNAMED = "answer"


def write_request(request: Request) -> Json:
    """A Converse request as a Chat Completions body without `model`; raises InvalidBody for unsupported content.

    Extras keep their names, paths included, so that the model refuses those that were not placed. The guardrail, the
    latency and the prompt variables are not written, because a Chat Completions body does not have them.
    """
    extras: Json = dict(request.get("extras", {}))
    body = {
        "messages": [*_write_system(request.get("system", ())), *_write_turns(request["messages"])],
        **_write_inference(request.get("inferenceConfig", {})),
        **_write_tools(request.get("toolConfig", {})),
        **_write_output(request.get("outputConfig", {})),
        **_write_metadata(request.get("requestMetadata", {}), extras),
        **omit_null(service_tier=member(request, "serviceTier", "type")),
        **request.get("additionalModelRequestFields", {}),
    }
    for name, value in extras.items():
        written, write = _EXTRAS.get(name, (name, _keep))
        body[written] = write(value)
    return body


def _keep(value: Any) -> Any:
    return value


# Extras that Chat Completions expresses with another member, and how it is written.
_EXTRAS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "effort": ("reasoning_effort", _keep),
    "json_object": ("response_format", lambda wanted: {"type": "json_object" if wanted else "text"}),
    "tool_choice": ("tool_choice", lambda choice: "none" if choice == {"type": "none"} else choice),
}


# --- messages --------------------------------------------------------------------------------------------------------


def _write_system(blocks: Iterable[Json]) -> Iterator[Json]:
    parts = write_parts(blocks)
    if parts:
        yield {"role": "system", "content": unwrap_text(parts)}


def _write_turns(turns: Iterable[Json]) -> Iterator[Json]:
    for turn in turns:
        yield from _TURNS[turn["role"]](turn["content"])


def _write_user(content: Iterable[Json]) -> Iterator[Json]:
    results: list[Json] = []
    others: list[Json] = []
    behind_result = False
    for block in content:
        if "toolResult" in block:
            results.append(_write_result(block["toolResult"]))
        elif behind_result and "cachePoint" in block:
            results[-1] |= write_mark(block)
        else:
            others.append(block)
        behind_result = "toolResult" in block
    yield from results
    if others:
        yield {"role": "user", "content": unwrap_text(write_parts(others))}


def _write_result(result: Json) -> Json:
    # The format cannot mark a result as an error, so only its text says so.
    content = [_write_json_as_text(block) for block in result["content"]]
    parts = write_parts(content)
    return {"role": "tool", "tool_call_id": result["toolUseId"], "content": unwrap_text(parts) if parts else ""}


def _write_json_as_text(block: Json) -> Json:
    return {"text": json.dumps(block["json"])} if "json" in block else block


def _write_assistant(content: Iterable[Json]) -> Iterator[Json]:
    details: list[Json] = []
    calls: list[Json] = []
    others: list[Json] = []
    marks: Json = {}
    for block in content:
        if "reasoningContent" in block:
            details.append({**_write_detail(block["reasoningContent"]), "index": len(details)})
        elif "toolUse" in block:
            calls.append(_write_call(block["toolUse"]))
        elif calls and "cachePoint" in block:
            marks = write_mark(block)
        else:
            others.append(block)
    message = {"content": unwrap_text(write_parts(others)) if others else None, **marks}
    lists = {"tool_calls": calls, "reasoning_details": details}
    yield {"role": "assistant", **message, **{name: value for name, value in lists.items() if value}}


_TURNS: dict[str, Callable[[Iterable[Json]], Iterator[Json]]] = {
    "user": _write_user,
    "assistant": _write_assistant,
    "system": _write_system,
}


def _write_detail(reasoning: Json) -> Json:
    if "redactedContent" in reasoning:
        return {"type": "reasoning.encrypted", "data": reasoning["redactedContent"]}
    return {"type": "reasoning.text", **reasoning["reasoningText"]}


def _write_call(use: Json) -> Json:
    function = {"name": use["name"], "arguments": write_tool_input(use["input"])}
    return {"id": use["toolUseId"], "type": "function", "function": function}


# --- the rest --------------------------------------------------------------------------------------------------------


def _write_inference(config: Json) -> Json:
    return omit_null(
        max_completion_tokens=config.get("maxTokens"),
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        stop=config.get("stopSequences"),
    )


def _write_tools(config: Json) -> Json:
    tools: list[Json] = []
    for tool in config.get("tools", ()):
        if "toolSpec" in tool:
            tools.append({"type": "function", "function": _write_function(tool["toolSpec"])})
        elif "cachePoint" in tool and tools:
            tools[-1] |= write_mark(tool)
        elif "systemTool" in tool:
            raise make_unsupported_error("a tool that Bedrock runs itself")
    choice = [_CHOICES[kind](named) for kind, named in config.get("toolChoice", {}).items()]
    return {**({"tools": tools} if tools else {}), **({"tool_choice": choice[0]} if choice else {})}


def _write_function(spec: Json) -> Json:
    optional = omit_null(description=spec.get("description"), strict=spec.get("strict"))
    return {"name": spec["name"], "parameters": spec["inputSchema"]["json"], **optional}


_CHOICES: dict[str, Callable[[Json], Any]] = {
    "auto": lambda _: "auto",
    "any": lambda _: "required",
    "tool": lambda named: {"type": "function", "function": {"name": named["name"]}},
}


def _write_output(config: Json) -> Json:
    written = omit_null(reasoning_effort=config.get("effort"))
    form = member(config, "textFormat", "structure", "jsonSchema")
    if form:
        optional = omit_null(description=form.get("description"))
        schema = {"name": form.get("name", _UNNAMED), "schema": json.loads(form["schema"]), **optional}
        written["response_format"] = {"type": "json_schema", "json_schema": schema}
    return written


def _write_metadata(metadata: Json, extras: Json) -> Json:
    """The metadata as `metadata`, or if an extra has that name, each pair as a member."""
    if "metadata" in extras:
        return metadata
    return {"metadata": metadata} if metadata else {}
