"""A request that is translated for one model: prepared, made a call, and its whole answer made a response."""

from collections.abc import Callable, Collection
from typing import Any

from bedrock_flask.call import Call, Reply
from bedrock_flask.converse import Json, Request
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import InvalidBody
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.request import make_call, unsupported_policy
from bedrock_flask.pipeline.response import forwarded_headers, usage_headers
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation.request import PreparedRequest, build_bedrock_request


def prepare_body(
    exchange: Exchange, model: Model, body: Any, read_request: Callable[[Any], Request], hints: Collection[str] = ()
) -> PreparedRequest:
    """A body as the model takes it, through the canonical request that `read_request` makes of it.

    Raises InvalidBody with the places of this body for what the model cannot take.
    """
    policy = unsupported_policy(exchange, model)
    try:
        return build_bedrock_request(model, read_request(body), hints=hints, policy=policy)
    except InvalidBody:
        # Named by their places, which only a body with faults needs.
        return build_bedrock_request(model, read_request(mark_places(body)), hints=hints, policy=policy)


def make_prepared_call(exchange: Exchange, model: Model, prepared: PreparedRequest, *, stream: bool = False) -> Call:
    """The call of a prepared request."""
    return make_call(
        exchange,
        model,
        prepared.body,
        operation=prepared.operation,
        wire=prepared.wire,
        stream=stream,
        guarded_by=prepared.safeguards,
    )


def make_whole_response(exchange: Exchange, reply: Reply, document: Json) -> Response:
    """The response that a reply of Bedrock's became, with its usage and Bedrock's headers."""
    response = make_json_response(document)
    response.headers |= {**usage_headers(exchange.record), **forwarded_headers(reply.headers)}
    return response
