"""The connection that a request came by, as far as the WSGI server lends it: gunicorn does."""

import socket
from collections.abc import Mapping
from typing import Any


def client_socket(environ: Mapping[str, Any]) -> socket.socket | None:
    """The client's socket, or None under a WSGI server that does not lend it."""
    connection: socket.socket | None = environ.get("gunicorn.socket")
    return connection


def reads_unread_body(environ: Mapping[str, Any]) -> bool:
    """Whether the server itself reads what is left of a body, as our worker of threads does without holding one."""
    connection: Any = client_socket(environ)
    return bool(getattr(connection, "lingers", False))


def announce_close(environ: Mapping[str, Any]) -> None:
    """Have the answer say that its connection closes: a client must not send its next request on this one."""
    connection: Any = client_socket(environ)
    if connection.request is not None:
        connection.request.force_close()
