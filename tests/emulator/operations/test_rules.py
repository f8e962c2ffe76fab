"""What Bedrock refuses by the model's capabilities: the emulator refuses it too, in Bedrock's words."""

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
    tool = {"name": "f", "input_schema": {"type": "object"}, "strict": True}
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
    text_format = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type": "object"}', "name": "x"}}}
    for model, status in ((OPUS_4_7, 400), (SONNET_4_5, 200)):
        assert invoke(emulator, model, output_config=form)[0] == status, model
        assert converse(emulator, model, outputConfig={"textFormat": text_format})[0] == status, model
    assert converse(emulator, NOVA, outputConfig={"textFormat": text_format})[0] == 400
