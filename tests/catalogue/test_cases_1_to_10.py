"""Cases 1 to 10 of the catalogue of what users of Bedrock gateways suffer from: turns, blank texts, tools and names."""

import json
import re
from typing import Any

import pytest

from tests.catalogue.harness import Harness

Json = dict[str, Any]

GENERIC = "newvendor.model-of-tomorrow"
NOVA = "amazon.nova-lite-v1:0"
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
# One for each family that is called by Converse.
MODELS = {"chat": CLAUDE, "responses": NOVA, "anthropic": GENERIC}
CALLS = [("a", "weather", {"city": "Paris"}), ("b", "weather", {"city": "Rome"})]
HISTORY = ("How is it?", CALLS, ("a", "sunny"), ("b", "rainy"))
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
# How each dialect says a blank text and an image.
BLANK_AND_IMAGE: dict[str, list[Json]] = {
    "chat": [
        {"type": "text", "text": ""},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DOT}"}},
    ],
    "responses": [
        {"type": "input_text", "text": " \n"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{DOT}", "detail": "auto"},
    ],
    "anthropic": [
        {"type": "text", "text": ""},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}},
    ],
}


def used(call: tuple[str, str, Json]) -> Json:
    return {"toolUse": {"toolUseId": call[0], "name": call[1], "input": call[2]}}


def result(use_id: str, text: str) -> Json:
    return {"toolResult": {"toolUseId": use_id, "content": [{"text": text}]}}


USED = {"role": "assistant", "content": [used(call) for call in CALLS]}


def test_case_01_results_of_parallel_calls_stand_in_one_turn(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"text": "Take a hat."})
    body = harness.body(dialect, MODELS[dialect], *HISTORY, tools=["weather"], streamed=streamed)
    assert harness.ask(dialect, body).ok().text == "Take a hat."
    assert harness.sent()["messages"] == [
        {"role": "user", "content": [{"text": "How is it?"}]},
        USED,
        {"role": "user", "content": [result("a", "sunny"), result("b", "rainy")]},
    ]


def test_case_02_what_the_user_adds_stands_behind_the_results(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"text": "Well."})
    body = harness.body(dialect, MODELS[dialect], *HISTORY, "go on", tools=["weather"], streamed=streamed)
    harness.ask(dialect, body).ok()
    turns = harness.sent()["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[-1]["content"] == [result("a", "sunny"), result("b", "rainy"), {"text": "go on"}]


def test_case_02_a_model_that_takes_no_text_beside_results_gets_a_turn_between(harness: Harness, dialect: str) -> None:
    harness.says({"text": "Well."})
    harness.ask(dialect, harness.body(dialect, "acme.strict-1", *HISTORY, "go on", tools=["weather"])).ok()
    *_, results, filler, last = harness.sent()["messages"]
    assert results["content"] == [result("a", "sunny"), result("b", "rainy")]
    assert filler["role"] == "assistant"
    assert filler["content"][0]["text"].strip()
    assert last == {"role": "user", "content": [{"text": "go on"}]}


@pytest.mark.parametrize("blank", ["", None, " \n"])
def test_case_03_blank_text_beside_a_call_is_left_out(harness: Harness, blank: str | None, streamed: bool) -> None:
    harness.says({"text": "Well."})
    body = harness.body("chat", CLAUDE, *HISTORY, tools=["weather"], streamed=streamed)
    body["messages"][1]["content"] = blank
    harness.ask("chat", body).ok()
    assert harness.sent()["messages"][1] == USED


def test_case_03_blank_text_beside_a_call_is_left_out_in_every_dialect(harness: Harness, dialect: str) -> None:
    harness.says({"text": "Well."})
    turns = ("How is it?", [" \n", *CALLS], ("a", "sunny"), ("b", "rainy"))
    harness.ask(dialect, harness.body(dialect, GENERIC, *turns, tools=["weather"])).ok()
    assert harness.sent()["messages"][1] == USED


def test_case_04_blank_text_beside_an_image_is_left_out(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"text": "A dot."})
    body = harness.body(dialect, MODELS[dialect], "x", streamed=streamed)
    body["input" if dialect == "responses" else "messages"][0]["content"] = BLANK_AND_IMAGE[dialect]
    harness.ask(dialect, body).ok()
    [turn] = harness.sent()["messages"]
    assert turn["content"] == [{"image": {"format": "png", "source": {"bytes": DOT}}}]


@pytest.mark.parametrize("blank", ["", " ", []])
def test_case_04_a_message_that_says_nothing_is_named_and_refused(harness: Harness, dialect: str, blank: Any) -> None:
    member = "input" if dialect == "responses" else "messages"
    body = harness.body(dialect, MODELS[dialect], "Hi", ["Hello."], "x")
    body[member][2]["content"] = blank
    harness.refused(dialect, body, f"{member}[2]")


def test_case_04_a_message_of_a_blank_part_alone_is_refused(harness: Harness, dialect: str) -> None:
    member = "input" if dialect == "responses" else "messages"
    body = harness.body(dialect, MODELS[dialect], "x")
    body[member][0]["content"] = BLANK_AND_IMAGE[dialect][:1]
    harness.refused(dialect, body, f"{member}[0]")


@pytest.mark.parametrize("arguments", ["", "null", " ", "{}", "missing"])
@pytest.mark.parametrize("dialect_", ["chat", "responses"])
def test_case_05_a_call_without_arguments_has_an_empty_object(harness: Harness, dialect_: str, arguments: str) -> None:
    harness.says({"text": "Well."})
    body = harness.body(dialect_, MODELS[dialect_], "Hi", [("a", "now", {})], ("a", "noon"), tools=["now"])
    call = body["messages"][1]["tool_calls"][0]["function"] if dialect_ == "chat" else body["input"][1]
    call["arguments"] = arguments
    if arguments == "missing":
        del call["arguments"]
    harness.ask(dialect_, body).ok()
    assert harness.sent()["messages"][1]["content"] == [used(("a", "now", {}))]


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"', "{'a': 1}", '{"a": NaN}'])
@pytest.mark.parametrize("dialect_", ["chat", "responses"])
def test_case_05_arguments_that_are_no_object_are_named_and_refused(
    harness: Harness, dialect_: str, arguments: str
) -> None:
    body = harness.body(dialect_, MODELS[dialect_], "Hi", [("a", "now", {})], ("a", "noon"), tools=["now"])
    call = body["messages"][1]["tool_calls"][0]["function"] if dialect_ == "chat" else body["input"][1]
    call["arguments"] = arguments
    path = "messages[1].tool_calls[0].function.arguments" if dialect_ == "chat" else "input[1].arguments"
    harness.refused(dialect_, body, path)


# How each dialect says a tool's output in parts.
PARTS = {"chat": "text", "responses": "input_text", "anthropic": "text"}


def test_case_06_a_result_in_parts_is_text_blocks(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"text": "Well."})
    parts = [{"type": PARTS[dialect], "text": text} for text in ("sun", " ", "ny")]
    turns: Any = ("Hi", [CALLS[0]], ("a", parts))
    harness.ask(dialect, harness.body(dialect, MODELS[dialect], *turns, tools=["weather"], streamed=streamed)).ok()
    [value] = harness.sent()["messages"][-1]["content"]
    assert value["toolResult"]["content"] == [{"text": "sun"}, {"text": "ny"}]


@pytest.mark.parametrize("output", ["[1,2]", '"s"', "3", "null", '{"a":1}', "plain"])
def test_case_07_the_output_of_a_tool_is_text(harness: Harness, dialect: str, output: str) -> None:
    """Only objects may be `json` in Converse; what a tool gave is text in every dialect, and stays it, objects too."""
    harness.says({"text": "Well."})
    turns = ("Hi", [CALLS[0]], ("a", output))
    harness.ask(dialect, harness.body(dialect, MODELS[dialect], *turns, tools=["weather"])).ok()
    assert harness.sent()["messages"][-1]["content"] == [result("a", output)]


def test_case_07_an_empty_output_is_empty_for_claude_and_says_so_for_others(harness: Harness, dialect: str) -> None:
    harness.says({"text": "Well."})
    turns: Any = ("Hi", [CALLS[0]], ("a", ""))
    harness.ask(dialect, harness.body(dialect, MODELS[dialect], *turns, tools=["weather"])).ok()
    [value] = harness.sent()["messages"][-1]["content"]
    assert value["toolResult"]["content"] == ([] if "claude" in MODELS[dialect] else [{"text": "(no output)"}])


def test_case_08_calls_in_a_request_without_tools_are_told_as_text(
    harness: Harness, dialect: str, streamed: bool
) -> None:
    """Of the two policies, (a): text with name, arguments, result and id; the warning is in the dropped list."""
    harness.says({"text": "A summary."})
    response = harness.ask(dialect, harness.body(dialect, MODELS[dialect], *HISTORY, "Sum up.", streamed=streamed)).ok()
    sent = harness.sent()
    assert "toolConfig" not in sent
    assert "toolUse" not in json.dumps(sent)
    assert "toolResult" not in json.dumps(sent)
    texts = [block["text"] for turn in sent["messages"] for block in turn["content"]]
    assert any("weather" in text and '{"city": "Paris"}' in text and "a" in text for text in texts)
    assert any("rainy" in text and " b:" in text for text in texts)
    assert response.dropped == "tools"


def test_case_09_no_tool_and_no_history_of_tools_is_no_tool_config(
    harness: Harness, dialect: str, streamed: bool
) -> None:
    harness.says({"text": "Hello."})
    none: Any = {"type": "none"} if dialect == "anthropic" else "none"
    body = harness.body(dialect, MODELS[dialect], "Hi", tools=["weather"], streamed=streamed, tool_choice=none)
    assert harness.ask(dialect, body).ok().dropped == ""
    assert "toolConfig" not in harness.sent()


def test_case_09_no_tool_after_tool_use_keeps_the_tools_and_says_no_choice(harness: Harness, dialect: str) -> None:
    harness.says({"text": "Hello."})
    none: Any = {"type": "none"} if dialect == "anthropic" else "none"
    response = harness.ask(
        dialect, harness.body(dialect, MODELS[dialect], *HISTORY, tools=["weather"], tool_choice=none)
    ).ok()
    config = harness.sent()["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["weather"]
    assert "toolChoice" not in config
    assert response.dropped == "tool_choice"


STRANGE = ["mcp__" + "x" * 80, "mcp__" + "x" * 79 + "y", "a.b", "a@b", "a_b", "plain"]
GOOD = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


@pytest.mark.parametrize("chosen", [0, 2, 3, 5])
def test_case_10_strange_names_have_aliases_that_the_caller_never_sees(
    harness: Harness, dialect: str, streamed: bool, chosen: int
) -> None:
    def call(body: Json) -> Json:
        [name] = body["toolConfig"]["toolChoice"]["tool"].values()
        return {"toolUse": {"toolUseId": "z", "name": name, "input": {"city": "Bern"}}}

    harness.says(call, stop="tool_use")
    name = STRANGE[chosen]
    choice = {
        "chat": {"type": "function", "function": {"name": name}},
        "responses": {"type": "function", "name": name},
        "anthropic": {"type": "tool", "name": name},
    }
    # `$READFILE` was never offered: the model invented it.
    turns: Any = ("Hi", [("a", name, {}), ("b", "$READFILE", {})], ("a", "1"), ("b", "no such tool"))
    more = {"tools": STRANGE, "streamed": streamed, "tool_choice": choice[dialect]}
    response = harness.ask(dialect, harness.body(dialect, GENERIC, *turns, **more)).ok()
    sent = harness.sent()
    names = [tool["toolSpec"]["name"] for tool in sent["toolConfig"]["tools"]]
    assert len(set(names)) == len(STRANGE)
    assert all(GOOD.fullmatch(each) for each in names)
    assert names[4:] == ["a_b", "plain"]
    first, second = (block["toolUse"]["name"] for block in sent["messages"][1]["content"])
    assert first == names[chosen] == sent["toolConfig"]["toolChoice"]["tool"]["name"]
    assert GOOD.fullmatch(second)
    assert second not in names
    assert [each["name"] for each in response.calls] == [name]
    assert json.loads(response.calls[0]["arguments"]) == {"city": "Bern"}
