"""OpenAI's embeddings, for every embedding model whose plugin can read its answers.

Source: OpenAI's API reference; the types of the `openai` package.
"""

import base64
import struct
from collections.abc import Iterable
from typing import Any

from bedrock_flask.bodies import openai_embeddings_body
from bedrock_flask.call import Call
from bedrock_flask.converse import Request
from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.concurrency import end_large_body
from bedrock_flask.edge.connection import client_socket
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import FieldError, InvalidBody, NotConversable
from bedrock_flask.fields import find_faults
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.embeddings import build_requests, embed
from bedrock_flask.pipeline.outputs import require_output
from bedrock_flask.pipeline.request import (
    make_call,
    parse_json,
    reject_faults,
    resolve_model,
    take_safeguards,
    unknown_paths,
    unsupported_policy,
)
from bedrock_flask.pipeline.response import add_gateway_headers, usage_headers
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation.request import PreparedRequest, build_bedrock_request, is_conversable
from bedrock_flask.wires.openai_errors import error_document

SCHEMA = openai_embeddings_body.Body()
# Members that Converse cannot express.
_EXTRAS = ("dimensions", "user", "input_type")


def create_embeddings(exchange: Exchange) -> Response:
    """Compute vectors for texts, in their order."""
    data = read_body(exchange)
    _, body = take_safeguards(exchange, data, parse_json(data))
    _reject_token_ids(body)
    faults = find_faults(SCHEMA, body)
    reject_faults(faults)
    model = resolve_model(exchange, body["model"])
    require_output(model, "embedding")
    if not is_conversable(model):
        raise NotConversable(f"'{model.name}' is not an embedding model that this gateway can read.")
    requests = _read_requests(model, body, unknown_paths(faults))
    policy = unsupported_policy(exchange, model)

    def prepare(request: Request) -> PreparedRequest:
        return build_bedrock_request(model, request, hints=("user",), policy=policy)

    def make(request: Request) -> Call:
        each = prepare(request)
        return make_call(
            exchange, model, each.body, operation=each.operation, wire=each.wire, guarded_by=each.safeguards
        )

    try:
        dropped = prepare(requests[0]).dropped if requests else ()
        # The threads that make the calls would end it at once, and twice.
        end_large_body(exchange)
        result = embed(requests, make, exchange.state.handler, exchange.state.pool, client_socket(exchange.environ))
    except InvalidBody:
        # Named by their places, which only a body with faults needs.
        for request in _read_requests(model, mark_places(body), unknown_paths(faults)):
            prepare(request)
        raise
    count = result.usage.input or 0
    embeddings = [
        {"object": "embedding", "index": index, "embedding": _encode(vector, body.get("encoding_format"))}
        for index, vector in enumerate(result.vectors)
    ]
    usage = {"prompt_tokens": count, "total_tokens": count}
    response = make_json_response({"object": "list", "data": embeddings, "model": model.name, "usage": usage})
    response.headers |= usage_headers(exchange.record)
    return add_gateway_headers(exchange, response, model, dropped)


def _read_requests(model: Model, body: Any, unknown: Iterable[str]) -> list[Request]:
    """A canonical request for each batch of the texts."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if blank := [f"input[{i}]" for i, text in enumerate(texts) if not text.strip()]:
        raise InvalidBody([FieldError(path, "must not be blank") for path in blank])
    extras = {name: body[name] for name in _EXTRAS if body.get(name) is not None}
    return build_requests(texts, model.capabilities.batch, {**extras, **dict.fromkeys(unknown)})


def _reject_token_ids(body: Any) -> None:
    """Refuse token ids with a message that names the client setting that sends them."""
    given = body.get("input") if isinstance(body, dict) else None
    first = given[0] if isinstance(given, list) and given else None
    if isinstance(first, list) or type(first) is int:
        message = "has token ids, which only OpenAI's models know: send texts"
        remedy = "In langchain's OpenAIEmbeddings set check_embedding_ctx_length=False."
        raise InvalidBody([FieldError("input", f"{message}. {remedy}")])


def _encode(vector: list[float], encoding: str | None) -> Any:
    if encoding != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


DIALECT = Dialect(
    title="OpenAI",
    mounts=("/v1", "/openai/v1"),
    error_prefixes=("/v1/embeddings", "/openai/v1/embeddings"),
    render_error=render_as(error_document),
    routes=(
        Route(
            path="/embeddings",
            respond=create_embeddings,
            summary="Embeddings",
            body=openai_embeddings_body.Body,
            sample={"model": "titan-embed", "input": ["a door", "a road"]},
        ),
    ),
)
