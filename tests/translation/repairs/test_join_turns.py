"""Messages of one role become one turn."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.join_turns import FILLER

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
    calls = assistant(use("a"), use("b"))
    assert turns(user("Hi"), calls, user(result("a")), user(result("b"))) == [
        user("Hi"),
        calls,
        user(result("a"), result("b")),
    ]


def test_what_a_user_says_beside_results_stands_behind_them_in_the_same_turn() -> None:
    calls = assistant(use("a"), use("b"))
    repaired = turns(user("Hi"), calls, user(result("a"), "wait"), user(result("b")), user("go on"))
    assert repaired[2:] == [user(result("a"), result("b"), "wait", "go on")]


def test_a_model_that_wants_them_apart_gets_a_filler_between_results_and_text() -> None:
    apart = ABLE.but(results_with_text=False)
    repaired = turns(user("Hi"), assistant(use("a")), user(result("a"), POINT), user("go on"), able=apart)
    assert repaired[2:] == [user(result("a"), POINT), assistant(FILLER), user("go on")]
    alone = (user("Hi"), assistant(use("a")), user(result("a"), POINT))
    assert turns(*alone, able=apart) == list(alone)


def test_assistant_turns_are_joined_in_the_order_in_which_they_came() -> None:
    assert turns(user("Hi"), assistant("One"), assistant(use("a")), user(result("a")))[1] == assistant("One", use("a"))


def test_a_conversation_begins_with_the_user() -> None:
    assert refused(assistant("Welcome"), user("Hi")) == ["messages[0].role"]
    assert refused() == ["messages"]


def test_instructions_that_come_first_are_the_system_prompt() -> None:
    said = {"role": "system", "content": [{"text": "Hi"}]}
    assert refused(said, assistant("Welcome"), user("Hi")) == ["messages[0].role"]
