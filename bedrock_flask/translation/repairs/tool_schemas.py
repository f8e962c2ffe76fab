"""Tool schemas: arguments are an object, so the root of a schema says `object`, and to most models in one piece.

A root that is put together (anyOf, oneOf, allOf, or a $ref into the schema itself) becomes one object schema that is as
wide: of anyOf and oneOf, all properties, and required what every alternative requires; of allOf, all of both.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.blocks import blocks, edited
from bedrock_flask.translation.repairs.record import Repaired

_UNIONS = ("allOf", "anyOf", "oneOf")
_PUT_TOGETHER = (*_UNIONS, "$ref")
# References that lead on to references are followed this far; real schemas need two or three.
_FAR = 32


def rooted(request: Request, capabilities: Capabilities) -> Repaired:
    """With each tool's schema an object at its root; a union that was merged there is reported."""
    edits, reported, faults = {}, [], []
    for path, block in blocks(request):
        schema = member(block, "toolSpec", "inputSchema", "json")
        if not isinstance(schema, dict):
            continue
        where = f"{path}.toolSpec.inputSchema"
        if not _may_be_object(schema):
            faults.append(FieldError(f"{where}.json.type", "must be object: a tool's arguments have names"))
            continue
        unions = [name for name in _UNIONS if name in schema and not capabilities.root_unions]
        if unions:
            reported.append(where)
        new = _merged(schema) if unions or (not capabilities.root_unions and "$ref" in schema) else schema
        new = new if new.get("type") == "object" else {**new, "type": "object"}
        if new is not schema:
            edits[path] = [{**block, "toolSpec": {**block["toolSpec"], "inputSchema": {"json": new}}}]
    if faults:
        raise InvalidBody(faults)
    return Repaired(edited(request, edits), tuple(reported))


@dataclass(frozen=True)
class _Part:
    """What one piece of a schema says of an object; `closed` means that it may have no other members."""

    properties: Json = field(default_factory=dict)
    required: tuple[str, ...] = ()
    closed: bool = False


@dataclass(frozen=True)
class _References:
    """The schema that references lead into, what they led to before, and how they led here."""

    root: Json
    known: dict[str, _Part]
    followed: tuple[str, ...] = ()


def _merged(schema: Json) -> Json:
    part = _part(schema, _References(schema, {}))
    rest = {name: value for name, value in schema.items() if name not in _PUT_TOGETHER}
    told = {"properties": part.properties, "required": list(part.required), "additionalProperties": False}
    silent = {"required": not part.required, "additionalProperties": not part.closed}
    return {**rest, **{name: value for name, value in told.items() if not silent.get(name)}}


def _part(schema: Json, references: _References) -> _Part:
    properties, required = schema.get("properties"), schema.get("required")
    own = _Part(
        properties if isinstance(properties, dict) else {},
        tuple(name for name in required if isinstance(name, str)) if isinstance(required, list) else (),
        schema.get("additionalProperties") is False and "patternProperties" not in schema,
    )
    return reduce(_both, _pieces(schema, references), own)


def _pieces(schema: Json, references: _References) -> Iterator[_Part]:
    if isinstance(schema.get("$ref"), str):
        yield _referred(schema["$ref"], references)
    yield from (_part(each, references) for each in _branches(schema, "allOf"))
    for union in ("anyOf", "oneOf"):
        if union in schema:
            yield _either([_part(each, references) for each in _branches(schema, union)])


def _branches(schema: Json, union: str) -> Iterator[Json]:
    branches = schema.get(union)
    for branch in branches if isinstance(branches, list) else ():
        # `true` is a schema that says nothing.
        if branch is True or (isinstance(branch, dict) and _may_be_object(branch)):
            yield {} if branch is True else branch


def _may_be_object(schema: Json) -> bool:
    kind = schema.get("type", "object")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _referred(reference: str, references: _References) -> _Part:
    if reference not in references.known:
        # A schema that leads back to itself says no more the second time.
        if reference in references.followed or len(references.followed) >= _FAR:
            return _Part()
        target = member(references.root, *_pointer(reference)) if reference.startswith("#/") else None
        further = _References(references.root, references.known, (*references.followed, reference))
        references.known[reference] = _part(target, further) if isinstance(target, dict) else _Part()
    return references.known[reference]


def _pointer(reference: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in reference.removeprefix("#/").split("/")]


def _both(one: _Part, other: _Part) -> _Part:
    return _Part(
        _united("allOf", (one.properties, other.properties)),
        tuple(dict.fromkeys(one.required + other.required)),
        one.closed or other.closed,
    )


def _either(parts: list[_Part]) -> _Part:
    return _Part(
        _united("anyOf", [part.properties for part in parts]),
        tuple(name for name in _first(parts).required if all(name in part.required for part in parts)),
        bool(parts) and all(part.closed for part in parts),
    )


def _first(parts: list[_Part]) -> _Part:
    return parts[0] if parts else _Part()


def _united(union: str, each: Iterable[Json]) -> Json:
    """All properties; one that several describe in different words has its schemas in a union of its own."""
    found: dict[str, dict[str, Any]] = {}
    for properties in each:
        for name, schema in properties.items():
            found.setdefault(name, {})[json.dumps(schema, sort_keys=True)] = schema
    return {
        name: next(iter(schemas.values())) if len(schemas) == 1 else {union: list(schemas.values())}
        for name, schemas in found.items()
    }
