"""Anthropic's own package for Python, unmodified, in front of every kind of chat model, and its clients for Bedrock."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pydantic
import pytest

from tests.clients.endpoint import Endpoint
from tests.doubles import Emulator

CLAUDE, NOVA, TOMORROW = "claude", "draft", "newvendor.model-of-tomorrow"
IDS = {
    CLAUDE: "us.anthropic.claude-opus-4-6-v1",
    NOVA: "amazon.nova-lite-v1:0",
    TOMORROW: TOMORROW,
}
# The client for Bedrock sends a version that Claude 4.6 does not have.
PROFILE = "eu.anthropic.claude-opus-5-5"
ARN = f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{PROFILE}"
each_model = pytest.mark.parametrize("model", IDS)
whole_and_streamed = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
USAGE = {"inputTokens": 3, "outputTokens": 10, "cacheReadInputTokens": 32651, "cacheWriteInputTokens": 17}
SIGNED = {"reasoningContent": {"reasoningText": {"text": "The town decides.", "signature": "c2lnbmVk"}}}
REDACTED = {"reasoningContent": {"redactedContent": "cmVkYWN0ZWQ="}}
TWO_CALLS = [
    {"text": "I look both up."},
    {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Zürich"}}},
    {"toolUse": {"toolUseId": "tooluse_2", "name": "get_time", "input": {}}},
]
TOOLS: Any = [
    {
        "name": "get_weather",
        "description": "The weather of a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
    {"name": "get_time", "input_schema": {"type": "object", "properties": {}}},
]
ASKED: Any = [{"role": "user", "content": "Weather and time?"}]
SAYS_X: Any = [{"role": "user", "content": "x"}]


class Answer(pydantic.BaseModel):
    city: str
    degrees: int


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=endpoint.url, api_key=endpoint.key, max_retries=0) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def bedrock(endpoint: Endpoint) -> Iterator[anthropic.AnthropicBedrock]:
    key_id, secret = endpoint.pair
    with anthropic.AnthropicBedrock(
        base_url=endpoint.url, aws_region="eu-west-1", aws_access_key=key_id, aws_secret_key=secret, max_retries=0
    ) as sdk:
        yield sdk


@pytest.fixture
def ask(client: anthropic.Anthropic) -> Callable[..., Any]:
    """One answer, whole, or added up by the SDK from its stream."""

    def ask(*, streamed: bool = False, client: Any = client, **body: Any) -> Any:
        body = {"max_tokens": 100, **body}
        if not streamed:
            return client.messages.create(**body)
        with client.messages.stream(**body) as stream:
            return stream.get_final_message()

    return ask


def results(message: Any) -> list[Any]:
    """The next two turns: the answer as the SDK gives it back, and what each of its tools gave."""
    given = [
        {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": f"{block.name}: 21"}]}
        for block in message.content
        if block.type == "tool_use"
    ]
    return [{"role": "assistant", "content": message.content}, {"role": "user", "content": given}]


# --- messages ---------------------------------------------------------------------------------------------------------


@each_model
def test_a_chat_says_the_same_whole_and_as_a_stream(
    client: anthropic.Anthropic, ask: Any, says: Any, emulator: Emulator, sent: Any, model: str
) -> None:
    says([{"text": "Red, green and blue: très simple."}], usage=USAGE)
    body: dict[str, Any] = {
        "model": model,
        "system": [{"type": "text", "text": "Be terse."}],
        "messages": [*SAYS_X, {"role": "assistant", "content": "y"}, *ASKED],
        "stop_sequences": ["END"],
    }
    for reply in (ask(**body), ask(**body, streamed=True)):
        assert reply.role == "assistant"
        assert [block.text for block in reply.content] == ["Red, green and blue: très simple."]
        assert (reply.stop_reason, reply.stop_sequence) == ("end_turn", None)
        usage = reply.usage
        assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (32651, 17)
        assert usage.output_tokens == 10
        assert usage.input_tokens > 0
    kinds = [event.type for event in client.messages.create(**body, max_tokens=9, stream=True)]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    operations = {call["operation"] for call in emulator.calls()}
    native = {"InvokeModel", "InvokeModelWithResponseStream"}
    assert operations == (native if model == CLAUDE else {"Converse", "ConverseStream"})
    assert {call["model"] for call in emulator.calls()} == {IDS[model]}
    one, other, _ = sent()
    assert one == other
    if model == CLAUDE:
        assert one == {
            # The SDK's own version is later than what Bedrock has for this model.
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 100,
            **{name: value for name, value in body.items() if name != "model"},
        }
    else:
        assert one["inferenceConfig"] == {"maxTokens": 100, "stopSequences": ["END"]}
        assert one["system"] == [{"text": "Be terse."}]


@whole_and_streamed
@each_model
def test_parallel_tools_over_two_turns(ask: Any, says: Any, sent: Any, model: str, streamed: bool) -> None:
    says(TWO_CALLS, stop="tool_use", prompt="Weather and time?")
    body: dict[str, Any] = {"model": model, "tools": TOOLS, "streamed": streamed}
    first = ask(**body, messages=ASKED, tool_choice={"type": "auto"})
    assert first.stop_reason == "tool_use"
    text, weather, clock = first.content
    assert (text.text, weather.name, weather.input) == ("I look both up.", "get_weather", {"city": "Zürich"})
    assert (clock.id, clock.name, clock.input) == ("tooluse_2", "get_time", {})
    second = ask(**body, messages=[*ASKED, *results(first)])
    assert second.stop_reason == "end_turn"
    assert "get_weather: 21" in second.content[0].text
    assert "get_time: 21" in second.content[0].text
    _, turn, answered = sent()[-1]["messages"]
    if model == CLAUDE:
        assert [block["type"] for block in turn["content"]] == ["text", "tool_use", "tool_use"]
        assert [block["tool_use_id"] for block in answered["content"]] == ["tooluse_1", "tooluse_2"]
        assert sent()[-1]["tools"] == TOOLS
    else:
        assert turn["content"] == TWO_CALLS
        assert [block["toolResult"]["toolUseId"] for block in answered["content"]] == ["tooluse_1", "tooluse_2"]
        assert [tool["toolSpec"]["name"] for tool in sent()[-1]["toolConfig"]["tools"]] == ["get_weather", "get_time"]


@each_model
def test_a_tool_can_be_demanded_and_only_one_at_a_time(ask: Any, sent: Any, model: str) -> None:
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_time"}):
        result = ask(model=model, messages=SAYS_X, tools=TOOLS, tool_choice=choice)
        expected = "get_time" if "name" in choice else "get_weather"
        assert [block.name for block in result.content if block.type == "tool_use"] == [expected]
    alone = {"type": "auto", "disable_parallel_tool_use": True}
    if model == CLAUDE:
        ask(model=model, messages=SAYS_X, tools=TOOLS, tool_choice=alone)
        assert sent()[-1]["tool_choice"] == alone
    else:
        # Converse cannot express it, and the answer stays one that the client can handle: a hint.
        ask(model=model, messages=SAYS_X, tools=TOOLS, tool_choice=alone)
        assert "disable_parallel_tool_use" not in json.dumps(sent()[-1])


@each_model
def test_images_and_documents_arrive_as_what_they_are(ask: Any, sent: Any, png: bytes, pdf: bytes, model: str) -> None:
    data = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(png).decode()}
    paper = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(pdf).decode()}
    plain = {"type": "text", "media_type": "text/plain", "data": "It says 21."}
    content: list[Any] = [
        {"type": "image", "source": data},
        {"type": "document", "source": paper, "title": "the plan (1).pdf"},
        {"type": "document", "source": plain, "title": "the plan (1).pdf"},
        {"type": "text", "text": "Which?"},
    ]
    ask(model=model, messages=[{"role": "user", "content": content}])
    [value] = [turn["content"] for turn in sent()[0]["messages"]]
    if model == CLAUDE:
        assert value == content
    else:
        image, one, other, text = value
        assert base64.b64decode(image["image"]["source"]["bytes"]) == png
        assert base64.b64decode(one["document"]["source"]["bytes"]) == pdf
        assert base64.b64decode(other["document"]["source"]["bytes"]) == b"It says 21."
        assert one["document"]["name"] != other["document"]["name"]
        assert text == {"text": "Which?"}
        url = {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}
        with pytest.raises(anthropic.BadRequestError, match=r"messages\[0\]\.content\[0\]\.source"):
            ask(model=model, messages=[{"role": "user", "content": [url]}])


@whole_and_streamed
@pytest.mark.parametrize("model", [CLAUDE, TOMORROW])
def test_thinking_comes_back_with_its_signature_in_the_second_turn(
    ask: Any, says: Any, sent: Any, model: str, streamed: bool
) -> None:
    says([SIGNED, REDACTED, *TWO_CALLS[1:]], stop="tool_use", prompt="Weather and time?")
    body: dict[str, Any] = {"model": model, "tools": TOOLS, "max_tokens": 4000, "streamed": streamed}
    if model == CLAUDE:
        body |= {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    first = ask(**body, messages=ASKED)
    assert [block.type for block in first.content] == ["thinking", "redacted_thinking", "tool_use", "tool_use"]
    assert (first.content[0].thinking, first.content[0].signature) == ("The town decides.", "c2lnbmVk")
    assert first.content[1].data == "cmVkYWN0ZWQ="
    ask(**body, messages=[*ASKED, *results(first)])
    turn = sent()[-1]["messages"][1]["content"]
    if model == CLAUDE:
        assert turn[0] == {"type": "thinking", "thinking": "The town decides.", "signature": "c2lnbmVk"}
        assert turn[1] == {"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="}
        assert sent()[-1]["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    else:
        assert turn == [SIGNED, REDACTED, *TWO_CALLS[1:]]


@pytest.mark.parametrize("model", [CLAUDE, NOVA, TOMORROW])
def test_an_answer_is_held_to_a_schema_and_parsed(
    client: anthropic.Anthropic, says: Any, sent: Any, model: str
) -> None:
    says([{"text": '{"city": "Zürich", "degrees": 21}'}])
    body: dict[str, Any] = {"model": model, "max_tokens": 99, "messages": SAYS_X, "output_format": Answer}
    assert client.messages.parse(**body).parsed_output == Answer(city="Zürich", degrees=21)
    with client.messages.stream(**body) as stream:
        assert stream.get_final_message().parsed_output == Answer(city="Zürich", degrees=21)
    for reply in sent():
        if model == CLAUDE:
            assert reply["output_config"]["format"]["type"] == "json_schema"
        else:
            assert reply["toolConfig"]["tools"][0]["toolSpec"]["name"] == "json_answer"


def test_what_ends_an_answer_is_told_in_anthropics_words(ask: Any, says: Any) -> None:
    reasons = {
        "max_tokens": "max_tokens",
        "stop_sequence": "stop_sequence",
        "model_context_window_exceeded": "model_context_window_exceeded",
        "content_filtered": "refusal",
    }
    for stop, expected in reasons.items():
        says([{"text": "Half"}], stop=stop, prompt=stop)
        for model in (NOVA, CLAUDE):
            for streamed in (False, True):
                message = ask(model=model, messages=[{"role": "user", "content": stop}], streamed=streamed)
                assert message.stop_reason == expected, (model, stop)


def test_tokens_are_counted_by_bedrock_and_never_guessed(
    client: anthropic.Anthropic, ask: Any, emulator: Emulator
) -> None:
    body: dict[str, Any] = {"messages": ASKED, "system": "Be terse."}
    counted = client.messages.count_tokens(model=CLAUDE, **body).input_tokens
    assert counted == client.beta.messages.count_tokens(model=CLAUDE, **body).input_tokens
    assert counted == ask(model=CLAUDE, **body).usage.input_tokens
    with_tools = client.messages.count_tokens(model=CLAUDE, tools=TOOLS, **body).input_tokens
    assert with_tools > counted
    assert [call["operation"] for call in emulator.calls()] == [
        "CountTokens",
        "CountTokens",
        "InvokeModel",
        "CountTokens",
    ]
    for model in (NOVA, TOMORROW):
        with pytest.raises(anthropic.BadRequestError, match="does not count the tokens of this request"):
            client.messages.count_tokens(model=model, **body)


def test_betas_go_up_in_the_body_and_what_bedrock_refuses_is_left_out_and_told(
    client: anthropic.Anthropic, sent: Any
) -> None:
    raw = client.beta.messages.with_raw_response.create(
        model=CLAUDE,
        max_tokens=9,
        messages=SAYS_X,
        betas=["context-1m-2025-08-07", "files-api-2025-04-14"],
        service_tier="auto",
        metadata={"user_id": "u-1"},
    )
    assert sent()[0]["anthropic_beta"] == ["context-1m-2025-08-07"]
    assert sent()[0]["metadata"] == {"user_id": "u-1"}
    dropped = raw.headers["x-bedrock-flask-dropped"]
    assert "anthropic-beta: files-api-2025-04-14" in dropped
    assert raw.parse().content


def test_what_a_model_cannot_take_is_refused_by_name_or_dropped_and_told(
    client: anthropic.Anthropic, sent: Any
) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    body: dict[str, Any] = {"model": NOVA, "max_tokens": 2000, "messages": SAYS_X, "thinking": thinking}
    with pytest.raises(anthropic.BadRequestError, match="thinking"):
        client.messages.create(**body)
    assert sent() == []
    for way in ({"extra_headers": {"x-bedrock-flask-unsupported": "drop"}}, {"model": "easy"}):
        raw = client.messages.with_raw_response.create(**{**body, **way})
        assert raw.headers["x-bedrock-flask-dropped"] == "thinking"
    client.messages.create(model=NOVA, max_tokens=9, messages=SAYS_X, extra_body={"top_k": 7})
    assert sent()[-1]["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 7}}


def test_models_are_listed_and_retrieved(client: anthropic.Anthropic) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"claude", "nova", "draft", "profiled"} <= listed.keys()
    assert (listed["claude"].type, client.models.retrieve("draft").id) == ("model", "draft")
    claude = client.models.retrieve("claude")
    assert (claude.display_name, claude.lifecycle) == ("Claude Opus 4.6 (claude)", "active")
    assert claude.capabilities is not None
    assert claude.capabilities.thinking.supported
    assert claude.capabilities.thinking.types.adaptive.supported
    assert claude.capabilities.image_input.supported
    # Every member that the SDK's types have.
    assert anthropic.types.ModelCapabilities.model_validate(claude.capabilities.model_dump())
    nova = listed["nova"].capabilities
    assert nova is not None
    assert not nova.thinking.supported
    with pytest.raises(anthropic.NotFoundError, match="no-such-model") as unknown:
        client.models.retrieve("no-such-model")
    assert unknown.value.type == "not_found_error"


def test_all_of_it_is_below_the_base_path_too(
    endpoint: Endpoint, bedrock: anthropic.AnthropicBedrock, ask: Any
) -> None:
    below = f"{endpoint.url}/bedrock"
    with anthropic.Anthropic(base_url=below, api_key=endpoint.key, max_retries=0) as client:
        assert ask(client=client, model=NOVA, messages=SAYS_X, streamed=True).content
        with pytest.raises(anthropic.NotFoundError) as unknown:
            ask(client=client, model="no-such-model", messages=SAYS_X)
        assert unknown.value.type == "not_found_error"
    assert ask(client=bedrock.with_options(base_url=below), model=ARN, messages=SAYS_X, streamed=True).content


# --- errors -----------------------------------------------------------------------------------------------------------


ERRORS = [
    ("ValidationException", anthropic.BadRequestError, 400, "invalid_request_error"),
    ("AccessDeniedException", anthropic.PermissionDeniedError, 403, "permission_error"),
    ("ResourceNotFoundException", anthropic.NotFoundError, 404, "not_found_error"),
    ("ThrottlingException", anthropic.RateLimitError, 429, "rate_limit_error"),
    ("InternalServerException", anthropic.InternalServerError, 502, "api_error"),
    ("ServiceUnavailableException", anthropic.InternalServerError, 503, "overloaded_error"),
    ("overloaded_error", anthropic.InternalServerError, 503, "overloaded_error"),
    ("ModelTimeoutException", anthropic.InternalServerError, 504, "timeout_error"),
]


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_each_error_of_bedrocks_is_the_sdks_own_class(ask: Any, emulator: Emulator, model: str) -> None:
    for name, error, status, kind in ERRORS:
        for streamed in (False, True):
            retry = status in (429, 502, 503)
            emulator.fault(name, **({"retry_after": "2"} if retry else {}))
            with pytest.raises(error) as raised:
                ask(model=model, messages=SAYS_X, streamed=streamed)
            assert (raised.value.status_code, raised.value.body["error"]["type"]) == (status, kind)
            assert raised.value.type == kind
            assert raised.value.request_id
            headers = raised.value.response.headers
            assert headers["x-should-retry"] == ("true" if retry else "false")
            assert headers.get("retry-after") == ("2" if retry else None)


def test_errors_of_the_gateways_own_are_the_sdks_own_classes(
    endpoint: Endpoint, client: anthropic.Anthropic, sent: Any
) -> None:
    def of(error: type[anthropic.APIStatusError], kind: str, **body: Any) -> anthropic.APIStatusError:
        with pytest.raises(error) as raised:
            client.messages.create(**{"model": CLAUDE, "max_tokens": 9, "messages": SAYS_X, **body})
        assert raised.value.body["error"]["type"] == kind  # type: ignore[index]
        return raised.value

    invalid = "invalid_request_error"
    for model in IDS:
        assert "stop_sequences" in str(of(anthropic.BadRequestError, invalid, model=model, stop_sequences="END"))
        assert "messages" in str(of(anthropic.BadRequestError, invalid, model=model, messages=[]))
    blank = [*SAYS_X, {"role": "assistant", "content": [{"type": "text", "text": " "}]}, *SAYS_X]
    assert "messages[1]" in str(of(anthropic.BadRequestError, invalid, model=NOVA, messages=blank))
    of(anthropic.NotFoundError, "not_found_error", model="no-such-model")
    of(anthropic.BadRequestError, invalid, model="titan-embed")
    with pytest.raises(anthropic.AuthenticationError):
        client.with_options(api_key="not-a-key-of-this-gateway").messages.create(
            model=CLAUDE, max_tokens=9, messages=SAYS_X
        )
    with pytest.raises(anthropic.NotFoundError):
        client.post("/v1/messages/nothing", body={}, cast_to=object)
    with anthropic.Anthropic(base_url=endpoint.url, auth_token=endpoint.key, api_key=None) as bearer:
        with pytest.raises(anthropic.RequestTooLargeError) as too_large:
            bearer.messages.create(model=CLAUDE, max_tokens=9, messages=[{"role": "user", "content": "x" * 400_000}])
        assert too_large.value.type == "request_too_large"
    assert sent() == []
    with anthropic.Anthropic(base_url=endpoint.url, auth_token=endpoint.key, api_key=None) as bearer:
        assert bearer.messages.create(model=CLAUDE, max_tokens=9, messages=SAYS_X).content


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"name": "exception_frame", "error": "throttlingException", "after": 3}, "rate_limit_error"),
        ({"name": "cut_between_chunks", "after": 3}, "api_error"),
    ],
)
def test_what_breaks_in_midstream_is_an_error_and_never_an_end(
    client: anthropic.Anthropic, emulator: Emulator, model: str, fault: Any, kind: str
) -> None:
    emulator.fault(**fault)
    seen: list[Any] = []
    with pytest.raises(anthropic.APIStatusError) as raised:
        seen.extend(client.messages.create(model=model, max_tokens=99, messages=SAYS_X, stream=True))
    assert raised.value.body["error"]["type"] == kind  # type: ignore[index]
    assert seen[0].type == "message_start"
    assert {event.type for event in seen}.isdisjoint({"message_delta", "message_stop"})


def test_the_sdk_tries_again_where_it_helps_and_only_there(client: anthropic.Anthropic, emulator: Emulator) -> None:
    body: dict[str, Any] = {"model": NOVA, "max_tokens": 9, "messages": SAYS_X}
    emulator.fault("throttle", retry_after="1")
    began = time.monotonic()
    assert client.with_options(max_retries=1).messages.create(**body).content
    assert time.monotonic() - began >= 1
    emulator.fault("ModelTimeoutException")
    with pytest.raises(anthropic.InternalServerError):
        client.with_options(max_retries=2).messages.create(**body)
    assert len(emulator.calls()) == 3


# --- Anthropic's clients for Bedrock ----------------------------------------------------------------------------------


@whole_and_streamed
@pytest.mark.parametrize(
    ("model", "called"),
    [("anthropic.claude-opus-5-5",) * 2, ("profiled", PROFILE), ("by-arn", ARN), (ARN, ARN)],
    ids=["id", "alias of a profile", "alias of an ARN", "ARN"],
)
def test_the_bedrock_client_signs_and_speaks_claudes_own_body(
    bedrock: anthropic.AnthropicBedrock,
    ask: Any,
    says: Any,
    sent: Any,
    emulator: Emulator,
    model: str,
    called: str,
    streamed: bool,
) -> None:
    says([SIGNED, *TWO_CALLS], stop="tool_use", usage=USAGE, prompt="Weather and time?")
    body: dict[str, Any] = {
        "client": bedrock,
        "model": model,
        "max_tokens": 4000,
        "tools": TOOLS,
        "thinking": {"type": "adaptive"},
        "streamed": streamed,
    }
    first = ask(**body, messages=ASKED)
    assert [block.type for block in first.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert first.content[0].signature == "c2lnbmVk"
    assert first.usage.cache_read_input_tokens == 32651
    second = ask(**body, messages=[*ASKED, *results(first)])
    assert "get_weather: 21" in second.content[-1].text
    assert sent()[-1]["messages"][1]["content"][0]["signature"] == "c2lnbmVk"
    assert {call["model"] for call in emulator.calls()} == {called}


def test_the_bedrock_client_raises_its_own_classes(
    endpoint: Endpoint, bedrock: anthropic.AnthropicBedrock, ask: Any, emulator: Emulator
) -> None:
    body: dict[str, Any] = {"client": bedrock, "model": "profiled", "messages": SAYS_X}
    # Statuses are Bedrock's own here.
    statuses = {
        "ValidationException": (anthropic.BadRequestError, 400),
        "AccessDeniedException": (anthropic.PermissionDeniedError, 403),
        "ResourceNotFoundException": (anthropic.NotFoundError, 404),
        "ThrottlingException": (anthropic.RateLimitError, 429),
        "InternalServerException": (anthropic.InternalServerError, 500),
        "ServiceUnavailableException": (anthropic.InternalServerError, 503),
    }
    for name, (error, status) in statuses.items():
        for streamed in (False, True):
            emulator.fault(name)
            with pytest.raises(error) as raised:
                ask(**body, streamed=streamed)
            assert raised.value.status_code == status
    emulator.fault("exception_frame", error="throttlingException", after=3)
    seen: list[Any] = []
    with pytest.raises(anthropic.APIStatusError, match=r"(?i)throttling"):
        seen.extend(bedrock.messages.create(model="profiled", max_tokens=99, messages=SAYS_X, stream=True))
    assert seen
    with pytest.raises(anthropic.BadRequestError, match="stop_sequences"):
        ask(**body, stop_sequences="END")
    with pytest.raises(anthropic.NotFoundError):
        ask(**{**body, "model": "no-such-model"})
    with pytest.raises(anthropic.PermissionDeniedError, match="signature"):
        ask(**{**body, "client": bedrock.with_options(aws_secret_key="wrong")})
    by_bearer = anthropic.AnthropicBedrock(base_url=endpoint.url, aws_region="eu-west-1", api_key=endpoint.key)
    assert ask(**{**body, "client": by_bearer}).content
    with pytest.raises(anthropic.APIStatusError) as too_large:
        ask(**{**body, "client": by_bearer, "messages": [{"role": "user", "content": "x" * 400_000}]})
    assert too_large.value.status_code == 413


def test_the_client_for_awss_own_anthropic_endpoint_finds_it_here_too(endpoint: Endpoint, ask: Any) -> None:
    with anthropic.AnthropicBedrockMantle(
        base_url=f"{endpoint.url}/anthropic", aws_region="eu-west-1", api_key=endpoint.key, max_retries=0
    ) as mantle:
        for model in IDS:
            for streamed in (False, True):
                assert ask(client=mantle, model=model, messages=SAYS_X, streamed=streamed).content[0].text
