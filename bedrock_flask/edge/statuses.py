"""The first line of a response."""

import functools

from werkzeug.http import HTTP_STATUS_CODES


@functools.lru_cache(maxsize=256)
def format_status(status: int) -> str:
    """A status and its phrase, as Flask writes them."""
    return f"{status} {HTTP_STATUS_CODES.get(status, 'unknown').upper()}"
