"""Lists in pages: at most as many rows as are wanted, and where the next page begins."""

from collections.abc import Callable, Sequence
from typing import Any

from bedrock_flask.admin.query import BY_DEFAULT
from bedrock_flask.admin.route import AdminRequest, Answer


def answer_page(
    request: AdminRequest, name: str, read: Callable[[int], Sequence[Any]], describe: Callable[[Sequence[Any]], Any]
) -> Answer:
    """A page of the rows that `read` finds, which takes their greatest number; `describe` writes them."""
    most = request.query.get("limit", BY_DEFAULT)
    found = read(most + 1)
    rows = found[:most]
    return Answer({name: describe(rows), "next": rows[-1].id if len(found) > most else None})
