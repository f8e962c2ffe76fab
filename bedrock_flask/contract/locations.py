"""Every location of a field in an adapter's body, each with the sample around it."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import marshmallow

from bedrock_flask import fields
from bedrock_flask.adapter import Adapter
from bedrock_flask.contract.samples import list_members, make_example
from bedrock_flask.converse import Json

Put = Callable[[Any], Json]
Above = tuple[type[marshmallow.Schema], ...]


@dataclass(frozen=True)
class FieldLocation:
    """A field, its path (`turns[0].text`), its value in the sample, and functions that make the body with another."""

    path: str
    field: Any
    value: Any
    put: Put
    drop: Callable[[], Json]


def find_locations(adapter: Adapter) -> Iterator[FieldLocation]:
    """Find every field at any depth, through lists and unions; members that the sample lacks are added to it."""
    return _locate_members(adapter.schema, copy.deepcopy(dict(adapter.sample)), "", lambda whole: whole, ())


def _locate_members(
    schema: marshmallow.Schema, members: Json, path: str, put: Put, above: Above
) -> Iterator[FieldLocation]:
    # A schema that refers to itself is visited once per branch.
    if type(schema) in above:
        return
    for name, field in list_members(schema):
        location = _locate_member(name, field, members, path, put)
        yield location
        yield from _locate_within(location, (*above, type(schema)))


def _locate_member(name: str, field: Any, members: Json, path: str, put: Put) -> FieldLocation:
    def put_here(value: Any) -> Json:
        return put({**members, name: value})

    def drop() -> Json:
        return put({key: value for key, value in members.items() if key != name})

    now = members[name] if members.get(name) is not None else make_example(field)
    return FieldLocation(f"{path}.{name}" if path else name, field, now, put_here, drop)


def _locate_within(location: FieldLocation, above: Above) -> Iterator[FieldLocation]:
    locate = next((locate for kind, locate in _LOCATE.items() if isinstance(location.field, kind)), None)
    return locate(location, above) if locate else iter(())


def _locate_in_nested(location: FieldLocation, above: Above) -> Iterator[FieldLocation]:
    return _locate_members(location.field.schema, _as_object(location), location.path, location.put, above)


def _locate_in_list(location: FieldLocation, above: Above) -> Iterator[FieldLocation]:
    first, *rest = location.value or [make_example(location.field.item)]

    def put_here(value: Any) -> Json:
        return location.put([value, *rest])

    yield from _locate_within(
        FieldLocation(f"{location.path}[0]", location.field.item, first, put_here, lambda: location.put(rest)), above
    )


def _locate_in_tagged(location: FieldLocation, above: Above) -> Iterator[FieldLocation]:
    now, tag = _as_object(location), location.field.tag
    for name, choice in location.field.choices.items():
        members = now if now.get(tag) == name else {**make_example(choice), tag: name}
        inner = _locate_members(choice.schema, members, location.path, location.put, above)
        # Another tag is another choice, not a fault of this one.
        yield from (each for each in inner if each.path != f"{location.path}.{tag}")


def _locate_in_one_key(location: FieldLocation, above: Above) -> Iterator[FieldLocation]:
    now = _as_object(location)
    for name, field in {**location.field.choices, **location.field.beside}.items():
        alone = {} if name in location.field.choices else now
        members = {**alone, name: now[name] if now.get(name) is not None else make_example(field)}
        yield from _locate_within(_locate_member(name, field, members, location.path, location.put), above)


def _as_object(location: FieldLocation) -> Json:
    return location.value if isinstance(location.value, dict) else {}


_LOCATE: Mapping[type[fields.Field], Callable[[FieldLocation, Above], Iterator[FieldLocation]]] = {
    fields.Nested: _locate_in_nested,
    fields.List: _locate_in_list,
    fields.Tagged: _locate_in_tagged,
    fields.OneKey: _locate_in_one_key,
}
