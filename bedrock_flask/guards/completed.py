"""The guard that lets only complete answers pass: a whole reply, a stream that reaches its terminal event."""

import logging
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter, isolate_plugin_errors
from bedrock_flask.bedrock.service_tiers import find_tier
from bedrock_flask.bedrock.usage import NOTHING, from_headers
from bedrock_flask.billing import begin_bill, close_bill, note_failure
from bedrock_flask.call import END, REPLY, Batch, Call, Chunk, Handler, Reply, Stream, find_object
from bedrock_flask.errors import CONNECTION_LOST, BedrockError, GatewayError, UpstreamTruncated, read_reported_error
from bedrock_flask.observability import logs
from bedrock_flask.wires import converse, find_wire
from bedrock_flask.wires.wire import GUARDRAIL, Wire, has_metrics

LOG = logging.getLogger("bedrock_flask.gateway")


def completed(handler: Handler) -> Handler:
    """The same handler; an answer that is cut short or without its end is an error, and what is billed is recorded.

    Of an opaque wire, an answer that is not a JSON object is whole by its length, or by the clean end of its stream.
    """

    def send(call: Call) -> Reply:
        begin_bill(call)
        try:
            reply = handler.send(call)
        except GatewayError as error:
            note_failure(call, error)
            raise
        _check_whole(reply, reply.headers, find_wire(call.adapter, call.wire), call)
        return reply

    def send_stream(call: Call) -> Stream:
        begin_bill(call)
        try:
            stream = handler.send_stream(call)
        except GatewayError as error:
            note_failure(call, error)
            raise
        return replace(stream, batches=_check_batches(stream, find_wire(call.adapter, call.wire), call))

    return Handler(send, send_stream)


def _check_whole(answer: Reply | Chunk, headers: Mapping[str, str], wire: Wire, call: Call) -> None:
    document = _read_document(answer, wire)
    if document is None:
        call.record.usage = from_headers(headers)
        close_bill(call, headers)
        return
    with isolate_plugin_errors(call.adapter):
        if not wire.is_complete(document) and GUARDRAIL not in document:
            if reported := wire.find_error(document):
                raise read_reported_error(reported)
            raise _make_incomplete_error(call.adapter, document)
        call.record.usage = wire.read_usage(document).merge(from_headers(headers))
    close_bill(call, headers, document)


def _read_document(answer: Reply | Chunk, wire: Wire) -> dict[str, Any] | None:
    """The answer's JSON object; of an opaque wire None if it is none, of any other wire UpstreamProtocolError."""
    data = answer.body if isinstance(answer, Reply) else answer.data
    return find_object(data) if wire.is_opaque else answer.document


def _reject_reported_error(payload: dict[str, Any], chunk: Chunk, wire: Wire) -> None:
    """Raise the error that a chunk reports; one in the model's own format with its frame, which a client can read.

    An event that reports one is not an event of Converse: an SDK would skip it, and see an end without an error.
    """
    if reported := wire.find_error(payload):
        error = read_reported_error(reported)
        if isinstance(error, BedrockError) and wire.name != converse.WIRE.name:
            error.frame = chunk.frame
        raise error


def _make_incomplete_error(adapter: Adapter, document: dict[str, Any]) -> UpstreamTruncated:
    if adapter.decode is None:
        return UpstreamTruncated("Bedrock's answer is not a complete answer in the model's format.")
    try:
        adapter.decode(document)
    except PLUGIN_CRASHES as error:
        LOG.error("decode of the adapter '%s' failed: %s", adapter.name, logs.format_frames(error))
    return UpstreamTruncated(f"The adapter '{adapter.name}' finds no answer in what Bedrock sent.")


def _check_batches(stream: Stream, wire: Wire, call: Call) -> Generator[Batch]:
    answer = _StreamedAnswer(stream, wire, call)
    with closing(stream.batches) as batches:
        try:
            for batch in batches:
                yield from _check_batch(batch, answer)
        except GatewayError:
            # The client has had its success, and nothing that comes after it takes that back.
            if not answer.is_over:
                raise
    if not answer.is_complete:
        raise UpstreamTruncated(f"{CONNECTION_LOST} Bedrock's stream ended without its terminal event.")
    if not answer.is_over:
        close_bill(call, stream.headers)


def _check_batch(batch: Batch, answer: "_StreamedAnswer") -> Iterator[Batch]:
    """The batch without the mark of the stream's end; what came before an error is sent before it."""
    pieces = answer.wire.pieces
    for number, chunk in enumerate(batch):
        if chunk.event in pieces:
            continue
        try:
            answer.read(chunk)
        except GatewayError:
            if number:
                yield batch[:number]
            raise
        if chunk.event == END:
            if number:
                yield batch[:number]
            return
    yield batch


@dataclass
class _StreamedAnswer:
    """What the chunks of one stream have shown so far.

    has_stopped  whether its stop reason came
    is_guarded   whether a guardrail answers in place of the model, which it does not always do in the model's format
    is_complete  whether its terminal event came
    is_over      whether nothing that follows can be missing, or can make an error of the answer
    """

    stream: Stream
    wire: Wire
    call: Call
    has_stopped: bool = False
    is_guarded: bool = False
    is_complete: bool = False
    is_over: bool = False

    def read(self, chunk: Chunk) -> None:
        """Look into one chunk, unless it can only be a piece of the answer; raises the error that it reports."""
        wire, call = self.wire, self.call
        if chunk.event == REPLY:
            _check_whole(chunk, self.stream.headers, wire, call)
            self._complete()
            return
        is_text = bool(wire.texts) and chunk.data in wire.texts
        document = chunk.sketch if not (is_text or wire.is_opaque) else find_object(chunk.data) or {}
        payload = document if chunk.event == "chunk" else {chunk.event: document}
        if wire.is_piece(payload):
            return
        with isolate_plugin_errors(call.adapter):
            if not wire.is_opaque:
                _reject_reported_error(payload, chunk, wire)
            usage = wire.read_usage(payload)
            if usage is not NOTHING:
                call.record.usage = call.record.usage.merge(usage)
                call.record.tier = find_tier(payload) or call.record.tier
            self.is_guarded = self.is_guarded or GUARDRAIL in payload
            self.has_stopped = self.has_stopped or self.is_guarded or wire.is_stop(payload)
            is_terminal = (call.surface and wire.is_last_event) or wire.is_terminal
            has_ended = is_text or is_terminal(payload) or (self.is_guarded and has_metrics(payload))
        if (has_ended or "messageStop" in payload) and not self.has_stopped:
            # Passed on, either event would make the cut answer a success.
            raise UpstreamTruncated(f"{CONNECTION_LOST} Bedrock's stream ended without a stop reason.")
        if has_ended:
            self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        # Any chunk of an unknown format may be the last one, or not.
        if not self.is_over and not self.wire.is_opaque:
            self.is_over = True
            close_bill(self.call, self.stream.headers)
            self.stream.complete()
