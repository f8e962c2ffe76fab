"""An assistant turn at the end of a conversation."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.repairs import apply_repairs

Json = dict[str, Any]
ABLE = Capabilities(tools=True, system=True, cache=True, images=True, documents=True, reasoning=True)
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}


def user(*content: Json | str) -> Json:
    return {"role": "user", "content": _blocks(content)}


def assistant(*content: Json | str) -> Json:
    return {"role": "assistant", "content": _blocks(content)}


def _blocks(content: tuple[Json | str, ...]) -> list[Json]:
    return [{"text": each} if isinstance(each, str) else each for each in content]


def turns(*messages: Json, able: Capabilities = ABLE) -> list[Json]:
    request = {"messages": list(messages), "toolConfig": TOOLS}
    return list(apply_repairs(request, able).request["messages"])


def refused(*messages: Json, able: Capabilities = ABLE) -> list[str]:
    with pytest.raises(InvalidBody) as error:
        turns(*messages, able=able)
    return [fault.path for fault in error.value.fields]


def test_a_model_that_continues_no_turn_is_not_asked_to() -> None:
    assert refused(user("Hi"), assistant("Well"), able=ABLE.but(prefill=False)) == ["messages"]


def test_a_turn_to_continue_ends_without_white_space_and_that_is_told() -> None:
    request = {"messages": [user("Hi"), assistant("Well, "), assistant("so \n")]}
    repaired = apply_repairs(request, ABLE)
    assert repaired.request["messages"][-1] == assistant("Well, ", "so")
    assert repaired.reported == ("messages[1].content[1].text",)
