"""boto3 as a byte pipe: it signs, connects and pools, and changes none of the bytes that go up and come down.

Every call uses InvokeModel, the one operation whose body botocore neither builds nor parses, with its method and
address changed to those of the operation that is called. With other operations botocore raises on content blocks that
it does not know, drops unknown members of a reply, and lets eight kinds of cut answer pass.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import boto3
import botocore.exceptions as boto
from botocore.config import Config
from botocore.credentials import Credentials as RequestCredentials

from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings, max_concurrent_calls
from bedrock_flask.errors import (
    CredentialsError,
    DeadlineExceeded,
    GatewayError,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from bedrock_flask.transport.boto.deferred import DeferredResponse, defer_responses
from bedrock_flask.transport.keep_alive import PROBE_OPTIONS
from bedrock_flask.transport.reading import Reader, raise_if_expired
from bedrock_flask.transport.regions import cache_by_region, resolve_region
from bedrock_flask.transport.retry import make_handler
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.signed.assumed_roles import cache_sessions
from bedrock_flask.transport.signed.credentials import Credentials, Frozen, make_credentials
from bedrock_flask.transport.signed.gate import cache_gates

LOG = logging.getLogger("bedrock_flask.transport")

# The call that is made, and the keys of the role session that it is signed with; None for the gateway's own.
_CALL: ContextVar[tuple[Call, Frozen | None]] = ContextVar("call")

Clients = Callable[[str], Any]
Answer = TypeVar("Answer", Reply, Stream)


def make_transport(settings: Settings, shutdown: Shutdown) -> Handler:
    """The handler that calls Bedrock, until the process shuts down."""
    clients, forget = cache_clients(settings)
    find_session = cache_sessions(settings, make_credentials(settings), cache_gates(settings)[0])

    def attempt(call: Call, read: Callable[[Reader], Answer], *, as_stream: bool) -> Answer:
        shutdown.check()
        session = find_session(call.principal.session) if call.principal.session else None
        keys = _find_keys(session, call, shutdown) if session else None
        try:
            with _map_errors(call, shutdown):
                client = clients(call.region or settings.region)
                call.record.region = client.meta.region_name
                pending = _send(client, call, keys)
                return read(Reader(pending, call, settings, shutdown, as_stream=as_stream))
        except GatewayError as error:
            # Credentials are read when a client is created: only the next one sees what was renewed since.
            if error.code == CredentialsError.code:
                forget()
                if session and keys:
                    session.forget(keys)
            raise

    return make_handler(attempt, settings, shutdown)


def _find_keys(session: Credentials, call: Call, shutdown: Shutdown) -> Frozen:
    """The keys of a role session, which are never a bearer token."""
    keys = session.current(call.deadline, shutdown.check)
    assert isinstance(keys, Frozen)  # noqa: S101 - what `cache_sessions` makes gives keys
    return keys


def cache_clients(settings: Settings) -> tuple[Clients, Callable[[], None]]:
    """A function from a region to its one client in this process, and a function that clears the cache.

    Creating a client is slow and not thread-safe, using one is both fast and thread-safe.
    """

    def make(process_and_region: tuple[int, str]) -> Any:
        return defer_responses(make_client(settings, process_and_region[1]))

    find, clear = cache_by_region(make)
    return lambda region: find((os.getpid(), region)), clear


def make_client(settings: Settings, region: str) -> Any:
    """Create a bedrock-runtime client whose connection pool is as large as the gateway's concurrency."""
    config = Config(
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=max(settings.threads, max_concurrent_calls(settings)),
        tcp_keepalive=True,
        parameter_validation=False,
    )
    client = boto3.session.Session(region_name=resolve_region(region) or None).client("bedrock-runtime", config=config)
    # No setting of botocore reaches these; tests/transport/boto/test_client.py sees them on the socket.
    client._endpoint.http_session._socket_options.extend(PROBE_OPTIONS)
    client.meta.events.register("before-call.bedrock-runtime.InvokeModel", _redirect)
    return client


def _redirect(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Change InvokeModel's request to the operation that is called."""
    call, keys = _CALL.get()
    # The id in the path is encoded, so this is the last slash before it.
    endpoint, _, _ = params["url"].rpartition("/model/")
    params["method"], params["url"] = call.method, endpoint + call.target
    headers = params["headers"]
    headers.pop("Content-Type", None)
    # Of a name in two cases botocore signs both values and sends one.
    if call.method != "GET" and not any(name.lower() == "content-type" for name in call.headers):
        headers["Content-Type"] = "application/json"
    headers.update(call.headers)
    if keys:
        signed_with = RequestCredentials(keys.access_key, keys.secret_key, keys.token)
        context["signing"] = {**context.get("signing", {}), "request_credentials": signed_with}
    context["read_timeout"] = min(context["client_config"].read_timeout, max(call.remaining(), 0.001))


def _send(client: Any, call: Call, keys: Frozen | None = None) -> DeferredResponse:
    token = _CALL.set((call, keys))
    try:
        # An operation that is on no model has another address, in which this one does not appear.
        response = client.invoke_model(modelId=call.model or "none", body=call.body)
    finally:
        _CALL.reset(token)
    deferred: DeferredResponse = response["body"]._raw_stream
    return deferred


@contextmanager
def _map_errors(call: Call, shutdown: Shutdown) -> Iterator[None]:
    """Turn any error of botocore into one of the gateway's."""
    try:
        yield
    except tuple(_ERRORS) as error:
        raise_if_expired(call, shutdown)
        make = next(make for kind, make in _ERRORS.items() if isinstance(error, kind))
        # Its type only: the messages may quote a header, a token or an address with a password.
        LOG.warning("%s: %s", call.request_id, type(error).__name__)
        raise make(call) from None
    except GatewayError:
        raise
    except Exception as error:  # noqa: BLE001 - any error that botocore and urllib3 do not document
        raise_if_expired(call, shutdown)
        LOG.warning("%s: %s", call.request_id, type(error).__name__)
        raise UpstreamProtocolError() from None


def _make_read_timeout(call: Call) -> GatewayError:
    return DeadlineExceeded() if call.remaining() <= 0 else UpstreamTimeout()


def _make_connect_timeout(call: Call) -> GatewayError:
    timed_out = UpstreamTimeout("The connection to Bedrock timed out.")
    timed_out.retryable = True
    return timed_out


# The errors of botocore, most specific first, and the gateway's error for each. Callers do not see botocore's text: it
# names endpoints, profiles and paths. The last row is about the gateway's own AWS settings.
_ERRORS: dict[type[Exception], Callable[[Call], GatewayError]] = {
    boto.ReadTimeoutError: _make_read_timeout,
    boto.ConnectTimeoutError: _make_connect_timeout,
    boto.SSLError: lambda call: UpstreamUnreachable("The TLS connection to Bedrock failed or is not trusted."),
    boto.ConnectionClosedError: lambda call: UpstreamUnreachable(),
    boto.HTTPClientError: lambda call: UpstreamProtocolError(),
    boto.ConnectionError: lambda call: UpstreamUnreachable(),
    boto.NoRegionError: lambda call: CredentialsError("The gateway has no AWS region: set AWS_REGION."),
    boto.BotoCoreError: lambda call: CredentialsError(),
}
