"""The client's connection, if the WSGI server exposes it, as gunicorn does."""

import fcntl
import io
import socket
import sys
import termios
from collections.abc import Mapping
from typing import Any


def client_socket(environ: Mapping[str, Any]) -> socket.socket | None:
    """The client's socket, or None under a WSGI server that does not expose it."""
    connection: socket.socket | None = environ.get("gunicorn.socket")
    return connection


def has_arrived(environ: Mapping[str, Any]) -> bool:
    """Whether the whole body of a request is here already, so that reading it does not wait for the client."""
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH", "")
    if isinstance(stream, io.BytesIO):
        return True
    connection: Any = client_socket(environ)
    if connection is None or not length.isascii() or not length.isdigit():
        return False
    # gunicorn's reader holds what it has read together with the head; another stream has none.
    reader = getattr(getattr(stream, "reader", None), "unreader", None)
    held = len(reader.buf.getvalue()) if reader is not None else 0
    try:
        waiting = fcntl.ioctl(connection.fileno(), termios.FIONREAD, b"\0\0\0\0")
    except OSError:
        return False
    return held + len(getattr(connection, "buffered", b"")) + int.from_bytes(waiting, sys.byteorder) >= int(length)


def reads_unread_body(environ: Mapping[str, Any]) -> bool:
    """Whether the server itself reads the rest of a body, as our worker of threads does without occupying a thread."""
    connection: Any = client_socket(environ)
    return bool(getattr(connection, "lingers", False))


def announce_close(environ: Mapping[str, Any]) -> None:
    """Announce in the response that the connection closes, so that the client sends its next request on another."""
    connection: Any = client_socket(environ)
    if connection.request is not None:
        connection.request.force_close()
