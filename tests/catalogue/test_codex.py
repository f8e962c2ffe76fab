"""What the Codex CLI sends over two turns by the responses API.

The shapes are after its source (openai/codex: `ResponsesApiRequest` and `ResponseItem`) and OpenAI's API reference.
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
DROP = {"x-bedrock-flask-unsupported": "drop"}
HEADERS = {"accept": "text/event-stream", "originator": "codex_cli_rs", "session-id": "s", "x-codex-window-id": "w:0"}
GRAMMAR = 'start: begin_patch hunk+ end_patch\nbegin_patch: "*** Begin Patch" LF\nend_patch: "*** End Patch" LF?\n'
PATCH = '*** Begin Patch\n*** Add File: a "b".txt\n+h\u00e9llo\\n\n*** End Patch\n'
TOOLS: list[Json] = [
    {
        "type": "function",
        "name": "exec_command",
        "description": "Runs a command in a PTY.",
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {"cmd": {"type": "string", "description": "Shell command to execute."}},
            "required": ["cmd"],
            "additionalProperties": False,
        },
    },
    {
        "type": "function",
        "name": "update_plan",
        "description": "Updates the task plan.",
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {
                "plan": {"type": "array", "items": {"type": "object", "properties": {"step": {"type": "string"}}}}
            },
            "required": ["plan"],
            "additionalProperties": False,
        },
    },
    {
        "type": "custom",
        "name": "apply_patch",
        "description": "Use the `apply_patch` tool to edit files. This is a FREEFORM tool.",
        "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR},
    },
    {"type": "web_search", "external_web_access": False},
]
REASONING: Json = {"reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
# What it knows no reasoning of: for a model that is none of OpenAI's, unless the user says otherwise.
PLAIN: Json = {"reasoning": None, "include": [], "parallel_tool_calls": False}


def message(role: str, text: str) -> Json:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def first(model: str, **more: Any) -> Json:
    """The first request of a session."""
    return {
        "model": model,
        "instructions": "You are a coding agent running in the Codex CLI.",
        "input": [
            message("developer", "<permissions instructions>Read only.</permissions instructions>"),
            message("user", "<environment_context>\n  <cwd>/work</cwd>\n</environment_context>"),
            message("user", "Add a file."),
        ],
        "tools": TOOLS,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        **REASONING,
        "store": False,
        "stream": True,
        "prompt_cache_key": "0199a213-81c0-7800-8aa1-bbab2a035a53",
        "text": {"verbosity": "low"},
        "client_metadata": {"x-codex-installation-id": "11111111-0000-4000-8000-000000000000"},
        **more,
    }


def second(body: Json, document: Any) -> Json:
    """The next request: the items as they came, as Codex keeps them, and what the tools returned."""
    items = [each["item"] for each in document.events if each["type"] == "response.output_item.done"]
    kept = [{name: value for name, value in item.items() if name not in ("id", "status")} for item in items]
    outputs = []
    for item in kept:
        if item["type"] == "reasoning":
            item["content"] = None
        elif item["type"] == "function_call":
            outputs.append({"type": "function_call_output", "call_id": item["call_id"], "output": "ok: a.py"})
        elif item["type"] == "custom_tool_call":
            output = json.dumps({"output": "Success.", "metadata": {"exit_code": 0}})
            outputs.append({"type": "custom_tool_call_output", "call_id": item["call_id"], "output": output})
    return {**body, "input": [*body["input"], *kept, *outputs]}


THOUGHT = {"reasoningContent": {"reasoningText": {"text": "A patch will do.", "signature": "S1gn=="}}}
COMMAND = {"toolUse": {"toolUseId": "call_1", "name": "exec_command", "input": {"cmd": "ls"}}}
PATCHING = {"toolUse": {"toolUseId": "call_2", "name": "apply_patch", "input": {"input": PATCH}}}


def two_turns(harness: Harness, body: Json, *blocks: Json, headers: Json | None = None) -> tuple[Any, Any]:
    """What the client receives in each of them."""
    asking = {**HEADERS, **(headers or {})}
    harness.says(*blocks, {"text": "On it."}, COMMAND, PATCHING, stop="tool_use")
    one = harness.ask("responses", body, asking).ok()
    harness.says({"text": "Done."})
    two = harness.ask("responses", second(body, one), asking).ok()
    assert (one.text, two.text) == ("On it.", "Done.")
    assert one.stop == two.stop == "completed"
    return one, two


def check_first(harness: Harness, one: Any) -> None:
    """What the client must find in the stream, and what the model must have been sent."""
    kinds = [each["type"] for each in one.events]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    items = {each["item"]["type"]: each["item"] for each in one.events if each["type"] == "response.output_item.done"}
    assert (items["function_call"]["call_id"], json.loads(items["function_call"]["arguments"])) == (
        "call_1",
        {"cmd": "ls"},
    )
    assert (items["custom_tool_call"]["call_id"], items["custom_tool_call"]["input"]) == ("call_2", PATCH)
    sent = harness.sent(0)
    # What the developer says comes behind the instructions.
    assert sent["system"][0] == {"text": "You are a coding agent running in the Codex CLI."}
    assert "Read only." in sent["system"][1]["text"]
    [turn] = sent["messages"]
    assert [block["text"] for block in turn["content"] if block != POINT][-1] == "Add a file."
    # Its prompt_cache_key asks for a cache, and a model that has one gets its points.
    ends = [turn["content"][-1], sent["system"][-1]]
    assert ends == [POINT, POINT] or POINT not in [*turn["content"], *sent["system"]]
    specs = {tool["toolSpec"]["name"]: tool["toolSpec"] for tool in sent["toolConfig"]["tools"] if tool != POINT}
    assert specs.keys() == {"exec_command", "update_plan", "apply_patch"}
    assert GRAMMAR in specs["apply_patch"]["description"]
    assert specs["apply_patch"]["inputSchema"]["json"]["required"] == ["input"]
    schema = specs["exec_command"]["inputSchema"]["json"]
    # Nova takes three members.
    assert schema in (TOOLS[0]["parameters"], {name: TOOLS[0]["parameters"][name] for name in PLAIN_ROOT})


def check_second(harness: Harness, *blocks: Json) -> None:
    """The model must see its turn again as it was, and both results in one."""
    sent = harness.sent(1)
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    answer = [block for block in sent["messages"][1]["content"] if block != POINT]
    assert answer == [*blocks, {"text": "On it."}, COMMAND, PATCHING]
    results = [block["toolResult"] for block in sent["messages"][2]["content"] if block != POINT]
    assert [each["toolUseId"] for each in results] == ["call_1", "call_2"]
    assert results[0]["content"] == [{"text": "ok: a.py"}]
    assert (sent["system"], sent["toolConfig"]) == (harness.sent(0)["system"], harness.sent(0)["toolConfig"])


POINT = {"cachePoint": {"type": "default"}}
PLAIN_ROOT = ("type", "properties", "required")
# What the schemas of its tools lose for Nova.
CLOSED = {"tools[0].parameters", "tools[1].parameters"}
HINTED = {"prompt_cache_key", "text.verbosity", "tools.web_search", "client_metadata"}


def test_two_turns_on_claude(harness: Harness) -> None:
    one, two = two_turns(harness, first(OPUS), THOUGHT)
    check_first(harness, one)
    check_second(harness, THOUGHT)
    assert [harness.sent(at)["messages"][-1]["content"][-1] for at in (0, 1)] == [POINT, POINT]
    assert one.thoughts[0]["encrypted_content"]
    for at in (0, 1):
        body = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}
        assert harness.sent(at)["additionalModelRequestFields"] == body
    assert set(two.dropped.split(", ")) == {*HINTED, "reasoning.summary"}


def test_two_turns_on_nova_2(harness: Harness) -> None:
    unsigned = {"reasoningContent": {"reasoningText": {"text": "A patch will do."}}}
    one, two = two_turns(harness, first(NOVA_2), unsigned)
    check_first(harness, one)
    # Nova does not take its own reasoning back.
    check_second(harness)
    config = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}
    assert harness.sent()["additionalModelRequestFields"] == config
    assert set(two.dropped.split(", ")) == {*HINTED, "reasoning.summary", "input[3]", *CLOSED}


@pytest.mark.parametrize("model", [NOVA, GENERIC])
def test_an_effort_is_refused_where_none_can_be_asked_for(harness: Harness, model: str) -> None:
    """By the usual policy; the docs advise the policy `drop`."""
    error = harness.refused("responses", first(model), "effort")
    assert error["code"] == "unsupported"


@pytest.mark.parametrize("model", [NOVA, GENERIC])
def test_by_the_policy_drop_two_turns_work_there_too(harness: Harness, model: str) -> None:
    one, two = two_turns(harness, first(model), headers=DROP)
    check_first(harness, one)
    check_second(harness)
    assert "additionalModelRequestFields" not in harness.sent()
    more = CLOSED if model == NOVA else set()
    assert set(two.dropped.split(", ")) == {*HINTED, "reasoning.summary", "reasoning.effort", *more}


@pytest.mark.parametrize(("effort", "named"), [("minimal", "low"), ("xhigh", "high")])
def test_an_effort_that_nova_2_does_not_know_has_the_nearest_name(harness: Harness, effort: str, named: str) -> None:
    one, two = two_turns(harness, first(NOVA_2, reasoning={"effort": effort, "summary": "auto"}))
    check_first(harness, one)
    assert "reasoning.effort" in two.dropped.split(", ")
    assert harness.sent()["additionalModelRequestFields"]["reasoningConfig"]["maxReasoningEffort"] == named


@pytest.mark.parametrize("model", [OPUS, NOVA, NOVA_2, GENERIC])
def test_what_it_always_sends_works_on_any_model(harness: Harness, model: str) -> None:
    """By the usual policy, as it speaks to a model of which it knows no reasoning."""
    one, two = two_turns(harness, first(model, **PLAIN))
    check_first(harness, one)
    check_second(harness)
    more = {"parallel_tool_calls"} if model != OPUS else set()
    more |= CLOSED if model in (NOVA, NOVA_2) else set()
    assert set(two.dropped.split(", ")) == {*HINTED, *more}


def test_one_call_at_a_time_is_asked_of_claude(harness: Harness) -> None:
    two_turns(harness, first(OPUS, **PLAIN))
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert harness.sent()["additionalModelRequestFields"] == {"tool_choice": choice}


def test_a_session_begun_on_claude_goes_on_with_another_model(harness: Harness) -> None:
    harness.says(THOUGHT, COMMAND, stop="tool_use")
    body = first(OPUS)
    one = harness.ask("responses", body, HEADERS).ok()
    harness.says({"text": "Done."})
    two = harness.ask("responses", {**second(body, one), "model": NOVA}, {**HEADERS, **DROP}).ok()
    assert harness.sent()["messages"][1]["content"] == [COMMAND]
    assert "input[3]" in two.dropped.split(", ")


def test_an_output_in_parts_with_an_image_reaches_the_model(harness: Harness) -> None:
    """`view_image`: its output is a list of parts."""
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    parts = [{"type": "input_image", "image_url": f"data:image/png;base64,{dot}"}]
    body = first(OPUS)
    body["input"] += [
        {"type": "function_call", "name": "exec_command", "arguments": "{}", "call_id": "call_9"},
        {"type": "function_call_output", "call_id": "call_9", "output": parts},
    ]
    harness.says({"text": "A dot."})
    harness.ask("responses", body, HEADERS).ok()
    result, point = harness.sent()["messages"][-1]["content"]
    assert point == POINT
    assert result["toolResult"]["content"] == [{"image": {"format": "png", "source": {"bytes": dot}}}]
