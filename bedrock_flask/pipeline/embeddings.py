"""Embeddings of many inputs by models that take few in a call: sent in parallel, in order, their usage added up."""

import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.call import Call, CallRecord, Handler
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import ClientDisconnected, FieldError, GatewayError, InvalidBody, UpstreamProtocolError
from bedrock_flask.protocol.sockets import has_disconnected
from bedrock_flask.translation.answer import read_response
from bedrock_flask.translation.repairs.record import trace_faults

# Calls of one request that run at a time.
_AT_ONCE = 8


@dataclass(frozen=True)
class EmbeddingResult:
    """A vector for each input, and the usage of all calls together."""

    vectors: Sequence[Any]
    usage: Usage


@dataclass(frozen=True)
class Part:
    """The inputs of one call: a canonical request with a message for each, and the index of the first one."""

    request: Request
    first: int

    @property
    def size(self) -> int:
        """The number of inputs."""
        return len(self.request["messages"])


def split_inputs(messages: Sequence[Json], batch: int, extras: Json) -> list[Part]:
    """The parts of a request: consecutive texts in batches, inputs with images one by one.

    Each has what Converse cannot say in its extras.
    """
    return [
        Part({"messages": [*messages[start:end]], "extras": dict(extras)}, start)
        for start, end in _find_spans(messages, batch)
    ]


def _find_spans(messages: Sequence[Json], batch: int) -> Iterator[tuple[int, int]]:
    start = 0
    for is_text, run in groupby(messages, _is_text):
        end = start + sum(1 for _ in run)
        step = batch if is_text else 1
        yield from ((first, min(first + step, end)) for first in range(start, end, step))
        start = end


def _is_text(message: Json) -> bool:
    return all("text" in block for block in message["content"])


def reject_unfit_inputs(messages: Sequence[Json], capabilities: Capabilities, model: str) -> None:
    """Raise InvalidBody for inputs with images that the model cannot take."""
    request = {"messages": messages}
    faults = [
        FieldError(f"messages[{index}]", f"'{model}' {words}")
        for index, message in enumerate(messages)
        if (words := _find_unfit(message["content"], capabilities))
    ]
    if faults:
        raise InvalidBody(trace_faults(request, faults))


def _find_unfit(blocks: Sequence[Json], capabilities: Capabilities) -> str:
    """What the model cannot take of one input, or an empty text."""
    images = sum("image" in block for block in blocks)
    if not images:
        return ""
    if not capabilities.images:
        return "takes texts only, and this is or has an image"
    if capabilities.mixed_inputs == "never" and len(blocks) > 1:
        return "takes a text or one image as an input, not both"
    if capabilities.mixed_inputs == "pair" and images > 1:
        return "takes a text and one image as an input, not several images"
    return ""


def embed(
    parts: Sequence[Part],
    make_call: Callable[[Part], Call],
    handler: Handler,
    pool: Executor,
    client: socket.socket | None = None,
) -> EmbeddingResult:
    """The vectors of all parts in their order; the first call that fails decides, and its error names its inputs.

    The calls are made in the threads of `pool`, some of this caller's at a time. A model that answers another number of
    vectors is an UpstreamProtocolError: the caller could not match inputs and vectors.

    Each call is read to its end; none begins after the client has disconnected.
    """
    sent: list[tuple[CallRecord, CallRecord]] = []

    def send(part: Part) -> Sequence[Any]:
        if client is not None and has_disconnected(client):
            raise ClientDisconnected()
        call = make_call(part)
        sent.append((call.record, record := CallRecord()))
        own = replace(call, record=record)
        try:
            return _read_vectors(read_response(handler.send(own), own, {}), part.size)
        except GatewayError as error:
            _name_inputs(error, part, len(parts))
            raise

    try:
        vectors = _collect(send, parts, pool) if len(parts) > 1 else [each for one in parts for each in send(one)]
    finally:
        for whole, record in sent:
            whole.attempts += record.attempts
            whole.region = record.region or whole.region
            whole.calls.append(record)
            whole.upstream_request_id = record.upstream_request_id or whole.upstream_request_id
            whole.usage = add_usage(whole.usage, record.usage)
    return EmbeddingResult(vectors, sent[0][0].usage if sent else Usage())


def _name_inputs(error: GatewayError, part: Part, parts: int) -> None:
    """Add to an error which inputs its call was for, if there were others."""
    if parts == 1:
        return
    last = part.first + part.size - 1
    names = f"input[{part.first}]" if part.size == 1 else f"input[{part.first}] to input[{last}]"
    error.detail = f"{error.detail.rstrip('.')} (in the call for {names})."
    error.fields = error.fields or (FieldError(f"input[{part.first}]", error.detail),)


def add_usage(one: Usage, other: Usage) -> Usage:
    """The tokens of both."""
    pairs = zip(one.counts(), other.counts(), strict=True)
    return Usage(*(a if b is None else b if a is None else a + b for a, b in pairs))


def _collect(send: Callable[[Part], Sequence[Any]], parts: Sequence[Part], pool: Executor) -> list[Any]:
    """All vectors in order; a few calls run at a time, so that other callers' get their turn in the pool."""
    vectors: list[Any] = []
    running: deque[Future[Sequence[Any]]] = deque()
    try:
        for part in parts:
            if len(running) == _AT_ONCE:
                vectors.extend(running.popleft().result())
            running.append(pool.submit(send, part))
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
    if not all(isinstance(vector, list) and vector and _NUMBERS.issuperset(map(type, vector)) for vector in vectors):
        raise UpstreamProtocolError("The model's answer has a vector that is not a list of numbers.")
    return vectors


_NUMBERS = frozenset({int, float})
