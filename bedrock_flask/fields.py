"""Strict fields: no value is coerced, and each field knows its own JSON Schema, unions included.

marshmallow's stock fields read `"64"` as an integer and `"yes"` as true; Bedrock does not. These refuse what the model
would refuse and nothing more: a bound that AWS does not document for certain is told in the schema
(`x-unverified-minimum`, `x-unverified-maximum`) and never enforced.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

import marshmallow
from marshmallow import INCLUDE, RAISE, ValidationError

from bedrock_flask.errors import FieldError
from bedrock_flask.protocol.json_path import extend_path

__all__ = [
    "Anything",
    "Boolean",
    "Either",
    "Field",
    "Integer",
    "List",
    "Nested",
    "Number",
    "Object",
    "OneKey",
    "Open",
    "Schema",
    "String",
    "Tagged",
    "find_faults",
]


class _Unknown(str):
    """A message about something the schema does not know, which `validate = "warn"` lets pass."""


class Schema(marshmallow.Schema):
    """A JSON object with known members; any other member is refused by name."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": _Unknown("is not a known field"), "type": "must be an object"}  # noqa: RUF012

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:
        """Add the nearest known name to each unknown one."""
        known = [field.data_key or name for name, field in self.fields.items()]
        messages = error.messages
        # A few: to look for the nearest of each of a million names would take minutes.
        for name, found in islice(messages.items(), 20) if isinstance(messages, dict) else ():
            if isinstance(found, list) and found and isinstance(found[0], _Unknown) and name not in known:
                near = difflib.get_close_matches(str(name), known, 1)
                messages[name] = [_Unknown(f"{found[0]}; did you mean '{near[0]}'?")] if near else found


class Open(Schema):
    """A JSON object whose other members pass as they are: for blocks that AWS extends often."""

    class Meta:
        unknown = INCLUDE


class Field(marshmallow.fields.Field[Any]):
    """What all strict fields share: a description, unverified bounds and a JSON Schema of their own."""

    default_error_messages = {"required": "is required", "null": "must not be null"}  # noqa: RUF012

    def __init__(
        self,
        *,
        description: str = "",
        required: bool = False,
        allow_none: bool = False,
        unverified_min: float | None = None,
        unverified_max: float | None = None,
        **kwargs: Any,
    ) -> None:
        _demand(isinstance(description, str), "the description is a text")
        _demand_numbers(unverified_min=unverified_min, unverified_max=unverified_max)
        told = {
            "description": description or None,
            "x-unverified-minimum": unverified_min,
            "x-unverified-maximum": unverified_max,
        }
        metadata = {**kwargs.pop("metadata", {}), **{key: value for key, value in told.items() if value is not None}}
        super().__init__(required=required, allow_none=allow_none, metadata=metadata, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Raise ValidationError unless the value fits."""

    def accepts_type(self, value: Any) -> bool:
        """Whether the value has this field's JSON type, before any other check; unions choose by it."""
        return True

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """This field as JSON Schema; `convert` turns an inner field or schema class into its own."""
        return {}


class Anything(Field):
    """Any JSON value, null included."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_none": True, **kwargs})


class Number(Field):
    """A JSON number: `min` and `max` are inclusive bounds, `above` and `below` exclusive; `one_of` lists its values."""

    kind = "number"

    def __init__(
        self,
        *,
        min: float | None = None,
        max: float | None = None,
        above: float | None = None,
        below: float | None = None,
        one_of: Sequence[float] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _demand(not isinstance(one_of, str), "one_of takes a list of values")
        self.one_of = tuple(one_of)
        _demand_numbers(min=min, max=max, above=above, below=below)
        least = [each for each in (min, above) if each is not None]
        most = [each for each in (max, below) if each is not None]
        for low, high in product(least, most):
            _demand(low <= high, f"the least is more than the most: {low} and {high}")
        self.bounds: list[tuple[str, str, float, Callable[[Any, Any], bool]]] = [
            (keyword, words, limit, holds)
            for keyword, words, limit, holds in (
                ("minimum", "must be at least", min, operator.ge),
                ("maximum", "must be at most", max, operator.le),
                ("exclusiveMinimum", "must be greater than", above, operator.gt),
                ("exclusiveMaximum", "must be less than", below, operator.lt),
            )
            if limit is not None
        ]

    def accepts_type(self, value: Any) -> bool:
        return _is_finite(value)

    def check(self, value: Any) -> None:
        if not self.accepts_type(value):
            raise ValidationError(f"must be {_A[self.kind]}, not {_type_name(value)}")
        if self.one_of and value not in self.one_of:
            raise ValidationError(f"must be one of: {', '.join(map(str, self.one_of))}")
        for _, words, limit, holds in self.bounds:
            if not holds(value, limit):
                raise ValidationError(f"{words} {limit}")

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        bounds = {keyword: limit for keyword, _, limit, _ in self.bounds}
        return _only_set(type=self.kind, enum=list(self.one_of) or None, **bounds)


class Integer(Number):
    """A whole JSON number; `64.0` is one, as JSON Schema has it, `64.9` and `"64"` are not."""

    kind = "integer"

    def accepts_type(self, value: Any) -> bool:
        return super().accepts_type(value) and value == int(value)


class Boolean(Field):
    """`true` or `false`; no word or number stands for them."""

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, bool)

    def check(self, value: Any) -> None:
        if not isinstance(value, bool):
            raise ValidationError(f"must be true or false, not {_type_name(value)}")

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {"type": "boolean"}


class String(Field):
    """A JSON string: `one_of` lists its values, `pattern` is searched as in JSON Schema, lengths count code points."""

    def __init__(
        self,
        *,
        one_of: Sequence[str] = (),
        pattern: str | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _demand(not isinstance(one_of, str), "one_of takes a list of values")
        self.one_of, self.pattern = tuple(one_of), re.compile(pattern).pattern if pattern else None
        self.min_length, self.max_length = min_length, max_length

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, str)

    def check(self, value: Any) -> None:
        if not isinstance(value, str):
            raise ValidationError(f"must be a string, not {_type_name(value)}")
        if self.one_of and value not in self.one_of:
            raise ValidationError(f"must be one of: {', '.join(self.one_of)}")
        if self.pattern and not re.search(self.pattern, value):
            raise ValidationError(f"must match {self.pattern}")
        _check_size(len(value), self.min_length, self.max_length, "character")

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return _only_set(
            type="string",
            enum=list(self.one_of) or None,
            pattern=self.pattern,
            minLength=self.min_length,
            maxLength=self.max_length,
        )


class List(Field):
    """A JSON array whose items all fit one field."""

    def __init__(
        self, item: Field, *, min_items: int | None = None, max_items: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        _demand(isinstance(item, Field), "List takes a field: List(String())")
        self.item, self.min_items, self.max_items = item, min_items, max_items

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, list)

    def check(self, value: Any) -> None:
        if not isinstance(value, list):
            raise ValidationError(f"must be an array, not {_type_name(value)}")
        _check_size(len(value), self.min_items, self.max_items, "item")
        _raise_any(_faults_of_each((index, self.item, item) for index, item in enumerate(value)))

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return _only_set(type="array", items=convert(self.item), minItems=self.min_items, maxItems=self.max_items)


class Object(Field):
    """A JSON object with free member names; `values` is the field that each value must fit."""

    def __init__(self, values: Field | None = None, *, max_items: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _demand(values is None or isinstance(values, Field), "Object takes a field for its values: Object(String())")
        self.values, self.max_items = values, max_items

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {_type_name(value)}")
        _check_size(len(value), None, self.max_items, "member")
        if self.values is not None:
            _raise_any(_faults_of_each((name, self.values, item) for name, item in value.items()))

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return _only_set(
            type="object",
            additionalProperties=convert(self.values) if self.values is not None else None,
            maxProperties=self.max_items,
        )


_NESTED = "Nested takes a Schema (the class: Nested(Style), not Nested(Style())), or a function that gives one"
SchemaSource = type[marshmallow.Schema] | Callable[[], type[marshmallow.Schema]]


class Nested(Field):
    """A JSON object of another schema: its class, or a function that gives it where two refer to each other."""

    def __init__(self, schema: SchemaSource, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        right = issubclass(schema, marshmallow.Schema) if isinstance(schema, type) else callable(schema)
        _demand(right, _NESTED)
        self._source = schema
        self._schema: marshmallow.Schema | None = None

    @property
    def schema(self) -> marshmallow.Schema:
        """The schema itself, made once."""
        if self._schema is None:
            source = self._source
            made: Any = source() if not isinstance(source, type) else source
            _demand(isinstance(made, type) and issubclass(made, marshmallow.Schema), _NESTED)
            self._schema = made()
        return self._schema

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {_type_name(value)}")
        found = self.schema.validate(value)
        if found:
            raise ValidationError(found)

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return convert(self.schema)


class Either(Field):
    """A union: the value must fit one of several fields; the first of its JSON type gives the error."""

    def __init__(self, *choices: Field, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _demand(
            all(isinstance(choice, Field) for choice in choices), "Either takes fields: Either(String(), Integer())"
        )
        self.choices = choices

    def accepts_type(self, value: Any) -> bool:
        return any(choice.accepts_type(value) for choice in self.choices)

    def check(self, value: Any) -> None:
        first: ValidationError | None = None
        for choice in self.choices:
            if choice.accepts_type(value):
                try:
                    choice.deserialize(value)
                except ValidationError as error:
                    first = first or error
                else:
                    return
        raise first or ValidationError(f"must not be {_type_name(value)}")

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {"anyOf": [convert(choice) for choice in self.choices]}


class Tagged(Field):
    """A union of objects told apart by one member: `{"type": "text", …}`. Each schema has that member as a field.

    Without the member, or with null in it, the object is taken for `absent`; one with another name must fit `others`.
    """

    def __init__(
        self,
        tag: str,
        choices: Mapping[str, SchemaSource],
        *,
        absent: str = "",
        others: SchemaSource | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tag, self.absent = tag, absent
        self.choices = {name: Nested(schema) for name, schema in choices.items()}
        self.others = Nested(others) if others is not None else None

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {_type_name(value)}")
        if self.tag not in value and not self.absent:
            raise ValidationError({self.tag: ["is required"]})
        name = value.get(self.tag)
        if name is None and self.absent:
            name = self.absent
        if not isinstance(name, str):
            raise ValidationError({self.tag: [f"must be a string, not {_type_name(name)}"]})
        choice = self.choices.get(name, self.others)
        if choice is None:
            wrong = f"must be one of: {', '.join(self.choices)}"
            # A name may be one that has been added since, but no name is none.
            raise ValidationError({self.tag: [_Unknown(wrong) if name else wrong]})
        choice.check(value)

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        told = [(choice, self._named(name)) for name, choice in self.choices.items()]
        if self.others is not None:
            other = {"type": "string", "not": {"enum": list(self.choices)}}
            told.append((self.others, {"required": [self.tag], "properties": {self.tag: other}}))
        return {"anyOf": [{"allOf": [convert(choice.schema), named]} for choice, named in told]}

    def _named(self, name: str) -> dict[str, Any]:
        if name == self.absent:
            return {"properties": {self.tag: {"enum": [name, None]}}}
        return {"required": [self.tag], "properties": {self.tag: {"const": name}}}


class OneKey(Field):
    """A union of objects told apart by their only member: `{"text": "hi"}`; members in `beside` may stand with any."""

    def __init__(
        self, choices: Mapping[str, Field], *, beside: Mapping[str, Field] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.choices, self.beside = dict(choices), dict(beside or {})

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {_type_name(value)}")
        fields = {**self.choices, **self.beside}
        strange = [name for name in value if name not in fields]
        chosen = [name for name in value if name in self.choices]
        # An unknown member alone may be a choice that AWS has added since.
        if len(chosen) != 1 and (chosen or not strange):
            raise ValidationError(f"must have exactly one of: {', '.join(self.choices)}")
        found = _faults_of_each((name, fields[name], item) for name, item in value.items() if name in fields)
        _raise_any({**found, **{name: [_Unknown("is not a known field")] for name in strange}})

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        beside = {name: convert(field) for name, field in self.beside.items()}
        return {
            "anyOf": [
                {
                    "type": "object",
                    "required": [name],
                    "properties": {name: convert(field), **beside},
                    "additionalProperties": False,
                }
                for name, field in self.choices.items()
            ]
        }


def find_faults(schema: marshmallow.Schema, value: Any) -> list[FieldError]:
    """Every fault of a value, with its path; empty when it fits."""
    if not isinstance(value, dict):
        return [FieldError("", f"must be an object, not {_type_name(value)}")]
    return list(_flatten(schema.validate(value), ""))


def _flatten(messages: Any, path: str) -> Iterator[FieldError]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _flatten(inner, path if key == "_schema" else extend_path(path, key))
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield FieldError(path, str(message), isinstance(message, _Unknown))


# Of one list or object: a body of a million faults is told its first, and costs no more.
_ENOUGH = 500


def _faults_of_each(parts: Iterator[tuple[Any, Field, Any]]) -> dict[Any, Any]:
    found = {}
    for key, field, value in parts:
        try:
            field.deserialize(value)
        except ValidationError as error:
            found[key] = error.messages
            if len(found) >= _ENOUGH:
                break
    return found


def _raise_any(found: dict[Any, Any]) -> None:
    if found:
        raise ValidationError(found)


def _check_size(size: int, least: int | None, most: int | None, unit: str) -> None:
    if least is not None and size < least:
        raise ValidationError(f"must have at least {least} {unit}{'s' * (least != 1)}")
    if most is not None and size > most:
        raise ValidationError(f"must have at most {most} {unit}{'s' * (most != 1)}")


def _demand(holds: bool, mistake: str) -> None:
    """A field that is declared wrongly stops the start; the line that declares it stands in the error's traceback."""
    if not holds:
        raise TypeError(mistake)


def _demand_numbers(**bounds: Any) -> None:
    for name, bound in bounds.items():
        _demand(bound is None or _is_finite(bound), f"bounds are numbers, and {name} is {bound!r}")


def _is_finite(value: Any) -> bool:
    # Whole numbers first: one of 400 digits is finite, but math.isfinite cannot say so.
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value)
    )


def _only_set(**keywords: Any) -> dict[str, Any]:
    return {keyword: value for keyword, value in keywords.items() if value is not None}


_A = {"number": "a number", "integer": "an integer"}
_JSON_NAMES = ((bool, "a boolean"), (int, "a number"), (float, "a number"), (str, "a string"), (list, "an array"))


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float) and not value.is_integer():
        return str(value)
    return next((name for kind, name in _JSON_NAMES if isinstance(value, kind)), "an object")
