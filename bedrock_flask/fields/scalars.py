"""Fields without inner fields: anything, numbers, booleans, strings."""

import operator
import re
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from marshmallow import ValidationError

from bedrock_flask.fields.field import (
    Field,
    check_bounds,
    check_declaration,
    check_size,
    describe_type,
    drop_unset,
    is_finite_number,
)
from bedrock_flask.fields.schema import NewValueMessage


class Anything(Field):
    """Any JSON value, null included."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_none": True, **kwargs})


class Number(Field):
    """A JSON number: `min` and `max` are inclusive bounds, `above` and `below` exclusive; `one_of` lists its values."""

    kind = "number"
    article = "a"

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
        check_declaration(not isinstance(one_of, str), "one_of takes a list of values")
        self.one_of = tuple(one_of)
        check_bounds(min=min, max=max, above=above, below=below)
        lower = [each for each in (min, above) if each is not None]
        upper = [each for each in (max, below) if each is not None]
        for low, high in product(lower, upper):
            check_declaration(low <= high, f"the lower bound is greater than the upper bound: {low} and {high}")
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
        return is_finite_number(value)

    def check(self, value: Any) -> None:
        if not self.accepts_type(value):
            raise ValidationError(f"must be {self.article} {self.kind}, not {describe_type(value)}")
        if self.one_of and value not in self.one_of:
            raise ValidationError(NewValueMessage(f"must be one of: {', '.join(map(str, self.one_of))}"))
        for _, words, limit, holds in self.bounds:
            if not holds(value, limit):
                raise ValidationError(f"{words} {limit}")

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        bounds = {keyword: limit for keyword, _, limit, _ in self.bounds}
        return drop_unset(type=self.kind, enum=list(self.one_of) or None, **bounds)


class Integer(Number):
    """A JSON number without a fraction: `64.0` is one, as in JSON Schema; `64.9` and `"64"` are not."""

    kind = "integer"
    article = "an"

    def accepts_type(self, value: Any) -> bool:
        return super().accepts_type(value) and value == int(value)


class Boolean(Field):
    """`true` or `false`; no string or number is taken for one."""

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, bool)

    def check(self, value: Any) -> None:
        if not isinstance(value, bool):
            raise ValidationError(f"must be true or false, not {describe_type(value)}")

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
        check_declaration(not isinstance(one_of, str), "one_of takes a list of values")
        self.one_of, self.pattern = tuple(one_of), re.compile(pattern).pattern if pattern else None
        self.min_length, self.max_length = min_length, max_length

    def accepts_type(self, value: Any) -> bool:
        return isinstance(value, str)

    def check(self, value: Any) -> None:
        if not isinstance(value, str):
            raise ValidationError(f"must be a string, not {describe_type(value)}")
        if self.one_of and value not in self.one_of:
            message = f"must be one of: {', '.join(self.one_of)}"
            # AWS may have added a value since, but no empty one.
            raise ValidationError(NewValueMessage(message) if value else message)
        if self.pattern and not re.search(self.pattern, value):
            raise ValidationError(f"must match {self.pattern}")
        check_size(len(value), self.min_length, self.max_length, "character")

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return drop_unset(
            type="string",
            enum=list(self.one_of) or None,
            pattern=self.pattern,
            minLength=self.min_length,
            maxLength=self.max_length,
        )
