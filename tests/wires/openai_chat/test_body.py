"""The schema of Chat Completions: what OpenAI's SDK can send is taken, what it cannot is refused by path."""

from typing import Any

import pytest

from bedrock_flask.bodies.openai_chat_body import Body
from bedrock_flask.errors import FieldError
from bedrock_flask.fields import find_faults

Json = dict[str, Any]


def body(*messages: Json, **members: Any) -> Json:
    return {"model": "m", "messages": list(messages or [{"role": "user", "content": "hi"}]), **members}


def faulty(*messages: Json, **members: Any) -> list[FieldError]:
    return find_faults(Body(), body(*messages, **members))


def paths(*messages: Json, **members: Any) -> list[str]:
    return [fault.path for fault in faulty(*messages, **members)]


# Every member of `CompletionCreateParams` in the types of the `openai` package, 3.54.
OPENAIS = {
    "audio": {"format": "wav", "voice": {"id": "voice_1"}},
    "frequency_penalty": -2,
    "function_call": "auto",
    "functions": [{"name": "f", "description": "F.", "parameters": {}}],
    "logit_bias": {"1": -100},
    "logprobs": True,
    "max_completion_tokens": 1,
    "max_tokens": 1,
    "metadata": {"a": "b"},
    "modalities": ["text", "audio"],
    "moderation": {"model": "m", "policy": {"input": {"mode": "block"}}},
    "n": 2,
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]},
    "presence_penalty": 2,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
    "prompt_cache_retention": "in_memory",
    "reasoning_effort": "minimal",
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
    "safety_identifier": "s",
    "seed": -1,
    "service_tier": "fast",
    "stop": ["a"],
    "store": True,
    "stream": True,
    "stream_options": {"include_usage": True, "include_obfuscation": False},
    "temperature": 2,
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
    "tools": [
        {"type": "function", "function": {"name": "f", "strict": None}},
        {
            "type": "custom",
            "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}},
        },
    ],
    "top_logprobs": 20,
    "top_p": 1,
    "user": "u",
    "verbosity": "high",
    "web_search_options": {"search_context_size": "low", "user_location": {"type": "approximate", "approximate": {}}},
}


@pytest.mark.parametrize(("name", "value"), OPENAIS.items())
def test_every_member_that_openai_has_is_taken(name: str, value: Any) -> None:
    assert faulty(**{name: value}) == []


def test_there_is_no_member_that_openai_has_not() -> None:
    assert Body().fields.keys() == OPENAIS.keys() | {"model", "messages"}


def text(words: str = "x", **more: Any) -> Json:
    return {"type": "text", "text": words, **more}


MARKED = {"cache_control": {"type": "ephemeral", "ttl": "1h"}, "prompt_cache_breakpoint": {"mode": "explicit"}}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "system", "content": "x", "name": "n", "cache_control": {"type": "ephemeral"}},
        {"role": "developer", "content": [text(**MARKED)]},
        {"role": "user", "content": [text(), {"type": "image_url", "image_url": {"url": "x", "detail": "original"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "x", "filename": "a"}, **MARKED}]},
        {"role": "assistant"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "f"}}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "refusal": "No."},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "custom", "index": 0, "custom": {"name": "f", "input": "x"}}],
        },
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}, "audio": {"id": "a"}},
        {"role": "assistant", "content": "x", "annotations": [], "reasoning": "r", "reasoning_content": None},
        {
            "role": "assistant",
            "reasoning_details": [
                {"type": "reasoning.text", "text": None, "signature": "S", "id": None, "format": "f", "index": 0},
                {"type": "reasoning.encrypted", "data": "AAAA"},
                {"type": "reasoning.summary", "summary": "x"},
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": [text()], "name": "f"},
        {"role": "function", "name": "f", "content": None},
    ],
)
def test_every_message_is_taken(message: Json) -> None:
    assert faulty(message) == []


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ({"role": "user"}, "content"),
        ({"role": "user", "content": None}, "content"),
        ({"role": "user", "content": [{"type": "refusal", "refusal": "x"}]}, "content[0].type"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, "content[0].image_url"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}, "tool_calls[0].id"),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]},
            "tool_calls[0].function.arguments",
        ),
        ({"role": "tool", "content": "x"}, "tool_call_id"),
        ({"role": "user", "content": "x", "cache_control": {"type": "forever"}}, "cache_control.type"),
    ],
)
def test_what_no_message_is_is_refused_by_path(message: Json, path: str) -> None:
    assert paths(message) == [f"messages[0].{path}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 2.1),
        ("max_tokens", 0),
        ("max_tokens", "64"),
        ("n", 0),
        ("stop", [1]),
        ("tool_choice", "any"),
        ("reasoning_effort", "enormous"),
        ("presence_penalty", 3),
        ("top_logprobs", 21),
    ],
)
def test_what_openai_refuses_is_refused(name: str, value: Any) -> None:
    assert [path.partition("[")[0] for path in paths(**{name: value})] == [name]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"retryTimes": 3}, "retryTimes"),
        ({"tools": [{"type": "mcp"}]}, "tools[0].type"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
    ],
)
def test_what_is_of_tomorrow_is_told_as_unknown(members: Json, path: str) -> None:
    [fault] = faulty(**members)
    assert (fault.path, fault.unknown) == (path, True)


def test_a_request_has_a_model_and_messages() -> None:
    assert sorted(fault.path for fault in find_faults(Body(), {})) == ["messages", "model"]
    assert [fault.path for fault in find_faults(Body(), {"model": "m", "messages": []})] == ["messages"]
