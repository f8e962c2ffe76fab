"""Who may call the addresses under `/_emulator/`: tests and people on this machine, and no web page of another site.

They need no key. A page may send a POST to any address without asking, and with a name of its own that resolves to
127.0.0.1 (DNS rebinding) it may read the answers too: its Origin and its Host give it away.
"""

import socket
from typing import Any

from flask import Response, jsonify, request

from bedrock_flask.config.hosts import is_loopback, read_host

PREFIX = "/_emulator/"


def refuse_strangers() -> tuple[Response, int] | None:
    """The refusal of a page of another site; None if the request may pass."""
    if not request.path.startswith(PREFIX):
        return None
    origin = request.headers.get("origin")
    if origin is not None and not is_loopback(read_host(origin)):
        return jsonify(message=f"{PREFIX} refuses pages of other sites (Origin)."), 403
    if _came_over_loopback(request.environ) and not is_loopback(read_host(f"//{request.host}")):
        return jsonify(message=f"{PREFIX} is served under localhost and loopback addresses only (Host)."), 403
    return None


def _came_over_loopback(environ: Any) -> bool:
    """Whether a loopback address was called; in a container the emulator is called by the name that it has there."""
    connection: socket.socket | None = environ.get("gunicorn.socket")
    return connection is None or (
        connection.family in (socket.AF_INET, socket.AF_INET6) and is_loopback(connection.getsockname()[0])
    )
