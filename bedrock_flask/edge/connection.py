"""The client's connection, if the WSGI server exposes it, as gunicorn does."""

import socket
from collections.abc import Mapping
from typing import Any


def client_socket(environ: Mapping[str, Any]) -> socket.socket | None:
    """The client's socket, or None under a WSGI server that does not expose it."""
    connection: socket.socket | None = environ.get("gunicorn.socket")
    return connection


def reads_unread_body(environ: Mapping[str, Any]) -> bool:
    """Whether the server itself reads the rest of a body, as our worker of threads does without occupying a thread."""
    connection: Any = client_socket(environ)
    return bool(getattr(connection, "lingers", False))


def announce_close(environ: Mapping[str, Any]) -> None:
    """Announce in the response that the connection closes, so that the client sends its next request on another."""
    connection: Any = client_socket(environ)
    if connection.request is not None:
        connection.request.force_close()
