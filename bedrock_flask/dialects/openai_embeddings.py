"""OpenAI's embeddings, for every embedding model whose plugin can read its answers.

Source: OpenAI's API reference; the types of the `openai` package.
"""

import base64
import struct
import time
from collections.abc import Iterable
from typing import Any

from bedrock_flask.bodies import openai_embeddings_body
from bedrock_flask.bodies.answers import EmbeddingsAnswer
from bedrock_flask.call import Call
from bedrock_flask.converse import Json
from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.concurrency import end_large_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.idempotency import find_canceller
from bedrock_flask.edge.limit_headers import write_openai
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import FieldError, InvalidBody, NotConversable, UpstreamProtocolError, join_errors
from bedrock_flask.fields import find_faults
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.embeddings import Part, embed, reject_unfit_inputs, split_inputs
from bedrock_flask.pipeline.outputs import require_output
from bedrock_flask.pipeline.prepared import make_prepared_call
from bedrock_flask.pipeline.request import (
    check_deadline,
    parse_json,
    reject_faults,
    resolve_model,
    take_safeguards,
    unknown_paths,
    unsupported_policy,
)
from bedrock_flask.pipeline.response import add_gateway_headers, usage_headers
from bedrock_flask.pipeline.web_images import take_images
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation.request import PreparedRequest, build_bedrock_request, is_conversable
from bedrock_flask.wires.openai_errors import error_document
from bedrock_flask.wires.reading.cursor import Cursor
from bedrock_flask.wires.reading.embedding_inputs import read_inputs

SCHEMA = openai_embeddings_body.Body()
# Members that Converse cannot express.
_EXTRAS = ("dimensions", "user", "input_type")
# Parts with faults that one error names.
_MOST_FAULTY = 20


def create_embeddings(exchange: Exchange) -> Response:
    """Compute vectors for texts and images, in their order."""
    data = read_body(exchange)
    _, body = take_safeguards(exchange, data, parse_json(data))
    _reject_token_ids(body)
    faults = find_faults(SCHEMA, body)
    reject_faults(faults)
    model = resolve_model(exchange, body["model"])
    require_output(model, "embedding")
    if not is_conversable(model):
        raise NotConversable(
            f"'{model.name}' is not an embedding model that this gateway can read; use POST "
            f"/v1/models/{model.name}/invoke."
        )
    _, body = take_images(exchange, model, data, body)
    unknown = unknown_paths(faults)
    try:
        parts = _read_parts(model, body, unknown)
        prepared = _prepare_all(exchange, model, parts)
        if not all(each.is_traced for each in prepared.values()):
            # To know the places of all values costs more, and only who must name one needs them.
            prepared = _prepare_all(exchange, model, _read_parts(model, mark_places(body), unknown))
    except InvalidBody:
        _prepare_all(exchange, model, _read_parts(model, mark_places(body), unknown))
        raise

    def make(part: Part) -> Call:
        return make_prepared_call(exchange, model, prepared[part.first])

    # The threads that make the calls would end it at once, and twice.
    end_large_body(exchange)
    result = embed(parts, make, exchange.state.handler, exchange.state.pool, find_canceller(exchange))
    count = result.usage.input or 0
    embeddings = [
        {"object": "embedding", "index": index, "embedding": _encode(vector, body.get("encoding_format"))}
        for index, vector in enumerate(result.vectors)
    ]
    usage = {"prompt_tokens": count, "total_tokens": count}
    response = make_json_response({"object": "list", "data": embeddings, "model": model.name, "usage": usage})
    response.headers |= usage_headers(exchange.record)
    dropped = [name for each in prepared.values() for name in each.dropped]
    return add_gateway_headers(exchange, response, model, dropped)


def _read_parts(model: Model, body: Json, unknown: Iterable[str]) -> list[Part]:
    """What is sent in each call, as canonical requests; InvalidBody for inputs that the model cannot take."""
    cursor = Cursor("input", {})
    messages = read_inputs(body["input"], cursor)
    cursor.finish({})
    reject_unfit_inputs(messages, model.capabilities, model.name)
    extras = {name: body[name] for name in _EXTRAS if body.get(name) is not None}
    # Members of the model's own body; one that is null, or is not there, is refused by its name.
    extras |= {path: body.get(path) for path in unknown}
    return split_inputs(messages, model.capabilities.batch, extras)


def _prepare_all(exchange: Exchange, model: Model, parts: Iterable[Part]) -> dict[int, PreparedRequest]:
    """The body of each call, by the index of its first input: all of them, so that no call is made for a faulty one."""
    policy = unsupported_policy(exchange, model)
    prepared: dict[int, PreparedRequest] = {}
    errors: list[InvalidBody] = []
    for part in parts:
        check_deadline(exchange)
        try:
            prepared[part.first] = build_bedrock_request(model, part.request, hints=("user",), policy=policy)
        except InvalidBody as error:
            errors.append(error)
            if len(errors) == _MOST_FAULTY:
                break
        # There may be thousands: the others get their turn.
        time.sleep(0)
    if errors:
        raise join_errors(errors)
    return prepared


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
    try:
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except OverflowError:
        raise UpstreamProtocolError("The model's answer has a number that is too large for a vector.") from None
    return base64.b64encode(packed).decode()


DIALECT = Dialect(
    title="OpenAI",
    mounts=("/v1", "/openai/v1"),
    error_prefixes=("/v1/embeddings", "/openai/v1/embeddings"),
    render_error=render_as(error_document),
    write_levels=write_openai,
    routes=(
        Route(
            path="/embeddings",
            respond=create_embeddings,
            summary="Embeddings",
            body=openai_embeddings_body.Body,
            answer=EmbeddingsAnswer,
            sample={"model": "titan-embed", "input": ["a door", "a road"]},
        ),
    ),
)
