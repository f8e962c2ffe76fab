"""In no dialect a body costs more than in proportion to its size: four times the parts take about four times the steps.

A step is a line of Python. What the interpreter does within a line, such as the search in a list, is not seen.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bedrock_flask.bodies import anthropic_messages_body, openai_chat_body, openai_responses_body
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import Schema, find_faults
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.models_file import DROP
from bedrock_flask.models.resolver import Models
from bedrock_flask.protocol import data_uri, envelope
from bedrock_flask.protocol.json import MalformedJSON, parse, write
from bedrock_flask.protocol.json_items import remove_items
from bedrock_flask.protocol.json_path import drop_at
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation.estimate_tokens import estimate_tokens
from bedrock_flask.translation.messages import edit_members, edit_turns
from bedrock_flask.translation.request import build_bedrock_request
from bedrock_flask.wires import anthropic, openai_chat, openai_responses
from bedrock_flask.wires.wire import Wire
from tests.translation.steps import count_steps

Json = dict[str, Any]
Make = Callable[[int], Json]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
MARK = {"cache_control": {"type": "ephemeral"}}
MODELS = Models(load_registry())
# One with Claude's own body, one with few capabilities.
NAMES = {
    "chat": ("nova", "claude", "openai.gpt-oss-120b-1:0"),
    "messages": ("nova", "claude"),
    "responses": ("nova", "claude"),
}


def user(*content: Any) -> Json:
    return {"role": "user", "content": list(content)}


def one_turn(*content: Any) -> Json:
    return {"messages": [user(*content)]}


def text(written: str = "x", **more: Any) -> Json:
    return {"type": "text", "text": written, **more}


def names(count: int, start: str = "p") -> list[str]:
    return [f"{start}{number}" for number in range(count)]


# --- OpenAI's chat completions ----------------------------------------------------------------------------------------


def chat_calls(count: int, start: str = "c", arguments: str = "{}", **more: Any) -> Json:
    ids = names(count, start)
    calls = [{"id": each, "type": "function", "function": {"name": "f", "arguments": arguments}} for each in ids]
    results = [{"role": "tool", "tool_call_id": each, "content": "", **more} for each in ids]
    return {"messages": [user(text()), {"role": "assistant", "tool_calls": calls}, *results], **chat_tool({})}


def chat_steps(count: int) -> Json:
    steps = [chat_calls(1, f"c{number}", cache_control=MARK["cache_control"]) for number in range(count)]
    return {"messages": [turn for step in steps for turn in step["messages"]], **chat_tool({})}


def chat_tool(schema: Json, **more: Any) -> Json:
    root = {"type": "object", **schema}
    return {"tools": [{"type": "function", "function": {"name": "f", "parameters": root, **more}}]}


def chat_schema(schema: Json, **more: Any) -> Json:
    return {**one_turn(text()), **chat_tool(schema, **more)}


def chat_tools(count: int, **more: Any) -> Json:
    tools = [{"type": "function", "function": {"name": f"f.{number}", **more}} for number in range(count)]
    chosen = [{"type": "function", "function": {"name": f"f.{number}"}} for number in range(count)]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": chosen}}
    return {**one_turn(text()), "tools": tools, "tool_choice": choice}


def chat_answer(schema: Json) -> Json:
    form = {"name": "a", "schema": {"type": "object", **schema}}
    return {**one_turn(text()), "response_format": {"type": "json_schema", "json_schema": form}}


def chat_part(kind: str, value: Any, count: int) -> Json:
    return one_turn(*[{"type": kind, kind: value}] * count)


def image(data: str) -> Json:
    return {"url": f"data:image/png;base64,{data}"}


def file(name: str) -> Json:
    return {"file_data": "data:text/plain;base64,aGk=", "filename": name}


def branches(count: int) -> list[Json]:
    return [{"properties": {name: {"type": "string"}}, "required": [name]} for name in names(count)]


def chain(count: int) -> Json:
    return {"$defs": {f"d{each}": {"allOf": [{"$ref": f"#/$defs/d{each + 1}"}]} for each in range(count)}}


def wide(count: int) -> Json:
    """Many references to one large schema."""
    large = {"properties": {name: {"type": "string", "minLength": 1} for name in names(count)}}
    return {"$defs": {"large": large}, "properties": {name: {"$ref": "#/$defs/large"} for name in names(count)}}


def many_to_one(count: int) -> Json:
    """Many references of different texts to one schema with many others."""
    leaves = {name: {"$ref": f"#{name}/$defs/leaf"} for name in names(count, "q")}
    definitions = {"large": {"type": "object", "properties": leaves}, "leaf": {"type": "string"}}
    return {"$defs": definitions, "properties": {name: {"$ref": f"#{name}/$defs/large"} for name in names(count)}}


def reasoned(count: int) -> Json:
    details = [{"type": "reasoning.text", "text": "a", "index": 0}] * count
    return {"messages": [user(text()), {"role": "assistant", "content": "x", "reasoning_details": details}]}


CHAT: dict[str, Make] = {
    "turns": lambda n: {"messages": [user(text()), {"role": "assistant", "content": "x"}] * n},
    "turns of one role": lambda n: {"messages": [user(text())] * n},
    "later instructions": lambda n: {"messages": [user(text()), {"role": "system", "content": "x"}] * n},
    "empty answers": lambda n: {"messages": [user(text()), {"role": "assistant", "content": ""}] * n},
    "empty turns of the user": lambda n: {"messages": [{"role": "user", "content": ""}] * n},
    "texts": lambda n: one_turn(*[text()] * n),
    "blank texts": lambda n: one_turn(*[text(" ")] * n, text()),
    "names of participants": lambda n: {"messages": [{"role": "user", "content": "x", "name": "a"}] * n},
    "images": lambda n: chat_part("image_url", image(PNG), n),
    "images that are none": lambda n: chat_part("image_url", image("aGk="), n),
    "images that are no base64": lambda n: chat_part("image_url", image("%"), n),
    "documents of one name": lambda n: chat_part("file", file("a"), n),
    "documents of numbered names": lambda n: one_turn(
        *({"type": "file", "file": file("a" if number % 3 else f"a ({number})")} for number in range(n))
    ),
    "calls and results": chat_calls,
    "calls with ids that Bedrock rejects": lambda n: chat_calls(n, "c:"),
    "calls with broken arguments": lambda n: chat_calls(n, arguments="{"),
    "calls without tools": lambda n: {"messages": chat_calls(n)["messages"]},
    "calls without results": lambda n: {"messages": chat_calls(n)["messages"][:2], **chat_tool({})},
    "steps with marks": chat_steps,
    "marks": lambda n: one_turn(*[text(**MARK)] * n),
    "marks behind reasoning": lambda n: {
        "messages": [
            turn
            for _ in range(n)
            for turn in (user(text()), {"role": "assistant", "content": "", "reasoning_content": "a", **MARK})
        ]
    },
    "reasoning in pieces": reasoned,
    "tools": chat_tools,
    "tools with blank descriptions": lambda n: chat_tools(n, description=" ", strict=False),
    "strict tools": lambda n: chat_tools(n, strict=True, parameters={"properties": {"a": {"minimum": 1}}}),
    "tools of one name": lambda n: {**one_turn(text()), "tools": chat_tool({})["tools"] * n},
    "tools that are called like the answer": lambda n: {
        **chat_answer({"additionalProperties": True}),
        "tools": [
            {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
            for name in ("json_answer", *(f"json_answer_{number}" for number in range(2, n)))
        ],
    },
    "custom tools": lambda n: {
        **one_turn(text()),
        "tools": [{"type": "custom", "custom": {"name": name}} for name in names(n)],
    },
    "properties": lambda n: chat_schema({"properties": {name: {"minLength": 1} for name in names(n)}}, strict=True),
    "branches": lambda n: chat_schema({"allOf": branches(n)}),
    "alternatives": lambda n: chat_schema({"anyOf": branches(n)}),
    "branches about one property": lambda n: chat_schema(
        {"allOf": [{"properties": {"p": {"maxLength": number}}} for number in range(n)]}
    ),
    "required names": lambda n: chat_schema({"anyOf": [{"required": names(n)}, {"required": names(n)[::-1]}]}),
    "references in a row": lambda n: chat_schema(
        {**chain(n), "allOf": [{"$ref": f"#/$defs/d{each}"} for each in range(n)]}
    ),
    "references to many others": lambda n: chat_schema(many_to_one(n), strict=True),
    "an answer's properties": lambda n: chat_answer({"properties": {name: {"minLength": 1} for name in names(n)}}),
    "an answer's references": lambda n: chat_answer(many_to_one(n)),
    "stop sequences": lambda n: {**one_turn(text()), "stop": ["a", " "] * n},
    "unknown members": lambda n: {**one_turn(text()), **dict.fromkeys(names(n), 1)},
    "unknown members of a turn": lambda n: {"messages": [{**user(text()), **dict.fromkeys(names(n), 1)}]},
    "unknown members of texts": lambda n: one_turn(*[text(zzz=1)] * n),
    "unknown kinds of parts": lambda n: one_turn(*[{"type": "zzz"}] * n),
    "wrong values": lambda n: {"messages": [{"role": "user", "content": 1}] * n},
    "wrong roles": lambda n: {"messages": [{"role": "zzz", "content": "x"}] * n},
}

# --- Anthropic's messages ---------------------------------------------------------------------------------------------


def answer(*content: Any) -> Json:
    return {"messages": [user(text()), {"role": "assistant", "content": [*content, text()]}, user(text())]}


def messages_tools(count: int, **more: Any) -> Json:
    tools = [{"name": name, "input_schema": {"type": "object"}, **more} for name in names(count)]
    return {**one_turn(text()), "tools": tools}


def messages_calls(count: int, **result: Any) -> Json:
    calls = [{"type": "tool_use", "id": each, "name": "f", "input": {}} for each in names(count)]
    results = [{"type": "tool_result", "tool_use_id": each, **result} for each in names(count)]
    turns = [user(text()), {"role": "assistant", "content": calls}, user(*results)]
    return {"messages": turns, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}


def served(kind: str, count: int) -> list[Json]:
    return [
        block
        for each in names(count)
        for block in (
            {"type": f"{kind}_tool_use", "id": each, "name": "a", "server_name": "b", "input": {}},
            {"type": f"{kind}_tool_result", "tool_use_id": each, "content": []},
        )
    ]


PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
WRITTEN = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
MESSAGES: dict[str, Make] = {
    "turns": CHAT["turns"],
    "later instructions": lambda n: {"messages": [user(text()), {"role": "system", "content": "x"}] * n},
    "empty answers": lambda n: {"messages": [user(text()), {"role": "assistant", "content": []}] * n + [user(text())]},
    "texts": CHAT["texts"],
    "blank texts": CHAT["blank texts"],
    "marks": lambda n: one_turn(*[text(cache_control={"type": "ephemeral", "ttl": "1h", "scope": "global"})] * n),
    "documents": lambda n: one_turn(*[WRITTEN] * n),
    "thoughts without a signature": lambda n: answer(*[{"type": "thinking", "thinking": "a"}] * n),
    "tools": lambda n: messages_tools(n, strict=True, custom={}, eager_input_streaming=True, **MARK),
    "tools that Bedrock takes": messages_tools,
    "calls and results": messages_calls,
    "results with images": lambda n: messages_calls(1, content=[PICTURE] * n),
    "calls of servers": lambda n: answer(*served("mcp", n)),
    "blocks that Bedrock refuses": lambda n: one_turn(text(), *[{"type": "container_upload", "file_id": "a"}] * n),
    "tools of servers": lambda n: {
        **one_turn(text()),
        "tools": [*messages_tools(1)["tools"], *({"type": "web_search_20250305", "name": each} for each in names(n))],
    },
    "billing lines": lambda n: {**one_turn(text()), "system": [text("x-anthropic-billing-header: a\ny")] * n},
    "blocks of billing lines": lambda n: {**one_turn(text()), "system": [text("x-anthropic-billing-header: a")] * n},
    "edits of the context": lambda n: {
        **one_turn(text()),
        "context_management": {"edits": [{"type": "clear_thinking_20251015"}] * n},
    },
    "unknown members": CHAT["unknown members"],
    "wrong values": CHAT["wrong values"],
}

# --- OpenAI's responses -----------------------------------------------------------------------------------------------


def function(name: str) -> Json:
    return {"type": "function", "name": name, "parameters": {"type": "object"}}


def responses_steps(count: int) -> Json:
    steps = [
        item
        for each in names(count)
        for item in (
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]},
            {"type": "function_call", "call_id": each, "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": each, "output": "r"},
        )
    ]
    return {"input": [user({"type": "input_text", "text": "x"}), *steps], "tools": [function("f")]}


RESPONSES: dict[str, Make] = {
    "items": lambda n: {"input": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "x"}] * n},
    "parts": lambda n: {"input": [user(*[{"type": "input_text", "text": "x"}] * n)]},
    "steps": responses_steps,
    "unknown items": lambda n: {"input": [{"type": "zzz"}] * n + [{"role": "user", "content": "x"}]},
    "tools": lambda n: {"input": "x", "tools": [function(each) for each in names(n)]},
    "custom tools": lambda n: {"input": "x", "tools": [{"type": "custom", "name": each} for each in names(n)]},
    "tools of a namespace": lambda n: {
        "input": "x",
        "tools": [{"type": "namespace", "name": "n", "tools": [function(each) for each in names(n)]}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "namespace", "name": "n"}] * n},
    },
    "namespaces": lambda n: {
        "input": "x",
        "tools": [{"type": "namespace", "name": each, "tools": [function("f")]} for each in names(n)],
    },
    "allowed tools": lambda n: {
        "input": "x",
        "tools": [function(each) for each in names(n)],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": each} for each in names(n)],
        },
    },
    "tools in the conversation": lambda n: {
        "input": [{"role": "user", "content": "x"}]
        + [{"type": "additional_tools", "tools": [function(each)]} for each in names(n)],
    },
    "searches": lambda n: {"input": "x", "tools": [{"type": "web_search"}] * n},
    "unknown members": lambda n: {"input": "x", **dict.fromkeys(names(n), 1)},
    "wrong values": lambda n: {"input": [{"role": "user", "content": 1}] * n},
}

# For each byte of a body: a part of some ten bytes costs some hundred lines at most.
MOST_STEPS = 40

DIALECTS: dict[str, tuple[Wire, Schema, Json, dict[str, Make]]] = {
    "chat": (openai_chat.WIRE, openai_chat_body.Body(), {}, CHAT),
    "messages": (anthropic.WIRE, anthropic_messages_body.Body(), {"max_tokens": 5000}, MESSAGES),
    "responses": (openai_responses.WIRE, openai_responses_body.Body(), {}, RESPONSES),
}


def translate(dialect: str, name: str, body: Json) -> None:
    """Check a body, read it and write what the model gets; a refusal costs its steps, too."""
    wire, schema, _, _ = DIALECTS[dialect]
    model = MODELS.resolve(name, "us-east-1")
    if any(not fault.unknown for fault in find_faults(schema, body)):
        return
    if dialect == "messages" and name == "claude":
        edited = edit_members(body, model.capabilities)
        edit_turns(edited.body, model.capabilities)
        return
    assert wire.read_request is not None
    for each in (body, mark_places(body)):
        try:
            request = wire.read_request(each)
        except InvalidBody as error:
            request = error.rest
        try:
            build_bedrock_request(model, request, hints=wire.hints, policy=DROP)
        except InvalidBody:
            continue


def list_cases() -> Iterator[tuple[str, str]]:
    for dialect, (_, _, _, cases) in DIALECTS.items():
        yield from ((dialect, case) for case in cases)


@pytest.mark.parametrize(("dialect", "case"), [*list_cases()], ids=lambda each: str(each).replace(" ", "-"))
def test_four_times_the_parts_take_about_four_times_the_steps(dialect: str, case: str) -> None:
    _, _, members, cases = DIALECTS[dialect]
    for name in NAMES[dialect]:

        def make(parts: int, name: str = name) -> Json:
            return {"model": name, **members, **cases[case](parts)}

        def count(body: Json, name: str = name) -> int:
            return count_steps(lambda: translate(dialect, name, body))

        # What is done once is done at the first.
        count(make(2))
        few, many = count(make(25)), count(large := make(100))
        # In proportion to the square it would be sixteen times.
        assert many < 4.8 * few, f"{name}: {few} and {many}"
        assert many < MOST_STEPS * len(json.dumps(large)), f"{name}: {many}"


def find_fault(data: bytes) -> None:
    with pytest.raises(MalformedJSON):
        parse(data)


FUNCTIONS: dict[str, Callable[[int], object]] = {
    "an estimate of tokens": lambda n: estimate_tokens(one_turn(*[{"text": "x"}] * n)),
    "a data URI of percent signs": lambda n: data_uri.read("data:image/png;base64," + "%41" * 4 * n),
    "a data URI of parameters": lambda n: data_uri.read("data:image/png" + ";a=b" * n + ";base64,aGk="),
    "members that are cut": lambda n: envelope.splice(
        json.dumps(dict.fromkeys(names(n), 1)), names(n)[::2], {"new": "1", "p1": "2"}
    ),
    "items that are cut": lambda n: remove_items(json.dumps({"a": [*range(n)]}), "a", range(0, n, 2)),
    "values that are dropped": lambda n: drop_at({"a": [{}] * n}, [("a", each) for each in range(n)]),
    "strict JSON": lambda n: parse(write([{"a": [each]} for each in range(n)])),
    "a fault at the end of strict JSON": lambda n: find_fault(write([{"a": [each]} for each in range(n)]) + b"x"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_four_times_the_text_takes_about_four_times_the_steps(name: str) -> None:
    run = FUNCTIONS[name]
    run(2)
    assert count_steps(lambda: run(400)) < 4.8 * count_steps(lambda: run(100))
