"""Plain schemas of tools."""

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

Json = dict[str, Any]
REGISTRY = load_registry()
NOVA = REGISTRY.pick("us.amazon.nova-2-lite-v1:0")[1]


def repair(schema: Json, model: str = "amazon.nova-pro-v1:0", **spec: Any) -> tuple[Json, RepairResult]:
    tool = {"toolSpec": {"name": "f", "inputSchema": {"json": schema}, **spec}}
    request = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "toolConfig": {"tools": [tool]}}
    before = copy.deepcopy(request)
    repaired = apply_repairs(request, REGISTRY.pick(model)[1])
    assert request == before
    return dict(repaired.request["toolConfig"]["tools"][0]["toolSpec"]), repaired


def plain(schema: Json) -> Json:
    return dict(repair(schema)[0]["inputSchema"]["json"])


CITY = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
PYDANTIC = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {"City": CITY, "Cities": {"type": "array", "items": {"$ref": "#/$defs/City"}}},
    "title": "F",
    "type": "object",
    "properties": {"to": {"$ref": "#/$defs/City", "description": "Where to."}, "via": {"$ref": "#/$defs/Cities"}},
    "required": ["to"],
}


def test_references_are_replaced_and_the_root_has_three_members() -> None:
    spec, repaired = repair(PYDANTIC, description="Travels.")
    assert spec["inputSchema"]["json"] == {
        "type": "object",
        "properties": {"to": {**CITY, "description": "Where to."}, "via": {"type": "array", "items": CITY}},
        "required": ["to"],
    }
    assert repaired.reported == ()


@pytest.mark.parametrize("model", ["anthropic.claude-opus-4-6-v1", "mistral.mistral-large-2407-v1:0", "acme.new-1"])
def test_other_models_get_the_schema_as_it_came(model: str) -> None:
    spec, repaired = repair(PYDANTIC, model)
    assert (spec["inputSchema"]["json"], repaired.reported) == (PYDANTIC, ())


def test_what_a_root_loses_is_reported() -> None:
    for name, value in (("additionalProperties", False), ("minProperties", 1), ("if", {"required": ["a"]})):
        spec, repaired = repair({**CITY, name: value})
        assert spec["inputSchema"]["json"] == CITY
        assert repaired.reported == ("toolConfig.tools[0].toolSpec.inputSchema",)


def test_a_description_of_the_root_is_the_tools_if_it_has_none() -> None:
    spec, repaired = repair({**CITY, "description": "Travels."})
    assert (spec["description"], repaired.reported) == ("Travels.", ())
    spec, repaired = repair({**CITY, "description": "Travels."}, description="Travels.")
    assert (spec["description"], repaired.reported) == ("Travels.", ())
    spec, repaired = repair({**CITY, "description": "The arguments."}, description="Travels.")
    assert (spec["description"], len(repaired.reported)) == ("Travels.", 1)


def test_a_reference_that_leads_back_is_cut_and_reported() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "value": {"type": "integer"}}}
    spec, repaired = repair({**CITY, "properties": {"first": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}})
    first = spec["inputSchema"]["json"]["properties"]["first"]
    assert first == {"type": "object", "properties": {"next": {"type": "object"}, "value": {"type": "integer"}}}
    assert repaired.reported == ("toolConfig.tools[0].toolSpec.inputSchema",)
    itself = plain({"type": "object", "properties": {"child": {"$ref": "#"}}})
    assert "$ref" not in json.dumps(itself)


def test_references_that_lead_nowhere_or_far_or_to_very_many_end() -> None:
    assert plain({"properties": {"a": {"$ref": "#/$defs/none"}, "b": {"$ref": "https://x.example/y"}}}) == {
        "type": "object",
        "properties": {"a": {}, "b": {}},
    }
    chain = {str(at): {"$ref": f"#/$defs/{at + 1}"} for at in range(5000)}
    assert plain({"properties": {"a": {"$ref": "#/$defs/0"}}, "$defs": chain})["properties"] == {"a": {}}
    double = {
        str(at): {"type": "object", "properties": {name: {"$ref": f"#/$defs/{at + 1}"} for name in "ab"}}
        for at in range(30)
    }
    simple = plain({"properties": {"a": {"$ref": "#/$defs/0"}}, "$defs": double})
    assert len(json.dumps(simple)) < 1_000_000


def test_a_boolean_schema_is_an_object() -> None:
    schema = plain({"properties": {"a": True, "b": False, "c": {"$ref": "#/$defs/C"}}, "$defs": {"C": True}})
    assert schema["properties"] == {"a": {}, "b": {"not": {}}, "c": {}}


def test_what_is_no_schema_is_left() -> None:
    """A property may be called `$ref`, and a value may look like one."""
    schema = {
        "type": "object",
        "properties": {"$ref": {"type": "string"}, "x": {"enum": [{"$ref": "#/$defs/C"}]}, "$defs": {"type": "string"}},
    }
    assert plain(schema) == schema


LEAVES = st.sampled_from([{"type": "string"}, {"type": "integer"}, {"enum": [1, "x"]}, True, {"$ref": "#/$defs/A"}])
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda each: {"type": "object", "properties": each}, st.dictionaries(st.sampled_from("abc"), inner))
        | st.builds(lambda each: {"type": "array", "items": each}, inner)
        | st.builds(lambda each: {"anyOf": each}, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=8,
)
VALUES = st.recursive(
    st.sampled_from(["x", 1, 2]),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner) | st.lists(inner, max_size=2),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), SCHEMAS, max_size=3),
    SCHEMAS,
    st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3),
)
def test_a_plain_schema_takes_what_the_schema_takes(properties: Json, definition: Any, arguments: Json) -> None:
    schema = {"type": "object", "properties": properties, "$defs": {"A": definition}}
    if "#/$defs/A" in json.dumps(definition):
        # A definition that is itself alone has no meaning.
        schema["$defs"]["A"] = {"type": "object", "properties": {"a": definition}}
    simple = plain(schema)
    assert simple.keys() <= {"type", "properties", "required"}
    assert "#/$defs/A" not in json.dumps(simple)
    if jsonschema.Draft202012Validator(schema).is_valid(arguments):
        assert jsonschema.Draft202012Validator(simple).is_valid(arguments)


def test_many_references_to_a_large_schema_do_not_fill_the_memory() -> None:
    large = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(1000)}}
    many = {f"q{number}": {"$ref": "#/$defs/large"} for number in range(900)}
    simple, repaired = repair({"type": "object", "properties": many, "$defs": {"large": large}})
    whole = [name for name, each in simple["inputSchema"]["json"]["properties"].items() if each == large]
    assert 10 < len(whole) < 30
    assert simple["inputSchema"]["json"]["properties"]["q899"] == {"type": "object"}
    assert repaired.reported


def test_references_to_ever_deeper_schemas_end() -> None:
    def wrap(schema: Json) -> Json:
        for _ in range(30):
            schema = {"type": "object", "properties": {"a": schema}}
        return schema

    definitions = {f"d{number}": wrap({"$ref": f"#/$defs/d{number + 1}"}) for number in range(31)}
    simple = plain({**wrap({"$ref": "#/$defs/d0"}), "$defs": definitions})
    assert 100 < json.dumps(simple).count('"a"') < 140
