"""Embeddings of many texts by models that take few in a call: sent in parallel, in order, their usage added up."""

import socket
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
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
    requests: Sequence[Request],
    make_call: Callable[[Request], Call],
    handler: Handler,
    pool: Executor,
    client: socket.socket | None = None,
) -> EmbeddingResult:
    """The vectors of all requests in their order; the first call that fails decides.

    A call is made when it is sent, in the threads of `pool`, some of this caller's at a time: the bodies of thousands
    of texts would hold up everybody else before the first is sent. A model that answers another number of vectors is
    an UpstreamProtocolError: the caller could not match texts and vectors.

    Each call is read to its end; none begins after the client has disconnected.
    """
    sent: list[tuple[CallRecord, CallRecord]] = []

    def send(request: Request) -> Sequence[Any]:
        if client is not None and has_disconnected(client):
            raise ClientDisconnected()
        call = make_call(request)
        sent.append((call.record, record := CallRecord()))
        own = replace(call, record=record)
        return _read_vectors(read_response(handler.send(own), own, {}), len(request["messages"]))

    try:
        vectors = (
            _collect(send, requests, pool) if len(requests) > 1 else [each for one in requests for each in send(one)]
        )
    finally:
        for whole, record in sent:
            whole.attempts += record.attempts
            whole.upstream_request_id = record.upstream_request_id or whole.upstream_request_id
            whole.usage = add_usage(whole.usage, record.usage)
    return EmbeddingResult(vectors, sent[0][0].usage if sent else Usage())


def add_usage(one: Usage, other: Usage) -> Usage:
    """The tokens of both."""
    pairs = zip(one.counts(), other.counts(), strict=True)
    return Usage(*(a if b is None else b if a is None else a + b for a, b in pairs))


def _collect(send: Callable[[Request], Sequence[Any]], requests: Sequence[Request], pool: Executor) -> list[Any]:
    """All vectors in order; a few requests run at a time, so that other callers' get their turn in the pool."""
    vectors: list[Any] = []
    running: deque[Future[Sequence[Any]]] = deque()
    try:
        for request in requests:
            if len(running) == _AT_ONCE:
                vectors.extend(running.popleft().result())
            running.append(pool.submit(send, request))
        while running:
            vectors.extend(running.popleft().result())
    except BaseException:
        # Calls that have not begun are not needed any more; those that have are billed, and counted.
        for future in running:
            future.cancel()
        wait(running)
        raise
    return vectors


def _read_vectors(response: Json, count: int) -> Sequence[Any]:
    vectors = response.get("embeddings")
    if not isinstance(vectors, Sequence):
        raise UpstreamProtocolError("Bedrock's answer has no embedding.")
    if len(vectors) != count:
        raise UpstreamProtocolError(f"The model's answer has {len(vectors)} vectors for {count} texts.")
    return vectors
