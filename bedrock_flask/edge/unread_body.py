"""Let a client finish sending: closing a connection with unread bytes resets it, and the response is lost."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from bedrock_flask.edge.connection import client_socket

# A piece is as large as what gunicorn reads at once: smaller ones make it copy the rest again and again.
_PIECE, _SECONDS, _AT_ONCE = 1 << 20, 5.0, 4

DiscardBody = Callable[[Mapping[str, Any], int], None]


def make_body_discarder() -> DiscardBody:
    """Make a function that reads and discards the rest of a request's body, up to a number of bytes, for some seconds.

    Only a few bodies are read at a time: gunicorn holds some megabytes for each, and anybody may send many at once.
    """
    slots = threading.BoundedSemaphore(_AT_ONCE)

    def discard(environ: Mapping[str, Any], limit: int) -> None:
        until = time.monotonic() + _SECONDS
        if slots.acquire(timeout=_SECONDS):
            try:
                _discard(environ, limit, until)
            finally:
                slots.release()

    return discard


def _discard(environ: Mapping[str, Any], limit: int, until: float) -> None:
    stream, connection, got = environ["wsgi.input"], client_socket(environ), 0
    before = connection.gettimeout() if connection is not None else None
    try:
        while got <= limit and (left := until - time.monotonic()) > 0:
            if connection is not None:
                connection.settimeout(left)
            piece = stream.read(_PIECE)
            if not piece:
                return
            got += len(piece)
    except Exception:  # noqa: BLE001, S110 - the answer is sent; whatever error these bytes raise, they are discarded
        pass
    finally:
        if connection is not None:
            connection.settimeout(before)
