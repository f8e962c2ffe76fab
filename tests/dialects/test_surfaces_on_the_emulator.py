"""The gateway in front of the emulator: models of each of AWS's surfaces answer every client, whole and streamed."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import boto3
import openai
import pytest
from botocore.config import Config

from tests.doubles import Emulator, Gateway, GatewayWith

PROMPT = "Name three colours."
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
RESPONSES_TOOL: Any = {"type": "function", "name": "get_weather", "parameters": SCHEMA}
CLAUDES_TOOL: Any = {"name": "get_weather", "input_schema": SCHEMA}
CONVERSE_TOOL: Any = {"toolSpec": {"name": "get_weather", "inputSchema": {"json": SCHEMA}}}
# For each model, the surface that each client's call goes by.
MODELS: dict[str, dict[str, str]] = {
    "us.openai.gpt-5.6-sol": {"chat": "runtime/chat", "responses": "runtime/responses"},
    "openai.gpt-5.5": {
        "chat": "mantle/openai/chat",
        **dict.fromkeys(("responses", "messages"), "mantle/openai/responses"),
    },
    "xai.grok-4.3": {"chat": "mantle/openai/chat", "responses": "mantle/openai/responses"},
    "google.gemma-4-31b": {"chat": "mantle/openai/chat", "responses": "mantle/openai/responses"},
    "openai.gpt-oss-120b": {"chat": "mantle/chat", "responses": "mantle/responses"},
    "openai.gpt-oss-120b-1:0": {},
}
whole_and_streamed = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
each_model = pytest.mark.parametrize("model", MODELS)


@pytest.fixture
def gateway(gateway_with: GatewayWith) -> Gateway:
    return gateway_with(BEDROCK_FLASK_READ_TIMEOUT="20")


# --- clients: each calls the tool if there is one, and gives the text, or the tool's arguments, and the tokens --------


def ask_chat(gateway: Gateway, model: str, tool: bool, streamed: bool) -> tuple[str, int]:
    parameters: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
    parameters |= {"tools": [CHAT_TOOL], "tool_choice": "required"} if tool else {}
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        if streamed:
            with client.chat.completions.stream(**parameters, stream_options={"include_usage": True}) as stream:
                completion = stream.get_final_completion()
        else:
            completion = client.chat.completions.create(**parameters)
    [choice] = completion.choices
    assert completion.usage is not None
    assert choice.finish_reason == ("tool_calls" if tool else "stop")
    calls = choice.message.tool_calls or ()
    text = calls[0].function.arguments if calls else choice.message.content
    return text, completion.usage.total_tokens


def ask_responses(gateway: Gateway, model: str, tool: bool, streamed: bool) -> tuple[str, int]:
    parameters: dict[str, Any] = {"model": model, "input": PROMPT}
    parameters |= {"tools": [RESPONSES_TOOL], "tool_choice": "required"} if tool else {}
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        if streamed:
            with client.responses.stream(**parameters) as stream:
                response = stream.get_final_response()
        else:
            response = client.responses.create(**parameters)
    assert (response.status, response.store) == ("completed", False)
    assert response.usage is not None
    calls = [item.arguments for item in response.output if item.type == "function_call"]
    return calls[0] if tool else response.output_text, response.usage.total_tokens


def ask_messages(gateway: Gateway, model: str, tool: bool, streamed: bool) -> tuple[str, int]:
    parameters: dict[str, Any] = {"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": PROMPT}]}
    parameters |= {"tools": [CLAUDES_TOOL], "tool_choice": {"type": "any"}} if tool else {}
    with anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0) as client:
        if streamed:
            with client.messages.stream(**parameters) as stream:
                message = stream.get_final_message()
        else:
            message = client.messages.create(**parameters)
    assert message.stop_reason == ("tool_use" if tool else "end_turn")
    last = message.content[-1]
    text = json.dumps(last.input) if last.type == "tool_use" else last.text  # type: ignore[union-attr]
    return text, message.usage.input_tokens + message.usage.output_tokens


def make_bedrock(url: str) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
    )


def ask_converse(gateway: Gateway, model: str, tool: bool, streamed: bool) -> tuple[str, int]:
    bedrock = make_bedrock(gateway.url)
    parameters: dict[str, Any] = {"modelId": model, "messages": [{"role": "user", "content": [{"text": PROMPT}]}]}
    parameters |= {"toolConfig": {"tools": [CONVERSE_TOOL], "toolChoice": {"any": {}}}} if tool else {}
    if not streamed:
        response = bedrock.converse(**parameters)
        last = response["output"]["message"]["content"][-1]
        return json.dumps(last["toolUse"]["input"]) if tool else last["text"], response["usage"]["totalTokens"]
    text, tokens = "", 0
    for event in bedrock.converse_stream(**parameters)["stream"]:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        text += delta.get("toolUse", {}).get("input", "") if tool else delta.get("text", "")
        tokens = event.get("metadata", {}).get("usage", {}).get("totalTokens", tokens)
    return text, tokens


CLIENTS: dict[str, Callable[[Gateway, str, bool, bool], tuple[str, int]]] = {
    "chat": ask_chat,
    "responses": ask_responses,
    "messages": ask_messages,
    "converse": ask_converse,
}
each_client = pytest.mark.parametrize("client", CLIENTS)


@each_model
@each_client
@whole_and_streamed
def test_every_client_gets_the_text_of_every_model(
    gateway: Gateway, emulator: Emulator, client: str, model: str, streamed: bool
) -> None:
    text, tokens = CLIENTS[client](gateway, model, False, streamed)
    assert PROMPT in text
    assert tokens > 0
    [call] = emulator.calls()
    assert call["status"] == 200
    assert call["operation"] == MODELS[model].get(client, call["operation"])


@each_model
@each_client
@whole_and_streamed
def test_every_client_gets_the_tool_call_of_every_model(
    gateway: Gateway, client: str, model: str, streamed: bool
) -> None:
    text, _ = CLIENTS[client](gateway, model, True, streamed)
    assert isinstance(json.loads(text)["city"], str)


# --- what a conversation needs ----------------------------------------------------------------------------------------

REASONING_MODELS = ("us.openai.gpt-5.6-sol", "openai.gpt-5.5", "xai.grok-4.3")


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", REASONING_MODELS)
@whole_and_streamed
def test_encrypted_reasoning_goes_there_and_back_unchanged(sdk: openai.OpenAI, model: str, streamed: bool) -> None:
    """The emulator refuses any that it has not encrypted itself."""
    parameters: dict[str, Any] = {"model": model, "reasoning": {"effort": "high"}, "tools": [RESPONSES_TOOL]}
    parameters |= {"include": ["reasoning.encrypted_content"], "store": False}
    first: Any = [{"role": "user", "content": "Call get_weather."}]

    def create(items: Any) -> Any:
        if not streamed:
            return sdk.responses.create(input=items, **parameters)
        with sdk.responses.stream(input=items, **parameters) as stream:
            return stream.get_final_response()

    response = create(first)
    kinds = [item.type for item in response.output]
    assert (kinds[0], kinds[-1]) == ("reasoning", "function_call")
    result = {"type": "function_call_output", "call_id": response.output[-1].call_id, "output": "21 degrees"}
    answered = create([*first, *(item.model_dump(exclude_none=True) for item in response.output), result])
    assert "21 degrees" in answered.output_text


@pytest.mark.parametrize("model", REASONING_MODELS)
def test_anthropics_client_keeps_the_reasoning_of_a_model_of_openais(gateway: Gateway, model: str) -> None:
    """Codex and Claude Code alike: the reasoning before a tool call comes back with its result."""
    parameters: dict[str, Any] = {"model": model, "max_tokens": 500, "tools": [CLAUDES_TOOL]}
    parameters |= {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}
    messages: list[Any] = [{"role": "user", "content": "Call get_weather."}]
    with anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0) as client:
        message = client.messages.create(messages=messages, **parameters)
        call = message.content[-1]
        assert call.type == "tool_use"
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}
        messages += [
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]},
            {"role": "user", "content": [result]},
        ]
        answered = client.messages.create(messages=messages, **parameters)
    assert "21 degrees" in answered.content[-1].text  # type: ignore[union-attr]


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_satisfies_a_schema(sdk: openai.OpenAI, model: str) -> None:
    form: Any = {"type": "json_schema", "name": "weather", "schema": {**SCHEMA, "additionalProperties": False}}
    response = sdk.responses.create(model=model, input=PROMPT, text={"format": form})
    assert isinstance(json.loads(response.output_text)["city"], str)
    chat: Any = {"type": "json_schema", "json_schema": {"name": "weather", "schema": form["schema"]}}
    completion = sdk.chat.completions.create(
        model=model, messages=[{"role": "user", "content": PROMPT}], response_format=chat
    )
    assert isinstance(json.loads(completion.choices[0].message.content or "")["city"], str)


# --- Claude by Messages -----------------------------------------------------------------------------------------------


def test_claude_answers_by_bedrock_mantle_where_only_that_is_enabled(
    gateway_with: GatewayWith, emulator: Emulator
) -> None:
    gateway = gateway_with(BEDROCK_FLASK_SURFACES="mantle/messages")
    with anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0) as client:
        message = client.messages.create(
            model="anthropic.claude-opus-5", max_tokens=60, messages=[{"role": "user", "content": PROMPT}]
        )
    assert PROMPT in message.content[0].text  # type: ignore[union-attr]
    assert [call["operation"] for call in emulator.calls()] == ["mantle/messages"]


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["us.openai.gpt-5.6-sol", "openai.gpt-5.5", "openai.gpt-oss-120b"])
@whole_and_streamed
def test_a_throttle_is_a_throttle_for_every_client(
    gateway_with: GatewayWith, emulator: Emulator, model: str, streamed: bool
) -> None:
    gateway = gateway_with(BEDROCK_FLASK_MAX_ATTEMPTS="1")
    for client, ask in CLIENTS.items():
        emulator.fault("throttle", count=3)
        with pytest.raises((openai.RateLimitError, anthropic.RateLimitError, Exception)) as raised:
            ask(gateway, model, False, streamed)
        assert "429" in str(raised.value) or "Throttling" in str(raised.value), (client, raised.value)
        emulator.ask("DELETE", "/_emulator/faults")


FAULTS = ("cut_between_chunks", "cut_in_chunk", "no_terminal_event", "bad_crc", "huge_prelude", "exception_frame")


@pytest.mark.parametrize("model", ["us.openai.gpt-5.6-sol", "openai.gpt-oss-120b"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_stream_that_breaks_never_passes_for_whole(
    gateway_with: GatewayWith, emulator: Emulator, model: str, fault: str
) -> None:
    gateway = gateway_with(BEDROCK_FLASK_MAX_ATTEMPTS="1")
    order = {"after": 4}
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        emulator.fault(fault, **order)
        with pytest.raises(openai.APIError):
            list(
                client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}], stream=True)
            )
        emulator.ask("DELETE", "/_emulator/faults")
        emulator.fault(fault, **order)
        with pytest.raises(openai.APIError):
            list(client.responses.create(model=model, input=PROMPT, stream=True))


# --- tools in Chat Completions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "surface"),
    [
        ("us.openai.gpt-5.6-sol", None, "runtime/responses"),
        ("us.openai.gpt-5.6-sol", "high", "runtime/responses"),
        ("us.openai.gpt-5.6-sol", "none", "runtime/chat"),
        ("openai.gpt-5.5", None, "mantle/openai/chat"),
        ("openai.gpt-5.5", "high", "mantle/openai/responses"),
        ("xai.grok-4.3", "high", "mantle/openai/chat"),
    ],
)
def test_a_chat_with_tools_goes_where_the_model_takes_them(
    sdk: openai.OpenAI, emulator: Emulator, model: str, effort: str | None, surface: str
) -> None:
    parameters: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "Call get_weather."}]}
    parameters |= {"reasoning_effort": effort} if effort else {}
    [choice] = sdk.chat.completions.create(**parameters, tools=[CHAT_TOOL]).choices
    assert choice.finish_reason == "tool_calls"
    assert emulator.calls()[-1]["operation"] == surface


@pytest.mark.parametrize(
    ("path", "model", "effort", "hint"),
    [
        ("/openai/v1", "us.openai.gpt-5.6-sol", None, "To use function tools, use /v1/responses or set"),
        ("/bedrock-mantle/openai/v1", "openai.gpt-5.5", "low", "Please use /v1/responses instead."),
    ],
)
def test_the_emulator_refuses_tools_in_a_chat_as_aws_does(
    emulator: Emulator, path: str, model: str, effort: str | None, hint: str
) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": PROMPT}], "tools": [CHAT_TOOL]}
    refused = emulator.post(f"{path}/chat/completions", {**body, "reasoning_effort": effort} if effort else body)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["message"].startswith(f"Function tools with reasoning_effort are not supported for {model} in ")
    assert hint in error["message"]
    assert error["param"] == "reasoning_effort"
    assert emulator.post(f"{path}/chat/completions", {**body, "reasoning_effort": "none"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "model", "member", "value"),
    [
        ("/openai/v1", "us.openai.gpt-5.6-sol", "max_tokens", 100),
        ("/bedrock-mantle/v1", "openai.gpt-oss-120b", "logit_bias", {"1": 5}),
        ("/bedrock-mantle/openai/v1", "xai.grok-4.3", "presence_penalty", 0.5),
    ],
)
def test_members_that_a_model_refuses_in_chat(
    gateway: Gateway, emulator: Emulator, path: str, model: str, member: str, value: Any
) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": PROMPT}], member: value}
    refused = emulator.post(f"{path}/chat/completions", body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == member
    assert refused.json()["error"]["code"] == "unsupported_parameter"
    before = len(emulator.calls())
    response = gateway.post("/v1/chat/completions", body)
    if member == "max_tokens":
        assert response.status_code == 200
        assert json.loads(emulator.calls()[-1]["body"])["max_completion_tokens"] == value
        return
    assert response.status_code == 400
    assert member in response.json()["error"]["message"]
    assert len(emulator.calls()) == before
    response = gateway.post("/v1/chat/completions", body, headers={"x-bedrock-flask-unsupported": "drop"})
    assert (response.status_code, response.headers["x-bedrock-flask-dropped"]) == (200, member)


# --- Converse for models that it does not serve -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "members"),
    [
        ("xai.grok-4.3", {"additionalModelRequestFields": {"reasoning": {"effort": "high"}}}),
        ("google.gemma-4-31b", {"outputConfig": {"effort": "high"}}),
    ],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_converse_of_a_model_of_bedrock_mantle(
    gateway: Gateway, emulator: Emulator, model: str, members: dict[str, Any], streamed: bool
) -> None:
    bedrock = make_bedrock(gateway.url)
    parameters: dict[str, Any] = {
        "modelId": model,
        "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
        "inferenceConfig": {"maxTokens": 100},
        **members,
    }
    if streamed:
        events = [*bedrock.converse_stream(**parameters)["stream"]]
        assert [kind for event in events for kind in event if kind != "contentBlockDelta"] == [
            *("messageStart", "contentBlockStop", "messageStop", "metadata")
        ]
        metadata = events[-1]["metadata"]
    else:
        metadata = bedrock.converse(**parameters)
    assert metadata["usage"]["outputTokens"] > 0
    assert metadata["metrics"]["latencyMs"] >= 0
    body = json.loads(emulator.calls()[-1]["body"])
    assert body["reasoning_effort"] == "high"
    assert body["max_completion_tokens"] == 100


def test_a_wrong_body_of_converse_is_refused_before_any_call(gateway: Gateway, emulator: Emulator) -> None:
    turns = [{"role": "user", "content": [{"text": PROMPT}]}]
    for body, path in (
        ({"messages": [{"role": "user", "content": [{"text": 1}]}]}, "messages[0].content[0].text"),
        ({"messages": turns, "inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ({"messages": turns, "inferenceConfg": {}}, "inferenceConfg"),
        ({"messages": turns, "extras": {"effort": "high"}}, "extras"),
        (
            {"messages": turns, "guardrailConfig": {"guardrailIdentifier": "gr-1", "guardrailVersion": "1"}},
            "guardrailConfig",
        ),
    ):
        response = gateway.post("/model/google.gemma-4-31b/converse", body)
        assert (response.status_code, response.headers["x-amzn-errortype"]) == (400, "ValidationException")
        assert path in response.json()["message"]
    assert not emulator.calls()


@pytest.mark.parametrize("path", ["converse", "converse-stream", "invoke", "invoke-with-response-stream"])
def test_the_emulator_serves_a_model_of_bedrock_mantle_by_that_alone(emulator: Emulator, path: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": PROMPT}]}]}
    response = emulator.post(f"/model/google.gemma-4-31b/{path}", body)
    assert response.status_code == 400
    assert response.json()["message"] == "The provided model identifier is invalid."


# --- a body of the model's own ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["invoke", "invoke-stream"])
def test_a_body_of_the_models_own_does_not_go_to_converse(
    gateway_with: GatewayWith, emulator: Emulator, path: str
) -> None:
    gateway = gateway_with(BEDROCK_FLASK_SURFACES="converse")
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    response = gateway.post(f"/v1/models/us.anthropic.claude-opus-4-6-v1/{path}", body)
    assert (response.status_code, response.json()["code"]) == (403, "surface_not_enabled")
    assert "'invoke'" in response.json()["detail"]
    assert emulator.calls() == []


# --- Claude by Messages alone -----------------------------------------------------------------------------------------


@pytest.fixture
def by_messages(gateway_with: GatewayWith) -> Gateway:
    return gateway_with(BEDROCK_FLASK_SURFACES="runtime/messages,mantle/messages")


@pytest.mark.parametrize(
    ("model", "most"), [("us.anthropic.claude-opus-4-7", 128_000), ("anthropic.claude-haiku-4-5-20251001-v1:0", 64_000)]
)
@each_client
def test_without_a_limit_claude_may_write_as_much_as_it_can(
    by_messages: Gateway, emulator: Emulator, client: str, model: str, most: int
) -> None:
    called = f"us.{model.removeprefix('us.')}"
    text, _ = CLIENTS[client](by_messages, called, False, False)
    assert PROMPT in text
    [call] = emulator.calls()
    assert call["operation"] == "runtime/messages"
    assert json.loads(call["body"])["max_tokens"] == (200 if client == "messages" else most)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": PROMPT}]}, "max_completion_tokens"),
        ("/v1/responses", {"input": PROMPT}, "max_output_tokens"),
        (
            "/model/us.anthropic.claude-opus-9/converse",
            {"messages": [{"role": "user", "content": [{"text": PROMPT}]}]},
            "inferenceConfig.maxTokens",
        ),
    ],
)
def test_a_claude_whose_most_is_not_known_needs_a_limit(
    by_messages: Gateway, emulator: Emulator, path: str, body: dict[str, Any], field: str
) -> None:
    named = body if path.startswith("/model/") else {"model": "us.anthropic.claude-opus-9", **body}
    response = by_messages.post(path, named)
    assert response.status_code == 400
    words = "is required, because it is not known how many tokens 'us.anthropic.claude-opus-9' can write"
    assert f"{field}: {words}" in response.text
    assert emulator.calls() == []
