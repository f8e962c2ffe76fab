"""Authentication: whose key came with a request, or whose key signed it; without keys, whether it came over loopback.

Nothing is read or named before a key is known, but for the body that a signature covers: it is read once all that the
headers tell holds, and in the place that admission gives.
"""

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request

from bedrock_flask import edge
from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.errors import CallerError, InvalidSignature, LoopbackOnly, Unauthenticated
from bedrock_flask.protocol import sigv4
from bedrock_flask.state import state_of

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
_OF_MANTLE = ("/anthropic/", "/openai/")
_SIGNED = re.compile(r"aws4-", re.IGNORECASE)
# What a proxy adds: its connection comes from this machine, and whoever it speaks for does not.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")

# AWS's name and status of each fault. Source: AWS user guide, common errors.
_NAMES: Mapping[type[sigv4.BadSignature], tuple[str, int]] = MappingProxyType(
    {
        sigv4.Incomplete: ("IncompleteSignature", 400),
        sigv4.UnknownKey: ("UnrecognizedClientException", 403),
        sigv4.Mismatch: ("InvalidSignatureException", 403),
    }
)


@dataclass(frozen=True)
class _Claim:
    """The key that a request says it was signed with; nothing of it is proven."""

    key: str
    made: sigv4.Claim


def with_authentication(app: Flask) -> Flask:
    """Nobody passes without a key of this gateway, save to what is open to all."""
    app.before_request(_authenticate)
    return app


def with_signatures(app: Flask) -> Flask:
    """Nobody passes by a signature that is not that of the whole request; stands where the body may be read."""
    app.before_request(_verify)
    return app


def public(view: Any) -> Any:
    """Mark a view that needs no key: it names nothing and reads nothing."""
    view.open_to_all = True
    return view


def is_public(endpoint: str | None) -> bool:
    """Whether an endpoint needs no key."""
    return getattr(current_app.view_functions.get(endpoint or ""), "open_to_all", False)


def is_authenticated() -> bool:
    """Whether a view that is open to all was asked by somebody whom the other views would serve."""
    try:
        found = _identified()
        if isinstance(found, _Claim):
            _prove(found)
    except CallerError:
        return False
    return True


def _authenticate() -> None:
    if is_public(request.endpoint):
        return
    found = _identified()
    if isinstance(found, _Claim):
        g.claim = found
    else:
        g.key = found


def _verify() -> None:
    if "claim" in g:
        _prove(g.claim)
        g.key = g.claim.key


def _identified() -> str | _Claim:
    """The key that came with the request, or is said to have signed it; empty where there are no keys.

    An `Authorization` header of a kind that is read here decides alone: what it gets wrong, `x-api-key` does not mend.
    """
    keys = state_of(current_app).settings.api_keys
    if not keys:
        _refuse_strangers()
        return ""
    header = request.headers.get("authorization", "")
    if _SIGNED.match(header):
        return _claimed()
    bearer = _BEARER.fullmatch(header)
    owner = keys.owner(bearer[1] if bearer else request.headers.get("x-api-key", ""))
    if owner is None:
        raise Unauthenticated()
    return owner


def _claimed() -> _Claim:
    """Whose key a signed request names, with all that can be refused before its body is read."""
    settings = state_of(current_app).settings
    if not settings.signing_secret:
        raise InvalidSignature(
            "This gateway takes no signed requests: it has no BEDROCK_FLASK_SIGNING_SECRET.", *_NAMES[sigv4.UnknownKey]
        )
    if "x-amz-security-token" in request.headers:
        raise InvalidSignature(
            "This gateway takes no session token (x-amz-security-token): sign with a key pair of its own, and without "
            "AWS_SESSION_TOKEN.",
            *_NAMES[sigv4.UnknownKey],
        )
    with _refusing():
        headers = sigv4.received(request.environ, request.headers).headers
        made = sigv4.claimed(headers, datetime.now(UTC), _service())
        key = settings.api_keys.named(made.authorization.key_id)
        if key is None:
            raise sigv4.UnknownKey
        return _Claim(key, made)


def _service() -> str:
    """The service that a client of this address signs for: AWS's own endpoint for others' APIs is another service."""
    return "bedrock-mantle" if request.path.startswith(_OF_MANTLE) else "bedrock"


def _prove(claim: _Claim) -> None:
    settings = state_of(current_app).settings
    data = edge.read_body()
    with _refusing():
        secret = settings.api_keys.aws_secret(claim.key, settings.signing_secret)
        sigv4.prove(claim.made, sigv4.received(request.environ, request.headers, data), secret)
    edge.keep_body(data)


@contextmanager
def _refusing() -> Iterator[None]:
    """What is wrong with a signature as a refusal in AWS's words."""
    try:
        yield
    except sigv4.BadSignature as fault:
        raise InvalidSignature(str(fault), *_NAMES[type(fault)]) from None


def _refuse_strangers() -> None:
    """Without keys, only what arrived on a loopback address is served, but no proxy and no page of another site."""
    if not _arrived_on_loopback():
        raise LoopbackOnly("Set BEDROCK_FLASK_API_KEYS=name:secret, or bind the gateway to 127.0.0.1.")
    if any(name in request.headers for name in _FORWARDED):
        raise LoopbackOnly("A proxy may not call a gateway without keys for others. Set BEDROCK_FLASK_API_KEYS.")
    origin, named = request.headers.get("origin"), state_of(current_app).settings.cors_origins
    if origin is not None and origin not in named and not is_loopback(_host(origin)):
        raise LoopbackOnly("A page of another site may not call a gateway without keys. Set BEDROCK_FLASK_API_KEYS.")


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def _arrived_on_loopback() -> bool:
    # A WSGI app is not told the address it is bound to; gunicorn hands on the connection itself.
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return is_loopback(request.environ.get("REMOTE_ADDR", ""))
    if connection.family == socket.AF_UNIX:
        return True
    return is_loopback(connection.getsockname()[0])
