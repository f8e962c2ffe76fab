"""Close a chain of generators from either end: `closing` closes what it yields however the reading ends."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def closing(parts: Iterable[T]) -> Iterator[Iterator[T]]:
    """The parts one by one; when the reading stops, the iterator is closed if it can be."""
    iterator = iter(parts)
    try:
        yield iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
