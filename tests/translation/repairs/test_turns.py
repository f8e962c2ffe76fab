"""Turns, blank texts and the end of a conversation."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.turns import FILLER

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


def test_the_results_of_parallel_calls_come_in_one_turn() -> None:
    asked = assistant(use("a"), use("b"))
    assert turns(user("Hi"), asked, user(result("a")), user(result("b"))) == [
        user("Hi"),
        asked,
        user(result("a"), result("b")),
    ]


def test_what_a_user_says_beside_results_stands_behind_them_in_the_same_turn() -> None:
    asked = assistant(use("a"), use("b"))
    said = turns(user("Hi"), asked, user(result("a"), "wait"), user(result("b")), user("go on"))
    assert said[2:] == [user(result("a"), result("b"), "wait", "go on")]


def test_a_model_that_wants_them_apart_gets_a_filler_between_results_and_text() -> None:
    apart = ABLE.but(results_with_text=False)
    said = turns(user("Hi"), assistant(use("a")), user(result("a"), POINT), user("go on"), able=apart)
    assert said[2:] == [user(result("a"), POINT), assistant(FILLER), user("go on")]
    alone = (user("Hi"), assistant(use("a")), user(result("a"), POINT))
    assert turns(*alone, able=apart) == list(alone)


def test_assistant_turns_are_joined_in_the_order_in_which_they_came() -> None:
    assert turns(user("Hi"), assistant("One"), assistant(use("a")), user(result("a")))[1] == assistant("One", use("a"))


def test_a_conversation_begins_with_the_user() -> None:
    assert refused(assistant("Welcome"), user("Hi")) == ["messages[0].role"]
    assert refused() == ["messages"]


@pytest.mark.parametrize("blank", ["", " \n", "\t"])
def test_a_blank_text_beside_a_call_is_dropped(blank: str) -> None:
    assert turns(user("Hi"), assistant(blank, use("a")), user(result("a"), blank))[1:] == [
        assistant(use("a")),
        user(result("a")),
    ]


def test_a_blank_result_is_an_empty_one() -> None:
    said = turns(user("Hi"), assistant(use("a")), user({"toolResult": {"toolUseId": "a", "content": [{"text": " "}]}}))
    assert said[2]["content"][0]["toolResult"]["content"] == []


def test_a_message_that_says_nothing_is_named() -> None:
    assert refused(user("Hi"), assistant("Yes?"), user(" ", POINT), assistant()) == [
        "messages[2].content",
        "messages[3].content",
    ]


def test_blank_system_texts_are_dropped_and_an_empty_system_prompt_is_none() -> None:
    request = {"messages": [user("Hi")], "system": [{"text": "Be terse."}, {"text": " "}]}
    assert apply_repairs(request, ABLE).request["system"] == [{"text": "Be terse."}]
    assert "system" not in apply_repairs({**request, "system": [{"text": " "}, POINT]}, ABLE).request


def test_a_model_that_continues_no_turn_is_not_asked_to() -> None:
    assert refused(user("Hi"), assistant("Well"), able=ABLE.but(prefill=False)) == ["messages"]


def test_a_turn_to_continue_ends_without_white_space_and_that_is_told() -> None:
    request = {"messages": [user("Hi"), assistant("Well, "), assistant("so \n")]}
    told = apply_repairs(request, ABLE)
    assert told.request["messages"][-1] == assistant("Well, ", "so")
    assert told.reported == ("messages[1].content[1].text",)


@pytest.mark.parametrize(
    ("members", "lacking", "path"),
    [
        ({"system": [{"text": "Be terse."}]}, {"system": False}, "system"),
        ({"toolConfig": TOOLS}, {"tools": False}, "toolConfig"),
        ({"outputConfig": {"textFormat": {"type": "json_schema"}}}, {"structured": False}, "outputConfig.textFormat"),
    ],
)
def test_what_a_model_cannot_take_is_refused(members: Json, lacking: Json, path: str) -> None:
    request = {"messages": [user("Hi")], **members}
    assert apply_repairs(request, ABLE).request == request
    with pytest.raises(InvalidBody) as error:
        apply_repairs(request, ABLE.but(**lacking))
    assert [fault.path for fault in error.value.fields] == [path]


def test_media_are_refused_at_each_path() -> None:
    image = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}}
    video = {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/k"}}}}
    messages = (user("Hi", image, video), assistant(use("a")), user(result("a", image)))
    assert refused(*messages, able=ABLE.but(images=False)) == [
        "messages[0].content[1].image",
        "messages[0].content[2].video",
        "messages[2].content[0].toolResult.content[0].image",
    ]
