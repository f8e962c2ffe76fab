"""Aliases for the names and ids of tools that Bedrock rejects."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import fold, replay
from bedrock_flask.translation.repairs import (
    apply_repairs,
    restore_event_tool_names,
    restore_tool_names,
)
from bedrock_flask.translation.repairs.alias_tool_names import alias_tool_names, make_aliases

Json = dict[str, Any]
ABLE = Capabilities(tools=True, images=True, cache=True)
FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MCP = "mcp__" + 80 * "x"


def tool(name: str, schema: Json | None = None) -> Json:
    return {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"} if schema is None else schema}}}


def talk(*names: str, tools: tuple[str, ...] = (), **config: Any) -> Json:
    """A conversation in which some tools have been used."""
    uses = [{"toolUse": {"toolUseId": f"id-{at}", "name": name, "input": {"q": 1}}} for at, name in enumerate(names)]
    results = [{"toolResult": {"toolUseId": f"id-{at}", "content": [{"text": "x"}]}} for at in range(len(names))]
    messages = [{"role": "user", "content": [{"text": "Hi"}]}]
    if names:
        messages += [{"role": "assistant", "content": uses}, {"role": "user", "content": results}]
    return {
        "messages": messages,
        **({"toolConfig": {"tools": [tool(name) for name in tools], **config}} if tools else {}),
    }


def specs(request: Json) -> list[str]:
    return [each["toolSpec"]["name"] for each in request["toolConfig"]["tools"]]


def used(request: Json) -> list[str]:
    return [
        block["toolUse"]["name"]
        for message in request["messages"]
        for block in message["content"]
        if "toolUse" in block
    ]


def test_a_name_has_the_same_alias_in_the_tools_the_choice_and_the_history() -> None:
    request = talk(MCP, "a.b", "a@b", tools=(MCP, "a.b", "a@b", "fine"), toolChoice={"tool": {"name": "a.b"}})
    repaired = apply_repairs(request, ABLE)
    names = specs(repaired.request)
    assert all(FITS.fullmatch(name) for name in names)
    assert len(set(names)) == 4
    assert names[-1] == "fine"
    assert used(repaired.request) == names[:3]
    assert repaired.request["toolConfig"]["toolChoice"] == {"tool": {"name": names[1]}}
    assert repaired.names == dict(zip(names[:3], (MCP, "a.b", "a@b"), strict=True))
    assert repaired.reported == ()


def test_a_name_that_is_made_up_in_the_history_has_an_alias_too() -> None:
    repaired = apply_repairs(talk("$READFILE", tools=("read",)), ABLE)
    [name] = used(repaired.request)
    assert FITS.fullmatch(name)
    assert repaired.names[name] == "$READFILE"


def test_an_alias_can_be_read_and_stays_the_same_in_every_request() -> None:
    [one] = apply_repairs(talk(tools=("files.read",)), ABLE).names
    assert one.startswith("files_read_")
    assert one in apply_repairs(talk("files.read", "other.tool", tools=("more", "files.read")), ABLE).names


def test_an_alias_gives_way_to_a_tool_that_has_that_name() -> None:
    [alias] = make_aliases(["a.b"], "tool").values()
    repaired = apply_repairs(talk(tools=("a.b", alias)), ABLE)
    assert specs(repaired.request)[1] == alias
    assert specs(repaired.request)[0] != alias


names = st.one_of(
    st.text(max_size=100), st.from_regex(FITS, fullmatch=True), st.sampled_from(["a.b", "a@b", "a_b", ""])
)


@given(st.lists(names, unique=True, max_size=20))
def test_aliases_are_valid_distinct_and_none_is_a_name_that_fits(originals: list[str]) -> None:
    found = make_aliases(originals, "tool")
    seen = [found.get(name, name) for name in originals]
    assert all(FITS.fullmatch(name) for name in seen)
    assert len(set(seen)) == len(originals)
    assert found.keys() == {name for name in originals if not FITS.fullmatch(name)}


@given(st.lists(names, min_size=1, max_size=5, unique=True))
def test_an_answer_has_the_callers_names_again(originals: list[str]) -> None:
    repaired = apply_repairs(talk(*originals, tools=tuple(originals)), ABLE)
    seen = specs(repaired.request)
    content = [{"text": "Well"}, *({"toolUse": {"toolUseId": "i", "name": name, "input": {}}} for name in seen)]
    response = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use"}
    before = json.dumps(response)
    for answer in (
        restore_tool_names(response, repaired.names),
        fold(restore_event_tool_names(event, repaired.names) for event in replay(response)),
    ):
        assert [block["toolUse"]["name"] for block in answer["output"]["message"]["content"][1:]] == originals
    assert json.dumps(response) == before


def test_events_without_a_renamed_tool_are_the_same_objects() -> None:
    response = {"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}}
    events = list(replay(response))
    assert all(restore_event_tool_names(event, {"x": "y"}) is event for event in events)
    assert restore_event_tool_names(events[0], {}) is events[0]
    assert restore_tool_names(response, {}) is response


def test_an_added_tool_is_called_by_its_alias() -> None:
    request = talk(tools=("a.b",))
    request["messages"].append({"role": "system", "content": [{"toolAddition": {"tool": {"name": "a.b"}}}]})
    changed = apply_repairs(request, ABLE).request
    assert changed["messages"][1]["content"][0]["toolAddition"]["tool"]["name"] == specs(changed)[0]


@pytest.mark.parametrize("strange", ["call:1", "a|b", 70 * "x", ""])
def test_an_id_that_does_not_fit_is_the_same_other_one_in_use_and_result(strange: str) -> None:
    request = json.loads(json.dumps(talk("look", tools=("look",))).replace("id-0", strange))
    [use], [result] = (message["content"] for message in apply_repairs(request, ABLE).request["messages"][1:])
    assert FITS.fullmatch(use["toolUse"]["toolUseId"])
    assert use["toolUse"]["toolUseId"] == result["toolResult"]["toolUseId"]


def test_an_id_that_fits_stays() -> None:
    request = talk("look", tools=("look",))
    assert apply_repairs(request, ABLE).request == request


def test_a_choice_of_a_tool_that_is_not_offered_leaves_the_callers_request_as_it_was() -> None:
    config = {"tools": [], "toolChoice": {"tool": {"name": "a b"}}}
    request = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "toolConfig": config}
    renamed = alias_tool_names(request, Capabilities()).request
    assert renamed["toolConfig"]["toolChoice"] != {"tool": {"name": "a b"}}
    assert request["toolConfig"] == {"tools": [], "toolChoice": {"tool": {"name": "a b"}}}
