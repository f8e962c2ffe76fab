"""Fields with inner fields: lists, objects with free names, and objects of another schema."""

from collections.abc import Callable
from typing import Any

import marshmallow
from marshmallow import ValidationError

from bedrock_flask.fields.field import (
    Field,
    check_declaration,
    check_each,
    check_size,
    describe_type,
    drop_unset,
    raise_messages,
)

SchemaSource = type[marshmallow.Schema] | Callable[[], type[marshmallow.Schema]]

_NESTED = "Nested takes a Schema (the class: Nested(Style), not Nested(Style())), or a function that returns one"


class List(Field):
    """A JSON array whose items all fit one field."""

    def __init__(
        self, item: Field, *, min_items: int | None = None, max_items: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_declaration(isinstance(item, Field), "List takes a field: List(String())")
        self.item, self.min_items, self.max_items = item, min_items, max_items

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, list)

    def check(self, value: Any) -> None:
        if not isinstance(value, list):
            raise ValidationError(f"must be an array, not {describe_type(value)}")
        check_size(len(value), self.min_items, self.max_items, "item")
        raise_messages(check_each((index, self.item, item) for index, item in enumerate(value)))

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return drop_unset(type="array", items=convert(self.item), minItems=self.min_items, maxItems=self.max_items)


class Object(Field):
    """A JSON object with free member names; `values` is the field that each value must fit."""

    def __init__(self, values: Field | None = None, *, max_items: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_declaration(
            values is None or isinstance(values, Field), "Object takes a field for its values: Object(String())"
        )
        self.values, self.max_items = values, max_items

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {describe_type(value)}")
        check_size(len(value), None, self.max_items, "member")
        if self.values is not None:
            raise_messages(check_each((name, self.values, item) for name, item in value.items()))

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return drop_unset(
            type="object",
            additionalProperties=convert(self.values) if self.values is not None else None,
            maxProperties=self.max_items,
        )


class Nested(Field):
    """A JSON object of another schema: its class, or a function that returns it if two refer to each other."""

    def __init__(self, schema: SchemaSource, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        is_source = issubclass(schema, marshmallow.Schema) if isinstance(schema, type) else callable(schema)
        check_declaration(is_source, _NESTED)
        self._source = schema
        self._schema: marshmallow.Schema | None = None

    @property
    def schema(self) -> marshmallow.Schema:
        """An instance of the schema, created once."""
        if self._schema is None:
            source = self._source
            kind: Any = source() if not isinstance(source, type) else source
            check_declaration(isinstance(kind, type) and issubclass(kind, marshmallow.Schema), _NESTED)
            self._schema = kind()
        return self._schema

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {describe_type(value)}")
        raise_messages(self.schema.validate(value))

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return convert(self.schema)
