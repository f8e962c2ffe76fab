"""A Converse request, written as a Chat Completions body."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol import data_uri
from bedrock_flask.wires.openai_chat.marks import write_mark
from bedrock_flask.wires.openai_chat.members import present
from bedrock_flask.wires.reading import media_types

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
        **present(service_tier=member(request, "serviceTier", "type")),
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
    parts = _write_parts(blocks)
    if parts:
        yield {"role": "system", "content": _plain(parts)}


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
        yield {"role": "user", "content": _plain(_write_parts(said))}


def _write_result(result: Json) -> Json:
    # There is no word for a result that is an error: its text tells.
    content = [_told(block) for block in result["content"]]
    parts = _write_parts(content)
    return {"role": "tool", "tool_call_id": result["toolUseId"], "content": _plain(parts) if parts else ""}


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
    written = {"content": _plain(_write_parts(said)) if said else None, **marks}
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


def _write_parts(blocks: Iterable[Json]) -> list[Json]:
    parts: list[Json] = []
    for block in blocks:
        [(kind, told)] = block.items()
        if kind == "cachePoint":
            if not parts or "cache_control" in parts[-1]:
                parts.append({"type": "text", "text": ""})
            parts[-1] |= write_mark(block)
        elif kind in _PARTS:
            parts += _PARTS[kind](told)
        else:
            raise _unsayable(f"a block of the kind {kind}")
    return parts


def _plain(parts: list[Json]) -> str | list[Json]:
    """One text as itself, since not every server of this format takes parts."""
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def _write_text(text: str) -> Iterator[Json]:
    yield {"type": "text", "text": text}


def _write_image(image: Json) -> Iterator[Json]:
    yield {"type": "image_url", "image_url": {"url": _uri(image, media_types.IMAGES, "an image")}}


def _write_audio(audio: Json) -> Iterator[Json]:
    if audio["format"] not in ("wav", "mp3"):
        raise _unsayable(f"a sound in {audio['format']}")
    yield {"type": "input_audio", "input_audio": {"format": audio["format"], "data": _bytes(audio, "a sound")}}


def _write_document(document: Json) -> Iterator[Json]:
    if member(document, "citations", "enabled"):
        raise _unsayable("a document to cite")
    if "context" in document:
        yield from _write_text(document["context"])
    pieces = document["source"].get("content") or [{"text": document["source"].get("text")}]
    texts = [piece["text"] for piece in pieces if piece["text"] is not None]
    if texts:
        uri = data_uri.write("text/plain", base64.b64encode("\n".join(texts).encode()).decode())
    else:
        uri = _uri(document, media_types.DOCUMENTS, "a document")
    yield {"type": "file", "file": {"filename": document["name"], "file_data": uri}}


def _write_search_result(result: Json) -> Iterator[Json]:
    yield from _write_text(
        "\n".join([result["title"], result["source"], *(each["text"] for each in result["content"])])
    )


def _write_citations(cited: Json) -> Iterator[Json]:
    yield from _write_text("".join(piece["text"] for piece in cited.get("content", ())))


def _write_guarded(guarded: Json) -> Iterator[Json]:
    return _write_text(guarded["text"]["text"]) if "text" in guarded else _write_image(guarded["image"])


_PARTS: dict[str, Callable[[Any], Iterator[Json]]] = {
    "text": _write_text,
    "image": _write_image,
    "audio": _write_audio,
    "document": _write_document,
    "searchResult": _write_search_result,
    "citationsContent": _write_citations,
    "guardContent": _write_guarded,
}


def _uri(block: Json, formats: Mapping[str, str], what: str) -> str:
    kind = media_types.media_type(formats, block.get("format", ""))
    if kind is None:
        raise _unsayable(f"{what} without a known format")
    return data_uri.write(kind, _bytes(block, what))


def _bytes(block: Json, what: str) -> str:
    if "bytes" not in block["source"]:
        raise _unsayable(f"{what} that lies in Amazon S3")
    return str(block["source"]["bytes"])


def _unsayable(what: str) -> InvalidBody:
    return InvalidBody([FieldError("messages", f"{what} cannot be said in Chat Completions, the model's format")])


# --- the rest --------------------------------------------------------------------------------------------------------


def _write_inference(told: Json) -> Json:
    return present(
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
            raise _unsayable("a tool that Bedrock runs itself")
    choice = [_CHOICES[kind](named) for kind, named in config.get("toolChoice", {}).items()]
    return {**({"tools": tools} if tools else {}), **({"tool_choice": choice[0]} if choice else {})}


def _write_function(spec: Json) -> Json:
    told = present(description=spec.get("description"), strict=spec.get("strict"))
    return {"name": spec["name"], "parameters": spec["inputSchema"]["json"], **told}


_CHOICES: dict[str, Callable[[Json], Any]] = {
    "auto": lambda _: "auto",
    "any": lambda _: "required",
    "tool": lambda named: {"type": "function", "function": {"name": named["name"]}},
}


def _write_output(config: Json) -> Json:
    written = present(reasoning_effort=config.get("effort"))
    form = member(config, "textFormat", "structure", "jsonSchema")
    if form:
        told = present(description=form.get("description"))
        schema = {"name": form.get("name", _UNNAMED), "schema": json.loads(form["schema"]), **told}
        written["response_format"] = {"type": "json_schema", "json_schema": schema}
    return written


def _write_metadata(metadata: Json, extras: Json) -> Json:
    """All of it as `metadata`, unless that is taken by what Converse did not take: then each under its own name."""
    if "metadata" in extras:
        return metadata
    return {"metadata": metadata} if metadata else {}
