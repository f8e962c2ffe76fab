"""Models of every family get what they take, whatever API the caller uses."""

import json
from typing import Any

import pytest
import requests

from tests.doubles import Emulator, Gateway

LLAMA, MIXTRAL = "us.meta.llama4-scout-17b-instruct-v1:0", "mistral.mixtral-8x7b-instruct-v0:1"
GPT_OSS, GPT, NOVA = "openai.gpt-oss-120b-1:0", "us.openai.gpt-6-sol", "amazon.nova-pro-v1:0"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def chat(gateway: Gateway, model: str, headers: Any = None, **more: Any) -> requests.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
    return gateway.post("/v1/chat/completions", body, headers=headers or {})


def respond(gateway: Gateway, model: str, **more: Any) -> requests.Response:
    return gateway.post("/v1/responses", {"model": model, "input": "Hi", **more})


def message(gateway: Gateway, model: str, **more: Any) -> requests.Response:
    body = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}], **more}
    return gateway.post("/v1/messages", body)


def sent(emulator: Emulator) -> Any:
    return json.loads(emulator.calls()[-1]["body"])


def test_tools_are_streamed_from_a_whole_answer_where_the_model_streams_none(
    gateway: Gateway, emulator: Emulator
) -> None:
    tools = {
        "chat": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
        "responses": [{"type": "function", "name": "weather", "parameters": SCHEMA}],
        "messages": [{"name": "weather", "input_schema": SCHEMA}],
    }
    for ask, name in ((chat, "chat"), (respond, "responses"), (message, "messages")):
        for model, operation in ((LLAMA, "Converse"), (NOVA, "ConverseStream")):
            response = ask(gateway, model, stream=True, tools=tools[name])
            assert response.status_code == 200, response.text
            assert response.headers["content-type"].startswith("text/event-stream")
            assert emulator.calls()[-1]["operation"] == operation, (name, model)
        assert ask(gateway, LLAMA, stream=True).status_code == 200
        assert emulator.calls()[-1]["operation"] == "ConverseStream"


def test_a_system_prompt_is_a_part_of_the_users_turn_where_the_model_has_none(
    gateway: Gateway, emulator: Emulator
) -> None:
    turns = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Hi"}]
    for response in (
        chat(gateway, MIXTRAL, messages=turns),
        respond(gateway, MIXTRAL, instructions="Be terse."),
        message(gateway, MIXTRAL, system="Be terse."),
    ):
        assert response.status_code == 200, response.text
    for call in emulator.calls()[-3:]:
        body = json.loads(call["body"])
        assert "system" not in body
        assert body["messages"] == [
            {"role": "user", "content": [{"text": "<system>\nBe terse.\n</system>"}, {"text": "Hi"}]}
        ]
    assert response.headers["x-bedrock-flask-dropped"] == "system"


@pytest.mark.parametrize("model", [NOVA, MIXTRAL, GPT_OSS, "anthropic.claude-opus-4-6-v1"])
def test_instructions_and_nothing_else_are_the_users_turn(gateway: Gateway, emulator: Emulator, model: str) -> None:
    only = [{"role": "system", "content": "Say hi."}]
    for response in (
        chat(gateway, model, messages=only),
        respond(gateway, model, input=[{"role": "developer", "content": "Say hi."}]),
        respond(gateway, model, instructions="Say hi.", input=[]),
        respond(gateway, model, instructions="Say hi.", input=[{"role": "user", "content": ""}]),
        respond(gateway, model, instructions="Say hi.", input=""),
    ):
        assert response.status_code == 200, response.text
        assert response.headers["x-bedrock-flask-dropped"] in ("system", "instructions")
    for call in emulator.calls()[-5:]:
        body = json.loads(call["body"])
        assert "system" not in body
        assert body["messages"] == [{"role": "user", "content": [{"text": "Say hi."}]}]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (GPT_OSS, {"reasoning_effort": "high"}),
        (GPT, {"reasoning": {"effort": "xhigh"}}),
        ("deepseek.v3.2", {"reasoning_effort": "high"}),
    ],
)
def test_an_effort_reaches_the_model_in_its_field(
    gateway: Gateway, emulator: Emulator, model: str, fields: Any
) -> None:
    for response in (
        chat(gateway, model, reasoning_effort="xhigh"),
        respond(gateway, model, reasoning={"effort": "xhigh"}),
        message(gateway, model, output_config={"effort": "xhigh"}),
    ):
        assert response.status_code == 200, response.text
        assert ("effort" in response.headers.get("x-bedrock-flask-dropped", "")) == (model != GPT)
    bodies = [json.loads(call["body"]) for call in emulator.calls()[-3:]]
    if model == GPT:
        # It speaks these formats itself.
        assert [bodies[0].pop("reasoning_effort"), bodies[1].pop("reasoning")["effort"]] == ["xhigh"] * 2
        del bodies[:2]
    for body in bodies:
        assert body["additionalModelRequestFields"] == fields


@pytest.mark.parametrize("model", ["anthropic.claude-3-haiku-20240307-v1:0", NOVA, MIXTRAL])
def test_a_model_that_does_not_reason_gets_no_effort(gateway: Gateway, emulator: Emulator, model: str) -> None:
    assert chat(gateway, model, reasoning_effort="high").status_code == 400
    assert respond(gateway, model, reasoning={"effort": "high"}).status_code == 400
    assert emulator.calls() == []
    response = chat(gateway, model, {"x-bedrock-flask-unsupported": "drop"}, reasoning_effort="high")
    assert (response.status_code, "effort" in response.headers["x-bedrock-flask-dropped"]) == (200, True)
    assert "additionalModelRequestFields" not in sent(emulator)


def test_anthropics_thinking_is_an_effort_for_other_models(gateway: Gateway, emulator: Emulator) -> None:
    response = message(gateway, GPT_OSS, max_tokens=9000, thinking={"type": "enabled", "budget_tokens": 8000})
    assert response.status_code == 200, response.text
    assert sent(emulator)["additionalModelRequestFields"] == {"reasoning_effort": "medium"}
    assert response.headers["x-bedrock-flask-dropped"] == "thinking"


@pytest.mark.parametrize(
    ("model", "more", "name"),
    [
        (GPT, {"temperature": 0.3}, "temperature"),
        (GPT, {"stop": ["END"]}, "stop"),
        (GPT_OSS, {"stop": ["END"]}, "stop"),
        (
            LLAMA,
            {
                "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
                "tool_choice": "required",
            },
            "tool_choice",
        ),
    ],
)
def test_an_option_that_the_model_does_not_take_is_refused_by_name_or_dropped(
    gateway: Gateway, emulator: Emulator, model: str, more: Any, name: str
) -> None:
    response = chat(gateway, model, **more)
    assert (response.status_code, response.json()["error"]["param"]) == (400, name)
    response = chat(gateway, model, {"x-bedrock-flask-unsupported": "drop"}, **more)
    assert response.status_code == 200, response.text
    assert response.headers["x-bedrock-flask-dropped"] == name
    assert "END" not in json.dumps(sent(emulator))
    assert "temperature" not in sent(emulator).get("inferenceConfig", {})
    assert "toolChoice" not in sent(emulator).get("toolConfig", {})


@pytest.mark.parametrize(
    ("choice", "converse"),
    [
        ({"type": "function", "function": {"name": "weather"}}, {"tool": {"name": "weather"}}),
        ("required", {"any": {}}),
        ("auto", None),
    ],
)
def test_a_tool_choice_is_told_once(gateway: Gateway, emulator: Emulator, choice: Any, converse: Any) -> None:
    flat = {"type": "function", "name": "weather"} if isinstance(choice, dict) else choice
    claude, function = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", {"name": "weather", "parameters": SCHEMA}
    for response in (
        chat(
            gateway,
            claude,
            tools=[{"type": "function", "function": function}],
            tool_choice=choice,
            parallel_tool_calls=False,
        ),
        respond(gateway, claude, tools=[{"type": "function", **function}], tool_choice=flat, parallel_tool_calls=False),
    ):
        assert response.status_code == 200, response.text
        body = sent(emulator)
        told = {"disable_parallel_tool_use": True}
        if body["toolConfig"].get("toolChoice") is None:
            told = {"type": "auto", **told}
        assert body["toolConfig"].get("toolChoice") in (converse, {"auto": {}})
        assert body["additionalModelRequestFields"] == {"tool_choice": told}
