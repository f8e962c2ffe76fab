"""A schema becomes one that Bedrock takes, says the same to the model, and is left alone where that cannot be."""

import json
from typing import Any

import pytest

from bedrock_flask.bedrock.json_schemas import describe_refusals
from bedrock_flask.translation.constrain_schema import constrain_schema

Json = dict[str, Any]


def make_object(**properties: Any) -> Json:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def constrain(schema: Json) -> Any:
    before = json.dumps(schema)
    constrained = constrain_schema(schema)
    assert json.dumps(schema) == before
    assert constrained.fault is None, constrained.fault
    assert [*describe_refusals(constrained.schema)] == []
    # What Bedrock takes is not changed again.
    assert constrain_schema(constrained.schema).schema is constrained.schema
    return constrained.schema


def test_what_bedrock_takes_is_the_same_object() -> None:
    schema = {
        **make_object(
            a={"type": "string", "format": "date", "enum": ["x", None], "title": "A"},
            b={"type": "array", "items": {"$ref": "#/$defs/B"}, "minItems": 1},
            c={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "description": "c"},
            d={"const": 1},
            properties={"type": "string"},
        ),
        "$defs": {"B": make_object(minimum={"type": "number"})},
    }
    assert constrain(schema) is schema


@pytest.mark.parametrize(
    ("given", "description"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 5}, "(minimum: 1, maximum: 5)"),
        ({"type": "number", "multipleOf": 0.5, "description": "Half."}, "Half.\n\n(multipleOf: 0.5)"),
        ({"type": "string", "maxLength": 3, "pattern": "^a"}, '(maxLength: 3, pattern: "^a")'),
        ({"type": "string", "format": "binary"}, '(format: "binary")'),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True},
            "(minItems: 2, uniqueItems: true)",
        ),
    ],
)
def test_a_bound_becomes_a_part_of_the_description(given: Json, description: str) -> None:
    assert constrain(make_object(a=given))["properties"]["a"]["description"] == description
    kept = constrain(make_object(a=given))["properties"]["a"]
    assert kept.keys() <= {"type", "items", "description"}


def test_objects_are_closed_wherever_they_are() -> None:
    inner = {"type": "object", "properties": {"x": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {
            "a": inner,
            "b": {"type": "array", "items": inner},
            "c": {"anyOf": [inner, {"type": "null"}]},
            "d": {"oneOf": [inner, {"type": "string"}]},
            "e": {"allOf": [{"$ref": "#/$defs/D"}], "description": "e"},
        },
        "$defs": {"D": inner},
    }
    text = json.dumps(constrain(schema))
    assert text.count('"additionalProperties": false') == 6
    constrained = constrain_schema(schema)
    assert ("additionalProperties",) in constrained.translated
    assert ("properties", "d", "oneOf") in constrained.translated
    assert constrained.schema["properties"]["e"] == {"$ref": "#/$defs/D", "description": "e"}


def test_labels_are_left_out_without_a_word() -> None:
    schema = {**make_object(a={"type": "string"}), "$schema": "https://json-schema.org/draft/2020-12/schema"}
    assert constrain(schema) == make_object(a={"type": "string"})
    assert constrain_schema(schema).translated == ()


NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"$ref": "#/$defs/N", "$defs": {"N": NODE}}, ("$ref",)),
        ({"type": "object", "properties": {"me": {"$ref": "#"}}}, ("properties", "me", "$ref")),
        (make_object(a={"$ref": "https://example.com/schema"}), ("properties", "a", "$ref")),
        ({**make_object(a={}), "additionalProperties": True}, ("additionalProperties",)),
        (
            make_object(a={"type": "object", "additionalProperties": {"type": "string"}}),
            ("properties", "a", "additionalProperties"),
        ),
        (make_object(a={"type": "object"}), ("properties", "a")),
        (make_object(a={"type": "object", "patternProperties": {"^a": {}}}), ("properties", "a", "patternProperties")),
        (make_object(a={"type": "array", "prefixItems": [{}]}), ("properties", "a", "prefixItems")),
        (make_object(a={"enum": [{"b": 1}]}), ("properties", "a", "enum")),
        (make_object(a={"allOf": [make_object(b={}), make_object(c={})]}), ("properties", "a", "allOf")),
        ({"type": "object", "properties": {f"p{number}": {} for number in range(25)}}, ()),
        (make_object(**{f"p{number}": {"type": ["string", "null"]} for number in range(17)}), ()),
    ],
)
def test_what_bedrock_cannot_express_is_named_and_left_as_it_is(schema: Json, path: tuple[Any, ...]) -> None:
    constrained = constrain_schema(schema)
    assert constrained.schema is schema
    assert constrained.fault is not None
    assert constrained.fault[0] == path


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": 3},
        {"type": "object", "properties": {"a": True}, "required": "a"},
        {"anyOf": "x", "allOf": 3, "$ref": 4, "enum": 5, "items": 6, "format": [], "minItems": {}},
        {"type": ["object", 3], "properties": {"a": {"enum": None}}, "$defs": []},
    ],
)
def test_what_is_no_schema_is_left_to_bedrock(schema: Json) -> None:
    constrain_schema(schema)
    [*describe_refusals(schema)]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "object"}, "For 'object' type, 'additionalProperties' must be explicitly set to false"),
        (
            make_object(a={"type": "integer", "minimum": 1, "maximum": 5}),
            "For 'integer' type, properties maximum, minimum are not supported",
        ),
        (make_object(a={"type": "array", "maxItems": 2}), "For 'array' type, property 'maxItems' is not supported"),
        (make_object(a={"type": "array", "minItems": 2}), "'minItems' values other than 0 or 1 are not supported"),
        ({"$ref": "#/$defs/N", "$defs": {"N": NODE}}, "Circular reference detected in schema definitions"),
    ],
)
def test_bedrock_refuses_in_its_own_words(schema: Json, words: str) -> None:
    assert words in "; ".join(describe_refusals(schema))


def test_many_references_are_read_in_a_moment() -> None:
    # Each leads to the next, and every one of them is in a place that all the others contain.
    chain = {f"d{number}": {"$ref": f"#/$defs/d{number + 1}"} for number in range(5000)}
    schema = {**make_object(a={"$ref": "#/$defs/d0"}), "$defs": {**chain, "d5000": {"type": "string"}}}
    assert constrain_schema(schema).fault is None
    chain["d4999"] = {"$ref": "#/$defs/d0"}
    fault = constrain_schema({**schema, "$defs": chain}).fault
    assert fault is not None
    assert fault[1] == "leads back to itself"
    around = {f"p{number}": {"$ref": "#" + "/" * number} for number in range(300)}
    assert constrain_schema({"type": "object", "properties": around}).fault is not None
