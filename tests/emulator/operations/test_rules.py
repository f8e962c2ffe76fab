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
