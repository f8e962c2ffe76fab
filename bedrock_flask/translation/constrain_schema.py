"""A JSON Schema in the part of JSON Schema by which Bedrock constrains what a model writes.

Objects that do not say whether they are open are closed, and what Bedrock cannot guarantee, such as a bound, becomes a
part of the description, which the model reads. A schema that allows more than Bedrock can express is not changed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bedrock_flask.bedrock.json_schemas import (
    ALONE,
    BY_NAME,
    FORMATS,
    IN_LIST,
    MAX_OPTIONAL,
    MAX_UNIONS,
    MIN_ITEMS,
    count_optional,
    count_unions,
    find_cycle,
    is_object,
    walk_schemas,
)
from bedrock_flask.converse import Json
from bedrock_flask.protocol.json_path import Path

_CLOSED = "additionalProperties"
_MAX_NAMED = 100
_KEPT = frozenset(
    {
        *("type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions", "items", "properties", "required"),
        *(_CLOSED, "title", "description", "default"),
    }
)
_ANNOTATIONS = frozenset({"title", "description", "default"})
# They say nothing about a value.
_LABELS = frozenset({"$schema", "$id", "$comment", "readOnly", "writeOnly", "deprecated", "discriminator"})


@dataclass(frozen=True)
class ConstrainedSchema:
    """A schema as Bedrock takes it, with the paths of what it says in another way.

    `fault` is the path and the description of what Bedrock cannot express, or None; the schema is then unchanged.
    """

    schema: Any
    translated: tuple[Path, ...] = ()
    fault: tuple[Path, str] | None = None


def constrain_schema(schema: Any) -> ConstrainedSchema:
    """The schema as Bedrock takes it; what it takes already is the same object."""
    if fault := next(_find_faults(schema), None):
        return ConstrainedSchema(schema, fault=fault)
    translated: dict[Path, None] = {}
    constrained = _constrain(schema, (), translated)
    # Each path has the names of all that is around it, and no caller reads thousands.
    named = tuple(islice(translated, _MAX_NAMED))
    return ConstrainedSchema(schema if constrained == schema else constrained, named)


def _find_faults(schema: Any) -> Iterator[tuple[Path, str]]:
    """Each place that allows more than Bedrock can express."""
    if (cycle := find_cycle(schema)) is not None:
        yield cycle, "leads back to itself"
    for path, each in walk_schemas(schema):
        reference = each.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            yield (*path, "$ref"), "refers to another document"
        if each.get(_CLOSED, False) is not False:
            yield (*path, _CLOSED), "allows any property"
        elif "patternProperties" in each:
            yield (*path, "patternProperties"), "allows properties by pattern"
        elif is_object(each) and not each.get("properties") and _CLOSED not in each:
            yield path, "is an object without properties"
        if isinstance(each.get("items"), list) or "prefixItems" in each:
            yield (*path, "prefixItems" if "prefixItems" in each else "items"), "has items of several schemas"
        if "allOf" in each and _find_only_part(each) is None:
            yield (*path, "allOf"), "combines several schemas"
        if any(isinstance(value, dict | list) for value in _list_values(each)):
            yield (*path, "enum" if "enum" in each else "const"), "has objects or arrays as values"
    if count_optional(schema) > MAX_OPTIONAL:
        yield (), f"has more than {MAX_OPTIONAL} optional properties"
    if count_unions(schema) > MAX_UNIONS:
        yield (), f"has more than {MAX_UNIONS} unions"


def _list_values(schema: Mapping[str, Any]) -> list[Any]:
    values = schema.get("enum")
    return [*(values if isinstance(values, list) else ()), schema.get("const")]


def _constrain(schema: Any, path: Path, translated: dict[Path, None]) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    kept: Json = {}
    moved: Json = {}
    for keyword, value in _unfold_all_of(schema).items():
        here = (*path, keyword)
        if keyword == "oneOf" and "anyOf" not in schema:
            kept["anyOf"] = _constrain_inner(keyword, value, here, translated)
            translated[here] = None
        elif _is_taken(keyword, value):
            kept[keyword] = _constrain_inner(keyword, value, here, translated)
        elif keyword not in _LABELS:
            moved[keyword] = value
            translated[here] = None
    if is_object(kept) and _CLOSED not in kept:
        kept[_CLOSED] = False
        # One report is enough for all objects of a schema.
        translated[(_CLOSED,)] = None
    if moved:
        described = [kept["description"]] if isinstance(kept.get("description"), str) else []
        kept["description"] = "\n\n".join([*described, _describe(moved)])
    return kept


def _find_only_part(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The only schema of an `allOf` that says nothing of what the schema around it says."""
    parts = schema.get("allOf")
    if not (isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], Mapping)):
        return None
    return parts[0] if (schema.keys() & parts[0].keys()) <= _ANNOTATIONS else None


def _unfold_all_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with the only schema of its `allOf` as a part of it."""
    part = _find_only_part(schema)
    if part is None:
        return schema
    return {**part, **{keyword: value for keyword, value in schema.items() if keyword != "allOf"}}


def _is_taken(keyword: str, value: Any) -> bool:
    if keyword == "format":
        return isinstance(value, str) and value in FORMATS
    return keyword in _KEPT or (keyword == "minItems" and value in MIN_ITEMS)


def _constrain_inner(keyword: str, value: Any, path: Path, translated: dict[Path, None]) -> Any:
    if keyword in BY_NAME and isinstance(value, Mapping):
        return {name: _constrain(inner, (*path, name), translated) for name, inner in value.items()}
    if keyword in IN_LIST and isinstance(value, list):
        return [_constrain(inner, (*path, index), translated) for index, inner in enumerate(value)]
    return _constrain(value, path, translated) if keyword in ALONE else value


def _describe(moved: Json) -> str:
    return "(" + ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in moved.items()) + ")"
