"""Embeddings of many texts by models that take few a call: fanned out, in order, their tokens added up."""

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.call import Call, CallRecord, Handler, Reply
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import ClientDisconnected, UpstreamProtocolError
from bedrock_flask.translation.answer import read_response
from bedrock_flask.transport.wait import has_disconnected

# Calls of one request that are under way at one time.
_AT_ONCE = 8


@dataclass(frozen=True)
class Embedded:
    """A vector for each text, and what they cost together."""

    vectors: Sequence[Any]
    usage: Usage


def build_requests(texts: Sequence[str], batch: int, extras: Json) -> list[Request]:
    """A canonical request for each so many texts: a message for each, and what Converse cannot say."""
    return [
        {"messages": [{"role": "user", "content": [{"text": text}]} for text in texts[start : start + batch]]}
        | {"extras": dict(extras)}
        for start in range(0, len(texts), batch)
    ]


def embed(calls: Sequence[Call], handler: Handler, client: socket.socket | None = None) -> Embedded:
    """The vectors of all calls in their order; the first call that fails decides.

    Each call is read to its end; none begins when the client has left.
    """
    accounts = [CallRecord() for _ in calls]
    each = [replace(call, account=account) for call, account in zip(calls, accounts, strict=True)]
    try:
        found = [vectors for batch in _answers(each, handler, client) for vectors in batch]
    finally:
        for call, account in zip(calls, accounts, strict=True):
            call.account.attempts += account.attempts
            call.account.upstream_request_id = account.upstream_request_id or call.account.upstream_request_id
            call.account.usage = added(call.account.usage, account.usage)
    return Embedded(found, calls[0].account.usage if calls else Usage())


def added(one: Usage, other: Usage) -> Usage:
    """The tokens of both."""
    pairs = zip(one.counts(), other.counts(), strict=True)
    return Usage(*(a if b is None else b if a is None else a + b for a, b in pairs))


def _answers(calls: Sequence[Call], handler: Handler, client: socket.socket | None) -> list[Sequence[Any]]:
    def ask(call: Call) -> Sequence[Any]:
        if client is not None and has_disconnected(client):
            raise ClientDisconnected()
        return _vectors(handler(call), call)

    if len(calls) == 1:
        return [ask(calls[0])]
    with ThreadPoolExecutor(min(len(calls), _AT_ONCE)) as pool:
        futures = [pool.submit(ask, call) for call in calls]
        try:
            return [future.result() for future in futures]
        except BaseException:
            # Those that have not begun need not.
            for future in futures:
                future.cancel()
            raise


def _vectors(answer: Any, call: Call) -> Sequence[Any]:
    assert isinstance(answer, Reply)  # noqa: S101 - it was not asked as a stream
    vectors = read_response(answer, call, {}).get("embeddings")
    if not isinstance(vectors, Sequence):
        raise UpstreamProtocolError("Bedrock's answer has no embedding.")
    return vectors
