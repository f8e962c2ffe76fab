"""Cohere's Rerank, in both versions of its API, for every model that ranks texts.

Source: Cohere's API reference, Rerank (v1 and v2), Errors; the types of the `cohere` package.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from bedrock_flask.bodies import cohere_rerank_body
from bedrock_flask.bodies.answers import RerankAnswer
from bedrock_flask.converse import Json, Request
from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.errors import FieldError, GatewayError, describe_faults
from bedrock_flask.fields import Schema, find_faults
from bedrock_flask.pipeline.outputs import require_output
from bedrock_flask.pipeline.prepared import make_prepared_call, make_whole_response, prepare_body
from bedrock_flask.pipeline.rankings import read_ranking
from bedrock_flask.pipeline.request import (
    parse_json,
    reject_faults,
    resolve_model,
    send,
    take_safeguards,
    unknown_paths,
)
from bedrock_flask.pipeline.response import add_gateway_headers

V1, V2 = cohere_rerank_body.RerankV1Body(), cohere_rerank_body.RerankBody()
# Members that are not parameters of the model: the gateway returns the documents itself.
_ENVELOPE = frozenset({"model", "query", "documents", "return_documents", "rank_fields"})


def rerank(exchange: Exchange, *, schema: Schema, version: str) -> Response:
    """Rank documents by how relevant they are to a query."""
    data = read_body(exchange)
    _, body = take_safeguards(exchange, data, parse_json(data))
    faults = find_faults(schema, body)
    reject_faults([*faults, *_find_faults(body)])
    model = resolve_model(exchange, body["model"])
    require_output(model, "ranking")
    unknown = unknown_paths(faults)
    prepared = prepare_body(exchange, model, body, partial(_read_request, unknown=unknown))
    call = make_prepared_call(exchange, model, prepared)
    reply = send(exchange, call)
    results = _write_results(read_ranking(reply, call, prepared, len(body["documents"])), body)
    document = {"id": str(uuid.uuid4()), "results": results, "meta": _write_meta(exchange, version)}
    response = make_whole_response(exchange, reply, document)
    return add_gateway_headers(exchange, response, model, prepared.dropped, prepared.translated)


def _find_faults(body: Any) -> Iterable[FieldError]:
    if isinstance(body, dict) and body.get("rank_fields") not in (None, [], ["text"]):
        yield FieldError("rank_fields", 'must be ["text"]: write what counts into the text of each document')


def _read_request(body: Any, unknown: Iterable[str]) -> Request:
    """A canonical request: the query and each document as a message, and everything else as extras."""
    texts = [body["query"], *map(_read_text, body["documents"])]
    extras = {name: value for name, value in body.items() if name not in _ENVELOPE and value is not None}
    return {
        "messages": [{"role": "user", "content": [{"text": text}]} for text in texts],
        "extras": {**dict.fromkeys(unknown), **extras},
    }


def _read_text(document: Any) -> Any:
    return document["text"] if isinstance(document, dict) else document


def _write_results(ranking: Iterable[Json], body: Json) -> list[Json]:
    """Cohere's results."""
    documents: Sequence[Any] = body["documents"]
    return [
        {
            "index": each["index"],
            "relevance_score": each["score"],
            **_write_document(documents[each["index"]], body),
        }
        for each in ranking
    ]


def _write_document(document: Any, body: Json) -> Mapping[str, Any]:
    if not body.get("return_documents"):
        return {}
    return {"document": document if isinstance(document, dict) else {"text": document}}


def _write_meta(exchange: Exchange, version: str) -> Json:
    """What is known of the call: Bedrock reports tokens, if anything, and no search units."""
    count = exchange.record.usage.input
    tokens = {} if count is None else {"tokens": {"input_tokens": count}}
    return {"api_version": {"version": version}, **tokens}


def error_document(error: GatewayError, request_id: str) -> Json:
    """Cohere's error object; `errors` has every fault of a body."""
    errors = {"errors": describe_faults(error.fields)} if error.fields else {}
    return {"id": request_id, "message": error.detail, "code": error.code, **errors}


def _make_route(version: int, schema: type[Schema], instance: Schema) -> Route:
    return Route(
        path=f"/v{version}/rerank",
        respond=partial(rerank, schema=instance, version=str(version)),
        summary=f"Rank documents, in version {version} of the API",
        body=schema,
        answer=RerankAnswer,
        sample={
            "model": "cohere-rerank",
            "query": "Where do the roads meet?",
            "documents": ["The roads meet at the door.", "Rain is likely."],
            "top_n": 1,
        },
    )


DIALECT = Dialect(
    title="Cohere",
    mounts=("",),
    error_prefixes=("/v1/rerank", "/v2/"),
    render_error=render_as(error_document),
    routes=(_make_route(1, cohere_rerank_body.RerankV1Body, V1), _make_route(2, cohere_rerank_body.RerankBody, V2)),
    request_headers=("x-client-name", "x-fern-language", "x-fern-sdk-name", "x-fern-sdk-version"),
)
