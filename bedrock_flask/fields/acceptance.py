"""A fast verdict: whether a value fits its schema, without the messages for a value that does not.

Each strict field is compiled into one function from a value to its verdict, which is marshmallow's verdict without the
bookkeeping for each member. Whatever this module does not know exactly (a plugin's own field, a validator, a schema
with a method or a hook) is left to marshmallow, so the verdict is never more lenient.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import marshmallow
from marshmallow import INCLUDE, RAISE, ValidationError

from bedrock_flask.fields.containers import List, Nested, Object
from bedrock_flask.fields.field import Field
from bedrock_flask.fields.scalars import Anything, Boolean, Integer, Number, String
from bedrock_flask.fields.schema import Extensible, Schema, find_misspelt
from bedrock_flask.fields.unions import Either, OneKey, Tagged

Accepts = Callable[[Any], bool]

# What marshmallow puts on the class of a schema that declares fields and nothing else.
_PLAIN_ATTRIBUTES = frozenset({"Meta", "opts", "_declared_fields", "_hooks", "_abc_impl"})


def accepts(schema: marshmallow.Schema, value: Any) -> bool:
    """Whether the value fits the schema: true exactly if `schema.validate(value)` finds nothing."""
    options, verdict = _compile_kind(type(schema))
    if verdict is not None and _read_options(schema) == options:
        return verdict(value)
    return not schema.validate(value)


@cache
def _compile_kind(kind: type[marshmallow.Schema]) -> tuple[tuple[Any, ...], Accepts | None]:
    """The options of a schema that is given none, and its verdict, or None if marshmallow must judge itself."""
    schema = kind()
    return _read_options(schema), _compile_schema(schema) if _is_plain(schema) else None


def _read_options(schema: marshmallow.Schema) -> tuple[Any, ...]:
    return schema.unknown, schema.many, schema.partial, schema.load_fields.keys()


def _is_plain(schema: marshmallow.Schema) -> bool:
    """Whether the schema is its fields and nothing else: no hook, no method and no option changes the verdict."""
    declared = [vars(kind).items() for kind in type(schema).__mro__ if kind not in Extensible.__mro__]
    return (
        isinstance(schema, Schema)
        and all(_is_plain_attribute(name, value) for items in declared for name, value in items)
        and schema.unknown in (RAISE, INCLUDE)
        and not schema.many
        and not schema.partial
        and not any(field.attribute or callable(field.load_default) for field in schema.load_fields.values())
    )


def _is_plain_attribute(name: str, value: object) -> bool:
    return name in _PLAIN_ATTRIBUTES or (name.startswith("__") and not callable(value))


def _compile_schema(schema: marshmallow.Schema) -> Accepts:
    names = {name if field.data_key is None else field.data_key: field for name, field in schema.load_fields.items()}
    verdicts = {name: _compile(field) for name, field in names.items()}
    required = frozenset(name for name, field in names.items() if field.required)
    accepts_unknown = _compile_unknown(schema, tuple(verdicts))

    def verdict(value: Any) -> bool:
        if not isinstance(value, dict) or not required <= value.keys():
            return False
        for name, item in value.items():
            accepts_item = verdicts.get(name)
            if not (accepts_unknown(name, value) if accepts_item is None else accepts_item(item)):
                return False
        return True

    return verdict


def _compile_unknown(schema: marshmallow.Schema, known: tuple[str, ...]) -> Callable[[str, Any], bool]:
    """The verdict on an unknown member of an object."""
    if isinstance(schema, Extensible):
        return lambda name, value: not find_misspelt(name, known, value)
    is_open = schema.unknown == INCLUDE
    return lambda name, value: is_open


def _compile(field: Any) -> Accepts:
    """The verdict of `field.deserialize` on a value that is there."""
    if not _is_known(field):
        return _leave_to(field.deserialize)
    verdict = _leave_to(field.check) if field.checks_alone else _COMPILERS[type(field)](field)
    if field.allow_none:
        return lambda value: value is None or verdict(value)
    # Only these take null by themselves.
    return (lambda value: value is not None and verdict(value)) if isinstance(field, Anything | Either) else verdict


def _is_known(field: Any) -> bool:
    is_own = type(field) in _COMPILERS or (isinstance(field, Field) and field.checks_alone)
    return is_own and not (field.validators or field.pre_load or field.post_load)


def _leave_to(check: Callable[[Any], object]) -> Accepts:
    def verdict(value: Any) -> bool:
        try:
            check(value)
        except ValidationError:
            return False
        return True

    return verdict


def _compile_number(field: Number) -> Accepts:
    accepts_type, one_of = field.accepts_type, field.one_of
    bounds = [(holds, limit) for _, _, limit, holds in field.bounds]

    def verdict(value: Any) -> bool:
        # Most numbers are plain integers, which either type has.
        if not (type(value) is int or accepts_type(value)) or (one_of and value not in one_of):
            return False
        for holds, limit in bounds:  # noqa: SIM110 - a generator costs more than the loop
            if not holds(value, limit):
                return False
        return True

    return verdict


def _compile_string(field: String) -> Accepts:
    if field.pattern or field.min_length is not None or field.max_length is not None:
        return _leave_to(field.check)
    if one_of := field.one_of:
        return lambda value: isinstance(value, str) and value in one_of
    return lambda value: isinstance(value, str)


def _compile_list(field: List) -> Accepts:
    accepts_item, lower, upper = _compile(field.item), field.min_items or 0, field.max_items

    def verdict(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) >= lower
            and (upper is None or len(value) <= upper)
            and all(map(accepts_item, value))
        )

    return verdict


def _compile_object(field: Object) -> Accepts:
    accepts_value, upper = None if field.values is None else _compile(field.values), field.max_items

    def verdict(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and (upper is None or len(value) <= upper)
            and (accepts_value is None or all(map(accepts_value, value.values())))
        )

    return verdict


def _compile_nested(field: Nested) -> Accepts:
    # At the first value and not before: schemas may refer to each other.
    compiled: list[Accepts] = []

    def verdict(value: Any) -> bool:
        if not compiled:
            schema = field.schema
            compiled.append(_compile_kind(type(schema))[1] or (lambda value: not schema.validate(value)))
        return isinstance(value, dict) and compiled[0](value)

    return verdict


def _compile_either(field: Either) -> Accepts:
    verdicts = [_compile_choice(choice) for choice in field.choices]

    def verdict(value: Any) -> bool:
        # A generator for `any` costs more than the loop.
        for accepts_choice in verdicts:  # noqa: SIM110
            if accepts_choice(value):
                return True
        return False

    return verdict


def _compile_choice(choice: Field) -> Accepts:
    accepts_type, verdict = choice.accepts_type, _compile(choice)
    # The verdict of a field that is known here holds for its type alone, but for null.
    if _is_known(choice) and not choice.allow_none:
        return verdict
    return lambda value: accepts_type(value) and verdict(value)


def _compile_tagged(field: Tagged) -> Accepts:
    choices = {name: _compile_nested(choice) for name, choice in field.choices.items()}
    others = _refuse if field.others is None else _compile_nested(field.others)
    tag, absent = field.tag, field.absent or None

    def verdict(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        name = value.get(tag)
        if name is None:
            name = absent
        return isinstance(name, str) and choices.get(name, others)(value)

    return verdict


def _refuse(value: Any) -> bool:
    return False


def _compile_one_key(field: OneKey) -> Accepts:
    choices = {name: _compile(choice) for name, choice in field.choices.items()}
    beside = {name: _compile(each) for name, each in field.beside.items()}
    every = {**choices, **beside}

    def verdict(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and sum(name in choices for name in value) == 1
            and all(name in every and every[name](item) for name, item in value.items())
        )

    return verdict


# By the exact class: a plugin's subclass may check something else.
_COMPILERS: dict[type, Callable[[Any], Accepts]] = {
    Anything: lambda field: lambda value: True,
    Number: _compile_number,
    Integer: _compile_number,
    Boolean: lambda field: field.accepts_type,
    String: _compile_string,
    List: _compile_list,
    Object: _compile_object,
    Nested: _compile_nested,
    Either: _compile_either,
    Tagged: _compile_tagged,
    OneKey: _compile_one_key,
}
