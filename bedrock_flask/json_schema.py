"""The schema of a body as JSON Schema, which apispec builds from the fields.

apispec is imported when a document is made, because a gateway that only answers calls does not need it.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import marshmallow

from bedrock_flask.fields import Field

if TYPE_CHECKING:
    from apispec import APISpec

OPENAPI = "3.1.0"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/components/schemas/"


def make_spec(title: str, version: str, **options: Any) -> "APISpec":
    """Make an empty OpenAPI document that supports the strict fields."""
    from apispec import APISpec
    from apispec.ext.marshmallow import MarshmallowPlugin

    plugin = MarshmallowPlugin(schema_name_resolver=name_component)
    spec = APISpec(title=title, version=version, openapi_version=OPENAPI, plugins=[plugin], **options)
    converter: Any = plugin.converter
    converter.add_attribute_function(_convert_strict_field)
    return spec


def add_reference(spec: "APISpec", schema: marshmallow.Schema) -> dict[str, Any]:
    """Return a reference to a schema, which is added to the components unless it is there already."""
    [plugin] = spec.plugins
    converter: Any = plugin.converter  # type: ignore[attr-defined]
    reference: dict[str, Any] = converter.resolve_nested_schema(schema)
    return reference


def to_json_schema(
    schema: marshmallow.Schema, members: Mapping[str, marshmallow.Schema] = MappingProxyType({})
) -> dict[str, Any]:
    """Convert a schema to a self-contained JSON Schema document; `members` have the schemas of some of its members."""
    name = name_component(schema)
    spec = make_spec(name, "0")
    spec.components.schema(name, schema=schema)
    given = {member: add_reference(spec, own) for member, own in members.items()}
    parts = spec.to_dict()["components"]["schemas"]
    for member, reference in given.items():
        parts[name]["properties"][member] |= reference
    parts = _localise_refs(parts)
    # The root may refer to itself, so it stays among the definitions too.
    return {"$schema": DIALECT, "title": name, **parts[name], "$defs": parts}


def to_joint_schema(schemas: Sequence[marshmallow.Schema], samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A self-contained JSON Schema document of what fits one of several schemas, with an example of each."""
    names = [name_component(schema) for schema in schemas]
    spec = make_spec(names[0], "0")
    document = join_references([add_reference(spec, schema) for schema in schemas])
    parts = spec.to_dict()["components"]["schemas"]
    head = {"$schema": DIALECT, "title": " or ".join(names), "examples": [dict(sample) for sample in samples]}
    return {**head, **_localise_refs({**document, "$defs": parts})}


def join_references(references: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The schema of what fits one of these."""
    return references[0] if len(references) == 1 else {"anyOf": list(references)}


def name_component(schema: Any) -> str:
    """Name a schema among OpenAPI's components by its file and class, so that plugins cannot conflict."""
    kind = schema if isinstance(schema, type) else type(schema)
    file = re.sub(r"^bedrock_flask_dropped_in_[0-9a-f]{12}_", "", kind.__module__.rpartition(".")[2])
    # The characters that OpenAPI allows in the name of a component.
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{file}.{kind.__name__}")


def _convert_strict_field(self: Any, field: Any, *, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field, Field):
        return {}
    # apispec guesses the type from marshmallow's classes; the field knows it.
    ret.pop("type", None)
    document = field.json_schema(
        lambda inner: (
            self.resolve_nested_schema(inner) if isinstance(inner, marshmallow.Schema) else self.field2property(inner)
        )
    )
    return {"anyOf": [document, {"type": "null"}]} if document and field.allow_none else document


def _localise_refs(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: inner.replace(_REF, "#/$defs/") if key == "$ref" and isinstance(inner, str) else _localise_refs(inner)
            for key, inner in value.items()
        }
    return [_localise_refs(inner) for inner in value] if isinstance(value, list) else value
