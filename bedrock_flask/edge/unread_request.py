"""A request that the server could not read as HTTP: it never becomes a WSGI call, and is answered like all others."""

import re
from typing import Any

from flask import Flask

from bedrock_flask.edge.access_log import log_on_close
from bedrock_flask.edge.exchange import begin_exchange
from bedrock_flask.edge.rendering import render_error
from bedrock_flask.edge.statuses import format_status
from bedrock_flask.edge.steps import add_headers
from bedrock_flask.errors import UnreadableRequest
from bedrock_flask.state import State, state_of, with_state

_FIRST_LINE = re.compile(rb"([A-Z]{1,20}) (/[!-~]{0,1000})?")
_HEADER = re.compile(rb"^([A-Za-z0-9-]{1,100}): *([!-~][ -~]{0,1000})\r$", re.MULTILINE)
# What is read of a request at most, to find out who calls what.
_MOST = 16_384


def with_unread_requests(app: Flask) -> Flask:
    """The function by which the server answers what it cannot read."""
    return with_state(app, answer_unread=lambda *refused: answer_unread(state_of(app), *refused))


def answer_unread(state: State, received: bytes, status: int, detail: str) -> bytes:
    """The whole response, in the words of the dialect that the request seems to be for; it is logged too.

    `received` is the beginning of the request, as far as it is known.
    """
    exchange = begin_exchange(_guess_environ(received[:_MOST], state.settings.base_path), state)
    response = render_error(exchange, UnreadableRequest(detail[:300], status))
    add_headers(exchange, response)
    log_on_close(exchange, response)
    for function in response.on_close:
        function()
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    headers = {
        "connection": "close",
        "content-type": response.content_type,
        "content-length": str(len(body)),
        **response.headers,
    }
    lines = [
        f"HTTP/1.1 {format_status(response.status)}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1", "replace") + body


def _guess_environ(received: bytes, base: str) -> dict[str, Any]:
    """What can be known of the request: good enough for the form of an error, and nothing else."""
    received = received.partition(b"\r\n\r\n")[0] + b"\r\n"
    line = _FIRST_LINE.match(received)
    path = (line[2] or b"/").decode().partition("?")[0] if line else "/"
    headers = {
        f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, value in _HEADER.findall(received)
    }
    return {
        "REQUEST_METHOD": line[1].decode() if line else "",
        "PATH_INFO": path.removeprefix(base) or "/",
        **headers,
    }
