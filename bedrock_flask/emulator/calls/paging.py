"""Lists in pages, and the query parameters that filter them."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.errors import validation_error

T = TypeVar("T")

MAX_RESULTS = 1000


def paginate(items: Sequence[T], query: Mapping[str, str], name: Callable[[T], str]) -> tuple[Sequence[T], Json]:
    """One page of the items, and `nextToken` if there are more; a token encodes the name of the page's last item."""
    size = _read_size(query.get("maxResults"))
    start = _find_start(items, query["nextToken"], name) if "nextToken" in query else 0
    page = items[start : start + size]
    if not page or start + size >= len(items):
        return page, {}
    return page, {"nextToken": base64.urlsafe_b64encode(name(page[-1]).encode()).decode()}


def read_choice(query: Mapping[str, str], parameter: str, choices: Sequence[str]) -> str | None:
    """The value of a parameter, None if it is absent; an EmulatedError unless it is one of the choices."""
    value = query.get(parameter)
    if value is not None and value not in choices:
        raise validation_error(
            f"1 validation error detected: Value at '{parameter}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(choices)}]"
        )
    return value


def _read_size(text: str | None) -> int:
    if text is None:
        return MAX_RESULTS
    # A long row of digits would be slow to convert, and is too large anyway.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_RESULTS):
        raise validation_error(
            "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: "
            f"Member must be a whole number from 1 to {MAX_RESULTS}"
        )
    return int(text)


def _find_start(items: Sequence[T], token: str, name: Callable[[T], str]) -> int:
    try:
        last = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        last = ""
    found = next((number for number, item in enumerate(items) if name(item) == last), None)
    if found is None:
        raise validation_error("The provided nextToken is invalid.")
    return found + 1
