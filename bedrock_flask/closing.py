"""Close an iterator however reading it ends, so that the chain behind it closes too."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def closing(parts: Iterable[T]) -> Iterator[Iterator[T]]:
    """Iterate over the parts, and close them at the end if they can be closed."""
    iterator = iter(parts)
    try:
        yield iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
