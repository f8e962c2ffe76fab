"""Calls that the gateway signs and sends itself; botocore finds only the credentials and the endpoint.

It costs a fifth of a call through botocore's client or less, and a read gives everything that has arrived. What goes
over the network is the same: `tests/transport/` runs over both.
"""

import logging
import ssl
import time
from collections.abc import Callable
from typing import TypeVar

from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import (
    CredentialsError,
    GatewayError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from bedrock_flask.transport.reading import Reader, raise_if_expired
from bedrock_flask.transport.retry import make_handler
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.signed.assumed_roles import cache_sessions
from bedrock_flask.transport.signed.credentials import Identity, make_credentials
from bedrock_flask.transport.signed.dial import ConnectTimedOut, dial
from bedrock_flask.transport.signed.gate import Gate, cache_gates, write_request
from bedrock_flask.transport.signed.response import Response

LOG = logging.getLogger("bedrock_flask.transport")

Answer = TypeVar("Answer", Reply, Stream)


def make_transport(settings: Settings, shutdown: Shutdown, service: str = RUNTIME) -> Handler:
    """The handler that calls Bedrock, until the process shuts down; `service` is the runtime or the control plane."""
    find_gate, forget_gates = cache_gates(settings)
    credentials = make_credentials(settings)
    find_session = cache_sessions(settings, credentials, find_gate)

    def attempt(call: Call, read: Callable[[Reader], Answer], *, as_stream: bool) -> Answer:
        shutdown.check()
        gate = find_gate((call.surface.endpoint if call.surface else service, call.region))
        call.record.region = gate.endpoint.region
        session = call.principal.session
        caller = find_session(session) if session else credentials
        identity = caller.current(call.deadline, shutdown.check)
        try:
            pending = send(call, gate, identity, settings, shutdown)
            return read(Reader(pending, call, settings, shutdown, as_stream=as_stream))
        except GatewayError as error:
            if error.code == CredentialsError.code:
                caller.forget(identity)
                forget_gates()
            raise

    return make_handler(attempt, settings, shutdown)


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
