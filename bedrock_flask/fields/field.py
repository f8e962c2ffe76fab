"""What all strict fields share, and the small checks that they are built from."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import marshmallow
from marshmallow import ValidationError

# The most faults reported of one list or object, so that a body with a million faults costs no more.
_MOST_FAULTS = 500
_JSON_TYPES = ((bool, "a boolean"), (int, "a number"), (float, "a number"), (str, "a string"), (list, "an array"))


class Field(marshmallow.fields.Field[Any]):
    """A field with a description, unverified bounds and its own JSON Schema.

    A class with `checks_alone` says that its `check` decides about a value, and nothing else that it inherits.
    """

    checks_alone = False
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
        check_declaration(isinstance(description, str), "description must be a string")
        check_bounds(unverified_min=unverified_min, unverified_max=unverified_max)
        keywords = drop_unset(
            **{
                "description": description or None,
                "x-unverified-minimum": unverified_min,
                "x-unverified-maximum": unverified_max,
            }
        )
        metadata = {**kwargs.pop("metadata", {}), **keywords}
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
        """Return this field as JSON Schema; `convert` converts an inner field or schema."""
        return {}


def check_each(parts: Iterator[tuple[Any, Field, Any]]) -> dict[Any, Any]:
    """Check each `(key, field, value)`; return the messages by key."""
    messages = {}
    for key, field, value in parts:
        try:
            field.deserialize(value)
        except ValidationError as error:
            messages[key] = error.messages
            if len(messages) >= _MOST_FAULTS:
                break
    return messages


def raise_messages(messages: dict[Any, Any]) -> None:
    """Raise ValidationError if there are any messages."""
    if messages:
        raise ValidationError(messages)


def check_size(size: int, lower: int | None, upper: int | None, unit: str) -> None:
    """Raise ValidationError unless the size is within the bounds."""
    if lower is not None and size < lower:
        raise ValidationError(f"must have at least {lower} {unit}{'s' * (lower != 1)}")
    if upper is not None and size > upper:
        raise ValidationError(f"must have at most {upper} {unit}{'s' * (upper != 1)}")


def check_declaration(holds: bool, message: str) -> None:
    """Raise TypeError for a field that is declared wrongly; its traceback has the line of the declaration."""
    if not holds:
        raise TypeError(message)


def check_bounds(**bounds: Any) -> None:
    """Raise TypeError unless each bound is None or a finite number."""
    for name, bound in bounds.items():
        check_declaration(bound is None or is_finite_number(bound), f"bounds must be numbers, but {name} is {bound!r}")


def is_finite_number(value: Any) -> bool:
    """Whether the value is a JSON number."""
    # Integers first: math.isfinite overflows on one of 400 digits.
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value)
    )


def drop_unset(**keywords: Any) -> dict[str, Any]:
    """Return the keywords that are not None."""
    return {keyword: value for keyword, value in keywords.items() if value is not None}


def describe_type(value: Any) -> str:
    """Return the JSON type of a value with its article; `64.9` for a number that is not an integer."""
    if value is None:
        return "null"
    if isinstance(value, float) and not value.is_integer():
        return str(value)
    return next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "an object")
