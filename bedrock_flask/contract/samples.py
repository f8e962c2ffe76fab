"""Sample bodies made from a schema, and the values at the boundaries of a field's range."""

import math
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import marshmallow

from bedrock_flask import fields
from bedrock_flask.converse import Json
from bedrock_flask.emulator.engines import schema_sample

# Beyond the first depth an object gets its required members only, so that a schema that refers to itself ends.
_FULL_DEPTH, _MAX_DEPTH = 3, 12
# Longer values are not made: a text of a gigabyte proves no more than its declaration.
_MAX_TEXT, _MAX_LIST = 1_000_000, 10_000


def list_members(schema: marshmallow.Schema) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a schema by their JSON names."""
    return ((field.data_key or name, field) for name, field in schema.fields.items())


def make_body(schema: marshmallow.Schema, chance: Random, depth: int = 0) -> Json:
    """Make an object that fits a schema, with its required members and some optional ones."""
    has_optional = depth < _FULL_DEPTH
    return {
        name: make_value(field, chance, depth + 1)
        for name, field in list_members(schema)
        if field.required or (has_optional and chance.random() < 0.5)
    }


def make_example(field: Any) -> Any:
    """Make the shortest value that fits a field, always the same."""
    return make_value(field, Random(0), _FULL_DEPTH)  # noqa: S311 - reproducible, not secret


def make_value(field: Any, chance: Random, depth: int = 0) -> Any:
    """Make a value that fits a field."""
    if depth > _MAX_DEPTH:
        return None
    if field.allow_none and depth < _FULL_DEPTH and chance.random() < 0.1:
        return None
    make = next((make for kind, make in _MAKERS.items() if isinstance(field, kind)), _make_anything)
    return make(field, chance, depth)


def list_boundary_values(field: Any) -> Iterator[tuple[Any, bool]]:
    """Yield the values at the boundaries of a field's range, and whether they are within it."""
    list_values = next((list_values for kind, list_values in _BOUNDARIES.items() if isinstance(field, kind)), None)
    return list_values(field) if list_values else iter(())


def _make_anything(field: Any, chance: Random, depth: int) -> Any:
    return chance.choice(["text", 1, 2.5, True, [], {}])


def _make_scalar(field: fields.Field, chance: Random, depth: int) -> Any:
    document = field.json_schema(lambda inner: {})
    inside = [each for each, fits in list_boundary_values(field) if fits]
    return (
        chance.choice([*inside, schema_sample.make_sample(document)])
        if depth < _FULL_DEPTH
        else schema_sample.make_sample(document)
    )


def _make_boolean(field: fields.Boolean, chance: Random, depth: int) -> Any:
    return chance.random() < 0.5


def _make_list(field: fields.List, chance: Random, depth: int) -> Any:
    least = field.min_items or 0
    most = least + (2 if depth < _FULL_DEPTH else 0)
    size = min(chance.randint(least, most), field.max_items if field.max_items is not None else most)
    return [make_value(field.item, chance, depth + 1) for _ in range(size)]


def _make_object(field: fields.Object, chance: Random, depth: int) -> Any:
    if depth >= _FULL_DEPTH or field.max_items == 0:
        return {}
    return {"name": make_value(field.values or fields.Anything(), chance, depth + 1)}


def _make_nested(field: fields.Nested, chance: Random, depth: int) -> Any:
    return make_body(field.schema, chance, depth)


def _make_either(field: fields.Either, chance: Random, depth: int) -> Any:
    return make_value(chance.choice(field.choices) if depth < _FULL_DEPTH else field.choices[0], chance, depth + 1)


def _make_tagged(field: fields.Tagged, chance: Random, depth: int) -> Any:
    name = chance.choice(list(field.choices)) if depth < _FULL_DEPTH else next(iter(field.choices))
    return {**make_body(field.choices[name].schema, chance, depth), field.tag: name}


def _make_one_key(field: fields.OneKey, chance: Random, depth: int) -> Any:
    name = chance.choice(list(field.choices)) if depth < _FULL_DEPTH else next(iter(field.choices))
    return {name: make_value(field.choices[name], chance, depth + 1)}


_MAKERS: Mapping[type[fields.Field], Callable[[Any, Random, int], Any]] = {
    fields.Number: _make_scalar,
    fields.String: _make_scalar,
    fields.Boolean: _make_boolean,
    fields.List: _make_list,
    fields.Object: _make_object,
    fields.Nested: _make_nested,
    fields.Either: _make_either,
    fields.Tagged: _make_tagged,
    fields.OneKey: _make_one_key,
}


def _list_numbers(field: fields.Number) -> Iterator[tuple[Any, bool]]:
    if field.one_of:
        yield from ((each, True) for each in field.one_of)
        yield max(field.one_of) + 1, False
        return
    for _, _, limit, _ in field.bounds:
        for number in _list_neighbours(limit, field.kind):
            yield number, all(holds(number, each) for _, _, each, holds in field.bounds)


def _list_neighbours(limit: float, kind: str) -> list[float]:
    if kind == "integer":
        return sorted({math.floor(limit) - 1, math.floor(limit), math.ceil(limit), math.ceil(limit) + 1})
    return [math.nextafter(limit, -math.inf), limit, math.nextafter(limit, math.inf)]


def _list_strings(field: fields.String) -> Iterator[tuple[Any, bool]]:
    if field.one_of:
        yield from ((each, True) for each in field.one_of)
        yield "".join(field.one_of) + "?", False
    elif not field.pattern:
        yield from (("x" * size, fits) for size, fits in _list_sizes(field.min_length, field.max_length, _MAX_TEXT))


def _list_lists(field: fields.List) -> Iterator[tuple[Any, bool]]:
    item = make_example(field.item)
    yield from (([item] * size, fits) for size, fits in _list_sizes(field.min_items, field.max_items, _MAX_LIST))


def _list_objects(field: fields.Object) -> Iterator[tuple[Any, bool]]:
    item = make_example(field.values or fields.Anything())
    for size, fits in _list_sizes(None, field.max_items, _MAX_LIST):
        yield {f"name{number}": item for number in range(size)}, fits


def _list_sizes(least: int | None, most: int | None, longest: int) -> Iterator[tuple[int, bool]]:
    if least is not None and least <= longest:
        yield least, True
        if least > 0:
            yield least - 1, False
    if most is not None and most < longest:
        yield from ((most, True), (most + 1, False))


_BOUNDARIES: Mapping[type[fields.Field], Callable[[Any], Iterator[tuple[Any, bool]]]] = {
    fields.Number: _list_numbers,
    fields.String: _list_strings,
    fields.List: _list_lists,
    fields.Object: _list_objects,
}
