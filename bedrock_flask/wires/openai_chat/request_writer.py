"""A Converse request, written as a Chat Completions body."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bedrock_flask.converse import Json, Request, member, omit_null
from bedrock_flask.wires.openai_chat.parts import plain, unsayable, write_mark, write_parts

# A form has a name with OpenAI, with Converse it may have none.
_UNNAMED = "answer"


def write_request(request: Request) -> Json:
    """A Converse request as a Chat Completions body without `model`; raises InvalidBody for what it cannot say.

    Extras stand in it under their names, paths included: what nobody has placed is for the model to refuse. The
    guardrail, the latency and the variables of a prompt travel beside a body, not in it.
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
        written, write = _EXTRAS.get(name, (name, _same))
        body[written] = write(value)
    return body


def _same(value: Any) -> Any:
    return value


# Extras that Chat Completions says otherwise: its member, and how it is written.
_EXTRAS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "effort": ("reasoning_effort", _same),
    "json_object": ("response_format", lambda wanted: {"type": "json_object" if wanted else "text"}),
    "tool_choice": ("tool_choice", lambda choice: "none" if choice == {"type": "none"} else choice),
}


# --- messages --------------------------------------------------------------------------------------------------------


def _write_system(blocks: Iterable[Json]) -> Iterator[Json]:
    parts = write_parts(blocks)
    if parts:
        yield {"role": "system", "content": plain(parts)}


def _write_turns(turns: Iterable[Json]) -> Iterator[Json]:
    for turn in turns:
        yield from _TURNS[turn["role"]](turn["content"])


def _write_user(content: Iterable[Json]) -> Iterator[Json]:
    results: list[Json] = []
    said: list[Json] = []
    behind_result = False
    for block in content:
        if "toolResult" in block:
            results.append(_write_result(block["toolResult"]))
        elif behind_result and "cachePoint" in block:
            results[-1] |= write_mark(block)
        else:
            said.append(block)
        behind_result = "toolResult" in block
    yield from results
    if said:
        yield {"role": "user", "content": plain(write_parts(said))}


def _write_result(result: Json) -> Json:
    # There is no word for a result that is an error: its text tells.
    content = [_told(block) for block in result["content"]]
    parts = write_parts(content)
    return {"role": "tool", "tool_call_id": result["toolUseId"], "content": plain(parts) if parts else ""}


def _told(block: Json) -> Json:
    return {"text": json.dumps(block["json"])} if "json" in block else block


def _write_assistant(content: Iterable[Json]) -> Iterator[Json]:
    details: list[Json] = []
    calls: list[Json] = []
    said: list[Json] = []
    marks: Json = {}
    for block in content:
        if "reasoningContent" in block:
            details.append({**_write_detail(block["reasoningContent"]), "index": len(details)})
        elif "toolUse" in block:
            calls.append(_write_call(block["toolUse"]))
        elif calls and "cachePoint" in block:
            marks = write_mark(block)
        else:
            said.append(block)
    written = {"content": plain(write_parts(said)) if said else None, **marks}
    lists = {"tool_calls": calls, "reasoning_details": details}
    yield {"role": "assistant", **written, **{name: value for name, value in lists.items() if value}}


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
    function = {"name": use["name"], "arguments": json.dumps(use["input"])}
    return {"id": use["toolUseId"], "type": "function", "function": function}


# --- the rest --------------------------------------------------------------------------------------------------------


def _write_inference(told: Json) -> Json:
    return omit_null(
        max_completion_tokens=told.get("maxTokens"),
        temperature=told.get("temperature"),
        top_p=told.get("topP"),
        stop=told.get("stopSequences"),
    )


def _write_tools(config: Json) -> Json:
    tools: list[Json] = []
    for tool in config.get("tools", ()):
        if "toolSpec" in tool:
            tools.append({"type": "function", "function": _write_function(tool["toolSpec"])})
        elif "cachePoint" in tool and tools:
            tools[-1] |= write_mark(tool)
        elif "systemTool" in tool:
            raise unsayable("a tool that Bedrock runs itself")
    choice = [_CHOICES[kind](named) for kind, named in config.get("toolChoice", {}).items()]
    return {**({"tools": tools} if tools else {}), **({"tool_choice": choice[0]} if choice else {})}


def _write_function(spec: Json) -> Json:
    told = omit_null(description=spec.get("description"), strict=spec.get("strict"))
    return {"name": spec["name"], "parameters": spec["inputSchema"]["json"], **told}


_CHOICES: dict[str, Callable[[Json], Any]] = {
    "auto": lambda _: "auto",
    "any": lambda _: "required",
    "tool": lambda named: {"type": "function", "function": {"name": named["name"]}},
}


def _write_output(config: Json) -> Json:
    written = omit_null(reasoning_effort=config.get("effort"))
    form = member(config, "textFormat", "structure", "jsonSchema")
    if form:
        told = omit_null(description=form.get("description"))
        schema = {"name": form.get("name", _UNNAMED), "schema": json.loads(form["schema"]), **told}
        written["response_format"] = {"type": "json_schema", "json_schema": schema}
    return written


def _write_metadata(metadata: Json, extras: Json) -> Json:
    """All of it as `metadata`, unless that is taken by what Converse did not take: then each under its own name."""
    if "metadata" in extras:
        return metadata
    return {"metadata": metadata} if metadata else {}
