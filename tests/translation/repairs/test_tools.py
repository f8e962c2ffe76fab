"""Tool names, ids, schemas, and tool calls without tools."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import fold, replay
from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.repairs import (
    apply_repairs,
    restore_event_tool_names,
    restore_events_tool_names,
    restore_tool_names,
)
from bedrock_flask.translation.repairs.aliases import aliases

Json = dict[str, Any]

ABLE = Capabilities(tools=True, images=True, cache=True)
FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PNG = "iVBORw0KGgoAAAANSUhEUg=="
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


def schema_of(schema: Json, able: Capabilities = ABLE) -> Json:
    request = {**talk(), "toolConfig": {"tools": [tool("t", schema)]}}
    return dict(apply_repairs(request, able).request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"])


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_name_has_the_same_alias_in_the_tools_the_choice_and_the_history() -> None:
    request = talk(MCP, "a.b", "a@b", tools=(MCP, "a.b", "a@b", "fine"), toolChoice={"tool": {"name": "a.b"}})
    told = apply_repairs(request, ABLE)
    names = specs(told.request)
    assert all(FITS.fullmatch(name) for name in names)
    assert len(set(names)) == 4
    assert names[-1] == "fine"
    assert used(told.request) == names[:3]
    assert told.request["toolConfig"]["toolChoice"] == {"tool": {"name": names[1]}}
    assert told.names == dict(zip(names[:3], (MCP, "a.b", "a@b"), strict=True))
    assert told.reported == ()


def test_a_name_that_is_made_up_in_the_history_has_an_alias_too() -> None:
    told = apply_repairs(talk("$READFILE", tools=("read",)), ABLE)
    [name] = used(told.request)
    assert FITS.fullmatch(name)
    assert told.names[name] == "$READFILE"


def test_an_alias_can_be_read_and_stays_the_same_in_every_request() -> None:
    [one] = apply_repairs(talk(tools=("files.read",)), ABLE).names
    assert one.startswith("files_read_")
    assert one in apply_repairs(talk("files.read", "other.tool", tools=("more", "files.read")), ABLE).names


def test_an_alias_gives_way_to_a_tool_that_has_that_name() -> None:
    [alias] = aliases(["a.b"], "tool").values()
    told = apply_repairs(talk(tools=("a.b", alias)), ABLE)
    assert specs(told.request)[1] == alias
    assert specs(told.request)[0] != alias


names = st.one_of(
    st.text(max_size=100), st.from_regex(FITS, fullmatch=True), st.sampled_from(["a.b", "a@b", "a_b", ""])
)


@given(st.lists(names, unique=True, max_size=20))
def test_aliases_are_valid_distinct_and_none_is_a_name_that_fits(said: list[str]) -> None:
    found = aliases(said, "tool")
    seen = [found.get(name, name) for name in said]
    assert all(FITS.fullmatch(name) for name in seen)
    assert len(set(seen)) == len(said)
    assert found.keys() == {name for name in said if not FITS.fullmatch(name)}


@given(st.lists(names, min_size=1, max_size=5, unique=True))
def test_an_answer_has_the_callers_names_again(said: list[str]) -> None:
    told = apply_repairs(talk(*said, tools=tuple(said)), ABLE)
    seen = specs(told.request)
    content = [{"text": "Well"}, *({"toolUse": {"toolUseId": "i", "name": name, "input": {}}} for name in seen)]
    response = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use"}
    before = json.dumps(response)
    for answer in (
        restore_tool_names(response, told.names),
        fold(restore_events_tool_names(replay(response), told.names)),
    ):
        assert [block["toolUse"]["name"] for block in answer["output"]["message"]["content"][1:]] == said
    assert json.dumps(response) == before


def test_events_without_a_renamed_tool_are_the_same_objects() -> None:
    response = {"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}}
    events = list(replay(response))
    assert all(
        after is before for before, after in zip(events, restore_events_tool_names(events, {"x": "y"}), strict=True)
    )
    assert restore_event_tool_names(events[0], {}) is events[0]
    assert restore_tool_names(response, {}) is response


def test_whoever_stops_reading_the_events_closes_them() -> None:
    closed = []

    def source() -> Iterator[Json]:
        try:
            yield {"messageStart": {"role": "assistant"}}
            yield {"messageStop": {"stopReason": "end_turn"}}
        finally:
            closed.append(True)

    events = restore_events_tool_names(source(), {})
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert closed


def test_an_added_tool_is_called_by_its_alias() -> None:
    request = talk(tools=("a.b",))
    request["messages"].append({"role": "system", "content": [{"toolAddition": {"tool": {"name": "a.b"}}}]})
    changed = apply_repairs(request, ABLE).request
    assert changed["messages"][1]["content"][0]["toolAddition"]["tool"]["name"] == specs(changed)[0]


# --- ids -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strange", ["call:1", "a|b", 70 * "x", ""])
def test_an_id_that_does_not_fit_is_the_same_other_one_in_use_and_result(strange: str) -> None:
    request = json.loads(json.dumps(talk("look", tools=("look",))).replace("id-0", strange))
    [use], [result] = (message["content"] for message in apply_repairs(request, ABLE).request["messages"][1:])
    assert FITS.fullmatch(use["toolUse"]["toolUseId"])
    assert use["toolUse"]["toolUseId"] == result["toolResult"]["toolUseId"]


def test_an_id_that_fits_stays() -> None:
    request = talk("look", tools=("look",))
    assert apply_repairs(request, ABLE).request == request


# --- calls without tools ---------------------------------------------------------------------------------------------


def test_calls_in_a_request_without_tools_are_told_as_text_in_their_turns() -> None:
    request = talk("a.b")
    request["messages"][2]["content"][0]["toolResult"] |= {
        "status": "error",
        "content": [{"text": "none"}, {"json": {"n": "é"}}, {"image": {"format": "png", "source": {"bytes": PNG}}}],
    }
    told = apply_repairs(request, ABLE)
    assert told.request["messages"] == [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": [{"text": '[Tool call id-0: a.b({"q": 1})]'}]},
        {
            "role": "user",
            "content": [
                {"text": '[Tool error id-0: none\n{"n": "é"}]'},
                {"image": {"format": "png", "source": {"bytes": PNG}}},
            ],
        },
    ]
    assert "toolConfig" not in told.request
    assert told.reported == ("toolConfig",)
    assert told.names == {}


def test_a_tool_configuration_without_a_tool_is_none() -> None:
    request = {**talk(), "toolConfig": {"tools": [{"cachePoint": {"type": "default"}}]}}
    assert apply_repairs(request, ABLE).request == talk()
    assert apply_repairs({**talk(), "toolConfig": {"tools": []}}, ABLE).request == talk()


def test_a_conversation_without_calls_needs_no_tools() -> None:
    assert apply_repairs(talk(), ABLE).reported == ()


# --- schemas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema", [{}, {"properties": {"a": {"type": "string"}}}, {"type": ["object", "null"]}, {"type": "object"}]
)
def test_the_root_of_a_schema_is_an_object(schema: Json) -> None:
    assert schema_of(schema) == {**schema, "type": "object"}


def test_a_schema_of_something_else_is_refused() -> None:
    with pytest.raises(InvalidBody) as error:
        schema_of({"type": "array"})
    assert [fault.path for fault in error.value.fields] == ["toolConfig.tools[0].toolSpec.inputSchema.json.type"]


PATH = {"properties": {"path": {"type": "string"}, "n": {"type": "integer"}}, "required": ["path", "n"]}
URL = {"properties": {"url": {"type": "string"}, "n": {"type": "number"}}, "required": ["url", "n"]}


@pytest.mark.parametrize("union", ["anyOf", "oneOf"])
def test_alternatives_become_one_object_that_requires_what_all_require(union: str) -> None:
    schema = {"description": "Reads.", union: [PATH, URL, {"type": "null"}], "$defs": {"x": {}}}
    assert schema_of(schema) == {
        "description": "Reads.",
        "$defs": {"x": {}},
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "n": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
            "url": {"type": "string"},
        },
        "required": ["n"],
    }


def test_parts_become_one_object_that_requires_what_any_requires() -> None:
    merged = schema_of({"allOf": [PATH, {**URL, "additionalProperties": False}], "required": ["z"]})
    assert merged["required"] == ["z", "path", "n", "url"]
    assert merged["properties"]["n"] == {"allOf": [{"type": "integer"}, {"type": "number"}]}
    assert merged["additionalProperties"] is False


def test_a_closed_object_stays_closed_only_if_every_alternative_is() -> None:
    closed = {**PATH, "additionalProperties": False}
    assert "additionalProperties" not in schema_of({"anyOf": [closed, URL]})
    assert schema_of({"anyOf": [closed, closed]})["additionalProperties"] is False


def test_references_into_the_schema_are_followed() -> None:
    schema = {
        "$ref": "#/definitions/Args",
        "definitions": {"Args": {"anyOf": [{"$ref": "#/definitions/a~1b"}, URL]}, "a/b": PATH},
    }
    merged = schema_of(schema)
    assert merged["properties"].keys() == {"path", "n", "url"}
    assert merged["required"] == ["n"]
    assert merged["definitions"] == schema["definitions"]


def test_references_that_lead_back_or_nowhere_or_far_or_to_very_many_end() -> None:
    back = {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#"}], "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, PATH]}}}
    assert schema_of(back)["properties"].keys() == {"path", "n"}
    assert schema_of({"$ref": "#/$defs/none"})["properties"] == {}
    chain = {str(at): {"$ref": f"#/$defs/{at + 1}"} for at in range(5000)}
    assert schema_of({"$ref": "#/$defs/0", "$defs": chain})["properties"] == {}
    double = {str(at): {"allOf": 2 * [{"$ref": f"#/$defs/{at + 1}"}]} for at in range(30)} | {"30": PATH}
    assert schema_of({"$ref": "#/$defs/0", "$defs": double})["properties"] == PATH["properties"]


def test_a_merged_schema_is_told_and_a_model_that_takes_unions_gets_them() -> None:
    schema = {"anyOf": [PATH, URL]}
    request = {**talk(), "toolConfig": {"tools": [tool("s"), tool("t", schema)]}}
    assert apply_repairs(request, ABLE).reported == ("toolConfig.tools[1].toolSpec.inputSchema",)
    assert apply_repairs(request, ABLE.but(root_unions=True)).reported == ()
    assert schema_of(schema, ABLE.but(root_unions=True)) == {**schema, "type": "object"}


@pytest.mark.parametrize("broken", [{"anyOf": 3}, {"anyOf": [3, True]}, {"allOf": [{"properties": [], "required": 1}]}])
def test_a_broken_union_is_no_crash(broken: Json) -> None:
    assert schema_of(broken) == {"type": "object", "properties": {}}


fields = st.dictionaries(
    st.sampled_from("abc"), st.sampled_from([{"type": "string"}, {"type": "integer"}, {"enum": [1]}]), max_size=3
)
# Closed: an open alternative takes the members of the others in any form, which nobody means.
alternatives = st.builds(
    lambda properties, needed: {
        "type": "object",
        "properties": properties,
        "required": sorted(properties.keys() & needed),
        "additionalProperties": False,
    },
    fields,
    st.sets(st.sampled_from("abc")),
)
unions = st.recursive(
    alternatives,
    lambda inner: st.builds(
        lambda union, each: {union: each},
        st.sampled_from(["anyOf", "oneOf", "allOf"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(unions, st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", 1, 2]), max_size=3))
def test_a_merged_schema_takes_what_the_union_takes(schema: Json, arguments: Json) -> None:
    merged = schema_of(schema)
    assert not {"anyOf", "oneOf", "allOf", "$ref"} & merged.keys()
    if jsonschema.Draft202012Validator(schema).is_valid(arguments):
        assert jsonschema.Draft202012Validator(merged).is_valid(arguments)
