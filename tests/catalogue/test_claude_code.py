"""What Claude Code sends over two turns, to Claude and to other models.

The shapes are after Claude Code's gateway protocol reference (code.claude.com/docs/en/llm-gateway-protocol),
Anthropic's API reference, and public reports of its requests (anthropics/claude-code#68900).
"""

import json
from typing import Any

import pytest

from tests.catalogue.harness import Harness

Json = dict[str, Any]

OPUS = "anthropic.claude-opus-4-6-v1"
NOVA = "amazon.nova-lite-v1:0"
NOVA_2 = "amazon.nova-2-lite-v1:0"
GENERIC = "newvendor.model-of-tomorrow"
OTHERS = [NOVA, NOVA_2, GENERIC]
DROP = {"x-bedrock-flask-unsupported": "drop"}
BETAS = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,"
    "prompt-caching-scope-2026-01-05,effort-2025-11-24"
)
HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": BETAS,
    "anthropic-dangerous-direct-browser-access": "true",
    "x-app": "cli",
    "user-agent": "claude-cli/2.1.177 (external, cli)",
    "x-stainless-lang": "js",
    "x-stainless-retry-count": "0",
}
EPHEMERAL = {"type": "ephemeral"}
DRAFT = "http://json-schema.org/draft-07/schema#"
BASH = {
    "name": "Bash",
    "description": "Executes a bash command.",
    "input_schema": {
        "$schema": DRAFT,
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "The command to execute"},
            "timeout": {"type": "number", "description": "Optional timeout in milliseconds"},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}
EDIT = {
    "name": "Edit",
    "description": "Performs exact string replacements in files.",
    "input_schema": {
        "$schema": DRAFT,
        "type": "object",
        "properties": {"file_path": {"type": "string"}, "replace_all": {"type": "boolean", "default": False}},
        "required": ["file_path"],
        "additionalProperties": False,
    },
    "eager_input_streaming": True,
}
MCP = {
    "name": "mcp__claude_ai_" + "a_server_with_a_rather_long_name__and_a_tool_with_a_long_name",
    "description": "Of an MCP server.",
    "input_schema": {"type": "object", "properties": {}},
    "cache_control": EPHEMERAL,
}
USER_ID = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "2f1c1e2c-0000-4000-8000-000000000000"})
# What every request of a session has.
ALWAYS: Json = {
    "max_tokens": 32000,
    "tools": [BASH, EDIT, MCP],
    "metadata": {"user_id": USER_ID},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "stream": True,
}
# And what depends on the model that it takes the other end for, and on the user.
REASONING: Json = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "I should look.", "signature": "S1gn=="}}}
CALL = {"toolUse": {"toolUseId": "toolu_01", "name": "Bash", "input": {"command": "ls"}}}


def system(nonce: str) -> list[Json]:
    billing = f"x-anthropic-billing-header: cc_version=2.1.177.01c; cc_entrypoint=cli; cch={nonce};"
    return [
        {"type": "text", "text": billing},
        {
            "type": "text",
            "text": "You are Claude Code, Anthropic's official CLI for Claude.",
            "cache_control": EPHEMERAL,
        },
        {"type": "text", "text": "You are an interactive agent.\n\n# Environment\n...", "cache_control": EPHEMERAL},
    ]


def first(model: str, **more: Any) -> Json:
    """The first request of a session."""
    content = [
        {"type": "text", "text": "<system-reminder>\nAs you answer, use this context.\n</system-reminder>\n"},
        {"type": "text", "text": "What is in this folder?", "cache_control": EPHEMERAL},
    ]
    return {
        "model": model,
        "system": system("36ee5"),
        "messages": [{"role": "user", "content": content}],
        **ALWAYS,
        **more,
    }


def second(body: Json, received: Any) -> Json:
    """The next request: the turn as it came, and what the tool returned; the newest turn has the mark."""
    question = json.loads(json.dumps(body["messages"][0]))
    del question["content"][1]["cache_control"]
    text = [{"type": "text", "text": received.text}] if received.text else []
    calls = [
        {"type": "tool_use", "id": call["id"], "name": call["name"], "input": json.loads(call["arguments"])}
        for call in received.calls
    ]
    result = {"tool_use_id": "toolu_01", "type": "tool_result", "content": "a.py\nb.py", "is_error": False}
    return {
        **body,
        "system": system("0aaa9"),
        "messages": [
            question,
            {"role": "assistant", "content": [*received.thoughts, *text, *calls]},
            {"role": "user", "content": [{**result, "cache_control": EPHEMERAL}]},
        ],
    }


def two_turns(harness: Harness, body: Json, *message: Json, headers: Json | None = None) -> tuple[Any, Any]:
    """What the client receives in each of them."""
    asking = {**HEADERS, **(headers or {})}
    harness.says(*message, stop="tool_use")
    one = harness.ask("anthropic", body, asking, "?beta=true").ok()
    harness.says({"text": "Two files."})
    two = harness.ask("anthropic", second(body, one), asking, "?beta=true").ok()
    assert one.calls == [{"id": "toolu_01", "name": "Bash", "arguments": '{"command": "ls"}'}]
    assert two.text == "Two files."
    assert (one.stop, two.stop) == ("tool_use", "end_turn")
    assert two.done
    return one, two


# --- Claude -----------------------------------------------------------------------------------------------------------

THINKING = [
    {"type": "adaptive"},
    {"type": "adaptive", "display": "summarized"},
    {"type": "enabled", "budget_tokens": 31999},
]


@pytest.mark.parametrize("thinking", THINKING, ids=["adaptive", "summarized", "enabled"])
def test_two_turns_on_claude(harness: Harness, thinking: Json) -> None:
    one, two = two_turns(harness, first(OPUS, **{**REASONING, "thinking": thinking}), THOUGHT, {"text": "Look."}, CALL)
    assert one.thoughts == [{"type": "thinking", "thinking": "I should look.", "signature": "S1gn=="}]
    assert harness.target().endswith("/invoke-with-response-stream")
    for at in (0, 1):
        sent = harness.sent(at)
        assert sent["anthropic_version"] == "bedrock-2023-05-31"
        assert sent["system"] == system("x")[1:]
        assert sent["thinking"] == thinking
        assert sent["output_config"] == {"effort": "medium"}
        assert sent["metadata"] == {"user_id": USER_ID}
        assert sent["tools"] == [BASH, {k: v for k, v in EDIT.items() if k != "eager_input_streaming"}, MCP]
        # Bedrock knows the beta, but refuses this edit, and without an edit there is nothing to manage.
        assert not {"context_management", "model", "stream"} & sent.keys()
        assert sent["anthropic_beta"] == [
            "interleaved-thinking-2025-05-14",
            "context-management-2025-06-27",
            "effort-2025-11-24",
            "fine-grained-tool-streaming-2025-05-14",
        ]
    assert harness.sent()["messages"][1]["content"][0] == one.thoughts[0]
    assert [each["type"] for each in harness.sent()["messages"][1]["content"]] == ["thinking", "text", "tool_use"]
    assert set(two.dropped.split(", ")) == {
        "system[0]",
        "tools[1].eager_input_streaming",
        "context_management",
        "anthropic-beta: claude-code-20250219",
        "anthropic-beta: prompt-caching-scope-2026-01-05",
    }


def test_the_prefix_that_claude_caches_is_the_same_in_both_turns(harness: Harness) -> None:
    two_turns(harness, first(OPUS, **REASONING), THOUGHT, CALL)
    bodies = [request.partition(b"\r\n\r\n")[2] for request in harness.upstream.requests]
    one, two = (harness.sent(at) for at in (0, 1))
    assert b"billing" not in bodies[0] + bodies[1]
    assert (one["tools"], one["system"]) == (two["tools"], two["system"])


def test_tokens_are_counted_for_claude(harness: Harness) -> None:
    body = {
        name: value
        for name, value in first(OPUS, **REASONING).items()
        if name not in ("stream", "max_tokens", "metadata")
    }
    harness.answers.append(lambda target, body: harness.whole(b'{"inputTokens":1234}'))
    response = harness.gateway.post("/v1/messages/count_tokens?beta=true", body, headers=HEADERS)
    assert response.json() == {"input_tokens": 1234}, response.text
    assert harness.target() == f"/model/{OPUS}/count-tokens"


def test_the_title_of_a_session_is_asked_for_as_json(harness: Harness) -> None:
    """A side call: no tools, no reasoning, and an answer in a form."""
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    body = {
        **first(
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            output_config={"format": {"type": "json_schema", "schema": schema}},
        ),
        "tools": [],
        "temperature": 1,
    }
    harness.says({"text": '{"title": "Files"}'})
    headers = {**HEADERS, "anthropic-beta": f"{BETAS},structured-outputs-2025-12-15"}
    assert harness.ask("anthropic", body, headers, "?beta=true").ok().text == '{"title": "Files"}'
    assert harness.sent()["output_config"]["format"]["schema"] == {**schema, "additionalProperties": False}


# --- other models -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", OTHERS)
def test_what_it_always_sends_works_on_any_model(harness: Harness, model: str) -> None:
    """By the usual policy: where it takes a model for one that does not reason, it asks for no reasoning."""
    _, two = two_turns(harness, first(model), {"text": "Look."}, CALL)
    for at in (0, 1):
        sent = harness.sent(at)
        assert sent.keys() == {"messages", "system", "inferenceConfig", "toolConfig"}
        assert "billing" not in json.dumps(sent)
        # The answers of Nova 1 are at most this long, and it refuses more.
        assert sent["inferenceConfig"] == {"maxTokens": 10_000 if model == NOVA else 32_000}
    names = [tool["toolSpec"]["name"] for tool in harness.sent()["toolConfig"]["tools"] if "toolSpec" in tool]
    assert names[:2] == ["Bash", "Edit"]
    assert all(len(name) <= 64 for name in names)
    # Nova takes no cache point behind the result, but behind the last text.
    points = [] if model == GENERIC else [{"cachePoint": {"type": "default"}}]
    assert harness.sent()["messages"][1]["content"] == [{"text": "Look."}, *points, CALL]
    found = set(two.dropped.split(", "))
    # Cache points that move, and what the schemas of tools lose for Nova.
    found -= {each for each in found if each.endswith((".cache_control", ".input_schema"))}
    betas = {f"anthropic-beta: {beta}" for beta in BETAS.split(",")}
    limits = {"max_tokens"} if model == NOVA else set()
    assert found == {"metadata", "system.billing", "tools.eager_input_streaming", *betas, *limits}


@pytest.mark.parametrize("model", OTHERS)
def test_the_cached_prefix_is_the_same_in_both_turns(harness: Harness, model: str) -> None:
    two_turns(harness, first(model), {"text": "Look."}, CALL)
    one, two = (harness.sent(at) for at in (0, 1))
    assert (one["toolConfig"], one["system"]) == (two["toolConfig"], two["system"])
    points = [block for block in two["system"] if "cachePoint" in block]
    assert len(points) == (0 if model == GENERIC else 2)


# What is refused of what it asks a model that it takes for one that reasons.
REFUSED: list[tuple[str, Json, list[str]]] = [
    ("adaptive thinking", {"thinking": {"type": "adaptive"}}, ["thinking"]),
    ("a budget", {"thinking": {"type": "enabled", "budget_tokens": 31999}}, ["thinking"]),
    ("an effort", {"output_config": {"effort": "medium"}}, ["effort"]),
    ("both", REASONING, ["thinking"]),
    (
        "a few turns' thinking",
        {
            "context_management": {
                "edits": [{"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 1}}]
            }
        },
        ["context_management"],
    ),
    ("a tool that is found later", {"tools": [{**BASH, "defer_loading": True}]}, ["tools[0].defer_loading"]),
]


@pytest.mark.parametrize("model", OTHERS)
@pytest.mark.parametrize(("more", "named"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_by_the_usual_policy_what_only_claude_takes_is_refused(
    harness: Harness, model: str, more: Json, named: list[str]
) -> None:
    """Nova 2 takes an effort, and `thinking` as one; the docs advise the policy `drop` for the others."""
    body = first(model, **more)
    if model == NOVA_2 and more.keys() <= {"output_config", "thinking"}:
        harness.says({"text": "Hi"})
        harness.ask("anthropic", body, HEADERS, "?beta=true").ok()
        config = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}
        assert harness.sent()["additionalModelRequestFields"] == config
        return
    harness.refused("anthropic", body, *named)


@pytest.mark.parametrize("model", OTHERS)
@pytest.mark.parametrize("thinking", THINKING, ids=["adaptive", "summarized", "enabled"])
def test_by_the_policy_drop_all_of_it_works_and_is_listed(harness: Harness, model: str, thinking: Json) -> None:
    body = first(model, **{**REASONING, "thinking": thinking})
    _, two = two_turns(harness, body, {"text": "Look."}, CALL, headers=DROP)
    assert "thinking" not in json.dumps(harness.sent())
    found = {name.partition(".budget_tokens")[0] for name in two.dropped.split(", ")}
    assert {"metadata", "system.billing", "tools.eager_input_streaming"} <= found
    # Nova 2 takes the effort, which decides beside `thinking`.
    assert ("output_config.effort" in found) == (model != NOVA_2)
    assert "thinking" in found or model == NOVA_2


@pytest.mark.parametrize("effort", ["xhigh", "max"])
def test_an_effort_that_nova_2_does_not_know_has_the_nearest_name(harness: Harness, effort: str) -> None:
    """Nova 2 takes no limit beside its highest effort, and Anthropic's API always has one."""
    _, two = two_turns(harness, first(NOVA_2, output_config={"effort": effort}), {"text": "Look."}, CALL)
    assert "output_config.effort" in two.dropped.split(", ")
    assert harness.sent()["additionalModelRequestFields"]["reasoningConfig"]["maxReasoningEffort"] == "medium"


def test_a_session_begun_on_claude_goes_on_with_another_model(harness: Harness) -> None:
    """`/model`: the thinking of the turns before is Claude's, and no other model's."""
    harness.says(THOUGHT, CALL, stop="tool_use")
    body = first(OPUS, **REASONING)
    one = harness.ask("anthropic", body, HEADERS, "?beta=true").ok()
    harness.says({"text": "Two files."})
    two = harness.ask("anthropic", {**second(body, one), "model": NOVA}, {**HEADERS, **DROP}, "?beta=true").ok()
    assert two.text == "Two files."
    assert harness.sent()["messages"][1]["content"] == [CALL]
    assert "messages[1].content[0]" in two.dropped.split(", ")
