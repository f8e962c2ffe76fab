"""Bodies made from a schema: right ones, and values that stand at the ends of a field's range."""

import math
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import marshmallow

from bedrock_flask import fields
from bedrock_flask.converse import Json
from bedrock_flask.emulator.engines import schema_sample

# Deeper than this an object gets only what it must have, and a schema that refers to itself ends.
_DEEP, _DEEPEST = 3, 12
# What is longer is not made: a text of a gigabyte proves no more than its declaration.
_LONGEST_TEXT, _LONGEST_LIST = 1_000_000, 10_000


def members(schema: marshmallow.Schema) -> Iterator[tuple[str, Any]]:
    """The fields of a schema by the names that they have in JSON."""
    return ((field.data_key or name, field) for name, field in schema.fields.items())


def body(schema: marshmallow.Schema, chance: Random, depth: int = 0) -> Json:
    """An object that fits a schema, with some of what it may have and all that it must have."""
    wanted = depth < _DEEP
    return {
        name: value(field, chance, depth + 1)
        for name, field in members(schema)
        if field.required or (wanted and chance.random() < 0.5)
    }


def example(field: Any) -> Any:
    """The shortest value that fits a field, always the same."""
    return value(field, Random(0), _DEEP)  # noqa: S311 - reproducible, not secret


def value(field: Any, chance: Random, depth: int = 0) -> Any:
    """A value that fits a field."""
    if depth > _DEEPEST:
        return None
    if field.allow_none and depth < _DEEP and chance.random() < 0.1:
        return None
    make = next((make for kind, make in _MAKERS.items() if isinstance(field, kind)), _anything)
    return make(field, chance, depth)


def ends(field: Any) -> Iterator[tuple[Any, bool]]:
    """Values at the ends of a field's range, and whether they are in it."""
    tell = next((tell for kind, tell in _ENDS.items() if isinstance(field, kind)), None)
    return tell(field) if tell else iter(())


def _anything(field: Any, chance: Random, depth: int) -> Any:
    return chance.choice(["text", 1, 2.5, True, [], {}])


def _plain(field: fields.Field, chance: Random, depth: int) -> Any:
    told = field.json_schema(lambda inner: {})
    inside = [each for each, fits in ends(field) if fits]
    return (
        chance.choice([*inside, schema_sample.make_sample(told)]) if depth < _DEEP else schema_sample.make_sample(told)
    )


def _boolean(field: fields.Boolean, chance: Random, depth: int) -> Any:
    return chance.random() < 0.5


def _list(field: fields.List, chance: Random, depth: int) -> Any:
    least = field.min_items or 0
    most = least + (2 if depth < _DEEP else 0)
    size = min(chance.randint(least, most), field.max_items if field.max_items is not None else most)
    return [value(field.item, chance, depth + 1) for _ in range(size)]


def _object(field: fields.Object, chance: Random, depth: int) -> Any:
    if depth >= _DEEP or field.max_items == 0:
        return {}
    return {"name": value(field.values or fields.Anything(), chance, depth + 1)}


def _nested(field: fields.Nested, chance: Random, depth: int) -> Any:
    return body(field.schema, chance, depth)


def _either(field: fields.Either, chance: Random, depth: int) -> Any:
    return value(chance.choice(field.choices) if depth < _DEEP else field.choices[0], chance, depth + 1)


def _tagged(field: fields.Tagged, chance: Random, depth: int) -> Any:
    name = chance.choice(list(field.choices)) if depth < _DEEP else next(iter(field.choices))
    return {**body(field.choices[name].schema, chance, depth), field.tag: name}


def _one_key(field: fields.OneKey, chance: Random, depth: int) -> Any:
    name = chance.choice(list(field.choices)) if depth < _DEEP else next(iter(field.choices))
    return {name: value(field.choices[name], chance, depth + 1)}


_MAKERS: Mapping[type[fields.Field], Callable[[Any, Random, int], Any]] = {
    fields.Number: _plain,
    fields.String: _plain,
    fields.Boolean: _boolean,
    fields.List: _list,
    fields.Object: _object,
    fields.Nested: _nested,
    fields.Either: _either,
    fields.Tagged: _tagged,
    fields.OneKey: _one_key,
}


def _number_ends(field: fields.Number) -> Iterator[tuple[Any, bool]]:
    if field.one_of:
        yield from ((each, True) for each in field.one_of)
        yield max(field.one_of) + 1, False
        return
    for _, _, limit, _ in field.bounds:
        for number in _around(limit, field.kind):
            yield number, all(holds(number, each) for _, _, each, holds in field.bounds)


def _around(limit: float, kind: str) -> list[float]:
    if kind == "integer":
        return sorted({math.floor(limit) - 1, math.floor(limit), math.ceil(limit), math.ceil(limit) + 1})
    return [math.nextafter(limit, -math.inf), limit, math.nextafter(limit, math.inf)]


def _string_ends(field: fields.String) -> Iterator[tuple[Any, bool]]:
    if field.one_of:
        yield from ((each, True) for each in field.one_of)
        yield "".join(field.one_of) + "?", False
    elif not field.pattern:
        yield from (("x" * size, fits) for size, fits in _sizes(field.min_length, field.max_length, _LONGEST_TEXT))


def _list_ends(field: fields.List) -> Iterator[tuple[Any, bool]]:
    item = example(field.item)
    yield from (([item] * size, fits) for size, fits in _sizes(field.min_items, field.max_items, _LONGEST_LIST))


def _object_ends(field: fields.Object) -> Iterator[tuple[Any, bool]]:
    item = example(field.values or fields.Anything())
    for size, fits in _sizes(None, field.max_items, _LONGEST_LIST):
        yield {f"name{number}": item for number in range(size)}, fits


def _sizes(least: int | None, most: int | None, longest: int) -> Iterator[tuple[int, bool]]:
    if least is not None and least <= longest:
        yield least, True
        if least > 0:
            yield least - 1, False
    if most is not None and most < longest:
        yield from ((most, True), (most + 1, False))


_ENDS: Mapping[type[fields.Field], Callable[[Any], Iterator[tuple[Any, bool]]]] = {
    fields.Number: _number_ends,
    fields.String: _string_ends,
    fields.List: _list_ends,
    fields.Object: _object_ends,
}
