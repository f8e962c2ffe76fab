"""The guard that lets only whole answers pass: a reply that answers, a stream that reaches its terminal event."""

import json
import logging
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter, isolate_plugin_errors
from bedrock_flask.bedrock.usage import from_headers
from bedrock_flask.call import IDLE, REPLY, Call, Chunk, Handler, Idle, Reply, Stream
from bedrock_flask.errors import UpstreamProtocolError, UpstreamTruncated
from bedrock_flask.observability import logs
from bedrock_flask.wires import find_wire
from bedrock_flask.wires.wire import Wire, has_metrics

LOG = logging.getLogger("bedrock_flask.gateway")

# A guardrail that steps in answers in the model's place, and not always in its shape.
_GUARDRAIL = "amazon-bedrock-guardrailAction"


def completed(handler: Handler) -> Handler:
    """The same handler; an answer that is cut short, no JSON or without its end is an error, and usage is noted."""

    def guarded(call: Call) -> Reply | Stream:
        wire = find_wire(call.adapter, call.wire)
        answer = handler(call)
        if isinstance(answer, Stream):
            return replace(answer, chunks=_to_the_end(answer, wire, call))
        _check_whole(answer.body, answer.headers, wire, call)
        return answer

    return guarded


def _check_whole(body: bytes, headers: Mapping[str, str], wire: Wire, call: Call) -> None:
    document = _object(body)
    with isolate_plugin_errors(call.adapter):
        if not wire.complete(document) and _GUARDRAIL not in document:
            raise _no_answer(call.adapter, document)
        call.account.usage = wire.usage(document).updated(from_headers(headers))


def _no_answer(adapter: Adapter, document: dict[str, Any]) -> UpstreamTruncated:
    if adapter.decode is None:
        return UpstreamTruncated("Bedrock's answer lacks what makes it one.")
    try:
        adapter.decode(document)
    except PLUGIN_CRASHES as error:
        LOG.error("decode of the adapter '%s' failed: %s", adapter.name, logs.format_frames(error))
    return UpstreamTruncated(f"The adapter '{adapter.name}' finds no answer in what Bedrock sent.")


def _to_the_end(stream: Stream, wire: Wire, call: Call) -> Generator[Chunk | Idle]:
    finished = False
    with closing(stream.chunks) as chunks:
        for chunk in chunks:
            if chunk is IDLE:
                yield chunk
                continue
            if chunk.event == REPLY:
                _check_whole(chunk.data, stream.headers, wire, call)
                finished = True
                yield chunk
                continue
            document = _object(chunk.data)
            told = document if chunk.event == "chunk" else {chunk.event: document}
            with isolate_plugin_errors(call.adapter):
                call.account.usage = call.account.usage.updated(wire.usage(told))
                finished = finished or wire.finished(told) or has_metrics(told)
            yield chunk
    if not finished:
        raise UpstreamTruncated("Bedrock's stream ended without its terminal event.")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _object(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise UpstreamProtocolError("Bedrock's answer is no JSON.") from None
    if not isinstance(document, dict):
        raise UpstreamProtocolError("Bedrock's answer is no JSON object.")
    return document
