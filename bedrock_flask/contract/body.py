"""The laws of a body: what fits, what is refused and where, and that the published JSON Schema agrees."""

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

from bedrock_flask import fields, json_schema
from bedrock_flask.adapter import Adapter
from bedrock_flask.contract.locations import FieldLocation, find_locations
from bedrock_flask.contract.samples import list_boundary_values, make_body
from bedrock_flask.converse import Json

try:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
except ModuleNotFoundError:
    raise ModuleNotFoundError("the contract needs jsonschema: pip install 'bedrock-flask[contract]'") from None

WRONG: tuple[Any, ...] = ("64", 64.9, 1, "yes", True, [], {})
UNKNOWN = "no_such_field"
# Bodies compared per adapter; this takes a laptop a second or two.
_COMPARED, _GENERATED = 1500, 300


def sample_fits(adapter: Adapter) -> Iterator[str]:
    """The sample fits the schema and the rules."""
    for fault in adapter.find_faults(dict(adapter.sample)):
        yield f"the sample does not fit: {fault.path or 'the body'}: {fault.message}"


def missing_field_is_refused(adapter: Adapter) -> Iterator[str]:
    """Each required field, nested ones too, is reported by its path if it is missing."""
    for location in find_locations(adapter):
        if location.field.required and location.path not in _find_fault_paths(adapter, location.drop()):
            yield f"{location.path} is required, but a body without it is not refused there"


def range_holds(adapter: Adapter) -> Iterator[str]:
    """Both ends of a range are accepted, and values just outside are refused."""
    for location in find_locations(adapter):
        for value, fits in list_boundary_values(location.field):
            if (location.path not in _find_fault_paths(adapter, location.put(value))) is not fits:
                verdict = "in range but refused" if fits else "out of range but accepted"
                yield f"{location.path}: {_shorten(value)} is {verdict}"


def unverified_bound_refuses_nothing(adapter: Adapter) -> Iterator[str]:
    """A bound that is published as unverified is not enforced."""
    for location in find_locations(adapter):
        for keyword, step in (("x-unverified-minimum", -1), ("x-unverified-maximum", 1)):
            limit = location.field.metadata.get(keyword)
            if limit is not None and location.path in _find_fault_paths(adapter, location.put(int(limit) + step)):
                yield f"{location.path}: {int(limit) + step} is refused, but the bound is unverified"


def wrong_type_is_refused(adapter: Adapter) -> Iterator[str]:
    """A value of another JSON type is refused by its path."""
    for location in find_locations(adapter):
        if not isinstance(location.field, fields.Field):
            yield f"{location.path} is a field of marshmallow's, which coerces: use one of bedrock_flask.plugin.fields"
            continue
        for value in WRONG:
            if not location.field.accepts_type(value) and location.path not in _find_fault_paths(
                adapter, location.put(value)
            ):
                yield f"{location.path}: {_shorten(value)} has another JSON type but is accepted"


def null_is_refused(adapter: Adapter) -> Iterator[str]:
    """Null is refused unless the field allows it."""
    for location in find_locations(adapter):
        if not location.field.allow_none and location.path not in _find_fault_paths(adapter, location.put(None)):
            yield f"{location.path}: null is accepted, but the field does not set allow_none"


def unknown_is_refused(adapter: Adapter) -> Iterator[str]:
    """An unknown member is refused by name, as unknown, wherever a schema is not open."""
    whole = FieldLocation("", fields.Nested(adapter.body), dict(adapter.sample), lambda value: dict(value), dict)
    for location in (whole, *find_locations(adapter)):
        if not isinstance(location.field, fields.Nested) or location.field.schema.unknown == fields.Open.Meta.unknown:
            continue
        path = f"{location.path}.{UNKNOWN}" if location.path else UNKNOWN
        found = fields.find_faults(adapter.schema, location.put({**location.value, UNKNOWN: 1}))
        if not any(fault.path == path and fault.unknown for fault in found):
            yield f"{path} is unknown but not refused by name"


def schemas_agree(adapter: Adapter) -> Iterator[str]:
    """The published JSON Schema accepts and refuses the same bodies as the schema itself."""
    document = json_schema.to_json_schema(adapter.schema)
    try:
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        yield f"the published JSON Schema is invalid: {error.json_path}: {error.message:.200}"
        return
    validator = Draft202012Validator(document)
    reported: set[str] = set()
    for each in itertools.islice(_make_bodies(adapter), _COMPARED):
        found = fields.find_faults(adapter.schema, each)
        if (not found) is validator.is_valid(each):
            continue
        if found:
            where, more = found[0].path, f"refused ({found[0].message}), but the published JSON Schema accepts it"
        else:
            first = next(iter(validator.iter_errors(each)))
            where, more = (
                first.json_path.removeprefix("$."),
                f"accepted, but the JSON Schema refuses it: {first.message}",
            )
        if where not in reported:
            reported.add(where)
            yield f"{where or 'the body'}: {_shorten(each)} is {more:.300}"


def _make_bodies(adapter: Adapter) -> Iterator[Json]:
    """Make random bodies, some of them invalid, and the sample with one change at each location."""
    chance = Random(0)  # noqa: S311 - reproducible, not secret
    yield dict(adapter.sample)
    for _ in range(_GENERATED):
        body = make_body(adapter.schema, chance)
        yield body
        yield _spoil(body, chance)
    changed = [each for location in find_locations(adapter) for each in _change(location)]
    chance.shuffle(changed)
    yield from changed


def _change(location: FieldLocation) -> Iterator[Json]:
    yield location.drop()
    yield from (location.put(value) for value in (None, *WRONG))
    yield from (location.put(value) for value, _ in list_boundary_values(location.field))
    if isinstance(location.value, dict):
        yield location.put({**location.value, UNKNOWN: 1})


def _spoil(value: Any, chance: Random) -> Any:
    """Return the value with one change at any depth: a member replaced, dropped or added."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        rest = {key: inner for key, inner in value.items() if key != name}
        return chance.choice([rest, {**value, UNKNOWN: 1}, *[{**value, name: _spoil(value[name], chance)}] * 6])
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], _spoil(value[at], chance), *value[at + 1 :]]
    return {UNKNOWN: 1} if isinstance(value, dict) else chance.choice([None, *WRONG])


def _find_fault_paths(adapter: Adapter, body: Json) -> set[str]:
    # The schema alone: a rule may rightly refuse a value that does not go with the rest of the sample.
    return {fault.path for fault in fields.find_faults(adapter.schema, body)}


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]} …"
