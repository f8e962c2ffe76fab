"""Reading Bedrock's answers to their complete end: botocore accepts a body that is cut short."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from math import inf

from bedrock_flask.call import REPLY, SILENCE, Batch, Call, Chunk, Reply, Stream
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
)
from bedrock_flask.transport import wait
from bedrock_flask.transport.events import find_media_type, open_events
from bedrock_flask.transport.pending import Head, MalformedResponse, PendingResponse
from bedrock_flask.transport.refusal import MAX_FOREIGN_BYTES, find_refusal, find_request_id, read_refusal
from bedrock_flask.transport.shutdown import Shutdown

_MAX_ERROR_BYTES = 1 << 20
# Seconds for what explains a refusal, whose status is known, and for what follows a complete answer.
_REFUSAL_SECONDS, _END_SECONDS = 1.0, 2.0
_LONGEST_LENGTH = 18
# Seconds for a whole answer whose client has left: Bedrock bills it, and what it cost is logged if it comes soon.
_ABANDONED_SECONDS = 10.0


@dataclass
class Reader:
    """Reads the answer to one call; with `as_stream` it reports when Bedrock is silent.

    `abandoned_at` is the time at which the client of a whole answer left, `complete_since` that at which the answer had
    all that it needs: what is left to read is its end.
    """

    pending: PendingResponse
    call: Call
    settings: Settings
    shutdown: Shutdown
    as_stream: bool
    complete_since: float | None = None
    abandoned_at: float | None = None
    _watch: wait.Watch | None = None

    def read_reply(self) -> Reply:
        """The whole answer."""
        try:
            with self._interruptible():
                for _ in self._await_data(self.settings.read_timeout, UpstreamTimeout):
                    pass
                head = self._read_head()
                # Most answers come in one piece.
                body = self._read_piece(0, None) if self.pending.has_data(False) else b""
            if head.headers.get("content-length") != str(len(body)) or len(body) > self.settings.max_reply_bytes:
                body = b"".join(self._read_bounded_pieces(head, body))
            return Reply(head.headers, _check_body(body))
        finally:
            self._close()

    def read_stream(self) -> Stream:
        """The answer as a stream; its head is awaited for at most the time after which the status must be sent."""
        waiting = self._await_head()
        try:
            if next(waiting, None) is not None:
                return Stream({}, self._read_late(waiting), self._complete)
            with self._interruptible():
                head = self._read_head()
            return Stream(head.headers, self._read_body(head), self._complete)
        except BaseException:
            self._close()
            raise

    def _interruptible(self) -> AbstractContextManager[None]:
        return self.shutdown.interrupting(self.pending.shutdown, self.call.deadline)

    def _close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self.pending.close()

    def _complete(self) -> None:
        self.complete_since = time.monotonic()

    def _read_body(self, head: Head) -> Generator[Batch]:
        return self._read_events(head) if self.call.stream else self._read_whole(head)

    def _read_late(self, waiting: Iterator[Batch]) -> Generator[Batch]:
        """The rest of an answer that had not begun when the status had to be sent."""
        try:
            yield SILENCE
            yield from waiting
            with self._interruptible():
                head = self._read_head()
        except BaseException:
            self._close()
            raise
        with closing(self._read_body(head)) as batches:
            yield from batches

    def _await_head(self) -> Iterator[Batch]:
        with self._interruptible():
            yield from self._await_data(self.settings.first_event_timeout, UpstreamTimeout)

    def _await_data(self, first: float, make_late: Callable[[], GatewayError]) -> Iterator[Batch]:
        """SILENCE whenever the client needs a sign of life; ends when there is something to read."""
        call, silence = self.call, self.settings.read_timeout
        if self._watch is None:
            self._watch = wait.open_watch(self.pending.sock, call.client)
        pulse, until = first, time.monotonic() + silence
        while True:
            left = min(until - time.monotonic(), call.remaining(), self._remaining_abandoned())
            outcome = self._watch.wait(self.pending.has_data, min(pulse, max(left, 0.0)))
            raise_if_expired(call, self.shutdown)
            if outcome is wait.READY:
                return
            if outcome is wait.GONE:
                self._note_departure()
                self._watch.forget_client()
                continue
            if self._remaining_abandoned() <= 0:
                raise ClientDisconnected()
            if time.monotonic() >= until:
                raise make_late()
            yield SILENCE
            pulse = self.settings.keepalive if self.as_stream else silence

    def _note_departure(self) -> None:
        """Raise ClientDisconnected for a stream; a whole answer is awaited for some seconds more."""
        if self.as_stream:
            raise ClientDisconnected()
        self.abandoned_at = time.monotonic()

    def _remaining_abandoned(self) -> float:
        """Seconds that an answer may still take whose client has left."""
        return inf if self.abandoned_at is None else self.abandoned_at + _ABANDONED_SECONDS - time.monotonic()

    def _read_head(self) -> Head:
        call = self.call
        try:
            head = self.pending.begin(self._limit_timeout())
        except (OSError, MalformedResponse) as error:
            raise_if_expired(call, self.shutdown)
            raise _name_head_error(error, call) from None
        # A head whose read was interrupted looks like one that was cut short.
        raise_if_expired(call, self.shutdown)
        head = Head(head.status, forwardable_headers(head.headers))
        call.record.upstream_request_id = find_request_id(head.headers)
        if head.status >= 300:
            raise self._read_error(head)
        if fault := _find_head_fault(head, call):
            raise self._read_foreign_answer(head, fault)
        return head

    def _limit_timeout(self) -> float:
        return min(self.settings.read_timeout, max(self.call.remaining(), 0.001))

    def _read_foreign_answer(self, head: Head, fault: str) -> UpstreamError:
        """The error for a response with a success status that does not answer this call."""
        kind = head.headers.get("content-type", "")
        body = self._read_beginning(MAX_FOREIGN_BYTES) if "json" in kind else b""
        return find_refusal(body) or UpstreamProtocolError(fault)

    def _read_error(self, head: Head) -> BedrockError:
        """The error of an answer with an error status, read from at most the first megabyte of its body."""
        return read_refusal(head.status, head.headers, self._read_beginning(_MAX_ERROR_BYTES))

    def _read_beginning(self, limit: int) -> bytes:
        """The beginning of a body that explains a refusal: what arrives soon, at most one piece more than `limit`."""
        body, until = b"", min(time.monotonic() + _REFUSAL_SECONDS, self.call.deadline)
        with self._interruptible():
            with suppress(OSError, MalformedResponse):
                while len(body) <= limit:
                    piece = self.pending.read(max(until - time.monotonic(), 0.001))
                    if not piece:
                        break
                    body += piece
            raise_if_expired(self.call, self.shutdown)
        return body

    def _read_whole(self, head: Head) -> Generator[Batch]:
        """The whole body as the one chunk of a stream."""
        read = []
        with closing(self._read_bounded_pieces(head)) as pieces:
            for piece in pieces:
                if piece:
                    read.append(piece)
                else:
                    yield SILENCE
        yield [Chunk(REPLY, _check_body(b"".join(read)))]

    def _read_bounded_pieces(self, head: Head, first: bytes = b"") -> Generator[bytes]:
        """The pieces of a whole body; UpstreamProtocolError if they exceed the limit."""
        size, most = 0, self.settings.max_reply_bytes
        with closing(self._read_pieces(head, first)) as pieces:
            for piece in pieces:
                size += len(piece)
                if size > most:
                    raise UpstreamProtocolError(f"Bedrock's answer is larger than {most} bytes.")
                yield piece

    def _read_events(self, head: Head) -> Generator[Batch]:
        """The events of a stream as they arrive; one that reports an error raises it."""
        events = open_events(self.call)
        with closing(self._read_pieces(head)) as pieces:
            for piece in pieces:
                if not piece:
                    yield SILENCE
                    continue
                batch, error = events.feed(piece)
                if batch:
                    yield batch
                if error is not None:
                    raise error
        events.close()

    def _read_pieces(self, head: Head, first: bytes = b"") -> Generator[bytes]:
        """What each read gives of the body, `first` before them; an empty piece is a silence.

        Each read is limited by the read timeout and by the call's deadline.
        """
        got = len(first)
        announced = head.headers.get("content-length")
        try:
            if first:
                yield first
            with self._interruptible():
                while self.complete_since is None:
                    # A stream also looks after its client, and after the other greenlets, between two reads.
                    if self.as_stream or not self.pending.has_data(False):
                        for _ in self._await_data(self.settings.keepalive, _make_stalled):
                            yield b""
                    piece = self._read_piece(got, announced)
                    if not piece:
                        break
                    got += len(piece)
                    yield piece
                else:
                    yield from self._read_end(self.complete_since + _END_SECONDS)
                    return
                # An interrupted body ends like a complete one.
                raise_if_expired(self.call, self.shutdown)
            if announced is not None and got != int(announced):
                raise UpstreamTruncated(_describe_cut(got, announced))
        finally:
            self._close()

    def _read_piece(self, got: int, announced: str | None) -> bytes:
        try:
            return self.pending.read(self._limit_timeout())
        except TimeoutError:
            raise_if_expired(self.call, self.shutdown)
            raise _make_stalled() from None
        except (OSError, MalformedResponse):
            raise_if_expired(self.call, self.shutdown)
            raise UpstreamTruncated(_describe_cut(got, announced)) from None

    def _read_end(self, until: float) -> Iterator[bytes]:
        """What still comes of an answer that is complete. At the body's end its connection can serve another call."""
        with suppress(OSError, MalformedResponse):
            while (left := until - time.monotonic()) > 0 and (piece := self.pending.read(left)):
                yield piece


def _make_stalled() -> UpstreamStalled:
    return UpstreamStalled(f"{CONNECTION_LOST} Bedrock's answer began and then fell silent.")


def _name_head_error(error: Exception, call: Call) -> GatewayError:
    if isinstance(error, TimeoutError):
        return UpstreamTimeout()
    if isinstance(error, MalformedResponse):
        return UpstreamProtocolError()
    # At the first attempt the pooled connection may have died; at the second the upstream itself closes it.
    closed = UpstreamUnreachable("Connection error: Bedrock closed the connection before it answered.")
    closed.retryable = call.record.attempts == 1
    return closed


def _check_body(body: bytes) -> bytes:
    """The body, unless it is an error with the status of a success."""
    if refusal := find_refusal(body):
        raise refusal
    return body


def _describe_cut(got: int, announced: str | None) -> str:
    return CONNECTION_LOST + (f" Bedrock's answer ended after {got} of {announced} bytes." if announced else "")


def _find_head_fault(head: Head, call: Call) -> str:
    """The fault of the head of a successful answer, or an empty text."""
    headers = head.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if head.status < 200:
        return f"Bedrock answered with status {head.status}."
    if call.stream and kind != find_media_type(call):
        return f"Bedrock answered a stream with {kind or 'no content type'}."
    if headers.get("content-encoding", "identity") != "identity":
        return "Bedrock's answer is compressed, which was not requested."
    if headers.get("transfer-encoding", "chunked").lower() != "chunked":
        return "Bedrock's answer has an encoding that was not requested."
    if "transfer-encoding" in headers and "content-length" in headers:
        return "Bedrock's answer has two lengths."
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) <= _LONGEST_LENGTH):
        return "Bedrock's answer does not say how long it is."
    return ""


def forwardable_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers that may be sent on: control characters and non-ASCII letters would break the response."""
    if _is_forwardable("".join(headers.values())):
        return headers
    return {name: value for name, value in headers.items() if _is_forwardable(value)}


def _is_forwardable(value: str) -> bool:
    return value.isascii() and value.isprintable()


def raise_if_expired(call: Call, shutdown: Shutdown) -> None:
    """Raise ShuttingDown or DeadlineExceeded if that is why an answer was cut short."""
    shutdown.check()
    if call.remaining() <= 0:
        raise DeadlineExceeded()
