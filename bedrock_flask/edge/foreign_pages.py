"""Addresses for people and programs of this machine: a web page of another site gives itself away.

A page may send a POST to any address without asking, and with a name of its own that resolves to 127.0.0.1 (DNS
rebinding) it may read the answers too: its Origin and its Host are not this machine's.
"""

import socket
from collections.abc import Mapping
from typing import Any

from bedrock_flask.config.hosts import is_loopback, read_host


def find_foreign_header(environ: Mapping[str, Any]) -> str:
    """`Origin` or `Host`, by which a request is known for a page of another site; empty for any other request."""
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and not is_loopback(read_host(origin)):
        return "Origin"
    host = environ.get("HTTP_HOST")
    is_foreign = host is not None and not is_loopback(read_host(f"//{host}"))
    return "Host" if is_foreign and _came_over_loopback(environ) else ""


def _came_over_loopback(environ: Mapping[str, Any]) -> bool:
    """Whether a loopback address was called; in a container a server is called by the name that it has there."""
    connection: socket.socket | None = environ.get("gunicorn.socket")
    return connection is None or (
        connection.family in (socket.AF_INET, socket.AF_INET6) and is_loopback(connection.getsockname()[0])
    )
