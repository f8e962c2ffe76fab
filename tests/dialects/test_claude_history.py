"""What Bedrock refuses of a conversation in Claude's own body: nothing that the model needs is lost with it."""

import base64
import json
from typing import Any

import pytest
import requests

from tests.doubles import Emulator, Gateway

OPUS_4_6, OPUS_4_8, SONNET_4_5 = (
    "anthropic.claude-opus-4-6-v1",
    "anthropic.claude-opus-4-8",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
)
NOVA, MISTRAL = "amazon.nova-pro-v1:0", "mistral.mistral-large-2407-v1:0"
FIRST, NEXT = {"role": "user", "content": "Look it up."}, {"role": "user", "content": "And now?"}
MCP_CALL = {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "search", "server_name": "docs", "input": {"q": "a"}}
MCP_RESULT = {
    "type": "mcp_tool_result",
    "tool_use_id": "mcptoolu_1",
    "is_error": False,
    "content": [{"type": "text", "text": "The answer is 42."}],
}
ADVISOR_CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "advisor", "input": {}}
ADVISOR_RESULT = {
    "type": "advisor_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": {"type": "advisor_result", "text": "Use a queue."},
}


def message(gateway: Gateway, model: str, *turns: Any, **more: Any) -> requests.Response:
    headers = more.pop("headers", {})
    body = {"model": model, "max_tokens": 50, "messages": list(turns), **more}
    return gateway.post("/v1/messages", body, headers=headers)


def answers(*blocks: Any) -> Any:
    return {"role": "assistant", "content": list(blocks)}


def sent(emulator: Emulator) -> Any:
    return json.loads(emulator.calls()[-1]["body"])


def dropped(response: requests.Response) -> list[str]:
    return response.headers.get("x-bedrock-flask-dropped", "").split(", ")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [OPUS_4_6, OPUS_4_8])
def test_a_summary_is_kept_without_a_header(gateway: Gateway, emulator: Emulator, model: str, stream: bool) -> None:
    summary = answers({"type": "compaction", "content": "SUMMARY"})
    response = message(gateway, model, FIRST, summary, NEXT, stream=stream)
    assert response.status_code == 200, response.text
    up = sent(emulator)
    assert up["messages"][1] == summary
    assert up["anthropic_beta"] == ["compact-2026-01-12"]


@pytest.mark.parametrize("model", [NOVA, MISTRAL])
def test_a_summary_is_a_text_for_other_models(gateway: Gateway, emulator: Emulator, model: str) -> None:
    response = message(gateway, model, FIRST, answers({"type": "compaction", "content": "SUMMARY"}), NEXT)
    assert response.status_code == 200, response.text
    assert sent(emulator)["messages"][1]["content"] == [{"text": "SUMMARY"}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [OPUS_4_6, SONNET_4_5])
def test_a_call_of_an_mcp_server_and_its_result_are_texts(
    gateway: Gateway, emulator: Emulator, model: str, stream: bool
) -> None:
    response = message(gateway, model, FIRST, answers(MCP_CALL, MCP_RESULT), NEXT, stream=stream)
    assert response.status_code == 200, response.text
    call, result = sent(emulator)["messages"][1]["content"]
    assert call["text"] == """[Called the tool 'search' of the server 'docs' with {"q": "a"}]"""
    assert result["text"] == "[Result of that tool: The answer is 42.]"
    assert dropped(response) == ["messages[1].content[0]", "messages[1].content[1]"]


def test_an_error_of_such_a_tool_and_its_mark_are_kept(gateway: Gateway, emulator: Emulator) -> None:
    mark = {"type": "ephemeral"}
    failed = {**MCP_RESULT, "is_error": True, "content": "no such page", "cache_control": mark}
    assert message(gateway, OPUS_4_6, FIRST, answers(MCP_CALL, failed), NEXT).status_code == 200
    assert sent(emulator)["messages"][1]["content"][1] == {
        "type": "text",
        "text": "[Error of that tool: no such page]",
        "cache_control": mark,
    }


def test_a_call_of_the_advisor_does_not_stay_without_its_result(gateway: Gateway, emulator: Emulator) -> None:
    said = {"type": "text", "text": "I asked."}
    response = message(gateway, OPUS_4_6, FIRST, answers(said, ADVISOR_CALL, ADVISOR_RESULT), NEXT)
    assert response.status_code == 200, response.text
    blocks = sent(emulator)["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["text", "text", "text"]
    assert "Use a queue." in blocks[2]["text"]


def test_other_calls_of_servers_stay_as_they_are(gateway: Gateway, emulator: Emulator) -> None:
    call = {"type": "server_tool_use", "id": "srvtoolu_2", "name": "tool_search_tool_regex", "input": {"query": "a"}}
    found = {
        "type": "tool_search_tool_result",
        "tool_use_id": "srvtoolu_2",
        "content": {"type": "tool_search_tool_search_result", "tool_references": []},
    }
    assert message(gateway, OPUS_4_6, FIRST, answers(call, found), NEXT).status_code == 200
    assert sent(emulator)["messages"][1]["content"] == [call, found]


def test_an_answer_of_which_nothing_is_left_is_left_out(gateway: Gateway, emulator: Emulator) -> None:
    response = message(gateway, OPUS_4_6, FIRST, answers({"type": "fallback"}), NEXT)
    assert response.status_code == 200, response.text
    assert [turn["role"] for turn in sent(emulator)["messages"]] == ["user"]
    assert "messages[1].content[0]" in dropped(response)


@pytest.mark.parametrize("headers", [{}, {"x-bedrock-flask-unsupported": "drop"}])
def test_a_turn_of_the_user_of_which_nothing_would_be_left_is_refused_by_name(
    gateway: Gateway, emulator: Emulator, headers: dict[str, str]
) -> None:
    upload = {"type": "container_upload", "file_id": "file_1"}
    response = message(gateway, OPUS_4_6, {"role": "user", "content": [upload]}, headers=headers)
    assert response.status_code == 400
    assert "messages[0].content[0]" in response.json()["error"]["message"]
    assert not emulator.calls()
    # Beside other content it is left out and reported.
    with_text = {"role": "user", "content": [upload, {"type": "text", "text": "Read it."}]}
    response = message(gateway, OPUS_4_6, with_text, headers=headers)
    assert (response.status_code, dropped(response)) == (200, ["messages[0].content[0]"])


def test_tokens_of_such_a_history_are_counted(gateway: Gateway, emulator: Emulator) -> None:
    body = {"model": OPUS_4_6, "messages": [FIRST, answers(MCP_CALL, MCP_RESULT), NEXT]}
    response = gateway.post("/v1/messages/count_tokens", body)
    assert response.status_code == 200, response.text
    counted = json.loads(base64.b64decode(sent(emulator)["input"]["invokeModel"]["body"]))
    assert all(block["type"] == "text" for block in counted["messages"][1]["content"])


# --- tools that a search has found ------------------------------------------------------------------------------------

TOOL = {"name": "f", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
FOUND = {
    "role": "user",
    "content": [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "tool_reference", "tool_name": "g"}]}
    ],
}
TOOLS = [TOOL, {**TOOL, "name": "g"}]


@pytest.mark.parametrize("headers", [{}, {"anthropic-beta": "tool-search-tool-2025-10-19"}])
def test_claude_gets_the_reference_and_its_beta(gateway: Gateway, emulator: Emulator, headers: dict[str, str]) -> None:
    response = message(gateway, OPUS_4_6, FIRST, answers(CALL), FOUND, tools=TOOLS, headers=headers)
    assert response.status_code == 200, response.text
    assert sent(emulator)["messages"][2] == FOUND
    assert sent(emulator)["anthropic_beta"] == ["tool-search-tool-2025-10-19"]


@pytest.mark.parametrize("headers", [{}, {"x-bedrock-flask-unsupported": "drop"}])
@pytest.mark.parametrize("model", [NOVA, MISTRAL])
def test_another_model_gets_its_name(gateway: Gateway, emulator: Emulator, model: str, headers: dict[str, str]) -> None:
    response = message(gateway, model, FIRST, answers(CALL), FOUND, tools=TOOLS, headers=headers)
    assert response.status_code == 200, response.text
    [result] = [block["toolResult"] for block in sent(emulator)["messages"][2]["content"] if "toolResult" in block]
    assert result["content"] == [{"text": "Found the tool: g"}]


# --- betas, defaults and lifetimes by model ---------------------------------------------------------------------------

OPUS_4_7, OPUS_5, OPUS_4_5 = (
    "us.anthropic.claude-opus-4-7",
    "anthropic.claude-opus-5",
    "us.anthropic.claude-opus-4-5-20251101-v1:0",
)
INTERLEAVED, BINDING = "interleaved-thinking-2025-05-14", "thinking-binding-controls-2026-08-01"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "beta", "is_sent"),
    [
        (SONNET_4_5, INTERLEAVED, True),
        (OPUS_4_7, INTERLEAVED, False),
        (OPUS_4_8, INTERLEAVED, False),
        (SONNET_4_5, BINDING, False),
        (OPUS_5, BINDING, True),
    ],
)
def test_a_beta_that_the_model_refuses_is_left_out_and_reported(
    gateway: Gateway, emulator: Emulator, model: str, beta: str, is_sent: bool, stream: bool
) -> None:
    response = message(gateway, model, FIRST, headers={"anthropic-beta": beta}, stream=stream)
    assert response.status_code == 200, response.text
    assert sent(emulator).get("anthropic_beta", []) == ([beta] if is_sent else [])
    assert (f"anthropic-beta: {beta}" in dropped(response)) == (not is_sent)


def test_what_needs_such_a_beta_leaves_with_it(gateway: Gateway, emulator: Emulator) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024, "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    response = message(gateway, SONNET_4_5, FIRST, thinking=thinking, max_tokens=2000)
    assert response.status_code == 200, response.text
    assert sent(emulator)["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert "thinking.block_binding" in dropped(response)


def test_an_effort_has_the_beta_that_the_first_model_with_efforts_needs(gateway: Gateway, emulator: Emulator) -> None:
    for model, betas in ((OPUS_4_5, ["effort-2025-11-24"]), (OPUS_4_6, []), (OPUS_4_7, [])):
        response = message(gateway, model, FIRST, output_config={"effort": "high"})
        assert response.status_code == 200, response.text
        assert sent(emulator).get("anthropic_beta", []) == betas


@pytest.mark.parametrize("model", [OPUS_4_7, OPUS_4_8])
def test_what_asks_for_a_default_is_left_out_where_bedrock_refuses_it(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    response = message(gateway, model, FIRST, temperature=1, top_p=1, thinking={"type": "disabled"})
    assert response.status_code == 200, response.text
    assert not {"temperature", "top_p", "thinking"} & sent(emulator).keys()
    assert "x-bedrock-flask-dropped" not in response.headers


def test_elsewhere_it_is_sent_and_other_values_are_bedrocks_to_refuse(gateway: Gateway, emulator: Emulator) -> None:
    assert message(gateway, OPUS_4_6, FIRST, temperature=1, thinking={"type": "disabled"}).status_code == 200
    assert {"temperature", "thinking"} <= sent(emulator).keys()
    response = message(gateway, OPUS_4_7, FIRST, temperature=0.3)
    assert (response.status_code, "deprecated for this model" in response.text) == (400, True)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "lifetime"),
    [
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", {}),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", {}),
        (SONNET_4_5, {"ttl": "1h"}),
        (OPUS_4_7, {"ttl": "1h"}),
    ],
)
def test_an_hours_lifetime_is_the_default_one_for_a_model_without(
    gateway: Gateway, emulator: Emulator, model: str, lifetime: dict[str, str], stream: bool
) -> None:
    marked = [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    response = message(gateway, model, FIRST, system=marked, stream=stream)
    assert response.status_code == 200, response.text
    assert sent(emulator)["system"][0]["cache_control"] == {"type": "ephemeral", **lifetime}
    assert ("system[0].cache_control.ttl" in dropped(response)) == (not lifetime)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [NOVA, MISTRAL, "us.meta.llama3-3-70b-instruct-v1:0"])
def test_another_model_gets_what_anthropics_servers_found_as_text(
    gateway: Gateway, emulator: Emulator, model: str, stream: bool
) -> None:
    response = message(gateway, model, FIRST, answers(MCP_CALL, MCP_RESULT), NEXT, stream=stream)
    assert response.status_code == 200, response.text
    texts = [block["text"] for block in sent(emulator)["messages"][1]["content"]]
    assert "search" in texts[0]
    assert "The answer is 42." in texts[1]


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"}
UNSIGNED = {**THOUGHT, "signature": ""}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [OPUS_4_6, OPUS_4_8, SONNET_4_5])
def test_thinking_without_a_signature_does_not_end_a_session(
    gateway: Gateway, emulator: Emulator, model: str, stream: bool
) -> None:
    """Source: can1357/oh-my-pi#10486, strands-agents/harness-sdk#4334."""
    answer = {"type": "text", "text": "b"}
    turns = [FIRST, answers(THOUGHT, answer), NEXT, answers(UNSIGNED, answer), FIRST, answers(UNSIGNED), NEXT]
    response = message(gateway, model, *turns, stream=stream)
    assert response.status_code == 200, response.text
    up = sent(emulator)["messages"]
    assert up[1:4] == [answers(THOUGHT, answer), NEXT, answers(answer)]
    assert [turn["role"] for turn in up[4:]] == ["user"]
    assert {"messages[3].content[0]", "messages[5].content[0]"} <= {*dropped(response)}
