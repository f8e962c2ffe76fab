"""Lists in pages, and the query parameters that choose from them."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.refusals import invalid

T = TypeVar("T")

MOST = 1000


def page(items: Sequence[T], query: Mapping[str, str], name: Callable[[T], str]) -> tuple[Sequence[T], Json]:
    """One page of the items, and the `nextToken` member where there are more; a token names the last item told."""
    size = _size(query.get("maxResults"))
    start = _after(items, query["nextToken"], name) if "nextToken" in query else 0
    told = items[start : start + size]
    more = bool(told) and start + size < len(items)
    return told, {"nextToken": base64.urlsafe_b64encode(name(told[-1]).encode()).decode()} if more else {}


def one_of(query: Mapping[str, str], parameter: str, known: Sequence[str]) -> str | None:
    """The value of a parameter, None where it is not given; a Refusal unless it is one of those known."""
    value = query.get(parameter)
    if value is not None and value not in known:
        raise invalid(
            f"1 validation error detected: Value at '{parameter}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(known)}]"
        )
    return value


def _size(told: str | None) -> int:
    if told is None:
        return MOST
    # A long row of digits would be slow to convert, and is too many anyway.
    if not (told.isascii() and told.isdigit() and len(told) < 10 and 1 <= int(told) <= MOST):
        raise invalid(
            "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: "
            f"Member must be a whole number from 1 to {MOST}"
        )
    return int(told)


def _after(items: Sequence[T], token: str, name: Callable[[T], str]) -> int:
    try:
        last = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        last = ""
    found = next((number for number, item in enumerate(items) if name(item) == last), None)
    if found is None:
        raise invalid("The provided nextToken is invalid.")
    return found + 1
