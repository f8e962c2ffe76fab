"""What Bedrock refuses by the model's capabilities: the emulator refuses it too, in Bedrock's words."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, StartEmulator

OPUS_4_6, OPUS_4_7, OPUS_4_8 = (
    "anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
)
SONNET_4_5 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-pro-v1:0"
SAYS = [{"role": "user", "content": "Tell me something."}]


def invoke(emulator: Emulator, model: str, stream: bool = False, **more: Any) -> tuple[int, str]:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": SAYS, **more}
    path = "invoke-with-response-stream" if stream else "invoke"
    response = emulator.post(f"/model/{model}/{path}", body)
    return response.status_code, response.text


def converse(emulator: Emulator, model: str, stream: bool = False, **more: Any) -> tuple[int, str]:
    body = {"messages": [{"role": "user", "content": [{"text": "Tell me something."}]}], **more}
    response = emulator.post(f"/model/{model}/{'converse-stream' if stream else 'converse'}", body)
    return response.status_code, response.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_version_that_the_model_does_not_have_is_refused(emulator: Emulator, stream: bool) -> None:
    for model in (OPUS_4_6, SONNET_4_5):
        status, text = invoke(emulator, model, stream, anthropic_version="2026-10-21")
        assert (status, "Invalid API version: 2026-10-21" in text) == (400, True), model
    assert invoke(emulator, OPUS_4_7, stream, anthropic_version="2026-10-21")[0] == 200


def test_a_lenient_emulator_accepts_what_the_rules_refuse(start_emulator: StartEmulator) -> None:
    assert invoke(start_emulator("--lenient"), OPUS_4_6, anthropic_version="2026-10-21")[0] == 200


def test_a_system_message_among_the_others_is_refused(emulator: Emulator) -> None:
    turns = [*SAYS, {"role": "system", "content": "Answer in French."}]
    for model in (SONNET_4_5, OPUS_4_6, OPUS_4_7):
        status, text = invoke(emulator, model, messages=turns)
        assert (status, "Unexpected role" in text) == (400, True), model
    assert invoke(emulator, OPUS_4_8, messages=turns)[0] == 200
    turns = [{"role": each["role"], "content": [{"text": each["content"]}]} for each in turns]
    status, text = converse(emulator, NOVA, messages=turns)
    assert (status, "messages.2.member.role" in text) == (400, True)


def test_an_empty_turn_is_refused(emulator: Emulator) -> None:
    turns = [*SAYS, {"role": "assistant", "content": []}, *SAYS]
    assert "all messages must have non-empty content" in invoke(emulator, OPUS_4_6, messages=turns)[1]


def test_strict_tools_are_refused_by_the_models_that_do_not_have_them(emulator: Emulator) -> None:
    tool = {"name": "f", "input_schema": {"type": "object", "additionalProperties": False}, "strict": True}
    spec = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}, "strict": False}}
    for model, status in ((OPUS_4_7, 400), (SONNET_4_5, 200), ("anthropic.claude-opus-5", 200)):
        assert invoke(emulator, model, tools=[tool])[0] == status, model
        assert converse(emulator, model, toolConfig={"tools": [spec]})[0] == status, model
    words = "tools.0.custom.strict: Extra inputs are not permitted"
    assert words in invoke(emulator, OPUS_4_7, tools=[tool])[1]
    assert words in converse(emulator, NOVA, toolConfig={"tools": [spec]})[1]


def test_a_schema_for_the_answer_is_refused_by_the_models_that_take_none(emulator: Emulator) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = {"format": {"type": "json_schema", "schema": schema}}
    definition = {"schema": json.dumps(schema), "name": "x"}
    text_format = {"type": "json_schema", "structure": {"jsonSchema": definition}}
    for model, status in ((OPUS_4_7, 400), (SONNET_4_5, 200)):
        assert invoke(emulator, model, output_config=form)[0] == status, model
        assert converse(emulator, model, outputConfig={"textFormat": text_format})[0] == status, model
    assert converse(emulator, NOVA, outputConfig={"textFormat": text_format})[0] == 400


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({}, "For 'object' type, 'additionalProperties' must be explicitly set to false"),
        (
            {"additionalProperties": False, "properties": {"n": {"type": "integer", "minimum": 1}}},
            "For 'integer' type, property 'minimum' is not supported",
        ),
    ],
)
def test_an_open_schema_and_bounds_are_refused(emulator: Emulator, part: Any, words: str) -> None:
    schema = {"type": "object", **part}
    form = {"type": "json_schema", "schema": schema}
    assert f"output_config.format.schema: {words}" in invoke(emulator, SONNET_4_5, output_config={"format": form})[1]
    definition = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema)}}}
    status, text = converse(emulator, SONNET_4_5, outputConfig={"textFormat": definition})
    assert status == 400
    assert f"The model returned the following errors: output_config.format.schema: {words}" in text
    tool = {"name": "f", "input_schema": schema, "strict": True}
    assert f"tools.0.custom: {words}" in invoke(emulator, SONNET_4_5, tools=[tool])[1]
    spec = {"name": "f", "inputSchema": {"json": schema}, "strict": True}
    assert f"tools.0.custom: {words}" in converse(emulator, SONNET_4_5, toolConfig={"tools": [{"toolSpec": spec}]})[1]
    # Other tools may have any schema.
    assert invoke(emulator, SONNET_4_5, tools=[{**tool, "strict": False}])[0] == 200


def test_a_schema_that_is_no_json_is_refused(emulator: Emulator) -> None:
    definition = {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}
    assert converse(emulator, SONNET_4_5, outputConfig={"textFormat": definition})[0] == 400


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_satisfies_its_schema_in_both_formats(emulator: Emulator, stream: bool) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "schema": schema}
    definition = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema)}}}
    if not stream:
        reply = json.loads(invoke(emulator, SONNET_4_5, output_config={"format": form})[1])
        assert json.loads(reply["content"][0]["text"]) == {"city": "city"}
        reply = json.loads(converse(emulator, SONNET_4_5, outputConfig={"textFormat": definition})[1])
        assert json.loads(reply["output"]["message"]["content"][0]["text"]) == {"city": "city"}
        return
    messages = [{"role": "user", "content": [{"text": "Tell me something."}]}]
    answer = emulator.client().converse_stream(
        modelId=SONNET_4_5, messages=messages, outputConfig={"textFormat": definition}
    )
    deltas = [event["contentBlockDelta"]["delta"]["text"] for event in answer["stream"] if "contentBlockDelta" in event]
    assert json.loads("".join(deltas)) == {"city": "city"}


GPT_OSS, QWEN = "openai.gpt-oss-20b-1:0", "qwen.qwen3-32b-v1:0"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def make_tools(schema: Any, **more: Any) -> Any:
    return {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": schema}, **more}}]}


def test_turns_come_in_any_order_where_aws_says_so_and_nowhere_else(emulator: Emulator) -> None:
    first, second = ({"role": role, "content": [{"text": "Hello."}]} for role in ("assistant", "user"))
    for turns, words in (([first, second], "must start with a user message"), ([second, second], "must alternate")):
        assert converse(emulator, GPT_OSS, messages=turns)[0] == 200
        status, text = converse(emulator, QWEN, messages=turns)
        assert (status, words in text) == (400, True)


def test_a_strict_tool_of_open_weights_need_not_say_that_it_is_closed(emulator: Emulator) -> None:
    assert converse(emulator, QWEN, toolConfig=make_tools(WEATHER, strict=True))[0] == 200
    words = "'additionalProperties' must be explicitly set to false"
    for model, schema in ((SONNET_4_5, WEATHER), (QWEN, {**WEATHER, "additionalProperties": True})):
        status, text = converse(emulator, model, toolConfig=make_tools(schema, strict=True))
        assert (status, words in text) == (400, True), model


def test_claudes_own_tools_are_taken_beside_those_of_converse(emulator: Emulator) -> None:
    own = {"tools": [{"type": "bash_20250124", "name": "bash"}]}
    status, text = converse(emulator, SONNET_4_5, toolConfig=make_tools(WEATHER), additionalModelRequestFields=own)
    assert status == 200, text


def test_old_reasoning_is_cleared_by_an_edit_with_its_beta(emulator: Emulator) -> None:
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 1}}]}
    beta = ["context-management-2025-06-27"]
    assert invoke(emulator, SONNET_4_5, context_management=edits, anthropic_beta=beta)[0] == 200
    assert "Extra inputs" in invoke(emulator, SONNET_4_5, context_management=edits)[1]
