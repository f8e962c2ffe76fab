"""Every place in an adapter's body where a field stands, each with the sample around it."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import marshmallow

from bedrock_flask import fields
from bedrock_flask.adapter import Adapter
from bedrock_flask.contract.bodies import example, members
from bedrock_flask.converse import Json

Put = Callable[[Any], Json]
Above = tuple[type[marshmallow.Schema], ...]


@dataclass(frozen=True)
class Place:
    """A field, the path of it (`turns[0].text`), what stands there now, and the body with something else there."""

    path: str
    field: Any
    held: Any
    put: Put
    drop: Callable[[], Json]


def places(adapter: Adapter) -> Iterator[Place]:
    """Every field at any depth, through lists and unions; what the sample does not have is put into it."""
    return _members(adapter.schema, copy.deepcopy(dict(adapter.sample)), "", lambda whole: whole, ())


def _members(schema: marshmallow.Schema, held: Json, path: str, put: Put, above: Above) -> Iterator[Place]:
    # A schema that refers to itself is looked at once on the way down.
    if type(schema) in above:
        return
    for name, field in members(schema):
        place = _place(name, field, held, path, put)
        yield place
        yield from _within(place, (*above, type(schema)))


def _place(name: str, field: Any, held: Json, path: str, put: Put) -> Place:
    def put_here(value: Any) -> Json:
        return put({**held, name: value})

    def drop() -> Json:
        return put({key: value for key, value in held.items() if key != name})

    now = held[name] if held.get(name) is not None else example(field)
    return Place(f"{path}.{name}" if path else name, field, now, put_here, drop)


def _within(place: Place, above: Above) -> Iterator[Place]:
    look = next((look for kind, look in _WITHIN.items() if isinstance(place.field, kind)), None)
    return look(place, above) if look else iter(())


def _in_nested(place: Place, above: Above) -> Iterator[Place]:
    return _members(place.field.schema, _as_object(place), place.path, place.put, above)


def _in_list(place: Place, above: Above) -> Iterator[Place]:
    first, *rest = place.held or [example(place.field.item)]

    def put_here(value: Any) -> Json:
        return place.put([value, *rest])

    yield from _within(Place(f"{place.path}[0]", place.field.item, first, put_here, lambda: place.put(rest)), above)


def _in_tagged(place: Place, above: Above) -> Iterator[Place]:
    now, tag = _as_object(place), place.field.tag
    for name, choice in place.field.choices.items():
        held = now if now.get(tag) == name else {**example(choice), tag: name}
        inner = _members(choice.schema, held, place.path, place.put, above)
        # Another tag is another choice, which is no fault of this one.
        yield from (each for each in inner if each.path != f"{place.path}.{tag}")


def _in_one_key(place: Place, above: Above) -> Iterator[Place]:
    now = _as_object(place)
    for name, field in {**place.field.choices, **place.field.beside}.items():
        alone = {} if name in place.field.choices else now
        held = {**alone, name: now[name] if now.get(name) is not None else example(field)}
        yield from _within(_place(name, field, held, place.path, place.put), above)


def _as_object(place: Place) -> Json:
    return place.held if isinstance(place.held, dict) else {}


_WITHIN: Mapping[type[fields.Field], Callable[[Place, Above], Iterator[Place]]] = {
    fields.Nested: _in_nested,
    fields.List: _in_list,
    fields.Tagged: _in_tagged,
    fields.OneKey: _in_one_key,
}
