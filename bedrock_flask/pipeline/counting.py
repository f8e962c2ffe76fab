"""The tokens of a request, as Bedrock counts them; where it counts nothing an estimate, if the caller asks for one."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bedrock_flask import headers
from bedrock_flask.bedrock.model_ids import is_application_profile
from bedrock_flask.bedrock.surfaces import COUNTERS, COUNTS, SURFACES
from bedrock_flask.call import Reply
from bedrock_flask.converse import Request
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.errors import BedrockError, CallerError, NotConversable
from bedrock_flask.models.resolver import Model
from bedrock_flask.models.surfaces import Way
from bedrock_flask.pipeline.request import make_call, send
from bedrock_flask.pipeline.response import add_gateway_headers
from bedrock_flask.translation.estimate_tokens import estimate_tokens
from bedrock_flask.translation.request import PreparedRequest
from bedrock_flask.wires.completeness import COUNT_MESSAGES

EXACT, ESTIMATE = "exact", "estimate"
# What CountTokens takes of a Converse request. Source: AWS API reference, ConverseTokensRequest.
_COUNTED = frozenset({"messages", "system", "toolConfig", "additionalModelRequestFields"})
# Bedrock's words for a model that it does not count for. Source: quoted in maximhq/bifrost#2169 and other reports.
_UNCOUNTED = "counting tokens"
_REMEDY = f"Send the header '{headers.COUNT}: {ESTIMATE}' for an estimate."


@dataclass(frozen=True)
class TokenCount:
    """The tokens, and Bedrock's reply; an estimate has none."""

    tokens: int
    reply: Reply | None = None


def find_counter(exchange: Exchange, model: Model) -> str:
    """The surface that counts the tokens of Claude's own body for a model that CountTokens does not count; or empty.

    Source: AWS user guide, "Count tokens": models that are called through profiles only.
    """
    enabled = exchange.settings.surfaces
    counters = (f"{name}{COUNTS}" for name in model.capabilities.surfaces if not enabled or name in enabled)
    found = () if model.capabilities.counts_tokens else counters
    return next((name for name in found if name in COUNTERS), "")


def serve_by_counter(model: Model, counter: str) -> Model:
    """The model as the surface has it whose bodies this counter counts."""
    surface = SURFACES[counter.removesuffix(COUNTS)]
    return model.serve_by(Way(surface.name, surface.name, surface.wire))


def count_tokens(
    exchange: Exchange,
    model: Model,
    payload: bytes | None,
    read: Callable[[], Request],
    *,
    explains: bool = True,
    counter: str = "",
) -> TokenCount:
    """Send a body of CountTokens, or without one estimate what `read` gives, a Converse request.

    With `counter` the body is Claude's own, and is sent to this surface. Raises NotConversable or Bedrock's refusal
    where nothing is counted and the caller wants no estimate; with `explains` the refusal names the model and the
    remedy.
    """
    may_estimate = _choose_mode(exchange) == ESTIMATE
    if payload is None:
        if not may_estimate:
            raise NotConversable(f"Bedrock does not count tokens for '{model.name}'. {_REMEDY}")
        return TokenCount(estimate_tokens(read()))
    if is_application_profile(model.base or model.id):
        if may_estimate:
            return TokenCount(estimate_tokens(read()))
        raise CallerError(
            f"'{model.name}' is an application inference profile, and Bedrock counts tokens by a model's own id only. "
            f"Name that id, or give the profile an alias with both its `id` and its `arn` in the models file. {_REMEDY}"
        )
    # Bedrock counts by the model's own id only.
    counted = replace(model, id=exchange.state.models.find_base(model))
    if counter:
        return _count_by_surface(exchange, counted, payload, counter, read, may_estimate=may_estimate)
    try:
        reply = send(exchange, make_call(exchange, counted, payload, operation="CountTokens", wire="count_tokens"))
    except BedrockError as error:
        is_uncounted = error.status == 400 and (_UNCOUNTED in error.detail or not model.capabilities.counts_tokens)
        if is_uncounted and may_estimate:
            return TokenCount(estimate_tokens(read()))
        if error.status == 400 and explains:
            error.detail = f"Bedrock does not count the tokens of this request for '{model.name}': {error.detail}"
            error.detail += f" {_REMEDY}" if is_uncounted else ""
        raise
    return TokenCount(reply.document["inputTokens"], reply)


def _count_by_surface(
    exchange: Exchange, model: Model, body: bytes, counter: str, read: Callable[[], Request], *, may_estimate: bool
) -> TokenCount:
    try:
        reply = send(exchange, make_call(exchange, model, body, operation=counter, wire=COUNT_MESSAGES.name))
    except BedrockError as error:
        # The region need not have the model.
        if may_estimate and error.status == 404:
            return TokenCount(estimate_tokens(read()))
        raise
    return TokenCount(reply.document["input_tokens"], reply)


def make_payload(**forms: Any) -> bytes:
    """A body of CountTokens: a request in one of its forms, `invokeModel` or `converse`."""
    return json.dumps({"input": forms}).encode()


def make_converse_payload(prepared: PreparedRequest) -> bytes | None:
    """A body of CountTokens for a prepared request; None if the model is not called by Converse."""
    if prepared.operation != "Converse":
        return None
    members = json.loads(prepared.body).items()
    return make_payload(converse={name: value for name, value in members if name in _COUNTED})


def add_count_headers(
    exchange: Exchange, response: Response, model: Model, count: TokenCount, dropped: Any = (), translated: Any = ()
) -> Response:
    """The response, which says whether the count is exact or an estimate."""
    response.headers[headers.COUNT] = EXACT if count.reply else ESTIMATE
    return add_gateway_headers(exchange, response, model, dropped, translated)


def _choose_mode(exchange: Exchange) -> str:
    mode = exchange.header(headers.COUNT).strip().lower()
    if mode and mode not in (EXACT, ESTIMATE):
        raise CallerError(f"{headers.COUNT} is '{EXACT}' or '{ESTIMATE}'.")
    return mode or exchange.settings.count
