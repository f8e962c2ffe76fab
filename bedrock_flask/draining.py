"""Let a client finish sending: a connection that is closed on unread bytes is reset, and the answer on it is lost."""

import time
from collections.abc import Mapping
from typing import Any

_PIECE, SECONDS = 65536, 5.0


def drain(environ: Mapping[str, Any], most: int) -> None:
    """Read and forget what is left of a request's body, up to `most` bytes and for a few seconds."""
    stream, connection = environ["wsgi.input"], environ.get("gunicorn.socket")
    until, got = time.monotonic() + SECONDS, 0
    before = connection.gettimeout() if connection is not None else None
    try:
        while got <= most and (left := until - time.monotonic()) > 0:
            if connection is not None:
                connection.settimeout(left)
            piece = stream.read(_PIECE)
            if not piece:
                return
            got += len(piece)
    except (OSError, ValueError):
        return
    finally:
        if connection is not None:
            connection.settimeout(before)
