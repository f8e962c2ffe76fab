"""The `Host` of a request: the name under which its client knows the gateway."""

import re

from bedrock_flask.config.hosts import read_host
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import UnreadableRequest

# A name or an address, with or without a port; nothing that could be read as another part of a URL.
_HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+;=:\[\]-]*")


def check_host(exchange: Exchange) -> None:
    """Refuse HTTP/1.1 without a `Host`, and a `Host` that is none (RFC 9112, 3.2)."""
    host: str | None = exchange.environ.get("HTTP_HOST")
    if host is None and exchange.environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        raise UnreadableRequest("A request of HTTP/1.1 has the header Host.")
    if host and not _HOST.fullmatch(host):
        raise UnreadableRequest("The header Host is not a host.")


def read_host_name(authority: str) -> str:
    """The name or address in a `Host` header; empty if there is none."""
    return read_host(f"//{authority}").removesuffix(".")
