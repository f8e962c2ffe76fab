"""The search for further tools that Codex runs itself: called, answered and its finds called, whole and streamed."""

import json
from typing import Any

import openai
import pytest

from tests.doubles import Emulator, Gateway

Json = dict[str, Any]
MODELS = ("anthropic.claude-opus-4-6-v1", "amazon.nova-pro-v1:0", "newvendor.model-of-tomorrow")
SCHEMA = {"type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "number"}}}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Finds tools.", "parameters": SCHEMA}
FOUND = [
    {
        "type": "namespace",
        "name": "mcp__notes",
        "description": "Notes.",
        "tools": [
            {
                "type": "function",
                "name": "add",
                "description": "Adds a note.",
                "strict": False,
                "defer_loading": True,
                "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
            },
            {"type": "function", "name": "list", "description": "Lists notes.", "parameters": {"type": "object"}},
        ],
    },
    {"type": "function", "name": "spawn", "description": "Starts an agent.", "parameters": {"type": "object"}},
]
ARGUMENTS = {"query": "notes", "limit": 3}
HISTORY: list[Json] = [
    {"role": "user", "content": "Take a note."},
    {"type": "tool_search_call", "call_id": "s1", "execution": "client", "arguments": ARGUMENTS, "status": "completed"},
    {"type": "tool_search_output", "call_id": "s1", "execution": "client", "tools": FOUND, "status": "completed"},
]


def ask(gateway: Gateway, model: str, items: Any, *, streamed: bool, **more: Any) -> Any:
    """The response, as OpenAI's own SDK reads it."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0) as client:
        if not streamed:
            return client.responses.create(model=model, input=items, tools=[SEARCH], **more)
        with client.responses.stream(model=model, input=items, tools=[SEARCH], **more) as stream:
            events = [*stream]
            done = [event.item for event in events if event.type == "response.output_item.done"]
            response = stream.get_final_response()
            assert [each.id for each in done] == [each.id for each in response.output]
            return response.model_copy(update={"output": done})


def read_sent(emulator: Emulator) -> Json:
    body: Json = json.loads(emulator.calls()[-1]["body"])
    return body


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_the_clients_search_is_a_tool_and_its_call_an_item_of_its_own(
    gateway: Gateway, emulator: Emulator, model: str, streamed: bool
) -> None:
    emulator.post("/_emulator/replies", {"times": 1, "tool": "tool_search", "input": ARGUMENTS})
    response = ask(gateway, model, "Take a note.", streamed=streamed)
    [item] = response.output
    assert (item.type, item.execution, item.arguments, item.status) == (
        "tool_search_call",
        "client",
        ARGUMENTS,
        "completed",
    )
    assert item.call_id
    [tool] = read_sent(emulator)["toolConfig"]["tools"]
    assert (tool["toolSpec"]["name"], tool["toolSpec"]["description"]) == ("tool_search", "Finds tools.")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_what_the_search_found_can_be_called_by_its_own_name(
    gateway: Gateway, emulator: Emulator, model: str, streamed: bool
) -> None:
    name = "mcp__notes__add"
    emulator.post("/_emulator/replies", {"times": 1, "tool": name, "input": {"text": "x"}})
    response = ask(gateway, model, HISTORY, streamed=streamed)
    [item] = response.output
    assert (item.type, item.name, item.namespace, json.loads(item.arguments)) == (
        "function_call",
        "add",
        "mcp__notes",
        {"text": "x"},
    )
    sent = read_sent(emulator)
    names = [tool["toolSpec"]["name"] for tool in sent["toolConfig"]["tools"] if "toolSpec" in tool]
    assert names == ["tool_search", name, "mcp__notes__list", "spawn"]
    call, result = sent["messages"][1]["content"][0]["toolUse"], sent["messages"][2]["content"][0]["toolResult"]
    assert (call["name"], call["input"], call["toolUseId"]) == ("tool_search", ARGUMENTS, result["toolUseId"])
    listed = json.loads(result["content"][0]["text"])
    assert [each["name"] for each in listed] == names[1:]


def test_two_searches_may_find_the_same_and_the_prefix_stays(gateway: Gateway, emulator: Emulator) -> None:
    ask(gateway, MODELS[0], HISTORY, streamed=False)
    before = read_sent(emulator)
    again = [{**item, "call_id": "s2"} for item in HISTORY[1:]]
    again[1]["tools"] = [{**FOUND[0], "tools": FOUND[0]["tools"][::-1]}]  # type: ignore[index]
    ask(gateway, MODELS[0], [*HISTORY, *again, {"role": "user", "content": "And now?"}], streamed=False)
    after = read_sent(emulator)
    assert after["toolConfig"]["tools"] == before["toolConfig"]["tools"]
    assert after["messages"][: len(before["messages"])] == before["messages"]


def test_a_search_that_openai_runs_is_a_hint_because_the_model_sees_all_tools(
    gateway: Gateway, emulator: Emulator
) -> None:
    tool = {"type": "function", "name": "add", "parameters": {"type": "object"}, "defer_loading": True}
    items = [
        {**HISTORY[1], "call_id": None, "execution": "server"},
        {**HISTORY[2], "call_id": None, "execution": "server"},
    ]
    body = {"model": MODELS[0], "tools": [tool, {"type": "tool_search"}], "input": [HISTORY[0], *items]}
    response = gateway.post("/v1/responses", body)
    assert response.status_code == 200, response.text
    dropped = response.headers["x-bedrock-flask-dropped"].split(", ")
    assert {"tools.tool_search", "input.tool_search"} <= {*dropped}
    names = [each["toolSpec"]["name"] for each in read_sent(emulator)["toolConfig"]["tools"]]
    assert names == ["add", "mcp__notes__add", "mcp__notes__list", "spawn"]


@pytest.mark.parametrize("choice", [{"type": "tool_search"}, "required"])
def test_the_search_can_be_forced(gateway: Gateway, emulator: Emulator, choice: Any) -> None:
    body = {"model": MODELS[0], "tools": [SEARCH], "input": "Hi", "tool_choice": choice}
    response = gateway.post("/v1/responses", body)
    assert response.status_code == 200, response.text
    assert read_sent(emulator)["toolConfig"]["toolChoice"] == (
        {"any": {}} if choice == "required" else {"tool": {"name": "tool_search"}}
    )


@pytest.mark.parametrize(
    ("member", "value", "kind"),
    [
        ("tools", [SEARCH, {"type": "computer_use"}], "computer_use"),
        ("input", [{"role": "user", "content": "Hi"}, {"type": "shell_call", "call_id": "x"}], "shell_call"),
    ],
)
def test_what_is_refused_is_named_with_its_type(gateway: Gateway, member: str, value: Any, kind: str) -> None:
    response = gateway.post("/v1/responses", {"model": "nova", "input": "Hi", member: value})
    assert response.status_code == 400
    assert f"{member}[1]: 'nova' cannot take this ('{kind}')" in response.text
