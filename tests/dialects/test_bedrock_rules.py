"""What clients send and Bedrock refuses is translated, or refused by name; the emulator refuses it as Bedrock does."""

import base64
import json
from typing import Any

import pytest
import requests

from tests.doubles import Emulator, Gateway

OPUS_4_6, OPUS_4_7, OPUS_4_8 = (
    "anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
)
SONNET_4_5 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SONNET_5, OPUS_5, OPUS_5_5 = (
    "us.anthropic.claude-sonnet-5",
    "anthropic.claude-opus-5",
    "global.anthropic.claude-opus-5-5",
)
NOVA, MISTRAL = "amazon.nova-pro-v1:0", "mistral.mistral-large-2407-v1:0"
SAYS = [{"role": "user", "content": "Tell me something."}]


def message(gateway: Gateway, model: str, headers: dict[str, str] | None = None, **more: Any) -> requests.Response:
    body = {"model": model, "max_tokens": 50, "messages": SAYS, **more}
    return gateway.post("/v1/messages", body, headers=headers or {})


def sent(emulator: Emulator) -> Any:
    """The body of the last call."""
    return json.loads(emulator.calls()[-1]["body"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "version", "up"),
    [
        (OPUS_4_6, "2026-10-21", "bedrock-2023-05-31"),
        (SONNET_4_5, "2026-10-21", "bedrock-2023-05-31"),
        (OPUS_4_7, "2026-10-21", "2026-10-21"),
        (OPUS_5_5, "2026-10-21", "2026-10-21"),
        (OPUS_5_5, "2023-06-01", "bedrock-2023-05-31"),
        (OPUS_5_5, "", "bedrock-2023-05-31"),
        # A version that nobody knows yet.
        (OPUS_5_5, "2031-01-01", "2026-10-21"),
        (OPUS_4_6, "2031-01-01", "bedrock-2023-05-31"),
    ],
)
def test_the_version_is_one_that_the_model_has(
    gateway: Gateway, emulator: Emulator, model: str, version: str, up: str, stream: bool
) -> None:
    response = message(gateway, model, {"anthropic-version": version}, stream=stream)
    assert response.status_code == 200, response.text
    assert sent(emulator)["anthropic_version"] == up


def test_tokens_are_counted_with_a_version_that_the_model_has(gateway: Gateway, emulator: Emulator) -> None:
    body = {"model": OPUS_4_6, "messages": SAYS}
    response = gateway.post("/v1/messages/count_tokens", body, headers={"anthropic-version": "2026-10-21"})
    assert response.status_code == 200, response.text
    counted = json.loads(base64.b64decode(sent(emulator)["input"]["invokeModel"]["body"]))
    assert counted["anthropic_version"] == "bedrock-2023-05-31"
