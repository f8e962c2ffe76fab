"""Authentication: the key that a request carries or is signed with; without keys, whether it came over loopback.

Nothing is read before a key is known, except the body that a signature covers: it is read when the headers are valid,
and in a slot of the concurrency limit (`signatures`).
"""

import re
import socket
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, request

from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.edge import signatures
from bedrock_flask.edge.connection import client_socket
from bedrock_flask.edge.context import SignatureClaim, request_context
from bedrock_flask.errors import CallerError, LoopbackOnly, Unauthenticated
from bedrock_flask.state import state_of

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
# Headers that a proxy adds: its connection comes from this machine, but its client may be on another.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


def with_authentication(app: Flask) -> Flask:
    """Only requests with a key of this gateway pass, except those of public views."""
    app.before_request(_authenticate)
    return app


def public(view: Any) -> Any:
    """Mark a view that needs no key, because it reveals and reads nothing."""
    view.is_public = True
    return view


def is_public(endpoint: str | None) -> bool:
    """Whether an endpoint needs no key."""
    return getattr(current_app.view_functions.get(endpoint or ""), "is_public", False)


def is_authenticated() -> bool:
    """Whether the caller of a public view may call the others too."""
    try:
        identity = _identify()
        if isinstance(identity, SignatureClaim):
            signatures.verify(identity)
    except CallerError:
        return False
    return True


def _authenticate() -> None:
    if is_public(request.endpoint):
        return
    identity = _identify()
    if isinstance(identity, SignatureClaim):
        request_context().signature_claim = identity
    else:
        request_context().key = identity


def _identify() -> str | SignatureClaim:
    """The key that came with the request, or that claims to have signed it; empty where there are no keys.

    An `Authorization` header of a kind that is read here decides alone: a valid `x-api-key` does not replace it.
    """
    keys = state_of(current_app).settings.api_keys
    if not keys:
        _reject_strangers()
        return ""
    header = request.headers.get("authorization", "")
    if signatures.is_signature(header):
        return signatures.read_claim()
    bearer = _BEARER.fullmatch(header)
    owner = keys.find_owner(bearer[1] if bearer else request.headers.get("x-api-key", ""))
    if owner is None:
        raise Unauthenticated()
    return owner


def _reject_strangers() -> None:
    """Without keys, refuse all but loopback connections, and of those proxies and pages of other sites."""
    if not _is_from_loopback():
        raise LoopbackOnly("Set BEDROCK_FLASK_API_KEYS=name:secret, or bind the gateway to 127.0.0.1.")
    if any(name in request.headers for name in _FORWARDED):
        raise LoopbackOnly("Without API keys the gateway refuses requests through a proxy. Set BEDROCK_FLASK_API_KEYS.")
    origin, allowed = request.headers.get("origin"), state_of(current_app).settings.cors_origins
    if origin is not None and origin not in allowed and not is_loopback(_parse_host(origin)):
        raise LoopbackOnly("Without API keys the gateway refuses pages of other sites. Set BEDROCK_FLASK_API_KEYS.")


def _parse_host(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def _is_from_loopback() -> bool:
    # WSGI does not give an app the address that it is bound to; gunicorn exposes the connection itself.
    connection = client_socket(request.environ)
    if connection is None:
        return is_loopback(request.environ.get("REMOTE_ADDR", ""))
    if connection.family == socket.AF_UNIX:
        return True
    return is_loopback(connection.getsockname()[0])
