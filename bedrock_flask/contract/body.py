"""The laws of a body: what fits, what is refused and where, and that the published JSON Schema says the same."""

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

from bedrock_flask import fields, json_schema
from bedrock_flask.adapter import Adapter
from bedrock_flask.contract.bodies import body, ends
from bedrock_flask.contract.places import Place, places
from bedrock_flask.converse import Json

try:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
except ModuleNotFoundError:
    raise ModuleNotFoundError("the contract needs jsonschema: pip install 'bedrock-flask[contract]'") from None

WRONG: tuple[Any, ...] = ("64", 64.9, 1, "yes", True, [], {})
UNKNOWN = "no_such_field"
# Bodies that are compared for one adapter; a second or two of a laptop's time.
_COMPARED, _GENERATED = 1500, 300


def sample_fits(adapter: Adapter) -> Iterator[str]:
    """The sample fits the schema and the rules."""
    for fault in adapter.find_faults(dict(adapter.sample)):
        yield f"the sample does not fit: {fault.path or 'the body'}: {fault.message}"


def required_is_missed(adapter: Adapter) -> Iterator[str]:
    """Each required field, nested ones too, is missed by its path."""
    for place in places(adapter):
        if place.field.required and place.path not in _told(adapter, place.drop()):
            yield f"{place.path} is required, and a body without it is not refused there"


def range_holds(adapter: Adapter) -> Iterator[str]:
    """Both ends of a range are in it, and what is just outside is refused."""
    for place in places(adapter):
        for value, fits in ends(place.field):
            if (place.path not in _told(adapter, place.put(value))) is not fits:
                yield f"{place.path}: {_short(value)} is {'in' if fits else 'out of'} range and {_taken(not fits)}"


def unverified_bound_refuses_nothing(adapter: Adapter) -> Iterator[str]:
    """A bound that is told but not verified is not enforced."""
    for place in places(adapter):
        for keyword, step in (("x-unverified-minimum", -1), ("x-unverified-maximum", 1)):
            limit = place.field.metadata.get(keyword)
            if limit is not None and place.path in _told(adapter, place.put(int(limit) + step)):
                yield f"{place.path}: {int(limit) + step} is refused, past a bound that is told to be unverified"


def wrong_type_is_refused(adapter: Adapter) -> Iterator[str]:
    """A value of another JSON type is refused where it stands."""
    for place in places(adapter):
        if not isinstance(place.field, fields.Field):
            yield f"{place.path} is a field of marshmallow's, which coerces: take one of bedrock_flask.plugin.fields"
            continue
        for value in WRONG:
            if not place.field.accepts_type(value) and place.path not in _told(adapter, place.put(value)):
                yield f"{place.path}: {_short(value)} is of another JSON type and is taken"


def null_is_refused(adapter: Adapter) -> Iterator[str]:
    """Null is refused unless the field says otherwise."""
    for place in places(adapter):
        if not place.field.allow_none and place.path not in _told(adapter, place.put(None)):
            yield f"{place.path}: null is taken, though the field does not say allow_none"


def unknown_is_refused(adapter: Adapter) -> Iterator[str]:
    """An unknown member is refused by name, and known to be unknown, wherever a schema is not open."""
    whole = Place("", fields.Nested(adapter.body), dict(adapter.sample), lambda value: dict(value), dict)
    for place in (whole, *places(adapter)):
        if not isinstance(place.field, fields.Nested) or place.field.schema.unknown == fields.Open.Meta.unknown:
            continue
        path = f"{place.path}.{UNKNOWN}" if place.path else UNKNOWN
        found = fields.find_faults(adapter.schema, place.put({**place.held, UNKNOWN: 1}))
        if not any(fault.path == path and fault.unknown for fault in found):
            yield f"{path} is unknown and is not refused by its name"


def schemas_agree(adapter: Adapter) -> Iterator[str]:
    """The published JSON Schema takes and refuses the same bodies as the schema itself."""
    document = json_schema.to_json_schema(adapter.schema)
    try:
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        yield f"the published JSON Schema is none: {error.json_path}: {error.message:.200}"
        return
    validator = Draft202012Validator(document)
    told: set[str] = set()
    for each in itertools.islice(_bodies(adapter), _COMPARED):
        found = fields.find_faults(adapter.schema, each)
        if (not found) is validator.is_valid(each):
            continue
        if found:
            where, more = found[0].path, f"refused ({found[0].message}), and the published JSON Schema takes it"
        else:
            first = next(iter(validator.iter_errors(each)))
            where, more = first.json_path.removeprefix("$."), f"taken, and the JSON Schema refuses it: {first.message}"
        if where not in told:
            told.add(where)
            yield f"{where or 'the body'}: {_short(each)} is {more:.300}"


def _bodies(adapter: Adapter) -> Iterator[Json]:
    """The sample with one thing changed, spread over all places, and bodies made by chance, some of them wrong."""
    chance = Random(0)  # noqa: S311 - reproducible, not secret
    yield dict(adapter.sample)
    for _ in range(_GENERATED):
        made = body(adapter.schema, chance)
        yield made
        yield _spoilt(made, chance)
    changed = [each for place in places(adapter) for each in _changed(place)]
    chance.shuffle(changed)
    yield from changed


def _changed(place: Place) -> Iterator[Json]:
    yield place.drop()
    yield from (place.put(value) for value in (None, *WRONG))
    yield from (place.put(value) for value, _ in ends(place.field))
    if isinstance(place.held, dict):
        yield place.put({**place.held, UNKNOWN: 1})


def _spoilt(value: Any, chance: Random) -> Any:
    """The value with one thing in it put wrong: a member changed, dropped or added, at any depth."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        rest = {key: inner for key, inner in value.items() if key != name}
        return chance.choice([rest, {**value, UNKNOWN: 1}, *[{**value, name: _spoilt(value[name], chance)}] * 6])
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], _spoilt(value[at], chance), *value[at + 1 :]]
    return {UNKNOWN: 1} if isinstance(value, dict) else chance.choice([None, *WRONG])


def _told(adapter: Adapter, body: Json) -> set[str]:
    # The schema alone: a rule may rightly refuse what the sample around it does not go with.
    return {fault.path for fault in fields.find_faults(adapter.schema, body)}


def _taken(taken: bool) -> str:
    return "taken" if taken else "refused"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]} …"
