"""Whoever leaves first closes the chain: what is read inside `closing` is closed however the reading ends."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def closing(parts: Iterable[T]) -> Iterator[Iterator[T]]:
    """The parts one by one; whoever stops reading them first, they are closed, if they can be."""
    iterator = iter(parts)
    try:
        yield iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
