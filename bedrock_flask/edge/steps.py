"""What every request passes on its way in and out, whatever it asks for and whichever door it came through."""

from collections.abc import Callable
from urllib.parse import quote

from bedrock_flask import headers
from bedrock_flask.edge import connection
from bedrock_flask.edge.access_log import log_on_close
from bedrock_flask.edge.authentication import authenticate
from bedrock_flask.edge.concurrency import release_slot_on_close, take_slot, take_slot_when_proven
from bedrock_flask.edge.cors import vary_by_origin
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.host import check_host
from bedrock_flask.edge.limit_headers import add_limit_headers
from bedrock_flask.edge.networks import check_network
from bedrock_flask.edge.response import Response
from bedrock_flask.edge.signatures import verify_signature

# Unknown fields that a header lists, and its length.
_MAX_LISTED, _MAX_HEADER = 20, 2000


def add_headers(exchange: Exchange, response: Response) -> None:
    """Name the request, and the one to Bedrock."""
    response.headers |= dict.fromkeys(headers.REQUEST_ID, exchange.request_id)
    if exchange.record.upstream_request_id:
        response.headers[headers.BEDROCK_REQUEST_ID] = exchange.record.upstream_request_id
    response.headers["x-content-type-options"] = "nosniff"


def list_unknown_fields(exchange: Exchange, response: Response) -> None:
    """List what the schema of the body does not know, so that a refusal by Bedrock can be understood too."""
    if exchange.unknown_fields:
        listed = quote(", ".join(exchange.unknown_fields[:_MAX_LISTED]), safe="[], -_.")
        response.headers[headers.UNKNOWN_FIELDS] = listed[:_MAX_HEADER]


def discard_unread_body(exchange: Exchange, response: Response) -> None:
    """Let a client that is still sending its body read the response."""
    environ, state = exchange.environ, exchange.state
    if connection.reads_unread_body(environ):
        if exchange.has_unread_body:
            connection.announce_close(environ)
    elif response.status >= 400:
        response.on_close.append(lambda: state.discard_body(environ, state.settings.max_body_bytes))


# On the way in, before the dialect: a later step may rely on the earlier ones, and any may raise a GatewayError. A body
# is read only in a slot, and only for a known key: a signature covers the body.
STEPS_IN: tuple[Callable[[Exchange], None], ...] = (
    check_host,
    authenticate,
    take_slot,
    verify_signature,
    take_slot_when_proven,
    # A signed request has a caller when it is proven.
    check_network,
)
# On the way out, of an error too. What is done when the last byte is sent is done in this order.
STEPS_OUT: tuple[Callable[[Exchange, Response], None], ...] = (
    release_slot_on_close,
    vary_by_origin,
    add_headers,
    add_limit_headers,
    list_unknown_fields,
    log_on_close,
    discard_unread_body,
)


def enter(exchange: Exchange) -> None:
    """Pass every step on the way in, or raise the GatewayError of the first that refuses."""
    for step in STEPS_IN:
        step(exchange)


def leave(exchange: Exchange, response: Response) -> Response:
    """The response after every step on the way out."""
    for step in STEPS_OUT:
        step(exchange, response)
    return response
