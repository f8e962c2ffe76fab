"""Reading Bedrock's answers to their complete end: botocore accepts a body that is cut short."""

import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, repeat
from typing import Any

from bedrock_flask.bedrock.errors import find_error
from bedrock_flask.call import IDLE, REPLY, Call, Chunk, Idle, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import (
    CONNECTION_LOST,
    BedrockError,
    ClientDisconnected,
    DeadlineExceeded,
    GatewayError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStalled,
    UpstreamTimeout,
    UpstreamTruncated,
    UpstreamUnreachable,
    redact_account_arns,
)
from bedrock_flask.protocol import eventstream
from bedrock_flask.transport import wait
from bedrock_flask.transport.pending import Head, MalformedResponse, PendingResponse
from bedrock_flask.transport.shutdown import Shutdown

_MAX_ERROR_BYTES = 1 << 20
# The status of a refusal is known: what explains it is not waited for.
_REFUSAL_SECONDS = 1.0
_LONGEST_LENGTH = 18
_STALLED = f"{CONNECTION_LOST} Bedrock's answer began and then fell silent."
_ERROR_TYPE = "x-amzn-errortype"
_UNKNOWN_OPERATION, _MAX_REFUSAL_BYTES = b"UnknownOperationException", 4096


@dataclass(frozen=True)
class Reader:
    """Reads the answer to one call; with `as_stream` it yields IDLE while Bedrock is silent, and watches the client."""

    pending: PendingResponse
    call: Call
    settings: Settings
    shutdown: Shutdown
    as_stream: bool

    @cached_property
    def _watch(self) -> wait.Watch:
        return wait.open_watch(self.pending.sock, self.call.client if self.as_stream else None)

    def read_reply(self) -> Reply:
        """The whole answer."""
        try:
            for _ in self._await_head():
                pass
            head = self._read_head()
            with closing(self._read_whole(head)) as body:
                return Reply(head.headers, next(part.data for part in body if isinstance(part, Chunk)))
        except BaseException:
            self._close()
            raise

    def read_stream(self) -> Stream:
        """The answer as a stream; its head is awaited for at most the time after which the status must be sent."""
        waiting = self._await_head()
        try:
            if next(waiting, None) is IDLE:
                return Stream({}, self._read_late(waiting))
            head = self._read_head()
            return Stream(head.headers, self._read_body(head))
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        self._watch.close()
        self.pending.close()

    def _read_body(self, head: Head) -> Generator[Chunk | Idle]:
        return self._read_events(head) if self.call.stream else self._read_whole(head)

    def _read_late(self, waiting: Iterator[Idle]) -> Generator[Chunk | Idle]:
        """The rest of an answer that had not begun when the status had to be sent."""
        try:
            yield IDLE
            yield from waiting
            head = self._read_head()
        except BaseException:
            self._close()
            raise
        with closing(self._read_body(head)) as body:
            yield from body

    def _await_head(self) -> Iterator[Idle]:
        with self.shutdown.interrupting(self.pending.shutdown, self.call.deadline):
            yield from self._await_data(self.settings.first_event_timeout, UpstreamTimeout())

    def _await_data(self, first: float, late: GatewayError) -> Iterator[Idle]:
        """IDLE whenever the client needs a sign of life; ends when there is something to read."""
        call, silence = self.call, self.settings.read_timeout
        pulses = chain([first], repeat(self.settings.keepalive)) if self.as_stream else repeat(silence)
        since = time.monotonic()
        for pulse in pulses:
            left = min(since + silence - time.monotonic(), call.remaining())
            outcome = self._watch.wait(self.pending.has_data, min(pulse, max(left, 0.0)))
            raise_if_expired(call, self.shutdown)
            if outcome == wait.GONE:
                raise ClientDisconnected()
            if outcome == wait.READY:
                return
            if time.monotonic() >= since + silence:
                raise late
            yield IDLE

    def _read_head(self) -> Head:
        call = self.call
        with self.shutdown.interrupting(self.pending.shutdown, call.deadline), self._map_head_errors():
            head = self.pending.begin(self._limit_timeout())
        # A head whose read was interrupted looks like one that was cut short.
        raise_if_expired(call, self.shutdown)
        head = replace(head, headers=forwardable_headers(head.headers))
        call.record.upstream_request_id = head.headers.get("x-amzn-requestid", "")
        if head.status >= 300:
            raise self._read_error(head)
        if fault := _find_head_fault(head, call):
            raise self._read_foreign_answer(head, fault)
        return head

    def _limit_timeout(self) -> float:
        return min(self.settings.read_timeout, max(self.call.remaining(), 0.001))

    @contextmanager
    def _map_head_errors(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise_if_expired(self.call, self.shutdown)
            raise UpstreamTimeout() from None
        except OSError:
            raise_if_expired(self.call, self.shutdown)
            # At the first attempt the pooled connection may have died; at the second the upstream itself closes it.
            closed = UpstreamUnreachable("Connection error: Bedrock closed the connection before it answered.")
            closed.retryable = self.call.record.attempts == 1
            raise closed from None
        except MalformedResponse:
            raise_if_expired(self.call, self.shutdown)
            raise UpstreamProtocolError() from None

    def _read_foreign_answer(self, head: Head, fault: str) -> UpstreamError:
        """The error for a response with a success status that does not answer this call."""
        kind = head.headers.get("content-type", "")
        body = self._read_beginning(_MAX_REFUSAL_BYTES) if "json" in kind else b""
        return find_refusal(body) or UpstreamProtocolError(fault)

    def _read_beginning(self, limit: int) -> bytes:
        """The beginning of a body that explains a refusal: what arrives soon, at most one piece more than `limit`."""
        body, until = b"", min(time.monotonic() + _REFUSAL_SECONDS, self.call.deadline)
        with self.shutdown.interrupting(self.pending.shutdown, self.call.deadline):
            with suppress(OSError, MalformedResponse):
                while len(body) <= limit:
                    piece = self.pending.read(max(until - time.monotonic(), 0.001))
                    if not piece:
                        break
                    body += piece
            raise_if_expired(self.call, self.shutdown)
        return body

    def _read_error(self, head: Head) -> BedrockError:
        """The error of an answer with an error status, read from at most the first megabyte of its body."""
        headers, document = head.headers, _parse(self._read_beginning(_MAX_ERROR_BYTES))
        name = headers.get(_ERROR_TYPE) or _find_first_text(document, "__type", "code")
        # `Name:http://…` in a header, `prefix#Name` in a body.
        name = name.partition(":")[0].rpartition("#")[2].strip()
        hints = {hint: value for hint, value in headers.items() if hint == "retry-after"}
        message = _find_first_text(document, "message", "Message")
        refused = BedrockError(name, message, head.status, headers=hints, document=document)
        refused.upstream_request_id = headers.get("x-amzn-requestid")
        return refused

    def _read_whole(self, head: Head) -> Generator[Chunk | Idle]:
        """The whole body. UpstreamTruncated if it ends early, UpstreamProtocolError if it exceeds the limit."""
        read, size, most = [], 0, self.settings.max_reply_bytes
        with closing(self._read_pieces(head)) as pieces:
            for piece in pieces:
                if not isinstance(piece, bytes):
                    yield piece
                    continue
                size += len(piece)
                if size > most:
                    raise UpstreamProtocolError(f"Bedrock's answer is larger than {most} bytes.")
                read.append(piece)
        body = b"".join(read)
        if refusal := find_refusal(body):
            raise refusal
        yield Chunk(REPLY, body)

    def _read_events(self, head: Head) -> Generator[Chunk | Idle]:
        """The events of an event stream as they arrive; an exception or error frame raises its error."""
        decoder = eventstream.Decoder()
        with closing(self._read_pieces(head)) as pieces:
            for piece in pieces:
                if isinstance(piece, bytes):
                    yield from _decode_chunks(decoder, piece)
                else:
                    yield piece
        try:
            decoder.close()
        except eventstream.EventStreamError:
            raise UpstreamTruncated(f"{CONNECTION_LOST} Bedrock's stream ended within an event.") from None

    def _read_pieces(self, head: Head) -> Generator[bytes | Idle]:
        """The bytes as they arrive, each read limited by the read timeout and by the call's deadline."""
        call, got = self.call, 0
        announced = head.headers.get("content-length")
        try:
            with self.shutdown.interrupting(self.pending.shutdown, call.deadline):
                while True:
                    yield from self._await_data(self.settings.keepalive, UpstreamStalled(_STALLED))
                    with self._map_body_errors():
                        piece = self.pending.read(self._limit_timeout())
                    if not piece:
                        break
                    got += len(piece)
                    yield piece
                # An interrupted body ends like a complete one.
                raise_if_expired(call, self.shutdown)
            if announced is not None and got != int(announced):
                raise UpstreamTruncated(f"{CONNECTION_LOST} Bedrock's answer ended after {got} of {announced} bytes.")
        finally:
            self._watch.close()
            self.pending.close()

    @contextmanager
    def _map_body_errors(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise_if_expired(self.call, self.shutdown)
            raise UpstreamStalled(_STALLED) from None
        except (OSError, MalformedResponse):
            raise_if_expired(self.call, self.shutdown)
            raise UpstreamTruncated(CONNECTION_LOST) from None


def _find_head_fault(head: Head, call: Call) -> str:
    """The fault of the head of a successful answer, or an empty text."""
    headers = head.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if head.status < 200:
        return f"Bedrock answered with status {head.status}."
    if call.stream and kind != eventstream.MEDIA_TYPE:
        return f"Bedrock answered a stream with {kind or 'no content type'}."
    if headers.get("content-encoding", "identity") != "identity":
        return "Bedrock's answer is compressed, which was not requested."
    if headers.get("transfer-encoding", "chunked").lower() != "chunked":
        return "Bedrock's answer has an encoding that was not requested."
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) <= _LONGEST_LENGTH):
        return "Bedrock's answer does not say how long it is."
    return ""


def find_refusal(body: bytes) -> BedrockError | None:
    """The error that AWS reports with status 200 where it does not know the address: it is not Bedrock's.

    Source: BerriAI/litellm#28551, where it was seen live: `{"Output": {"__type": "…#UnknownOperationException"}, …}`.
    """
    if len(body) > _MAX_REFUSAL_BYTES or _UNKNOWN_OPERATION not in body:
        return None
    document = _parse(body)
    output = document.get("Output") if isinstance(document, dict) else None
    name = _find_first_text(output, "__type").rpartition("#")[2]
    if name.encode() != _UNKNOWN_OPERATION:
        return None
    return BedrockError(
        name, _find_first_text(output, "message", "Message") or "The endpoint that the gateway calls is not Bedrock's."
    )


def forwardable_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be sent on: control characters and non-ASCII letters would break the response."""
    return {name: value for name, value in headers.items() if value.isascii() and value.isprintable()}


def raise_if_expired(call: Call, shutdown: Shutdown) -> None:
    """Raise ShuttingDown or DeadlineExceeded if that is why an answer was cut short."""
    shutdown.check()
    if call.remaining() <= 0:
        raise DeadlineExceeded()


def _decode_chunks(decoder: eventstream.Decoder, piece: bytes) -> Iterator[Chunk]:
    try:
        frames: Sequence[eventstream.Frame] = decoder.feed(piece)
        fault = None
    except eventstream.EventStreamError as error:
        frames, fault = error.frames, error
    for frame in frames:
        yield _read_chunk(frame)
    if fault is not None:
        raise UpstreamProtocolError(f"Bedrock's stream cannot be read: {fault}.")


def _read_chunk(frame: eventstream.Frame) -> Chunk:
    headers = {name: value for name, value in frame.headers.items() if isinstance(value, str)}
    kind, event = headers.get(":message-type", ""), headers.get(":event-type", "")
    if kind == "exception":
        document = _parse(frame.payload)
        message = _find_first_text(document, "message", "Message", "originalMessage")
        # Some exceptions are wrapped in another, and the payload has the name (maximhq/bifrost#4808).
        inner = _find_first_text(document, "__type").rpartition("#")[2]
        name = inner if find_error(inner) else headers.get(":exception-type", "")
        raise _with_frame(BedrockError(name, message, document=document), frame)
    if kind == "error":
        raise _with_frame(BedrockError(headers.get(":error-code", ""), headers.get(":error-message", "")), frame)
    if kind != "event" or not event.isidentifier():
        raise UpstreamProtocolError("Bedrock's stream has an event of an unknown type.")
    try:
        data = eventstream.chunk_bytes(frame) if event == "chunk" else frame.payload
    except eventstream.EventStreamError:
        raise UpstreamProtocolError("Bedrock's stream has a chunk without bytes.") from None
    return Chunk(event, data, frame.raw)


def _with_frame(refused: BedrockError, frame: eventstream.Frame) -> BedrockError:
    masked = replace(
        frame,
        headers={name: _mask(value) for name, value in frame.headers.items()},
        payload=_mask_payload(frame.payload),
    )
    refused.frame = frame.raw if masked == frame else eventstream.encode(masked)
    return refused


def _mask(value: Any) -> Any:
    return redact_account_arns(value) if isinstance(value, str) else value


def _mask_payload(payload: bytes) -> bytes:
    """The payload of an error without the ARNs that name an account; its bytes unchanged if there are none."""
    document = _parse(payload)
    if not isinstance(document, dict):
        text = payload.decode("utf-8", "replace")
        masked_text = redact_account_arns(text)
        return payload if masked_text == text else masked_text.encode()
    masked = {name: _mask(value) for name, value in document.items()}
    return payload if masked == document else json.dumps(masked).encode()


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _find_first_text(document: Any, *names: str) -> str:
    texts = (document.get(name) for name in names) if isinstance(document, dict) else ()
    return next((str(text) for text in texts if text), "")
