"""OpenAI's and Anthropic's SDKs reach the models that AWS serves by its other APIs, in front of the emulator."""

from typing import Any

import anthropic
import openai
import pytest

from tests.clients.endpoint import Endpoint
from tests.doubles import Emulator

# By profile on bedrock-runtime, and by their own ids on bedrock-mantle.
MODELS = ["us.openai.gpt-5.6-sol", "openai.gpt-5.5", "google.gemma-4-31b", "xai.grok-4.3", "us.xai.grok-4.7"]
TOOL: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
QUESTION = "What is 2+2?"


@pytest.fixture
def by_openai(endpoint: Endpoint) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key, max_retries=0)


@pytest.fixture
def by_anthropic(endpoint: Endpoint) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=endpoint.url, api_key=endpoint.key, max_retries=0)


@pytest.mark.parametrize("model", MODELS)
def test_chat_completions(by_openai: openai.OpenAI, model: str) -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    answer = by_openai.chat.completions.create(model=model, messages=messages, max_tokens=64)
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    chunks = list(
        by_openai.chat.completions.create(
            model=model, messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage is not None


@pytest.mark.parametrize("model", MODELS)
def test_responses(by_openai: openai.OpenAI, model: str) -> None:
    answer = by_openai.responses.create(model=model, input=QUESTION)
    assert (answer.status, bool(answer.output_text)) == ("completed", True)
    with by_openai.responses.stream(model=model, input=QUESTION) as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    assert kinds[-1] == "response.completed"
    assert final.output_text
    assert final.usage is not None


@pytest.mark.parametrize("model", MODELS)
def test_messages(by_anthropic: anthropic.Anthropic, model: str) -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    answer = by_anthropic.messages.create(model=model, max_tokens=64, messages=messages)
    assert any(block.type == "text" and block.text for block in answer.content)
    with by_anthropic.messages.stream(model=model, max_tokens=64, messages=messages) as stream:
        assert "".join(stream.text_stream)
        assert stream.get_final_message().usage.output_tokens > 0


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_and_answered(
    by_openai: openai.OpenAI, by_anthropic: anthropic.Anthropic, emulator: Emulator, model: str
) -> None:
    user: Any = {"role": "user", "content": "What is the weather in Rome?"}
    tools: Any = [{"type": "function", "name": "weather", "parameters": TOOL}]
    forced = by_openai.responses.create(model=model, input=[user], tools=tools, tool_choice="required")
    calls = [item for item in forced.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["weather"]
    result: Any = {"type": "function_call_output", "call_id": calls[0].call_id, "output": "sunny"}
    history: Any = [user, *(item.model_dump(exclude_none=True) for item in forced.output), result]
    assert by_openai.responses.create(model=model, input=history, tools=tools).output_text
    claudes: Any = [{"name": "weather", "input_schema": TOOL}]
    turn = by_anthropic.messages.create(
        model=model, max_tokens=64, messages=[user], tools=claudes, tool_choice={"type": "any"}
    )
    use = next(block for block in turn.content if block.type == "tool_use")
    back: Any = [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}]
    spoken: Any = {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in turn.content]}
    last = by_anthropic.messages.create(
        model=model, max_tokens=64, messages=[user, spoken, {"role": "user", "content": back}], tools=claudes
    )
    assert last.content


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_by_schema(by_openai: openai.OpenAI, model: str) -> None:
    schema: Any = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    schema["additionalProperties"] = False
    answer = by_openai.responses.create(
        model=model,
        input=QUESTION,
        text={"format": {"type": "json_schema", "name": "sum", "schema": schema, "strict": True}},
    )
    assert '"a"' in answer.output_text


def test_a_fault_keeps_its_status(by_openai: openai.OpenAI, emulator: Emulator) -> None:
    emulator.fault("throttle", count=3)
    with pytest.raises(openai.RateLimitError):
        by_openai.responses.create(model="openai.gpt-5.5", input=QUESTION)
