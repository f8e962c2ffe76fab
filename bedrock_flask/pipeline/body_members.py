"""Numbers in the body of a call, whatever its format: found at any depth, and put in without any other change."""

import json
from collections.abc import Container, Iterator, Sequence
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.protocol import envelope
from bedrock_flask.protocol.json_path import extend_path


def read_object(body: bytes) -> Json | None:
    """The object that a body is; None if it is none, or cannot be read."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def list_numbers(document: Json, names: Container[str], path: str = "") -> Iterator[tuple[str, str, int | float]]:
    """The path, name and value of each number of these names in an object and in the objects in it.

    What is in lists are messages and tools.
    """
    for name, value in document.items():
        here = extend_path(path, name)
        if isinstance(value, dict):
            yield from list_numbers(value, names, here)
        elif name in names and is_number(value):
            yield here, name, value


def is_number(value: Any) -> bool:
    """Whether a value is a number of JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def put_in(body: bytes, document: Json, path: Sequence[str], value: float) -> bytes:
    """The body with a number at a path of one name or two; no other character changes but for the object around it."""
    first, *inner = path
    member = {**(document.get(first) or {}), inner[0]: value} if inner else value
    return envelope.splice(body.decode(), (), {first: json.dumps(member)}).encode()
