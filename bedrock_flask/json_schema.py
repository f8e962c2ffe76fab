"""A body's schema as JSON Schema, by apispec, from the fields themselves."""

import re
from typing import Any

import marshmallow
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from bedrock_flask.fields import Field

OPENAPI = "3.1.0"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/components/schemas/"


def make_spec(title: str, version: str, **options: Any) -> APISpec:
    """An empty OpenAPI document that knows the strict fields."""
    plugin = MarshmallowPlugin(schema_name_resolver=component_name)
    made = APISpec(title=title, version=version, openapi_version=OPENAPI, plugins=[plugin], **options)
    converter: Any = plugin.converter
    converter.add_attribute_function(_strict_properties)
    return made


def add_reference(made: APISpec, schema: marshmallow.Schema) -> dict[str, Any]:
    """A reference to a schema among the components, where it is put unless it is there already."""
    converter: Any = next(plugin.converter for plugin in made.plugins if isinstance(plugin, MarshmallowPlugin))
    found: dict[str, Any] = converter.resolve_nested_schema(schema)
    return found


def to_json_schema(schema: marshmallow.Schema) -> dict[str, Any]:
    """One schema as a JSON Schema document that stands alone."""
    name = component_name(schema)
    made = make_spec(name, "0")
    made.components.schema(name, schema=schema)
    parts = _with_local_refs(made.to_dict()["components"]["schemas"])
    # The root may be referred to from within itself, so it stays among the parts as well.
    return {"$schema": DIALECT, "title": name, **parts[name], "$defs": parts}


def component_name(schema: Any) -> str:
    """The name of a schema among OpenAPI's components: its file's and its own, so that no two plugins clash."""
    kind = schema if isinstance(schema, type) else type(schema)
    file = re.sub(r"^bedrock_flask_dropped_in_[0-9a-f]{12}_", "", kind.__module__.rpartition(".")[2])
    # What OpenAPI allows in the name of a component.
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{file}.{kind.__name__}")


def _strict_properties(self: Any, field: Any, *, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field, Field):
        return {}
    # apispec has guessed from marshmallow's own classes; the field knows better.
    ret.pop("type", None)
    made = field.json_schema(
        lambda inner: (
            self.resolve_nested_schema(inner) if isinstance(inner, marshmallow.Schema) else self.field2property(inner)
        )
    )
    return {"anyOf": [made, {"type": "null"}]} if made and field.allow_none else made


def _with_local_refs(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: inner.replace(_REF, "#/$defs/")
            if key == "$ref" and isinstance(inner, str)
            else _with_local_refs(inner)
            for key, inner in value.items()
        }
    return [_with_local_refs(inner) for inner in value] if isinstance(value, list) else value
