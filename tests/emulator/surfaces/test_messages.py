"""Anthropic's package, unmodified, at the emulator's messages as at those of AWS; its client of bedrock-mantle too."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.doubles import Emulator
from tests.emulator.surfaces.conftest import CLAUDE, CLAUDES_PROFILE

ASKED: dict[str, Any] = {"max_tokens": 60, "messages": [{"role": "user", "content": "Name three colours."}]}
TOOL: Any = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLIENTS = {
    "runtime": ("runtime/messages", CLAUDES_PROFILE),
    "mantle": ("mantle/messages", CLAUDE),
    "mantle, its own client": ("mantle/messages", CLAUDE),
    "mantle, its own client with a bearer key": ("mantle/messages", CLAUDE),
}


@pytest.fixture(params=CLIENTS)
def claude(request: Any, surfaces: Emulator, anthropic_client: Any) -> Iterator[tuple[Any, str, str]]:
    """A client, the model that it calls, and the surface."""
    surface, model = CLIENTS[request.param]
    if "own client" not in request.param:
        path = "/bedrock-mantle/anthropic" if "mantle" in request.param else "/anthropic"
        yield anthropic_client(path), model, surface
        return
    keys = {"api_key": "emulator"} if "bearer" in request.param else {}
    keys = keys or {"aws_access_key": "emulator", "aws_secret_key": "emulator"}
    with anthropic.AnthropicBedrockMantle(
        base_url=f"{surfaces.url}/bedrock-mantle/anthropic", aws_region="us-east-1", max_retries=0, timeout=20, **keys
    ) as client:
        yield client, model, surface


def test_a_message_comes_whole(claude: Any, called: Any) -> None:
    client, model, surface = claude
    message = client.messages.create(model=model, **ASKED)
    assert "Name three colours." in message.content[0].text
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0 < message.usage.output_tokens
    assert message.id.startswith("msg_bdrk_")
    assert called() == [surface]


def test_a_message_comes_as_a_stream_that_counts_its_input_first(claude: Any) -> None:
    client, model, _ = claude
    with client.messages.stream(model=model, **ASKED) as stream:
        started = next(iter(stream)).message.usage.input_tokens
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == message.content[0].text
    assert "Name three colours." in text
    assert started == message.usage.input_tokens > 0


def test_a_tool_is_called(claude: Any) -> None:
    client, model, _ = claude
    message = client.messages.create(
        model=model, **ASKED, tools=[TOOL], tool_choice={"type": "tool", "name": "get_weather"}
    )
    assert message.stop_reason == "tool_use"
    assert isinstance(message.content[-1].input["city"], str)


def test_reasoning_is_signed(claude: Any) -> None:
    client, model, _ = claude
    message = client.messages.create(model=model, **ASKED, thinking={"type": "adaptive"})
    assert (message.content[0].type, bool(message.content[0].signature)) == ("thinking", True)


def test_mantle_counts_what_the_call_then_reads(anthropic_client: Any) -> None:
    client = anthropic_client("/bedrock-mantle/anthropic")
    counted = client.messages.count_tokens(model=CLAUDE, messages=ASKED["messages"], system="Be brief.")
    answered = client.messages.create(model=CLAUDE, system="Be brief.", **ASKED)
    assert counted.input_tokens == answered.usage.input_tokens > 0


def test_runtime_does_not_count(anthropic_client: Any) -> None:
    with pytest.raises(anthropic.NotFoundError):
        anthropic_client().messages.count_tokens(model=CLAUDES_PROFILE, messages=ASKED["messages"])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no limit": ({"max_tokens": None}, "max_tokens: Field required"),
    "an unknown member": ({"guardrailConfig": {}}, "guardrailConfig: Extra inputs are not permitted"),
    "a block without its text": (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages.0.content.0.text: Field required",
    ),
    "a wrong type": ({"max_tokens": "many"}, "max_tokens"),
    "a temperature that the model refuses": ({"temperature": 0.2}, "`temperature` is deprecated for this model."),
    "an assistant's turn first": (
        {"messages": [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": "Hi"}]},
        'first message must use the "user" role',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize(("path", "model"), [("/anthropic", CLAUDES_PROFILE), ("/bedrock-mantle/anthropic", CLAUDE)])
def test_what_is_refused_is_refused_in_anthropics_words(surfaces: Emulator, path: str, model: str, case: str) -> None:
    members, words = REFUSED[case]
    body = {name: value for name, value in {"model": model, **ASKED, **members}.items() if value is not None}
    response = surfaces.post(f"{path}/v1/messages", body)
    assert response.status_code == 400
    document = response.json()
    assert document["type"] == "error"
    assert document["error"]["type"] == "invalid_request_error"
    assert words in document["error"]["message"]
    assert document["request_id"].startswith("req_")


def test_mantle_refuses_a_schema_that_runtime_takes(anthropic_client: Any) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
    output: Any = {"format": {"type": "json_schema", "schema": schema}}
    message = anthropic_client().messages.create(model=CLAUDES_PROFILE, **ASKED, output_config=output)
    assert message.content[0].text.startswith("{")
    with pytest.raises(anthropic.BadRequestError, match=r"output_config\.format: Extra inputs are not permitted"):
        anthropic_client("/bedrock-mantle/anthropic").messages.create(model=CLAUDE, **ASKED, output_config=output)


def test_an_error_within_a_stream_is_an_event(anthropic_client: Any) -> None:
    asked = {"max_tokens": 60, "messages": [{"role": "user", "content": "[[error throttlingException after 2]]"}]}
    with pytest.raises(anthropic.APIStatusError, match="Too many requests"):
        list(anthropic_client().messages.create(model=CLAUDES_PROFILE, **asked, stream=True))


def test_a_scripted_reply_is_written_in_the_format(claude: Any, surfaces: Emulator) -> None:
    client, model, _ = claude
    order = {"tool": "get_weather", "input": {"city": "Zurich"}, "times": 1}
    assert surfaces.post("/_emulator/replies", order).ok
    message = client.messages.create(model=model, **ASKED, tools=[TOOL])
    assert message.content[-1].input == {"city": "Zurich"}
