"""Authentication: the key that a request carries or is signed with; without keys, whether it came over loopback.

Nothing is read before a key is known, except the body that a signature covers: it is read when the headers are valid,
and in a slot of the concurrency limit (`signatures`).
"""

import re
import socket

from bedrock_flask.config.hosts import is_loopback, read_host
from bedrock_flask.config.settings import has_keys
from bedrock_flask.edge import signatures
from bedrock_flask.edge.connection import client_socket
from bedrock_flask.edge.exchange import Exchange, SignatureClaim
from bedrock_flask.edge.host import read_host_name
from bedrock_flask.edge.networks import reject_elsewhere
from bedrock_flask.errors import CallerError, LoopbackOnly, StoreUnavailable, Unauthenticated
from bedrock_flask.governance.principal import Principal, find_static_principal

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
# Headers that a proxy adds: its connection comes from this machine, but its client may be on another.
_FORWARDED = ("forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip")
_FORWARDED_PREFIXES = ("x-forwarded-", "x-envoy-")


def authenticate(exchange: Exchange) -> None:
    """Let only requests with a key of this gateway pass, except those of public addresses."""
    if exchange.is_public:
        return
    identity = _identify(exchange)
    if isinstance(identity, SignatureClaim):
        exchange.signature_claim = identity
    else:
        exchange.principal = identity


def is_authenticated(exchange: Exchange) -> bool:
    """Whether the caller of a public address may call the others too."""
    try:
        identity = _identify(exchange)
        if isinstance(identity, SignatureClaim):
            signatures.verify(exchange, identity)
            identity = identity.principal
        reject_elsewhere(exchange, identity)
    except (CallerError, StoreUnavailable):
        return False
    return True


def _identify(exchange: Exchange) -> Principal | SignatureClaim:
    """The caller whose key came with the request, or who claims to have signed it; nobody where there are no keys.

    An `Authorization` header of a kind that is read here decides alone: a valid `x-api-key` does not replace it.
    """
    if not has_keys(exchange.settings):
        _reject_strangers(exchange)
        return find_static_principal("", exchange.settings.limits)
    header = exchange.header("authorization")
    if signatures.is_signature(header):
        return signatures.read_claim(exchange)
    bearer = _BEARER.fullmatch(header)
    principal = _find_principal(exchange, bearer[1] if bearer else exchange.header("x-api-key"))
    if principal is None:
        raise Unauthenticated()
    return principal


def _find_principal(exchange: Exchange, presented: str) -> Principal | None:
    """The caller with this key: a static one, or one of the database; or with this token of an issuer."""
    owner = exchange.settings.api_keys.find_owner(presented)
    if owner is not None:
        return find_static_principal(owner, exchange.settings.limits)
    governance = exchange.state.governance
    return governance.find_caller(presented) if governance else None


def _reject_strangers(exchange: Exchange) -> None:
    """Without keys, refuse all but loopback connections, and of those proxies and pages of other sites.

    A page whose name was made to lead to this machine (DNS rebinding) is known by its name in `Host`.
    """
    if not _is_from_loopback(exchange):
        raise LoopbackOnly("Set BEDROCK_FLASK_API_KEYS=name:secret, or bind the gateway to 127.0.0.1.")
    if _has_passed_a_proxy(exchange):
        raise LoopbackOnly("Without API keys the gateway refuses requests through a proxy. Set BEDROCK_FLASK_API_KEYS.")
    host = exchange.header("host")
    if host and not _is_from_socket(exchange) and not is_loopback(read_host_name(host)):
        raise LoopbackOnly(
            "Without API keys the gateway is called by a name of this machine, such as localhost, not by the one in "
            "the header Host. Set BEDROCK_FLASK_API_KEYS."
        )
    if not exchange.has_header("origin"):
        return
    origin = exchange.header("origin")
    if origin not in exchange.settings.cors_origins and not is_loopback(read_host(origin)):
        raise LoopbackOnly("Without API keys the gateway refuses pages of other sites. Set BEDROCK_FLASK_API_KEYS.")


def _has_passed_a_proxy(exchange: Exchange) -> bool:
    return any(exchange.has_header(name) for name in _FORWARDED) or any(
        header for prefix in _FORWARDED_PREFIXES for header in exchange.list_prefixed(prefix)
    )


def _is_from_socket(exchange: Exchange) -> bool:
    """Whether the client has opened a socket in the file system, which no page can."""
    connection = client_socket(exchange.environ)
    return connection is not None and connection.family == socket.AF_UNIX


def _is_from_loopback(exchange: Exchange) -> bool:
    # WSGI does not give an app the address that it is bound to; gunicorn exposes the connection itself.
    connection = client_socket(exchange.environ)
    if connection is None:
        return is_loopback(exchange.environ.get("REMOTE_ADDR", ""))
    return _is_from_socket(exchange) or is_loopback(connection.getsockname()[0])
