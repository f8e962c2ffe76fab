"""Anthropic's own SDK for Bedrock, unmodified, against the emulator."""

from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import AnthropicBedrock, RateLimitError

from tests.doubles import Emulator

# Older models do not have the version that the client sends.
MODEL = "anthropic.claude-opus-5-5"
ASKED: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 60,
    "messages": [{"role": "user", "content": "Name three colours."}],
}
KEYS = {
    "a key pair": {"aws_access_key": "emulator", "aws_secret_key": "emulator"},
    "a bearer key": {"api_key": "emulator"},
}


@pytest.fixture(params=KEYS)
def claude(request: Any, emulator: Emulator, monkeypatch: Any) -> Iterator[AnthropicBedrock]:
    """The SDK's client, with either kind of key."""
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with AnthropicBedrock(
        base_url=emulator.url, aws_region="us-east-1", max_retries=0, timeout=20, **KEYS[request.param]
    ) as client:
        yield client


def test_a_message_comes_whole(claude: Any) -> None:
    message = claude.messages.create(**ASKED)
    assert "Name three colours." in message.content[0].text
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


def test_a_message_comes_as_a_stream_that_counts_its_input_first(claude: Any) -> None:
    with claude.messages.stream(**ASKED) as stream:
        started = next(iter(stream)).message.usage.input_tokens
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert "Name three colours." in text
    assert message.content[0].text == text
    assert started == message.usage.input_tokens > 0


def test_a_tool_is_called(claude: Any) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"name": "get_weather", "description": "Tell the weather.", "input_schema": schema}
    # Opus 5.5 can not be forced to use a tool.
    asked = {**ASKED, "model": "anthropic.claude-opus-5"}
    message = claude.messages.create(**asked, tools=[tool], tool_choice={"type": "tool", "name": "get_weather"})
    assert message.stop_reason == "tool_use"
    assert isinstance(message.content[-1].input["city"], str)


def test_a_throttle_is_the_sdks_own_error(claude: Any, emulator: Emulator) -> None:
    emulator.fault("throttle")
    with pytest.raises(RateLimitError):
        claude.messages.create(**ASKED)


def test_no_key_is_kept(claude: Any, emulator: Emulator) -> None:
    claude.messages.create(**ASKED)
    document = emulator.calls()[-1]["headers"]["authorization"]
    assert document == "Bearer ***" or document.endswith("Signature=***")
