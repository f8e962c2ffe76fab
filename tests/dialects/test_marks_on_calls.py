"""A cache mark on a tool call is a cache point behind it, in every API, whole and streamed."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway

Json = dict[str, Any]
MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
SCHEMA = {"type": "object", "properties": {}}
CLAUDE, NOVA, UNCLAIMED = "anthropic.claude-opus-4-6-v1", "amazon.nova-pro-v1:0", "newvendor.model-of-tomorrow"


def call(number: int, **more: Any) -> Json:
    return {"id": f"t{number}", "type": "function", "function": {"name": "bash", "arguments": "{}"}, **more}


CHAT: Json = {
    "messages": [
        {"role": "user", "content": "ls"},
        {"role": "assistant", "content": "", "tool_calls": [call(1), call(2, **MARK)]},
        {"role": "tool", "tool_call_id": "t1", "content": "README.md"},
        {"role": "tool", "tool_call_id": "t2", "content": "README.md", **MARK},
    ],
    "tools": [{"type": "function", "function": {"name": "bash", "parameters": SCHEMA}}],
}
RESPONSES: Json = {
    "input": [
        {"role": "user", "content": "ls"},
        {"type": "function_call", "call_id": "t1", "name": "bash", "arguments": "{}"},
        {"type": "function_call", "call_id": "t2", "name": "bash", "arguments": "{}", **MARK},
        {"type": "function_call_output", "call_id": "t1", "output": "README.md"},
        {"type": "function_call_output", "call_id": "t2", "output": "README.md", **MARK},
    ],
    "tools": [{"type": "function", "name": "bash", "parameters": SCHEMA}],
}
MESSAGES: Json = {
    "max_tokens": 50,
    "messages": [
        {"role": "user", "content": "ls"},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "t1", "name": "bash", "input": {}},
                {"type": "tool_use", "id": "t2", "name": "bash", "input": {}, **MARK},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "README.md"},
                {"type": "tool_result", "tool_use_id": "t2", "content": "README.md", **MARK},
            ],
        },
    ],
    "tools": [{"name": "bash", "input_schema": SCHEMA}],
}
WAYS = {"/v1/chat/completions": CHAT, "/v1/responses": RESPONSES, "/v1/messages": MESSAGES}


def read_sent(emulator: Emulator) -> Json:
    [sent] = emulator.calls()
    body: Json = json.loads(sent["body"]) if isinstance(sent["body"], str) else sent["body"]
    return body


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("path", WAYS)
def test_a_mark_on_a_call_is_a_cache_point_behind_it(
    gateway: Gateway, emulator: Emulator, path: str, streamed: bool
) -> None:
    response = gateway.post(path, {**WAYS[path], "model": CLAUDE, "stream": streamed})
    assert response.status_code == 200, response.text
    assert "x-bedrock-flask-dropped" not in response.headers
    turn = read_sent(emulator)["messages"][1]["content"]
    if path == "/v1/messages":
        assert turn == MESSAGES["messages"][1]["content"]
    else:
        assert [*turn[-1]] == ["cachePoint"]
        assert [next(iter(block)) for block in turn[-3:]] == ["toolUse", "toolUse", "cachePoint"]


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("model", [NOVA, UNCLAIMED])
def test_the_request_passes_for_models_that_do_not_cache_there(
    gateway: Gateway, emulator: Emulator, path: str, model: str
) -> None:
    response = gateway.post(path, {**WAYS[path], "model": model})
    assert response.status_code == 200, response.text
    assert len(read_sent(emulator)["messages"]) == 3


def test_the_lifetime_of_a_mark_on_a_call_is_kept(gateway: Gateway, emulator: Emulator) -> None:
    marked = [CHAT["messages"][0], {**CHAT["messages"][1], "tool_calls": [call(1), call(2, **HOUR)]}]
    body = {**CHAT, "model": CLAUDE, "messages": [*marked, *CHAT["messages"][2:3], {**CHAT["messages"][3], **HOUR}]}
    assert gateway.post("/v1/chat/completions", body).status_code == 200
    assert read_sent(emulator)["messages"][1]["content"][-1]["cachePoint"].get("ttl") == "1h"


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": "ls", **MARK},
        {"role": "user", "content": [{"type": "input_text", "text": "ls", **MARK}]},
        {"role": "user", "content": [{"type": "input_text", "text": "ls", **MARK}], **MARK},
    ],
)
def test_a_mark_of_the_responses_api_may_be_on_an_item_or_a_part(
    gateway: Gateway, emulator: Emulator, item: Json
) -> None:
    response = gateway.post("/v1/responses", {"model": CLAUDE, "input": [item]})
    assert response.status_code == 200, response.text
    assert read_sent(emulator)["messages"][0]["content"] == [{"text": "ls"}, {"cachePoint": {"type": "default"}}]
