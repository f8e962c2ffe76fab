"""Embeddings of many texts by models that take few in a call: sent in parallel, in order, their usage added up."""

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.call import Call, CallRecord, Handler
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import ClientDisconnected, UpstreamProtocolError
from bedrock_flask.protocol.sockets import has_disconnected
from bedrock_flask.translation.answer import read_response

# Calls of one request that run at a time.
_AT_ONCE = 8


@dataclass(frozen=True)
class EmbeddingResult:
    """A vector for each text, and the usage of all calls together."""

    vectors: Sequence[Any]
    usage: Usage


def build_requests(texts: Sequence[str], batch: int, extras: Json) -> list[Request]:
    """A canonical request for each batch of texts: a message for each text, and what Converse cannot say."""
    return [
        {"messages": [{"role": "user", "content": [{"text": text}]} for text in texts[start : start + batch]]}
        | {"extras": dict(extras)}
        for start in range(0, len(texts), batch)
    ]


def embed(
    calls: Sequence[Call], counts: Sequence[int], handler: Handler, client: socket.socket | None = None
) -> EmbeddingResult:
    """The vectors of all calls in their order; the first call that fails decides.

    `counts` are the numbers of texts in the calls. A model that answers another number of vectors is an
    UpstreamProtocolError: the caller could not match texts and vectors.

    Each call is read to its end; none begins after the client has disconnected.
    """
    records = [CallRecord() for _ in calls]
    each = [replace(call, record=record) for call, record in zip(calls, records, strict=True)]
    try:
        vectors = [vector for batch in _send_all(each, counts, handler, client) for vector in batch]
    finally:
        for call, record in zip(calls, records, strict=True):
            call.record.attempts += record.attempts
            call.record.upstream_request_id = record.upstream_request_id or call.record.upstream_request_id
            call.record.usage = add_usage(call.record.usage, record.usage)
    return EmbeddingResult(vectors, calls[0].record.usage if calls else Usage())


def add_usage(one: Usage, other: Usage) -> Usage:
    """The tokens of both."""
    pairs = zip(one.counts(), other.counts(), strict=True)
    return Usage(*(a if b is None else b if a is None else a + b for a, b in pairs))


def _send_all(
    calls: Sequence[Call], counts: Sequence[int], handler: Handler, client: socket.socket | None
) -> list[Sequence[Any]]:
    def send(call: Call, count: int) -> Sequence[Any]:
        if client is not None and has_disconnected(client):
            raise ClientDisconnected()
        return _read_vectors(read_response(handler.send(call), call, {}), count)

    if len(calls) == 1:
        return [send(calls[0], counts[0])]
    with ThreadPoolExecutor(min(len(calls), _AT_ONCE)) as pool:
        futures = [pool.submit(send, call, count) for call, count in zip(calls, counts, strict=True)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            # Calls that have not begun are not needed any more.
            for future in futures:
                future.cancel()
            raise


def _read_vectors(response: Json, count: int) -> Sequence[Any]:
    vectors = response.get("embeddings")
    if not isinstance(vectors, Sequence):
        raise UpstreamProtocolError("Bedrock's answer has no embedding.")
    if len(vectors) != count:
        raise UpstreamProtocolError(f"The model's answer has {len(vectors)} vectors for {count} texts.")
    return vectors
