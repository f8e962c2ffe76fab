"""OpenAI's package, unmodified, at the emulator's chat completions as at those of AWS."""

import json
from typing import Any

import openai
import pydantic
import pytest

from tests.doubles import Emulator
from tests.emulator.surfaces.conftest import CHATTY, FRONTIER, MANTLE, MANTLE_OPENAI, OPEN, PROFILE, RUNTIME

SERVED = {
    "runtime/chat": (RUNTIME, OPEN),
    "runtime/chat by a profile": (RUNTIME, PROFILE),
    "mantle/chat": (MANTLE, OPEN),
    "mantle/openai/chat": (MANTLE_OPENAI, FRONTIER),
}
MESSAGES: Any = [{"role": "user", "content": "Name three colours."}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
GUARDRAIL = {"X-Amzn-Bedrock-GuardrailIdentifier": "abc123", "X-Amzn-Bedrock-GuardrailVersion": "1"}
each_surface = pytest.mark.parametrize("surface", SERVED)


class Answer(pydantic.BaseModel):
    city: str
    degrees: int


@each_surface
def test_a_completion_comes_whole(openai_client: Any, called: Any, surface: str) -> None:
    path, model = SERVED[surface]
    completion = openai_client(path).chat.completions.create(model=model, messages=MESSAGES)
    [choice] = completion.choices
    assert "Name three colours." in choice.message.content
    assert choice.finish_reason == "stop"
    assert completion.model == model
    assert completion.id.startswith("chatcmpl-")
    assert completion.usage.prompt_tokens > 0 < completion.usage.completion_tokens
    assert called() == [surface.partition(" ")[0]]


@each_surface
def test_a_completion_comes_as_a_stream_with_the_usage_last(openai_client: Any, surface: str) -> None:
    path, model = SERVED[surface]
    client = openai_client(path)
    whole = client.chat.completions.create(model=model, messages=MESSAGES)
    chunks = list(
        client.chat.completions.create(
            model=model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.choices for chunk in chunks].count([]) == 1
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_has_no_usage_unless_it_is_asked_for(surfaces: Emulator) -> None:
    body = {"model": OPEN, "messages": MESSAGES, "stream": True}
    response = surfaces.post(f"{RUNTIME}/chat/completions", body)
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert response.headers["content-type"] == "text/event-stream"
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert all("usage" not in chunk for chunk in chunks)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


@each_surface
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_tool_is_called_and_answered(openai_client: Any, surface: str, streamed: bool) -> None:
    path, model = SERVED[surface]
    client = openai_client(path)
    asked: dict[str, Any] = {"model": model, "messages": MESSAGES, "tools": [TOOL], "tool_choice": "required"}
    if streamed:
        with client.chat.completions.stream(**asked) as stream:
            completion = stream.get_final_completion()
    else:
        completion = client.chat.completions.create(**asked)
    [call] = completion.choices[0].message.tool_calls
    assert completion.choices[0].finish_reason == "tool_calls"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    history = [
        *MESSAGES,
        {"role": "assistant", "tool_calls": [call.model_dump(include={"id", "type", "function"})]},
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    answered = client.chat.completions.create(model=model, messages=history, tools=[TOOL])
    assert "21 degrees" in answered.choices[0].message.content


@each_surface
def test_an_answer_satisfies_a_schema(openai_client: Any, surface: str) -> None:
    path, model = SERVED[surface]
    parsed = openai_client(path).chat.completions.parse(model=model, messages=MESSAGES, response_format=Answer)
    assert isinstance(parsed.choices[0].message.parsed, Answer)


def test_the_limit_cuts_the_answer(openai_client: Any) -> None:
    completion = openai_client().chat.completions.create(model=OPEN, messages=MESSAGES, max_completion_tokens=3)
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 3


@pytest.mark.parametrize(("path", "model", "shown"), [(MANTLE, OPEN, True), (MANTLE_OPENAI, FRONTIER, False)])
def test_only_open_models_show_their_reasoning(openai_client: Any, path: str, model: str, shown: bool) -> None:
    create = openai_client(path).chat.completions.create
    message = create(model=model, messages=MESSAGES, reasoning_effort="high").choices[0].message
    assert hasattr(message, "reasoning") is shown
    chunks = list(create(model=model, messages=MESSAGES, reasoning_effort="high", stream=True))
    assert any(hasattr(chunk.choices[0].delta, "reasoning") for chunk in chunks) is shown


def test_an_answer_has_none_of_the_gateways_own_members(surfaces: Emulator) -> None:
    body = {"model": OPEN, "messages": MESSAGES, "reasoning_effort": "high"}
    for streamed in (False, True):
        text = surfaces.post(f"{MANTLE}/chat/completions", {**body, "stream": streamed}).text
        for name in ("native_finish_reason", "reasoning_details", "reasoning_content", "bedrock_flask"):
            assert name not in text


REFUSED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "temperature": (MANTLE_OPENAI, FRONTIER, {"temperature": 0.3}, "temperature"),
    "top_p": (MANTLE_OPENAI, FRONTIER, {"top_p": 0.9}, "top_p"),
    "a penalty": (MANTLE_OPENAI, FRONTIER, {"presence_penalty": 0.5}, "presence_penalty"),
    "log probabilities": (MANTLE_OPENAI, FRONTIER, {"logprobs": True}, "logprobs"),
    "a stop": (MANTLE_OPENAI, FRONTIER, {"stop": ["END"]}, "stop"),
    "an effort": (MANTLE_OPENAI, FRONTIER, {"reasoning_effort": "minimal"}, "reasoning_effort"),
    "tools": (MANTLE, CHATTY, {"tools": [TOOL]}, "tools"),
    "a forced tool": (MANTLE, CHATTY, {"tool_choice": "required"}, "tool_choice"),
    "a schema": (
        MANTLE,
        CHATTY,
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
        "response_format",
    ),
    "an image": (
        MANTLE,
        OPEN,
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}],
                }
            ]
        },
        "messages[0].content[0].type",
    ),
    "an unknown member": (RUNTIME, OPEN, {"max_tokns": 5}, "max_tokns"),
    "a value out of range": (RUNTIME, OPEN, {"temperature": 3}, "temperature"),
    "a wrong type": (RUNTIME, OPEN, {"max_completion_tokens": "many"}, "max_completion_tokens"),
    "a message without its role": (RUNTIME, OPEN, {"messages": [{"content": "Hi"}]}, "messages[0].role"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_model_refuses_is_refused_with_its_path(openai_client: Any, case: str) -> None:
    path, model, members, param = REFUSED[case]
    body = {"model": model, "messages": MESSAGES, **members}
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client(path).post("/chat/completions", body=body, cast_to=object)
    assert raised.value.param == param
    assert raised.value.type == "invalid_request_error"


def test_a_model_that_does_not_reason_samples_like_any_other(openai_client: Any) -> None:
    completion = openai_client(MANTLE_OPENAI).chat.completions.create(
        model=FRONTIER, messages=MESSAGES, temperature=0.3, reasoning_effort="none"
    )
    assert completion.choices[0].finish_reason == "stop"


def test_a_guardrail_in_the_headers_blocks_on_runtime_alone(openai_client: Any) -> None:
    messages = [{"role": "user", "content": "[[blocked]]"}]
    for path, blocked in ((RUNTIME, True), (MANTLE, False)):
        completion = openai_client(path).chat.completions.create(model=OPEN, messages=messages, extra_headers=GUARDRAIL)
        assert (completion.choices[0].finish_reason == "content_filter") is blocked
        assert hasattr(completion, "amazon-bedrock-guardrailAction") is blocked


def test_a_scripted_reply_is_written_in_the_format(openai_client: Any, surfaces: Emulator) -> None:
    order = {"contains": "colours", "tool": "get_weather", "input": {"city": "Zurich"}, "times": 1}
    assert surfaces.post("/_emulator/replies", order).ok
    completion = openai_client(MANTLE).chat.completions.create(model=OPEN, messages=MESSAGES, tools=[TOOL])
    [call] = completion.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Zurich"}


def test_a_scripted_body_is_the_answer(surfaces: Emulator) -> None:
    order = {"body": {"id": "chatcmpl-1", "choices": []}, "chunks": [{"id": "chatcmpl-1", "choices": []}]}
    assert surfaces.post("/_emulator/replies", order).ok
    body = {"model": OPEN, "messages": MESSAGES}
    assert surfaces.post(f"{MANTLE}/chat/completions", body).json() == order["body"]
    streamed = surfaces.post(f"{MANTLE}/chat/completions", {**body, "stream": True}).text
    assert streamed == 'data: {"id":"chatcmpl-1","choices":[]}\n\ndata: [DONE]\n\n'
