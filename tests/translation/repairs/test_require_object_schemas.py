"""Tool schemas with an object at their root."""

import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.repairs import (
    apply_repairs,
)

Json = dict[str, Any]
ABLE = Capabilities(tools=True, images=True, cache=True)
FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")


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


def schema_of(schema: Json, able: Capabilities = ABLE) -> Json:
    request = {**talk(), "toolConfig": {"tools": [tool("t", schema)]}}
    return dict(apply_repairs(request, able).request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"])


names = st.one_of(
    st.text(max_size=100), st.from_regex(FITS, fullmatch=True), st.sampled_from(["a.b", "a@b", "a_b", ""])
)


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


@pytest.mark.parametrize("union", ["allOf", "anyOf"])
def test_thousands_of_branches_about_one_property_are_merged_flat_and_at_once(union: str) -> None:
    branches = [{"type": "object", "properties": {"a": {"maxLength": size}}, "required": ["a"]} for size in range(3000)]
    merged = schema_of({union: branches})
    assert merged["properties"] == {"a": {union: [{"maxLength": size} for size in range(3000)]}}
    assert merged["required"] == ["a"]


def test_a_union_that_takes_too_much_to_be_merged_is_refused_by_its_path() -> None:
    large = {"properties": {f"p{number}": {"type": "string"} for number in range(500)}}
    definitions = {f"d{number}": {"allOf": [{"$ref": "#/$defs/large"}]} for number in range(500)}
    parts = [{"$ref": f"#/$defs/d{number}"} for number in range(500)]
    with pytest.raises(InvalidBody) as refused:
        schema_of({"allOf": parts, "$defs": {**definitions, "large": large}})
    (fault,) = refused.value.fields
    assert fault.path == "toolConfig.tools[0].toolSpec.inputSchema.json"
    assert "too large" in fault.message


def test_a_union_of_ever_deeper_unions_is_refused() -> None:
    schema: Json = {"properties": {"a": {}}}
    for _ in range(200):
        schema = {"allOf": [schema]}
    with pytest.raises(InvalidBody, match="too large"):
        schema_of(schema)
