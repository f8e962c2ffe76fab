"""Unions: the value chooses one of several fields by its JSON type, by one member, or by its only member."""

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow
from marshmallow import ValidationError

from bedrock_flask.fields.containers import Nested, SchemaSource
from bedrock_flask.fields.field import Field, check_declaration, check_each, describe_type, raise_messages
from bedrock_flask.fields.scalars import String
from bedrock_flask.fields.schema import UNKNOWN, UnknownMessage


class Either(Field):
    """A union: the value must fit one of several fields; the first of its JSON type gives the error."""

    def __init__(self, *choices: Field, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_declaration(
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
        raise first or ValidationError(f"must not be {describe_type(value)}")

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {"anyOf": [convert(choice) for choice in self.choices]}


class Tagged(Field):
    """A union of objects, chosen by one member: `{"type": "text", …}`. Each schema has that member as a field.

    An object without the member, or with null in it, must fit the schema of `absent`; one with another name must fit
    `others`. `elsewhere` returns the names that the format has in other places only: an object with one of them is
    reported as unknown here, and checked by the schema of that name, so that it can be read all the same.
    """

    def __init__(
        self,
        tag: str,
        choices: Mapping[str, SchemaSource],
        *,
        absent: str = "",
        others: SchemaSource | None = None,
        elsewhere: Callable[[], Mapping[str, type[marshmallow.Schema]]] = dict,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tag, self.absent, self.elsewhere = tag, absent, elsewhere
        self.choices = {name: Nested(schema) for name, schema in choices.items()}
        self.others = Nested(others) if others is not None else None

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {describe_type(value)}")
        if self.tag not in value and not self.absent:
            raise ValidationError({self.tag: ["is required"]})
        name = value.get(self.tag)
        if name is None and self.absent:
            name = self.absent
        if not isinstance(name, str):
            raise ValidationError({self.tag: [f"must be a string, not {describe_type(name)}"]})
        choice = self.choices.get(name, self.others)
        if choice is None:
            message = f"must be one of: {', '.join(self.choices)}"
            # A name may be one that AWS has added since; an empty string is not.
            unknown = {self.tag: [UnknownMessage(message) if name else message]}
            raise ValidationError({**unknown, **self._check_elsewhere(name, value)})
        choice.check(value)

    def _check_elsewhere(self, name: str, value: Any) -> dict[Any, Any]:
        schema = self.elsewhere().get(name)
        return dict(schema().validate(value)) if schema is not None else {}

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        parts = [self._describe_choice(schema, names, convert) for schema, names in self._group_names()]
        if self.others is not None:
            other = {"type": "string", "not": {"enum": list(self.choices)}}
            condition = {"required": [self.tag], "properties": {self.tag: other}}
            parts.append({"allOf": [convert(self.others.schema), condition]})
        return {"anyOf": parts}

    def _group_names(self) -> list[tuple[marshmallow.Schema, list[str]]]:
        """Each schema with the names that choose it."""
        groups: dict[type[marshmallow.Schema], tuple[marshmallow.Schema, list[str]]] = {}
        for name, choice in self.choices.items():
            groups.setdefault(type(choice.schema), (choice.schema, []))[1].append(name)
        return list(groups.values())

    def _describe_choice(
        self, schema: marshmallow.Schema, names: list[str], convert: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """The schema itself where it takes no other name, or else with its names, in words that generators merge."""
        may_lack = self.absent in names
        if self._takes_only(schema, names, may_lack=may_lack):
            return convert(schema)
        if may_lack:
            return {"allOf": [convert(schema), {"properties": {self.tag: {"enum": [*names, None]}}}]}
        condition = {"required": [self.tag], "properties": {self.tag: {"type": "string", "enum": names}}}
        return {"allOf": [convert(schema), condition]}

    def _takes_only(self, schema: marshmallow.Schema, names: list[str], *, may_lack: bool) -> bool:
        field = next((each for name, each in schema.fields.items() if (each.data_key or name) == self.tag), None)
        return (
            isinstance(field, String)
            and bool(field.one_of)
            and {*field.one_of} <= {*names}
            and (may_lack or (field.required and not field.allow_none))
        )


class OneKey(Field):
    """A union of objects, chosen by their only member: `{"text": "hi"}`; members in `beside` may accompany any."""

    def __init__(
        self, choices: Mapping[str, Field], *, beside: Mapping[str, Field] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.choices, self.beside = dict(choices), dict(beside or {})

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {describe_type(value)}")
        fields = {**self.choices, **self.beside}
        unknown = [name for name in value if name not in fields]
        chosen = [name for name in value if name in self.choices]
        # An unknown member alone may be a choice that AWS has added since.
        if len(chosen) != 1 and (chosen or not unknown):
            raise ValidationError(f"must have exactly one of: {', '.join(self.choices)}")
        messages = check_each((name, fields[name], item) for name, item in value.items() if name in fields)
        raise_messages({**messages, **{name: [UnknownMessage(UNKNOWN)] for name in unknown}})

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
