"""Make the root of each tool schema an object, as Bedrock requires, and for most models without unions.

A composed root (anyOf, oneOf, allOf, or a $ref into the schema itself) becomes one object schema that accepts at least
as much: of anyOf and oneOf all properties, with what every alternative requires as required; of allOf all of both.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol.json_path import parse_pointer
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

_UNIONS = ("allOf", "anyOf", "oneOf")
_COMPOSITIONS = (*_UNIONS, "$ref")
# The most references to follow in a row, and the most schemas around one; real schemas need two or three.
_MAX_REFERENCES = 32
_MAX_DEPTH = 100
# What it may cost to merge one schema: about a fifth of a second. A tool's schema has some thousand characters.
_MAX_COST = 20_000_000
_PROPERTY_COST = 100


def require_object_schemas(request: Request, capabilities: Capabilities) -> RepairResult:
    """Make the root of each tool's schema an object; a union that is merged for it is reported."""
    replacements, reported, faults = {}, [], []
    for path, block in walk_blocks(request):
        schema = member(block, "toolSpec", "inputSchema", "json")
        if not isinstance(schema, dict):
            continue
        schema_path = f"{path}.toolSpec.inputSchema"
        if not _may_be_object(schema):
            faults.append(FieldError(f"{schema_path}.json.type", "must be 'object': a tool's arguments have names"))
            continue
        unions = [name for name in _UNIONS if name in schema and not capabilities.root_unions]
        if unions:
            reported.append(schema_path)
        try:
            new = _merge(schema) if unions or (not capabilities.root_unions and "$ref" in schema) else schema
        except _TooCostly:
            why = "is too large: this model takes no union at the root, and this one cannot be merged into one object"
            faults.append(FieldError(f"{schema_path}.json", why))
            continue
        new = new if new.get("type") == "object" else {**new, "type": "object"}
        if new is not schema:
            replacements[path] = [{**block, "toolSpec": {**block["toolSpec"], "inputSchema": {"json": new}}}]
    if faults:
        raise InvalidBody(faults)
    return RepairResult(replace_blocks(request, replacements), tuple(reported))


@dataclass(frozen=True)
class _Part:
    """What one part of a schema demands of an object; a `closed` object may have no other members."""

    properties: Json = field(default_factory=dict)
    required: tuple[str, ...] = ()
    closed: bool = False


class _TooCostly(Exception):
    """A schema takes too much to be merged."""


@dataclass
class _Texts:
    """Schemas as texts, each written once, and what all has cost."""

    known: dict[int, tuple[Any, str]] = field(default_factory=dict)
    cost: int = 0

    def write(self, schema: Any) -> str:
        """The text by which schemas are compared."""
        self.cost += _PROPERTY_COST
        if id(schema) not in self.known:
            text = json.dumps(schema, sort_keys=True)
            self.cost += len(text)
            # The schema is kept, or another could get its identity.
            self.known[id(schema)] = schema, text
        if self.cost > _MAX_COST:
            raise _TooCostly
        return self.known[id(schema)][1]


@dataclass(frozen=True)
class _References:
    """The schema that references point into, those resolved before, and those followed to the current part."""

    root: Json
    resolved: dict[str, _Part] = field(default_factory=dict)
    texts: _Texts = field(default_factory=_Texts)
    followed: tuple[str, ...] = ()
    depth: int = 0


def _merge(schema: Json) -> Json:
    part = _read_part(schema, _References(schema))
    rest = {name: value for name, value in schema.items() if name not in _COMPOSITIONS}
    merged: Json = {**rest, "properties": part.properties}
    if part.required:
        merged["required"] = list(part.required)
    if part.closed:
        merged["additionalProperties"] = False
    return merged


def _read_part(schema: Json, references: _References) -> _Part:
    references = replace(references, depth=references.depth + 1)
    if references.depth > _MAX_DEPTH:
        raise _TooCostly
    properties, required = schema.get("properties"), schema.get("required")
    own = _Part(
        properties if isinstance(properties, dict) else {},
        tuple(name for name in required if isinstance(name, str)) if isinstance(required, list) else (),
        schema.get("additionalProperties") is False and "patternProperties" not in schema,
    )
    return _merge_all([own, *_read_compositions(schema, references)], references.texts)


def _read_compositions(schema: Json, references: _References) -> Iterator[_Part]:
    if isinstance(schema.get("$ref"), str):
        yield _resolve(schema["$ref"], references)
    yield from (_read_part(branch, references) for branch in _list_branches(schema, "allOf"))
    for union in ("anyOf", "oneOf"):
        if union in schema:
            parts = [_read_part(branch, references) for branch in _list_branches(schema, union)]
            yield _merge_any(parts, references.texts)


def _list_branches(schema: Json, union: str) -> Iterator[Json]:
    branches = schema.get(union)
    for branch in branches if isinstance(branches, list) else ():
        # `true` is a schema that accepts everything.
        if branch is True or (isinstance(branch, dict) and _may_be_object(branch)):
            yield {} if branch is True else branch


def _may_be_object(schema: Json) -> bool:
    kind = schema.get("type", "object")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _resolve(reference: str, references: _References) -> _Part:
    if reference not in references.resolved:
        # A reference that leads back to itself adds nothing.
        if reference in references.followed or len(references.followed) >= _MAX_REFERENCES:
            return _Part()
        target = member(references.root, *parse_pointer(reference)) if reference.startswith("#/") else None
        further = replace(references, followed=(*references.followed, reference))
        references.resolved[reference] = _read_part(target, further) if isinstance(target, dict) else _Part()
    return references.resolved[reference]


def _merge_all(parts: list[_Part], texts: _Texts) -> _Part:
    return _Part(
        _merge_properties("allOf", [part.properties for part in parts], texts),
        tuple(dict.fromkeys(chain.from_iterable(part.required for part in parts))),
        any(part.closed for part in parts),
    )


def _merge_any(parts: list[_Part], texts: _Texts) -> _Part:
    first = parts[0] if parts else _Part()
    in_all = set(first.required).intersection(*(part.required for part in parts))
    return _Part(
        _merge_properties("anyOf", [part.properties for part in parts], texts),
        tuple(name for name in first.required if name in in_all),
        bool(parts) and all(part.closed for part in parts),
    )


def _merge_properties(union: str, alternatives: Iterable[Json], texts: _Texts) -> Json:
    """All properties; the different schemas of one property become a union."""
    found: dict[str, dict[str, Any]] = {}
    for properties in alternatives:
        for name, schema in properties.items():
            found.setdefault(name, {})[texts.write(schema)] = schema
    return {
        name: next(iter(schemas.values())) if len(schemas) == 1 else {union: list(schemas.values())}
        for name, schemas in found.items()
    }
