"""Every fault of a body, each with its path."""

from collections.abc import Iterator
from typing import Any

import marshmallow

from bedrock_flask.errors import FieldError
from bedrock_flask.fields.acceptance import accepts
from bedrock_flask.fields.field import describe_type
from bedrock_flask.fields.schema import NewValueMessage, UnknownMessage
from bedrock_flask.protocol.json_path import extend_path


def find_faults(schema: marshmallow.Schema, value: Any) -> list[FieldError]:
    """Return every fault of a value with its path, such as `messages[0].role`; an empty list if the value fits."""
    if not isinstance(value, dict):
        return [FieldError("", f"must be an object, not {describe_type(value)}")]
    # Most bodies fit, and that is decided fast; marshmallow finds the words for one that does not.
    if accepts(schema, value):
        return []
    return list(_flatten(schema.validate(value), ""))


def _flatten(messages: Any, path: str) -> Iterator[FieldError]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _flatten(inner, path if key == "_schema" else extend_path(path, key))
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield FieldError(
                path, str(message), isinstance(message, UnknownMessage), isinstance(message, NewValueMessage)
            )
