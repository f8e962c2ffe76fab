"""What clients send unasked never stops a moved program: it is dropped and reported, the same in each of OpenAI's APIs.

The requests have the shapes that the clients send by default; the models are Claude, Nova and one of no plugin.
"""

from typing import Any

import pytest

from tests.doubles import Gateway

Json = dict[str, Any]

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
MODELS = ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0", "newvendor.model-of-tomorrow"]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOSED = SCHEMA | {"additionalProperties": False}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
)


def function(**more: Any) -> Json:
    return {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA} | more}


SAY = [{"role": "user", "content": "Hi"}]
CALLED = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Zurich"}'}
LOOP = [
    {"role": "user", "content": "Call weather."},
    {
        "role": "assistant",
        "content": "Yes.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Zurich"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "frogs"},
]
SHAPES: dict[str, tuple[str, Json]] = {
    "langchain: an agent with a name": (
        CHAT,
        {
            "messages": [
                *SAY,
                {"role": "assistant", "content": "Hello", "name": "agent1"},
                {"role": "user", "content": "Go on", "name": "ann"},
            ],
            "stream": False,
            "parallel_tool_calls": False,
            "tools": [function()],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
        },
    ),
    "langchain: a choice without tools": (CHAT, {"messages": SAY, "n": 1, "parallel_tool_calls": False}),
    "n8n": (CHAT, {"messages": SAY, "parallel_tool_calls": False, "stream": True}),
    "openai-agents: chat": (
        CHAT,
        {
            "messages": [{"role": "system", "content": "Be kind."}, *SAY],
            "tools": [function(strict=False)],
            "stream": True,
            "stream_options": {"include_usage": True},
            "store": False,
            "verbosity": "low",
            "prompt_cache_retention": "24h",
            "metadata": {"a": "b"},
        },
    ),
    "openai-agents: responses": (
        RESPONSES,
        {
            "instructions": "Be kind.",
            "input": [{"role": "user", "content": "Hi"}],
            "include": [],
            "tools": [{"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA}],
            "parallel_tool_calls": False,
            "prompt_cache_key": "k",
            "text": {"verbosity": "low"},
            "store": False,
        },
    ),
    "pydantic-ai: chat": (
        CHAT,
        {
            "messages": [{"role": "system", "content": "Be kind."}, *SAY],
            "tools": [function()],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            "stream": False,
            "user": "u",
        },
    ),
    "pydantic-ai: responses": (
        RESPONSES,
        {
            "instructions": "Be kind.",
            "input": [{"role": "user", "content": "Hi"}],
            "include": ["reasoning.encrypted_content"],
            "tools": [{"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA}],
            "tool_choice": "auto",
            "stream": True,
        },
    ),
    "instructor: tools": (
        CHAT,
        {
            "messages": SAY,
            "tools": [function()],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
        },
    ),
    "Vercel: chat": (
        CHAT,
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Hi"},
                        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "high"}},
                    ],
                }
            ],
            "tools": [function(strict=False)],
            "tool_choice": "auto",
            "stream": True,
            "stream_options": {"include_usage": True},
            "prompt_cache_key": "k",
        },
    ),
    "Vercel: responses": (
        RESPONSES,
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "Hi"},
                        {"type": "input_image", "image_url": PIXEL, "detail": "low"},
                    ],
                }
            ],
            "tools": [{"type": "function", "name": "weather", "parameters": CLOSED, "strict": False}],
            "tool_choice": "auto",
            "store": False,
            "stream": True,
        },
    ),
    "Vercel: messages": (
        MESSAGES,
        {
            "max_tokens": 100,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            "tools": [{"name": "weather", "input_schema": SCHEMA, "eager_input_streaming": True}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
            "stream": True,
        },
    ),
    "openai-agents: responses, after a tool": (
        RESPONSES,
        {
            "include": [],
            "instructions": "Be kind.",
            "input": [
                {"role": "user", "content": "Call weather."},
                {
                    "id": "msg_1",
                    "type": "message",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "Yes.", "annotations": [], "logprobs": []}],
                },
                {"id": "fc_1", "status": "completed", **CALLED},
                {"type": "function_call_output", "call_id": "c1", "output": "frogs"},
            ],
            "tools": [
                {"type": "function", "name": "weather", "description": "d", "parameters": CLOSED, "strict": True}
            ],
            "stream": True,
        },
    ),
    "openai-agents: chat, after a tool": (
        CHAT,
        {
            "messages": [{"role": "system", "content": "Be kind."}, *LOOP],
            "tools": [function(parameters=CLOSED, strict=True)],
        },
    ),
    "pydantic-ai: responses, after a tool": (
        RESPONSES,
        {
            "instructions": "Be kind.",
            "input": [
                {"role": "user", "content": "Call weather."},
                {"role": "assistant", "content": "Yes."},
                CALLED,
                {"type": "function_call_output", "call_id": "c1", "output": "frogs"},
            ],
            "tool_choice": "auto",
            "tools": [
                {"type": "function", "name": "weather", "description": "d", "parameters": CLOSED, "strict": True}
            ],
            "stream": False,
        },
    ),
    "pydantic-ai: an output tool": (
        CHAT,
        {"messages": SAY, "stream": False, "tool_choice": "required", "tools": [function(name="final_result")]},
    ),
    "langchain: responses, a schema by a tool": (
        RESPONSES,
        {
            "input": [{"type": "message", "role": "user", "content": "Zurich"}],
            "parallel_tool_calls": False,
            "stream": False,
            "tool_choice": {"type": "function", "name": "City"},
            "tools": [{"type": "function", "name": "City", "description": "", "parameters": SCHEMA}],
        },
    ),
    "langchain: responses, after a tool": (
        RESPONSES,
        {
            "input": [
                {"type": "message", "role": "user", "content": "Call weather."},
                {
                    "type": "message",
                    "role": "assistant",
                    "id": "msg_1",
                    "content": [{"type": "output_text", "text": "Yes.", "annotations": []}],
                },
                {"id": "fc_1", "status": "completed", **CALLED},
                {"type": "function_call_output", "call_id": "c1", "output": "frogs"},
            ],
            "tools": [{"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA}],
            "stream": True,
        },
    ),
    "langchain: messages, after a tool": (
        MESSAGES,
        {
            "max_tokens": 100,
            "messages": [
                {"role": "user", "content": "Call weather."},
                {
                    "role": "assistant",
                    "content": [
                        {"text": "Yes.", "type": "text"},
                        {"type": "tool_use", "name": "weather", "input": {"city": "Zurich"}, "id": "c1"},
                    ],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "content": "frogs", "tool_use_id": "c1", "is_error": False}],
                },
            ],
            "tools": [{"name": "weather", "input_schema": SCHEMA, "description": "d"}],
            "stream": True,
        },
    ),
    "instructor: messages": (
        MESSAGES,
        {
            "max_tokens": 100,
            "messages": SAY,
            "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
            "tools": [{"name": "weather", "description": "d", "input_schema": SCHEMA}],
        },
    ),
    "Vercel: openai-compatible, after a tool": (
        CHAT,
        {
            "max_tokens": 300,
            "messages": LOOP,
            "tools": [function()],
            "tool_choice": "auto",
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    ),
    "one set of parameters for both APIs: responses": (
        RESPONSES,
        {
            "input": "Hi",
            "n": 1,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "logprobs": False,
            "include": ["web_search_call.action.sources", "reasoning.encrypted_content"],
            "truncation": "auto",
            "background": False,
            "service_tier": "auto",
            "stream_options": {"include_obfuscation": False},
        },
    ),
    "one set of parameters for both APIs: chat": (
        CHAT,
        {
            "messages": SAY,
            "background": False,
            "truncation": "disabled",
            "max_tool_calls": 3,
            "modalities": ["text"],
            "prediction": {"type": "content", "content": "Hi"},
            "reasoning_effort": "none",
            "stream_options": {"include_obfuscation": True},
            "stream": True,
        },
    ),
    "Zed, opencode": (CHAT, {"messages": SAY, "prompt_cache_key": "k", "stream": True, "tools": [function()]}),
}
# One hint for each API, and the name by which it is reported.
HINTS: list[tuple[str, Json, str]] = [
    (CHAT, {"prompt_cache_key": "k"}, "prompt_cache_key"),
    (CHAT, {"prompt_cache_retention": "24h"}, "prompt_cache_retention"),
    (CHAT, {"verbosity": "low"}, "verbosity"),
    (CHAT, {"parallel_tool_calls": False}, "parallel_tool_calls"),
    (CHAT, {"messages": [{"role": "user", "content": "Hi", "name": "ann"}]}, "messages.name"),
    (RESPONSES, {"prompt_cache_key": "k"}, "prompt_cache_key"),
    (RESPONSES, {"prompt_cache_retention": "24h"}, "prompt_cache_retention"),
    (RESPONSES, {"text": {"verbosity": "low"}}, "text.verbosity"),
    (RESPONSES, {"parallel_tool_calls": False}, "parallel_tool_calls"),
    (RESPONSES, {"include": ["web_search_call.action.sources"]}, "include"),
    (RESPONSES, {"truncation": "auto"}, "truncation"),
    (RESPONSES, {"max_tool_calls": 3}, "max_tool_calls"),
    (CHAT, {"prediction": {"type": "content", "content": "Hi"}}, "prediction"),
    # Of the other API.
    (CHAT, {"truncation": "auto"}, "truncation"),
    (RESPONSES, {"prediction": {"type": "content", "content": "Hi"}}, "prediction"),
]

each_model = pytest.mark.parametrize("model", MODELS)


@each_model
@pytest.mark.parametrize("name", SHAPES)
def test_the_defaults_of_a_client_pass(gateway: Gateway, model: str, name: str) -> None:
    path, body = SHAPES[name]
    response = gateway.post(path, {"model": model, **body})
    assert response.status_code == 200, response.text
    assert '"error": {' not in response.text


@each_model
@pytest.mark.parametrize(("path", "members", "name"), HINTS)
def test_a_hint_is_dropped_and_reported(gateway: Gateway, model: str, path: str, members: Json, name: str) -> None:
    body = {"input": "Hi"} if path == RESPONSES else {"messages": SAY}
    headers = {"x-bedrock-flask-unsupported": "error"}
    response = gateway.post(path, {"model": model, **body, **members}, headers=headers)
    assert response.status_code == 200, response.text
    # Without tools Claude's plugin has nowhere to put a choice among them.
    if name != "parallel_tool_calls" or "claude" not in model:
        assert name in response.headers["x-bedrock-flask-dropped"].split(", ")


@each_model
@pytest.mark.parametrize("policy", ["error", "drop"])
@pytest.mark.parametrize(
    ("path", "members", "name"),
    [
        (CHAT, {"moderation": {"model": "omni-moderation-latest"}}, "moderation"),
        (RESPONSES, {"moderation": {"model": "omni-moderation-latest"}}, "moderation"),
        (CHAT, {"functions": [{"name": "weather", "parameters": SCHEMA}]}, "functions"),
        (RESPONSES, {"input": [*SAY, {"type": "item_reference", "id": "msg_1"}]}, "input[1]"),
    ],
)
def test_what_is_no_hint_is_never_dropped(
    gateway: Gateway, model: str, path: str, members: Json, name: str, policy: str
) -> None:
    body = {"input": "Hi"} if path == RESPONSES else {"messages": SAY}
    headers = {"x-bedrock-flask-unsupported": policy}
    response = gateway.post(path, {"model": model, **body, **members}, headers=headers)
    assert (response.status_code, response.json()["error"]["param"]) == (400, name)
