"""Blank texts are dropped."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.repairs import apply_repairs

Json = dict[str, Any]
ABLE = Capabilities(tools=True, system=True, cache=True, images=True, documents=True, reasoning=True)
POINT = {"cachePoint": {"type": "default"}}
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}


def user(*content: Json | str) -> Json:
    return {"role": "user", "content": _blocks(content)}


def assistant(*content: Json | str) -> Json:
    return {"role": "assistant", "content": _blocks(content)}


def _blocks(content: tuple[Json | str, ...]) -> list[Json]:
    return [{"text": each} if isinstance(each, str) else each for each in content]


def use(name: str) -> Json:
    return {"toolUse": {"toolUseId": name, "name": "look", "input": {}}}


def result(name: str, *content: Json) -> Json:
    return {"toolResult": {"toolUseId": name, "content": list(content) or [{"text": "found"}]}}


def turns(*messages: Json, able: Capabilities = ABLE) -> list[Json]:
    request = {"messages": list(messages), "toolConfig": TOOLS}
    return list(apply_repairs(request, able).request["messages"])


def refused(*messages: Json, able: Capabilities = ABLE) -> list[str]:
    with pytest.raises(InvalidBody) as error:
        turns(*messages, able=able)
    return [fault.path for fault in error.value.fields]


@pytest.mark.parametrize("blank", ["", " \n", "\t"])
def test_a_blank_text_beside_a_call_is_dropped(blank: str) -> None:
    assert turns(user("Hi"), assistant(blank, use("a")), user(result("a"), blank))[1:] == [
        assistant(use("a")),
        user(result("a")),
    ]


@pytest.mark.parametrize("content", [[{"text": " "}], []])
def test_an_empty_result_says_so_unless_the_model_takes_it_empty(content: list[Json]) -> None:
    messages = [user("Hi"), assistant(use("a")), user({"toolResult": {"toolUseId": "a", "content": content}})]
    for known, expected in (
        ("unknown", [{"text": "(no output)"}]),
        ("refused", [{"text": "(no output)"}]),
        ("accepted", []),
    ):
        repaired = turns(*messages, able=ABLE.but(empty_results=known))
        assert repaired[2]["content"][0]["toolResult"]["content"] == expected


def test_a_message_that_says_nothing_is_named() -> None:
    assert refused(user("Hi"), assistant("Yes?"), user(" ", POINT), user()) == [
        "messages[2].content",
        "messages[3].content",
    ]


def test_an_empty_answer_is_dropped_and_reported() -> None:
    changed = apply_repairs({"messages": [user("Hi"), assistant(), assistant(" "), user("Well?")]}, ABLE)
    assert changed.request["messages"] == [{"role": "user", "content": [{"text": "Hi"}, {"text": "Well?"}]}]
    assert changed.reported == ("messages[1]", "messages[2]")


def test_blank_system_texts_are_dropped_and_an_empty_system_prompt_is_none() -> None:
    request = {"messages": [user("Hi")], "system": [{"text": "Be terse."}, {"text": " "}]}
    assert apply_repairs(request, ABLE).request["system"] == [{"text": "Be terse."}]
    assert "system" not in apply_repairs({**request, "system": [{"text": " "}, POINT]}, ABLE).request
