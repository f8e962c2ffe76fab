"""The value for a schema satisfies it, as an independent validator sees it."""

from typing import Any

import jsonschema
import pytest

from bedrock_flask.emulator.engines.schema_sample import make_sample

TREE: dict[str, Any] = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer", "minimum": 3},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "children", "next"],
        }
    },
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/node"}},
    "required": ["root"],
}
SCHEMAS: dict[str, Any] = {
    "anything": {},
    "true": True,
    "no required": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}},
    "required": {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a", "unknown"]},
    "least properties": {"type": "object", "properties": {"a": {}}, "minProperties": 3},
    "const": {"const": {"a": [1, None]}},
    "nullable": {"type": ["null", "string"], "minLength": 4},
    "null": {"type": "null"},
    "length": {"type": "string", "minLength": 40, "maxLength": 44},
    "short": {"type": "string", "maxLength": 2},
    "empty": {"type": "string", "maxLength": 0},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,5}(x|y)+$"},
    "pattern and length": {"type": "string", "pattern": "^[a-z]+@[a-z]+\\.com$", "minLength": 25},
    "pattern without": {"type": "string", "pattern": "^[^a-z]$"},
    "lazy pattern": {"type": "string", "pattern": "^a+?.b\\s\\w?[^x]$"},
    "date": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "integer range": {"type": "integer", "minimum": 5, "maximum": 5},
    "integer below": {"type": "integer", "maximum": -5},
    "integer between": {"type": "integer", "minimum": 1.5, "maximum": 2.5},
    "integer above": {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7},
    "integer steps": {"type": "integer", "minimum": -10, "maximum": -3, "multipleOf": 5},
    "number between": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "number above": {"type": "number", "exclusiveMinimum": 10},
    "number below": {"type": "number", "exclusiveMaximum": -10},
    "number steps": {"type": "number", "multipleOf": 0.25, "minimum": 3},
    "boolean": {"type": "boolean"},
    "least items": {"type": "array", "items": {"type": "string"}, "minItems": 3},
    "unique words": {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    "unique choices": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    "unique steps": {
        "type": "array",
        "items": {"type": "integer", "multipleOf": 7},
        "minItems": 4,
        "uniqueItems": True,
    },
    "unique objects": {
        "type": "array",
        "minItems": 2,
        "uniqueItems": True,
        "items": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    },
    "unique shares": {
        "type": "array",
        "minItems": 3,
        "uniqueItems": True,
        "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    },
    "no items": {"type": "array", "maxItems": 0},
    "tuple": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False},
    "all of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string", "minLength": 20}}, "required": ["a"]},
            {"properties": {"a": {"maxLength": 25}, "b": {"const": 4}}, "required": ["b"]},
        ]
    },
    "one of": {
        "type": "object",
        "oneOf": [
            {"properties": {"kind": {"const": "x"}, "x": {"type": "integer"}}, "required": ["kind", "x"]},
            {"properties": {"kind": {"const": "y"}}, "required": ["kind"]},
        ],
    },
    "definitions": {"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "integer", "minimum": 9}}},
    "tree": TREE,
    "untyped": {"properties": {"a": {"minimum": 4}, "b": {"items": {"type": "integer"}}}, "required": ["a", "b"]},
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_value_satisfies_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(make_sample(SCHEMAS[name]))


def test_the_same_schema_gives_the_same_value() -> None:
    assert make_sample(TREE) == make_sample(TREE)


def test_what_nothing_satisfies_and_what_python_cannot_read_end_all_the_same() -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert isinstance(make_sample(endless), dict)
    assert make_sample({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}) is not None
    assert isinstance(make_sample({"type": "string", "pattern": "(?<unclosed"}), str)
    assert make_sample({"$ref": "#/nowhere/at/all"}) == "value"
