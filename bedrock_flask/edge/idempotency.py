"""Requests with `Idempotency-Key`: the first one is served, and its answer is kept for those that repeat it.

Kept are answers, and refusals by Bedrock that would be the same again. What may be tried again (a throttle, an error of
a server, a refusal by the gateway itself) is not kept: the next request with the key is served as the first one was.
"""

import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from functools import partial

from bedrock_flask import headers
from bedrock_flask.dialect import Route
from bedrock_flask.edge.body import keep_body, read_body
from bedrock_flask.edge.connection import client_socket
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.form import find_boundary
from bedrock_flask.edge.rendering import render_error
from bedrock_flask.edge.response import Response
from bedrock_flask.edge.steps import list_unknown_fields
from bedrock_flask.errors import (
    AnswerNotKept,
    BedrockError,
    ContentFiltered,
    FieldError,
    GatewayError,
    IdempotencyKeyReused,
    IdempotencyUnavailable,
    InvalidBody,
    RequestInProgress,
)
from bedrock_flask.governance.replay_row import Answer, Claim, Holding, make_claim
from bedrock_flask.governance.replays import Replays

# Also what AWS takes as a token of its own.
MOST_KEY, KEY_PATTERN = 256, r"^[!-~]+$"
# Headers on which an answer may depend; an SDK sends others anew with each attempt.
_PREFIXES = ("anthropic-", "x-amzn-bedrock-", "x-bedrock-flask-")
_CONTENT_TYPE = "content-type"


def idempotent(route: Route) -> Callable[..., Response]:
    """The function that answers at a route; a request with an idempotency key is served once."""
    if route.method != "POST" or route.reads_idempotency_key:
        return route.respond

    def respond(exchange: Exchange, *labels: str, **named: str) -> Response:
        if exchange.header(headers.IDEMPOTENCY_KEY):
            return _respond_once(exchange, partial(route.respond, exchange, *labels, **named))
        response: Response = route.respond(exchange, *labels, **named)
        return response

    return respond


def read_idempotency_key(exchange: Exchange) -> str:
    """The idempotency key of a request, empty without one. Raises InvalidBody for one that cannot be one."""
    key = exchange.header(headers.IDEMPOTENCY_KEY)
    if key and not (len(key) <= MOST_KEY and re.search(KEY_PATTERN, key)):
        message = f"must have at most {MOST_KEY} characters, all of them visible ASCII"
        raise InvalidBody([FieldError(headers.IDEMPOTENCY_KEY, message)])
    return key


def find_canceller(exchange: Exchange) -> socket.socket | None:
    """The client whose leaving ends the request; None where its answer is kept for the client's return."""
    return None if exchange.has_claim else client_socket(exchange.environ)


def _respond_once(exchange: Exchange, respond: Callable[[], Response]) -> Response:
    replays = _find_replays(exchange)
    key = read_idempotency_key(exchange)
    data = read_body(exchange)
    keep_body(exchange, data)
    claim = make_claim(exchange.principal, key, _compute_fingerprint(exchange, data), exchange.request_id)
    holding = replays.claim(claim)
    if holding.token != claim.token:
        return _replay(exchange, claim, holding)
    exchange.has_claim = True
    if holding.lost:
        exchange.log_fields["lost_request"] = holding.lost
    try:
        response = respond()
    except GatewayError as error:
        if holding.lost:
            error.headers[headers.LOST_REQUEST] = holding.lost
        if not _is_final(error):
            replays.give_up(claim)
            raise
        response = render_error(exchange, error)
    except BaseException:
        replays.give_up(claim)
        raise
    if holding.lost:
        response.headers[headers.LOST_REQUEST] = holding.lost
    replays.keep(claim, _make_answer(exchange, response))
    return response


def _find_replays(exchange: Exchange) -> Replays:
    governance = exchange.state.governance
    if governance is None or governance.replays is None:
        raise IdempotencyUnavailable()
    return governance.replays


def _is_final(error: GatewayError) -> bool:
    """Whether Bedrock would refuse the same request again."""
    return isinstance(error, BedrockError | ContentFiltered) and error.status == 400 and not error.retryable


def _compute_fingerprint(exchange: Exchange, data: bytes) -> bytes:
    """A digest of the address, the headers that matter and the body; a form is sent with another boundary each time."""
    found = hashlib.sha256("\n".join(_list_parts(exchange)).encode("utf-8", "surrogateescape"))
    boundary = find_boundary(exchange)
    found.update(b"\n\n" + (data.replace(boundary, b"") if boundary else data))
    return found.digest()


def _list_parts(exchange: Exchange) -> Iterator[str]:
    yield exchange.path
    yield exchange.environ.get("QUERY_STRING", "")
    for prefix in _PREFIXES:
        yield from (f"{name}: {value}" for name, value in sorted(exchange.list_prefixed(prefix)))


def _replay(exchange: Exchange, claim: Claim, holding: Holding) -> Response:
    """The kept answer; raises an error if there is none, or if it is that of another request."""
    if holding.fingerprint != claim.fingerprint:
        raise IdempotencyKeyReused(holding.request_id)
    answer = holding.answer
    if answer is None:
        raise RequestInProgress(holding.request_id)
    if answer.body is None:
        raise AnswerNotKept(holding.request_id, answer.status)
    exchange.log_fields["replayed_request"] = holding.request_id
    kept = dict(answer.headers)
    marks = {headers.REPLAYED: "true", headers.REPLAYED_REQUEST: holding.request_id}
    return Response(answer.body, answer.status, kept.pop(_CONTENT_TYPE), {**kept, **marks})


def _make_answer(exchange: Exchange, response: Response) -> Answer:
    """What is kept of a response: the gateway adds what only the first one knows."""
    list_unknown_fields(exchange, response)
    kept = {**response.headers, _CONTENT_TYPE: response.content_type}
    if exchange.record.upstream_request_id:
        kept[headers.BEDROCK_REQUEST_ID] = exchange.record.upstream_request_id
    return Answer(response.status, kept, response.body if isinstance(response.body, bytes) else None)
