"""The way to one endpoint of AWS, and what is written on it."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bedrock_flask.call import Call
from bedrock_flask.config.settings import Settings, max_concurrent_calls
from bedrock_flask.errors import UpstreamUnreachable
from bedrock_flask.protocol.sigv4 import Request
from bedrock_flask.transport.regions import cache_by_region
from bedrock_flask.transport.signed.credentials import Identity
from bedrock_flask.transport.signed.dial import Destination
from bedrock_flask.transport.signed.endpoints import Endpoint, find_endpoint
from bedrock_flask.transport.signed.pool import Pool
from bedrock_flask.transport.signed.route import find_ca_file, find_proxy
from bedrock_flask.transport.signed.signing import sign

# A body of this size is sent without a copy of it behind the head.
_LARGE = 65_536
LOG = logging.getLogger("bedrock_flask.transport")


@dataclass(frozen=True)
class Gate:
    """The way to one endpoint: what is written in front of a target, the header for a proxy, and open connections."""

    endpoint: Endpoint
    destination: Destination
    pool: Pool
    target_prefix: str
    proxy_header: str


def cache_gates(settings: Settings) -> tuple[Callable[[tuple[str, str]], Gate], Callable[[], None]]:
    """A function from an endpoint and a region ("" for the configured one) to its gate, and one that clears the cache.

    The connections of a gate that leaves the cache are closed. With a new one everything is read again: the
    configuration of the endpoint, proxies and certificates.
    """

    def make(place: tuple[str, str]) -> Gate:
        service, region = place
        return make_gate(find_endpoint(settings, region, service), settings)

    return cache_by_region(make, lambda gate: gate.pool.close())


def make_gate(endpoint: Endpoint, settings: Settings) -> Gate:
    """The way to an endpoint, by the environment as it is now."""
    try:
        proxy = find_proxy(endpoint.url)
    except ValueError:
        LOG.warning("the URL of the proxy cannot be read")
        raise UpstreamUnreachable() from None
    ca_file = find_ca_file(endpoint.ca_bundle) if "https" in (endpoint.scheme, proxy and proxy.scheme) else ""
    is_forwarded = proxy is not None and endpoint.scheme == "http"
    return Gate(
        endpoint,
        Destination(endpoint.scheme, endpoint.host, endpoint.port, proxy, ca_file),
        Pool(max(settings.threads, max_concurrent_calls(settings))),
        f"http://{endpoint.authority}" if is_forwarded else "",
        f"Proxy-Authorization: {proxy.authorization}\r\n" if is_forwarded and proxy and proxy.authorization else "",
    )


def write_request(request: Call | Request, gate: Gate, identity: Identity) -> Sequence[bytes]:
    """Head and body of a request, in one piece unless the body is large; ValueError for what would break the head."""
    target = gate.endpoint.base_path + request.target
    headers = sign(request.method, target, request.headers, request.body, gate.endpoint, identity, time.time())
    lines = "\r\n".join(map(": ".join, headers))
    if lines.count("\n") != len(headers) - 1 or lines.count("\r") != len(headers) - 1:
        raise ValueError("a header contains a line break")
    head = f"{request.method} {gate.target_prefix}{target} HTTP/1.1\r\n{gate.proxy_header}{lines}\r\n\r\n"
    written = head.encode("latin-1")
    return (written, request.body) if len(request.body) > _LARGE else (written + request.body,)
