"""Each tool call has its result, and each result its call."""

import json
from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.repairs import apply_repairs

Json = dict[str, Any]
ABLE = Capabilities(tools=True, system=True, documents=True, video=True, audio=True, images=True)


def tool(name: str) -> Json:
    return {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}}


def user(*content: Json) -> Json:
    return {"role": "user", "content": list(content)}


def assistant(*content: Json) -> Json:
    return {"role": "assistant", "content": list(content)}


def use(tie: str, **more: str) -> Json:
    return {"toolUse": {"toolUseId": tie, "name": "look", "input": {}, **more}}


def result(tie: str, **more: str) -> Json:
    return {"toolResult": {"toolUseId": tie, "content": [{"text": "x"}], **more}}


HI = {"text": "Hi"}


def make_request(*messages: Json, **members: Any) -> Json:
    return {"messages": list(messages), "toolConfig": {"tools": [tool("look")]}, **members}


def refused(request: Json, able: Capabilities = ABLE) -> list[str]:
    before = json.dumps(request)
    with pytest.raises(InvalidBody) as error:
        apply_repairs(request, able)
    assert json.dumps(request) == before
    return [fault.path for fault in error.value.fields]


def repair(request: Json, able: Capabilities = ABLE) -> Json:
    return apply_repairs(request, able).request


@pytest.mark.parametrize(
    ("messages", "paths"),
    [
        ([user(HI), assistant(use("a")), user(HI)], ["messages[1].content[0].toolUse"]),
        ([user(HI), assistant(HI, use("a"), use("b")), user(result("a"))], ["messages[1].content[2].toolUse"]),
        ([user(result("a"), HI)], ["messages[0].content[0].toolResult.toolUseId"]),
        ([user(HI), assistant(HI), user(result("a"))], ["messages[2].content[0].toolResult.toolUseId"]),
        (
            [user(HI), assistant(use("a")), user(result("a"), result("a"))],
            ["messages[2].content[1].toolResult.toolUseId"],
        ),
        (
            [user(HI), assistant(use("a"), use("a")), user(result("a"))],
            ["messages[1].content[1].toolUse.toolUseId"],
        ),
        (
            [user(HI), assistant(use("a")), user(result("a")), assistant(HI), user(result("a"))],
            ["messages[4].content[0].toolResult.toolUseId"],
        ),
        (
            [user(HI), assistant(use("a"), result("a")), user(HI)],
            ["messages[1].content[1].toolResult.toolUseId", "messages[1].content[0].toolUse"],
        ),
        (
            [user(HI), assistant(use("a")), user(result("b"))],
            ["messages[1].content[0].toolUse", "messages[2].content[0].toolResult.toolUseId"],
        ),
    ],
)
def test_a_call_and_its_result_need_each_other(messages: list[Json], paths: list[str]) -> None:
    assert refused(make_request(*messages)) == paths


@pytest.mark.parametrize(
    "messages",
    [
        [user(HI), assistant(use("a"), use("b")), user(result("b")), user(result("a"), HI)],
        [user(HI), assistant(use("a")), assistant(HI, use("b")), user(HI, result("a")), user(result("b"))],
        [user(HI), assistant(use("a")), user(result("a")), assistant(use("a")), user(result("a"))],
        [user(HI), assistant(use("s", type="server_tool_use"), result("s", type="web_tool_result"), HI), user(HI)],
        [user(HI), assistant(use("a")), {"role": "system", "content": [HI]}, user(result("a"))],
        [user(HI), assistant(HI, use("a"))],
    ],
)
def test_histories_of_real_clients_pass(messages: list[Json]) -> None:
    repair(make_request(*messages), ABLE.but(prefill=True))


def test_a_history_that_is_told_as_text_needs_no_pairs() -> None:
    request = {"messages": [user(HI), assistant(use("a")), user(HI, result("z"))]}
    assert "toolUse" not in json.dumps(repair(request))


def test_ids_that_are_the_same_only_as_the_caller_says_them_are_told_in_his_words() -> None:
    with pytest.raises(InvalidBody) as error:
        apply_repairs(make_request(user(HI), assistant(use("call:1")), user(HI)), ABLE)
    assert "'call:1'" in error.value.fields[0].message
