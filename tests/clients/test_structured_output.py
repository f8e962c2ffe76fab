"""Answers in JSON by unmodified SDKs, and by the bodies that instructor and pydantic-ai send.

Each on a model with structured output, on models without, and on one that no plugin claims; whole and streamed. The
emulator answers.
"""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pydantic
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import Field, SecretStr

from tests.clients.endpoint import Endpoint

MODELS = (
    "anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-opus-4-7",
    "anthropic.claude-opus-5",
    "amazon.nova-lite-v1:0",
    "newvendor.model-of-tomorrow",
)
each_model = pytest.mark.parametrize("model", MODELS)


class Home(pydantic.BaseModel):
    city: str
    zip: str | None = None


class Person(pydantic.BaseModel):
    """A person."""

    name: str = Field(max_length=40)
    age: int = Field(ge=0, le=120)
    homes: list[Home] = Field(min_length=1)


ASKED: list[Any] = [{"role": "user", "content": "Describe a person. Answer in JSON."}]


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key, max_retries=0) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def claude(endpoint: Endpoint) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=endpoint.url, api_key=endpoint.key, max_retries=0) as sdk:
        yield sdk


@each_model
def test_openais_chat_completions_are_parsed(client: openai.OpenAI, model: str) -> None:
    body: dict[str, Any] = {"model": model, "messages": ASKED, "response_format": Person}
    choice = client.chat.completions.parse(**body).choices[0]
    assert (type(choice.message.parsed), choice.finish_reason) == (Person, "stop")
    with client.chat.completions.stream(**body) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == choice.message.parsed


@each_model
def test_openais_responses_are_parsed(client: openai.OpenAI, model: str) -> None:
    body: dict[str, Any] = {"model": model, "input": ASKED, "text_format": Person}
    parsed = client.responses.parse(**body).output_parsed
    assert isinstance(parsed, Person)
    with client.responses.stream(**body) as stream:
        assert stream.get_final_response().output_parsed == parsed


@each_model
def test_anthropics_messages_are_parsed(claude: anthropic.Anthropic, model: str) -> None:
    body: dict[str, Any] = {"model": model, "max_tokens": 500, "messages": ASKED, "output_format": Person}
    message = claude.messages.parse(**body)
    assert (type(message.parsed_output), message.stop_reason) == (Person, "end_turn")
    with claude.messages.stream(**body) as stream:
        assert stream.get_final_message().parsed_output == message.parsed_output
    assert claude.beta.messages.parse(**body).parsed_output == message.parsed_output


@each_model
@pytest.mark.parametrize("responses", [False, True])
@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_langchain_openai_gives_structured_output(endpoint: Endpoint, model: str, method: Any, responses: bool) -> None:
    chat = ChatOpenAI(
        base_url=f"{endpoint.url}/v1",
        api_key=SecretStr(endpoint.key),
        model=model,
        max_retries=0,
        use_responses_api=responses,
    )
    schema = Person if method != "json_mode" else None
    asked = chat.with_structured_output(schema, method=method)
    answer = asked.invoke([HumanMessage("Describe a person. Answer in JSON.")])
    assert isinstance(answer, Person if schema else dict)
    [*_, last] = asked.stream([HumanMessage("Describe a person. Answer in JSON.")])
    assert last == answer


@each_model
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_langchain_anthropic_gives_structured_output(endpoint: Endpoint, model: str, method: Any) -> None:
    chat = ChatAnthropic(
        base_url=endpoint.url,
        api_key=SecretStr(endpoint.key),
        model_name=model,
        max_tokens_to_sample=500,
        max_retries=0,
    )
    asked = chat.with_structured_output(Person, method=method)
    answer = asked.invoke([HumanMessage("Describe a person.")])
    assert isinstance(answer, Person)
    [*_, last] = asked.stream([HumanMessage("Describe a person.")])
    assert last == answer


SCHEMA = Person.model_json_schema()
# instructor 1.17 and pydantic-ai 2.68.
BODIES: dict[str, dict[str, Any]] = {
    "instructor TOOLS": {
        "tools": [
            {"type": "function", "function": {"name": "Person", "description": "A person.", "parameters": SCHEMA}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "Person"}},
    },
    "instructor JSON": {"response_format": {"type": "json_object"}},
    "instructor JSON_SCHEMA": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "Person", "schema": SCHEMA}}
    },
    "pydantic-ai ToolOutput": {
        "tools": [{"type": "function", "function": {"name": "final_result", "description": "", "parameters": SCHEMA}}],
        "tool_choice": "required",
    },
    "pydantic-ai NativeOutput": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "Person",
                "description": "A person.",
                "schema": openai.pydantic_function_tool(Person)["function"]["parameters"],
                "strict": True,
            },
        }
    },
    "pydantic-ai PromptedOutput": {"response_format": {"type": "json_object"}},
}


@each_model
@pytest.mark.parametrize("name", BODIES)
def test_the_bodies_of_instructor_and_pydantic_ai_are_answered(client: openai.OpenAI, model: str, name: str) -> None:
    body: dict[str, Any] = {"model": model, "messages": ASKED, **BODIES[name]}
    message = client.chat.completions.create(**body).choices[0].message
    text = message.tool_calls[0].function.arguments if message.tool_calls else message.content  # type: ignore[union-attr]
    document = json.loads(text or "")
    assert isinstance(document, dict)
    if "json_object" not in json.dumps(body):
        Person.model_validate(document)
    pieces = ""
    for chunk in client.chat.completions.create(**body, stream=True):
        for choice in chunk.choices:
            pieces += choice.delta.content or ""
            pieces += "".join(call.function.arguments or "" for call in choice.delta.tool_calls or ())
    assert json.loads(pieces) == document
