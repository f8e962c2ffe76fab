"""The region of a call, and what a transport keeps for each region."""

import os
import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

Region = TypeVar("Region", bound=Hashable)
Kept = TypeVar("Kept")

# More than AWS has regions: a caller chooses them by ARN, and an invented one must not fill the memory.
_MOST_REGIONS = 64


def resolve_region(region: str) -> str:
    """The configured region, or AWS_REGION, which botocore does not read but other SDKs do; empty if neither is set."""
    return region or os.environ.get("AWS_REGION", "")


def cache_by_region(
    make: Callable[[Region], Kept], discard: Callable[[Kept], object] = lambda kept: None, most: int = _MOST_REGIONS
) -> tuple[Callable[[Region], Kept], Callable[[], None]]:
    """A function from a region to what `make` makes for it, once, and a function that clears the cache.

    Each is made at the first call, so after fork, one at a time. What leaves the cache, where more than `most` are
    kept, is discarded.
    """
    cache: dict[Region, Kept] = {}
    lock = threading.Lock()

    def find(region: Region) -> Kept:
        found = cache.get(region)
        if found is None:
            with lock:
                found = cache.get(region)
                if found is None:
                    found = make(region)
                    if len(cache) >= most:
                        discard(cache.pop(next(iter(cache))))
                    cache[region] = found
        return found

    def clear() -> None:
        with lock:
            while cache:
                discard(cache.popitem()[1])

    return find, clear
