"""Tools that a provider runs: refused by name where the request needs them, left out and reported among others."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway

Json = dict[str, Any]

NOVA, CLAUDE, UNCLAIMED = "amazon.nova-lite-v1:0", "anthropic.claude-opus-4-6-v1", "newvendor.model-of-tomorrow"
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
SCHEMA = {"type": "object", "properties": {}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
CODE = {"type": "code_execution_20250825", "name": "code_execution"}
SERVERS = {"mcp_servers": [{"type": "url", "name": "n", "url": "https://mcp.example"}]}
OWN = {
    CHAT: {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
    MESSAGES: {"name": "f", "input_schema": SCHEMA},
    RESPONSES: {"type": "function", "name": "f", "parameters": SCHEMA},
}
POLICIES = [{}, {"x-bedrock-flask-unsupported": "drop"}]

each_model = pytest.mark.parametrize("model", [NOVA, CLAUDE, UNCLAIMED])
each_policy = pytest.mark.parametrize("policy", POLICIES)


def ask(path: str, model: str, **more: Any) -> Json:
    if path == RESPONSES:
        return {"model": model, "input": "Hi", **more}
    return {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}], **more}


# The path, the members, and the name of what is refused.
NEEDED: list[tuple[str, Json, str]] = [
    (MESSAGES, {"tools": [SEARCH]}, "tools[0]"),
    (MESSAGES, {"tools": [SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}}, "tools[0]"),
    (MESSAGES, {"tools": [SEARCH], "tool_choice": {"type": "any"}}, "tools[0]"),
    (MESSAGES, {"tools": [CODE], "container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}}, "tools[0]"),
    (MESSAGES, SERVERS | {"tools": [{"type": "mcp_toolset", "mcp_server_name": "n"}]}, "tools[0]"),
    (MESSAGES, SERVERS, "mcp_servers"),
    (
        MESSAGES,
        {"tools": [OWN[MESSAGES], SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}},
        "tools[1]",
    ),
    (MESSAGES, {"inference_geo": "us"}, "inference_geo"),
    (MESSAGES, {"inference_geo": "us", "tools": [OWN[MESSAGES]]}, "inference_geo"),
    (RESPONSES, {"tools": [{"type": "web_search"}]}, "tools[0]"),
    (RESPONSES, {"tools": [{"type": "web_search_preview"}]}, "tools[0]"),
    (RESPONSES, {"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}, "tools[0]"),
    (RESPONSES, {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, "tools[0]"),
    (RESPONSES, {"tools": [{"type": "mcp", "server_label": "n", "server_url": "https://mcp.example"}]}, "tools[0]"),
    (
        RESPONSES,
        {
            "tools": [OWN[RESPONSES], {"type": "file_search", "vector_store_ids": ["v"]}],
            "tool_choice": {"type": "file_search"},
        },
        "tools[1]",
    ),
    (CHAT, {"web_search_options": {}}, "web_search_options"),
]
# The path, the members, and the names of what is left out.
OPTIONAL: list[tuple[str, Json, set[str]]] = [
    (MESSAGES, {"tools": [SEARCH, OWN[MESSAGES]]}, {"tools[0]"}),
    (MESSAGES, {"tools": [SEARCH, OWN[MESSAGES]], "tool_choice": {"type": "any"}}, {"tools[0]"}),
    (MESSAGES, {"tools": [OWN[MESSAGES], CODE]}, {"tools[1]"}),
    (
        MESSAGES,
        SERVERS | {"tools": [OWN[MESSAGES], {"type": "mcp_toolset", "mcp_server_name": "n"}]},
        {"tools[1]", "mcp_servers"},
    ),
    (RESPONSES, {"tools": [{"type": "web_search"}, OWN[RESPONSES]]}, {"tools.web_search"}),
    (RESPONSES, {"tools": [OWN[RESPONSES], {"type": "file_search", "vector_store_ids": ["v"]}]}, {"tools[1]"}),
    (RESPONSES, {"tools": [OWN[RESPONSES], {"type": "image_generation"}], "tool_choice": "required"}, {"tools[1]"}),
    (CHAT, {"web_search_options": {}, "tools": [OWN[CHAT]]}, {"web_search_options"}),
]


@each_model
@each_policy
@pytest.mark.parametrize(("path", "members", "name"), NEEDED)
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_request_needs_is_refused_by_name(
    gateway: Gateway, emulator: Emulator, model: str, policy: Any, path: str, members: Json, name: str, stream: bool
) -> None:
    response = gateway.post(path, ask(path, model, stream=stream, **members), headers=policy)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["code"] == "unsupported"
    assert f"{name}: " in response.json()["error"]["message"]
    assert emulator.calls() == []


@each_model
@each_policy
@pytest.mark.parametrize(("path", "members", "names"), OPTIONAL)
def test_among_other_tools_it_is_left_out_and_reported(
    gateway: Gateway, emulator: Emulator, model: str, policy: Any, path: str, members: Json, names: set[str]
) -> None:
    response = gateway.post(path, ask(path, model, **members), headers=policy)
    assert response.status_code == 200, response.text
    assert {*response.headers["x-bedrock-flask-dropped"].split(", ")} == names
    body = json.loads(emulator.calls()[-1]["body"])
    sent = body["toolConfig"]["tools"] if "toolConfig" in body else body["tools"]
    assert len(sent) == 1
    assert '"f"' in json.dumps(sent)
    assert ("tool_choice" in members) == ("toolChoice" in body.get("toolConfig", {}) or "tool_choice" in body)


def test_tokens_are_counted_without_it(gateway: Gateway) -> None:
    body = {"model": CLAUDE, "messages": [{"role": "user", "content": "Hi"}], "tools": [SEARCH]}
    assert gateway.post("/v1/messages/count_tokens", body).status_code == 200
