"""Calls that the gateway signs and sends itself; botocore finds only the credentials and the endpoint.

It costs a fifth of a call through botocore's client or less, and a read gives everything that has arrived. What goes
over the network is the same: `tests/transport/` runs over both.
"""

import logging
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings, max_concurrent_calls
from bedrock_flask.errors import (
    CredentialsError,
    GatewayError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from bedrock_flask.transport.reading import Reader, raise_if_expired
from bedrock_flask.transport.regions import cache_by_region
from bedrock_flask.transport.retry import make_handler
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.signed.credentials import Identity, make_credentials
from bedrock_flask.transport.signed.dial import ConnectTimedOut, Destination, dial
from bedrock_flask.transport.signed.endpoints import Endpoint, find_endpoint
from bedrock_flask.transport.signed.pool import Pool
from bedrock_flask.transport.signed.response import Response
from bedrock_flask.transport.signed.route import find_ca_file, find_proxy
from bedrock_flask.transport.signed.signing import sign

# A body of this size is sent without a copy of it behind the head.
_LARGE = 65_536
LOG = logging.getLogger("bedrock_flask.transport")

Answer = TypeVar("Answer", Reply, Stream)


@dataclass(frozen=True)
class Gate:
    """The way to one endpoint: what is written in front of a target, the header for a proxy, and open connections."""

    endpoint: Endpoint
    destination: Destination
    pool: Pool
    target_prefix: str
    proxy_header: str


def make_transport(settings: Settings, shutdown: Shutdown, service: str = RUNTIME) -> Handler:
    """The handler that calls Bedrock, until the process shuts down; `service` is the runtime or the control plane."""
    find_gate, forget_gates = cache_gates(settings)
    credentials = make_credentials(settings)

    def attempt(call: Call, read: Callable[[Reader], Answer], *, as_stream: bool) -> Answer:
        shutdown.check()
        gate = find_gate((call.surface.endpoint if call.surface else service, call.region))
        call.record.region = gate.endpoint.region
        identity = credentials.current(call.deadline, shutdown.check)
        try:
            pending = send(call, gate, identity, settings, shutdown)
            return read(Reader(pending, call, settings, shutdown, as_stream=as_stream))
        except GatewayError as error:
            if error.code == CredentialsError.code:
                credentials.forget(identity)
                forget_gates()
            raise

    return make_handler(attempt, settings, shutdown)


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


def send(call: Call, gate: Gate, identity: Identity, settings: Settings, shutdown: Shutdown) -> Response:
    """The response to a call that has been sent; every error is one of the gateway's."""
    try:
        request = write_request(call, gate, identity)
        channel = gate.pool.take() or dial(gate.destination, settings.connect_timeout, call.deadline)
        response = Response(channel, gate.pool.keep)
        try:
            with shutdown.interrupting(response.shutdown, call.deadline):
                response.send(request, time.monotonic() + min(settings.read_timeout, max(call.remaining(), 0.0)))
        except BaseException:
            response.close()
            raise
        return response
    except GatewayError:
        raise
    except Exception as error:  # noqa: BLE001 - what no row of the table names is an error too
        raise_if_expired(call, shutdown)
        # Its type only: the messages may quote a header, a token or an address with a password.
        LOG.warning("%s: %s", call.request_id, type(error).__name__)
        raise next(make() for kind, make in _ERRORS.items() if isinstance(error, kind)) from None


def write_request(call: Call, gate: Gate, identity: Identity) -> Sequence[bytes]:
    """Head and body of a call, in one piece unless the body is large; ValueError if a header would break the head."""
    target = gate.endpoint.base_path + call.target
    headers = sign(call.method, target, call.headers, call.body, gate.endpoint, identity, time.time())
    lines = "\r\n".join(map(": ".join, headers))
    if lines.count("\n") != len(headers) - 1 or lines.count("\r") != len(headers) - 1:
        raise ValueError("a header contains a line break")
    head = f"{call.method} {gate.target_prefix}{target} HTTP/1.1\r\n{gate.proxy_header}{lines}\r\n\r\n"
    written = head.encode("latin-1")
    return (written, call.body) if len(call.body) > _LARGE else (written + call.body,)


def _make_connect_timeout() -> UpstreamError:
    timed_out = UpstreamTimeout("The connection to Bedrock timed out.")
    timed_out.retryable = True
    return timed_out


# The errors of a connection, most specific first, and the gateway's error for each, as `transport/boto` has them.
_ERRORS: dict[type[Exception], Callable[[], UpstreamError]] = {
    ConnectTimedOut: _make_connect_timeout,
    TimeoutError: UpstreamTimeout,
    ssl.SSLError: lambda: UpstreamUnreachable("The TLS connection to Bedrock failed or is not trusted."),
    OSError: UpstreamUnreachable,
    Exception: UpstreamProtocolError,
}
