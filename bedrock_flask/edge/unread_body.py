"""Let a client finish sending: a connection that is closed on unread bytes is reset, and the answer on it is lost."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

# A piece is as large as what gunicorn reads at once: smaller ones make it copy the rest again and again.
_PIECE, _SECONDS, _AT_ONCE = 1 << 20, 5.0, 4

Drain = Callable[[Mapping[str, Any], int], None]


def make_body_discarder() -> Drain:
    """A function that reads and forgets what is left of a request's body, up to some bytes and for a few seconds.

    Only a few bodies are read at one time: gunicorn holds some megabytes for each, and strangers may send many at once.
    """
    places = threading.BoundedSemaphore(_AT_ONCE)

    def drain(environ: Mapping[str, Any], most: int) -> None:
        until = time.monotonic() + _SECONDS
        if places.acquire(timeout=_SECONDS):
            try:
                _drain(environ, most, until)
            finally:
                places.release()

    return drain


def _drain(environ: Mapping[str, Any], most: int, until: float) -> None:
    stream, connection, got = environ["wsgi.input"], environ.get("gunicorn.socket"), 0
    before = connection.gettimeout() if connection is not None else None
    try:
        while got <= most and (left := until - time.monotonic()) > 0:
            if connection is not None:
                connection.settimeout(left)
            piece = stream.read(_PIECE)
            if not piece:
                return
            got += len(piece)
    except Exception:  # noqa: BLE001, S110 - the answer is sent; whatever a server raises at these bytes, they are lost
        pass
    finally:
        if connection is not None:
            connection.settimeout(before)
