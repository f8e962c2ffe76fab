"""An answer in JSON, in every API: by structured output, or else by a tool whose input is the answer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import pytest
import requests

from tests.doubles import Emulator, Gateway
from tests.sse_decoder import Decoder

Json = dict[str, Any]

OPUS_4_6, SONNET_4_5 = "anthropic.claude-opus-4-6-v1", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS_4_7, OPUS_5, OPUS_5_5 = (
    "us.anthropic.claude-opus-4-7",
    "anthropic.claude-opus-5",
    "global.anthropic.claude-opus-5-5",
)
SONNET_3_7 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
NOVA, UNCLAIMED = "amazon.nova-pro-v1:0", "acme.thinker-9"
NATIVE, BY_TOOL = (OPUS_4_6, SONNET_4_5), (OPUS_4_7, OPUS_5, SONNET_3_7, NOVA, UNCLAIMED)
DIALECTS = ("chat", "responses", "messages")
SCHEMA: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 3, "maximum": 9},
        "home": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
    },
    "required": ["name", "age", "home", "tags"],
}
PLAIN: Json = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
TOOL: Json = {"name": "look_up", "description": "Look up a person.", "parameters": PLAIN}


@dataclass
class Answer:
    """What a client learns from an answer."""

    status: int
    text: str = ""
    stop: str = ""
    calls: list[str] = field(default_factory=list)
    body: str = ""
    headers: Any = None

    @property
    def translated(self) -> list[str]:
        return [name for name in self.headers.get("x-bedrock-flask-translated", "").split(", ") if name]


def make_body(dialect: str, model: str, schema: Json | None, tools: Any = (), prompt: Any = None, **more: Any) -> Json:
    """A request for JSON; without a schema for any object."""
    turns = prompt or [{"role": "user", "content": "Describe a person as JSON."}]
    if dialect == "chat":
        form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
        body = {"messages": turns, "response_format": form if schema else {"type": "json_object"}}
        given = [{"type": "function", "function": tool} for tool in tools]
    elif dialect == "responses":
        form = {"type": "json_schema", "name": "person", "schema": schema}
        body = {"input": turns, "text": {"format": form if schema else {"type": "json_object"}}}
        given = [{"type": "function", "strict": False, **tool} for tool in tools]
    else:
        body = {
            "messages": turns,
            "max_tokens": 500,
            "output_config": {"format": {"type": "json_schema", "schema": schema}},
        }
        given = [
            {"input_schema": tool["parameters"], **{name: tool[name] for name in tool if name != "parameters"}}
            for tool in tools
        ]
    return {"model": model, **body, **({"tools": given} if given else {}), **more}


PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}


def ask(gateway: Gateway, dialect: str, body: Json, stream: bool = False, **options: Any) -> Answer:
    response = gateway.post(PATHS[dialect], {**body, "stream": stream}, **options)
    if response.status_code != 200:
        return Answer(response.status_code, body=response.text, headers=response.headers)
    read = READ_STREAM[dialect](read_events(response)) if stream else READ[dialect](response.json())
    return Answer(200, *read, body=response.text, headers=response.headers)


def read_events(response: requests.Response) -> Iterator[Json]:
    for event in Decoder().feed(response.content):
        if event.data != "[DONE]":
            yield json.loads(event.data)


def read_chat(reply: Json) -> tuple[str, str, list[str]]:
    choice = reply["choices"][0]
    calls = [call["function"]["name"] for call in choice["message"].get("tool_calls") or ()]
    return choice["message"].get("content") or "", choice["finish_reason"], calls


def read_responses(reply: Json) -> tuple[str, str, list[str]]:
    texts = [part["text"] for item in reply["output"] if item["type"] == "message" for part in item["content"]]
    calls = [item["name"] for item in reply["output"] if item["type"] == "function_call"]
    return "".join(texts), reply["status"], calls


def read_messages(reply: Json) -> tuple[str, str, list[str]]:
    texts = [block["text"] for block in reply["content"] if block["type"] == "text"]
    calls = [block["name"] for block in reply["content"] if block["type"] == "tool_use"]
    return "".join(texts), reply["stop_reason"], calls


def read_chat_stream(events: Iterator[Json]) -> tuple[str, str, list[str]]:
    text, stop, calls = "", "", []
    for event in events:
        for choice in event["choices"]:
            text += choice["delta"].get("content") or ""
            stop = choice.get("finish_reason") or stop
            calls += [call["function"]["name"] for call in choice["delta"].get("tool_calls") or () if call.get("id")]
    return text, stop, calls


def read_responses_stream(events: Iterator[Json]) -> tuple[str, str, list[str]]:
    all_events = [*events]
    deltas = "".join(event["delta"] for event in all_events if event["type"] == "response.output_text.delta")
    text, stop, calls = read_responses(all_events[-1]["response"])
    assert text == deltas
    return text, stop, calls


def read_messages_stream(events: Iterator[Json]) -> tuple[str, str, list[str]]:
    text, stop, calls, open_blocks = "", "", [], []
    for event in events:
        if event["type"] == "content_block_start":
            # Clients count the blocks.
            assert event["index"] == len(open_blocks)
            open_blocks.append(event["content_block"]["type"])
            calls += [event["content_block"]["name"]] if event["content_block"]["type"] == "tool_use" else []
        elif event["type"] == "content_block_delta":
            kind = event["delta"]["type"]
            assert (kind, open_blocks[event["index"]]) in (("text_delta", "text"), ("input_json_delta", "tool_use"))
            text += event["delta"].get("text", "")
        elif event["type"] == "message_delta":
            stop = event["delta"]["stop_reason"]
    assert event["type"] == "message_stop"
    return text, stop, calls


READ = {"chat": read_chat, "responses": read_responses, "messages": read_messages}
READ_STREAM = {"chat": read_chat_stream, "responses": read_responses_stream, "messages": read_messages_stream}
WHOLE = {"chat": "stop", "responses": "completed", "messages": "end_turn"}
FORMAT = {"chat": "response_format", "responses": "text.format", "messages": "output_config.format"}
SCHEMA_AT = {
    "chat": "response_format.json_schema.schema",
    "responses": "text.format.schema",
    "messages": "output_config.format.schema",
}


def sent(emulator: Emulator) -> Any:
    """The body of the last call."""
    return json.loads(emulator.calls()[-1]["body"])


def find_tools(body: Json) -> list[Json]:
    """The tools of a body in either format, as in Claude's."""
    if "toolConfig" not in body:
        return list(body.get("tools") or ())
    specs = [tool["toolSpec"] for tool in body["toolConfig"]["tools"]]
    return [{**spec, "input_schema": spec["inputSchema"]["json"]} for spec in specs]


def has_format(body: Json) -> bool:
    holders = (body.get("outputConfig"), body.get("output_config"), body.get("text"))
    return "response_format" in body or any({"textFormat", "format"} & {*(holder or ())} for holder in holders)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", [*NATIVE, *BY_TOOL])
def test_the_answer_fits_the_schema(
    gateway: Gateway, emulator: Emulator, model: str, dialect: str, stream: bool
) -> None:
    answer = ask(gateway, dialect, make_body(dialect, model, SCHEMA), stream)
    assert answer.status == 200, answer.body
    assert (answer.stop, answer.calls) == (WHOLE[dialect], [])
    value = json.loads(answer.text)
    if model in BY_TOOL:
        # Every bound is in the tool's schema.
        jsonschema.validate(value, SCHEMA)
        assert not has_format(sent(emulator))
        [tool] = find_tools(sent(emulator))
        assert tool["input_schema"]["properties"] == SCHEMA["properties"]
        assert answer.translated == [FORMAT[dialect]]
    else:
        assert value.keys() == SCHEMA["properties"].keys()
        assert has_format(sent(emulator))
        assert find_tools(sent(emulator)) == []
    assert "x-bedrock-flask-dropped" not in answer.headers


@pytest.mark.parametrize(
    ("model", "way"),
    [
        ("qwen.qwen3-32b-v1:0", "native"),
        ("openai.gpt-oss-120b-1:0", "native"),
        ("us.openai.gpt-5.6-sol", "native"),
        ("deepseek.v3-v1:0", "native"),
        ("google.gemma-3-27b-it", "native"),
        ("minimax.minimax-m2", "native"),
        ("mistral.magistral-small-2509", "native"),
        ("moonshot.kimi-k2-thinking", "native"),
        ("nvidia.nemotron-nano-3-30b", "native"),
        ("mistral.mistral-large-2407-v1:0", "tool"),
        ("cohere.command-r-plus-v1:0", "tool"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "tool"),
        ("us.meta.llama3-3-70b-instruct-v1:0", "cannot be forced to use a tool"),
        ("us.anthropic.claude-sonnet-5-5", "cannot be forced to use a tool"),
        ("us.deepseek.r1-v1:0", "has no tools"),
    ],
)
def test_each_family_answers_in_json_in_its_own_way(gateway: Gateway, emulator: Emulator, model: str, way: str) -> None:
    for dialect in DIALECTS:
        answer = ask(gateway, dialect, make_body(dialect, model, SCHEMA))
        if way not in ("native", "tool"):
            assert (answer.status, way in answer.body, FORMAT[dialect] in answer.body) == (400, True, True)
            continue
        assert answer.status == 200, answer.body
        assert json.loads(answer.text).keys() == SCHEMA["properties"].keys()
        assert has_format(sent(emulator)) == (way == "native")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_schema_is_closed_and_its_bounds_are_described(gateway: Gateway, emulator: Emulator, dialect: str) -> None:
    answer = ask(gateway, dialect, make_body(dialect, OPUS_4_6, SCHEMA))
    assert answer.status == 200, answer.body
    up = sent(emulator)
    if dialect == "messages":
        schema = up["output_config"]["format"]["schema"]
    else:
        schema = json.loads(up["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"])
    assert schema["additionalProperties"] is False
    assert schema["properties"]["home"]["additionalProperties"] is False
    assert schema["properties"]["age"] == {"type": "integer", "description": "(minimum: 3, maximum: 9)"}
    assert schema["properties"]["tags"]["description"] == "(minItems: 2)"
    base = SCHEMA_AT[dialect]
    assert sorted(answer.translated) == sorted(
        [
            f"{base}.additionalProperties",
            f"{base}.properties.name.maxLength",
            f"{base}.properties.age.minimum",
            f"{base}.properties.age.maximum",
            f"{base}.properties.tags.minItems",
        ]
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_schema_that_bedrock_takes_goes_up_as_it_came(gateway: Gateway, emulator: Emulator, dialect: str) -> None:
    answer = ask(gateway, dialect, make_body(dialect, OPUS_4_6, PLAIN))
    assert answer.status == 200, answer.body
    assert json.dumps(PLAIN) in json.dumps(sent(emulator)).replace('\\"', '"')
    assert answer.translated == []


NODE: Json = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "child": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
    "required": ["name", "child"],
}
OPEN = {
    "recursive": {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
    "open": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
    "map": {"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "integer"}}}},
    "free": {"type": "object"},
    "union": {"oneOf": [{"allOf": [PLAIN, {"required": ["name"]}]}, {"type": "null"}]},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", OPEN)
def test_a_schema_that_bedrock_cannot_express_is_required_by_a_tool(
    gateway: Gateway, emulator: Emulator, name: str, dialect: str, stream: bool
) -> None:
    for model in (OPUS_4_6, NOVA):
        answer = ask(gateway, dialect, make_body(dialect, model, OPEN[name]), stream)
        assert answer.status == 200, answer.body
        assert not has_format(sent(emulator))
        assert answer.translated == [FORMAT[dialect]]
        assert answer.stop == WHOLE[dialect]
        if (model, name) == (NOVA, "recursive"):
            # Its tools have no references: what is lost of a circle is reported.
            assert answer.headers["x-bedrock-flask-dropped"] == FORMAT[dialect]
        else:
            jsonschema.validate(json.loads(answer.text), OPEN[name])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ["chat", "responses"])
@pytest.mark.parametrize("model", [*NATIVE, *BY_TOOL])
def test_any_json_object_is_required_by_a_tool(
    gateway: Gateway, emulator: Emulator, model: str, dialect: str, stream: bool
) -> None:
    answer = ask(gateway, dialect, make_body(dialect, model, None), stream)
    assert answer.status == 200, answer.body
    assert isinstance(json.loads(answer.text), dict)
    assert (answer.stop, answer.calls, answer.translated) == (WHOLE[dialect], [], [FORMAT[dialect]])
    [tool] = find_tools(sent(emulator))
    # A model answers `{}` to an object without a property.
    assert len(tool["input_schema"]["required"]) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("policy", ["error", "drop"])
def test_a_model_that_cannot_be_forced_refuses_it_by_name(
    gateway: Gateway, dialect: str, policy: str, stream: bool
) -> None:
    headers = {"x-bedrock-flask-unsupported": policy}
    answer = ask(gateway, dialect, make_body(dialect, OPUS_5_5, PLAIN), stream, headers=headers)
    assert answer.status == 400
    assert FORMAT[dialect] in answer.body
    assert "cannot be forced to use a tool" in answer.body


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_json_without_a_schema_is_refused_by_its_name(gateway: Gateway, dialect: str) -> None:
    for policy in ("error", "drop"):
        headers = {"x-bedrock-flask-unsupported": policy}
        answer = ask(gateway, dialect, make_body(dialect, OPUS_5_5, None), headers=headers)
        assert (answer.status, FORMAT[dialect] in answer.body) == (400, True), answer.body


def test_beside_reasoning_only_structured_output_requires_json(gateway: Gateway, emulator: Emulator) -> None:
    thinking = {"type": "adaptive"}
    for model, status in ((OPUS_4_6, 200), (OPUS_4_7, 400), (OPUS_5, 200)):
        answer = ask(gateway, "messages", make_body("messages", model, PLAIN, thinking=thinking))
        assert answer.status == status, (model, answer.body)
        if status == 400:
            assert all(name in answer.body for name in ("output_config.format", "thinking"))
    recursive = make_body("messages", OPUS_4_6, OPEN["recursive"], thinking=thinking)
    answer = ask(gateway, "messages", recursive)
    assert (answer.status, "output_config.format.schema.$ref: leads back" in answer.body) == (400, True), answer.body
    # In OpenAI's formats an effort stands for it where the model has budgets.
    answer = ask(gateway, "chat", make_body("chat", SONNET_3_7, PLAIN, reasoning_effort="low"))
    assert (answer.status, "response_format" in answer.body) == (400, True), answer.body
    answer = ask(gateway, "chat", make_body("chat", OPUS_5, PLAIN, reasoning_effort="low"))
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", BY_TOOL)
def test_beside_the_callers_tools_the_model_works_on_or_answers(
    gateway: Gateway, emulator: Emulator, model: str, dialect: str, stream: bool
) -> None:
    body = make_body(dialect, model, PLAIN, [TOOL])
    answer = ask(gateway, dialect, body, stream)
    assert answer.status == 200, answer.body
    assert answer.calls == ["look_up"]
    assert answer.text == ""
    assert [tool["name"] for tool in find_tools(sent(emulator))] == ["look_up", "json_answer"]
    choice = (sent(emulator).get("toolConfig") or {}).get("toolChoice") or sent(emulator).get("tool_choice")
    assert choice in ({"any": {}}, {"type": "any"})
    # With the result of the call it answers.
    answer = ask(gateway, dialect, {**body, **CONTINUED[dialect]}, stream)
    assert answer.status == 200, answer.body
    assert (answer.calls, answer.stop) == ([], WHOLE[dialect])
    jsonschema.validate(json.loads(answer.text), PLAIN)


ASKED = {"role": "user", "content": "Describe a person as JSON."}
CONTINUED: dict[str, Json] = {
    "chat": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "Ann"},
        ]
    },
    "responses": {
        "input": [
            ASKED,
            {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "Ann"},
        ]
    },
    "messages": {
        "messages": [
            ASKED,
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "Ann"}]},
        ]
    },
}
REQUIRED = {"chat": "required", "responses": "required", "messages": {"type": "any"}}
NO_CALL = {"chat": "none", "responses": "none", "messages": {"type": "none"}}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", [OPUS_4_7, NOVA])
def test_the_callers_choice_of_tools_holds(gateway: Gateway, emulator: Emulator, model: str, dialect: str) -> None:
    # A turn that must be a call of the caller's tools cannot be the answer.
    answer = ask(gateway, dialect, make_body(dialect, model, PLAIN, [TOOL], tool_choice=REQUIRED[dialect]))
    assert (answer.status, answer.calls) == (200, ["look_up"]), answer.body
    assert [tool["name"] for tool in find_tools(sent(emulator))] == ["look_up"]
    # One that must not be a call is the answer.
    for more in ({}, CONTINUED[dialect]):
        body = make_body(dialect, model, PLAIN, [TOOL], tool_choice=NO_CALL[dialect])
        answer = ask(gateway, dialect, {**body, **more})
        assert (answer.status, answer.calls) == (200, []), answer.body
        jsonschema.validate(json.loads(answer.text), PLAIN)


def test_the_added_tool_has_a_name_of_its_own(gateway: Gateway, emulator: Emulator) -> None:
    body = make_body("chat", NOVA, PLAIN, [{**TOOL, "name": "json_answer"}])
    answer = ask(gateway, "chat", body)
    assert (answer.status, answer.calls) == (200, ["json_answer"]), answer.body
    assert [tool["name"] for tool in find_tools(sent(emulator))] == ["json_answer", "json_answer_2"]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", [SONNET_4_5, OPUS_5])
def test_strict_tools_are_closed_or_not_strict(gateway: Gateway, emulator: Emulator, model: str, dialect: str) -> None:
    tools = [
        {"name": "bounded", "strict": True, "parameters": SCHEMA},
        {"name": "tree", "strict": True, "parameters": {**NODE, "$defs": {"Node": NODE}}},
        {"name": "lax", "parameters": SCHEMA},
    ]
    body = make_body(dialect, model, PLAIN, tools)
    del body[{"chat": "response_format", "responses": "text", "messages": "output_config"}[dialect]]
    answer = ask(gateway, dialect, body)
    assert answer.status == 200, answer.body
    bounded, tree, lax = find_tools(sent(emulator))
    assert bounded["strict"] is True
    assert bounded["input_schema"]["properties"]["home"]["additionalProperties"] is False
    assert "maximum" not in bounded["input_schema"]["properties"]["age"]
    assert "strict" not in tree
    assert lax["input_schema"] == SCHEMA
    assert any("age.maximum" in path for path in answer.translated)
    assert "strict" in answer.headers["x-bedrock-flask-dropped"]


def test_no_more_tools_are_strict_than_bedrock_takes(gateway: Gateway, emulator: Emulator) -> None:
    tools = [{"name": f"t{number}", "strict": True, "parameters": PLAIN} for number in range(22)]
    body = make_body("chat", SONNET_4_5, PLAIN, tools)
    answer = ask(gateway, "chat", body)
    assert answer.status == 200, answer.body
    assert sum(tool.get("strict", False) for tool in find_tools(sent(emulator))) == 20
    assert answer.headers["x-bedrock-flask-dropped"].count("strict") == 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", [OPUS_4_6])
def test_an_answer_that_is_cut_short_says_so(gateway: Gateway, model: str, dialect: str, stream: bool) -> None:
    limit = {"chat": "max_completion_tokens", "responses": "max_output_tokens", "messages": "max_tokens"}[dialect]
    answer = ask(gateway, dialect, make_body(dialect, model, SCHEMA, **{limit: 4}), stream)
    assert answer.stop == {"chat": "length", "responses": "incomplete", "messages": "max_tokens"}[dialect]


def test_tokens_are_counted_with_the_tool(gateway: Gateway) -> None:
    body = make_body("messages", SONNET_3_7, SCHEMA)
    del body["max_tokens"]
    without = {name: value for name, value in body.items() if name != "output_config"}
    counts = [gateway.post("/v1/messages/count_tokens", each).json()["input_tokens"] for each in (without, body)]
    assert counts[1] > counts[0]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_property_may_have_any_name(gateway: Gateway, dialect: str, stream: bool) -> None:
    # Claude takes no such name at the root of a tool's schema.
    schema = {"type": "object", "properties": {"what is it?": {"type": "string"}}, "required": ["what is it?"]}
    for model in (OPUS_4_6, OPUS_4_7, NOVA):
        answer = ask(gateway, dialect, make_body(dialect, model, schema), stream)
        assert answer.status == 200, answer.body
        jsonschema.validate(json.loads(answer.text), schema)
