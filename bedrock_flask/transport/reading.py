"""Read what Bedrock sends to its honest end: botocore lets a body that is cut short pass for a whole one."""

import http.client
import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import urllib3.exceptions
from urllib3 import HTTPResponse

from bedrock_flask.call import IDLE, REPLY, Call, Chunk, Idle, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import (
    BedrockError,
    ClientDisconnected,
    DeadlineExceeded,
    GatewayError,
    UpstreamProtocolError,
    UpstreamStalled,
    UpstreamTimeout,
    UpstreamTruncated,
    UpstreamUnreachable,
)
from bedrock_flask.protocol import eventstream
from bedrock_flask.transport import wait
from bedrock_flask.transport.boto.deferred import Deferred
from bedrock_flask.transport.stopping import Shutdown

_PIECE = 65536
_LARGEST_ERROR = 1 << 20
_ERROR_TYPE = "x-amzn-errortype"


@dataclass(frozen=True)
class _Head:
    """The response whose head was read, and its headers (names in lower case)."""

    raw: HTTPResponse
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reader:
    """Reads the answer to one call; the client that waits for it, if there is one, may leave."""

    deferred: Deferred
    call: Call
    settings: Settings
    stopping: Shutdown

    def answer(self) -> Reply | Stream:
        """The answer, its head awaited; with a client, at most until the status should be sent."""
        waiting = self._until_head()
        try:
            if next(waiting, None) is IDLE:
                return Stream({}, self._late(waiting))
            head = self._head()
            body = self._events(head) if self.call.stream else self._whole(head)
            if self.call.stream or self.call.client is not None:
                return Stream(head.headers, body)
            with closing(body):
                return Reply(head.headers, next(part.data for part in body if isinstance(part, Chunk)))
        except BaseException:
            self.deferred.close()
            raise

    def _late(self, waiting: Iterator[Idle]) -> Generator[Chunk | Idle]:
        """An answer that had not begun when the status should be sent."""
        try:
            yield IDLE
            yield from waiting
            head = self._head()
        except BaseException:
            self.deferred.close()
            raise
        with closing(self._events(head) if self.call.stream else self._whole(head)) as body:
            yield from body

    def _until_head(self) -> Iterator[Idle]:
        with self.stopping.interrupting(self.deferred.shutdown, self.call.deadline):
            yield from self._waits(self.settings.first_event_timeout, UpstreamTimeout())

    def _waits(self, first: float, late: GatewayError) -> Iterator[Idle]:
        """An IDLE whenever the client must hear something; the end when there is something to read."""
        call, silence = self.call, self.settings.read_timeout
        pulses = chain([first], repeat(self.settings.keepalive)) if call.client is not None else repeat(silence)
        since = time.monotonic()
        for pulse in pulses:
            left = min(since + silence - time.monotonic(), call.remaining())
            outcome = wait.wait(
                self.deferred.sock, self.deferred.has_something, call.client, min(pulse, max(left, 0.0))
            )
            raise_if_expired(call, self.stopping)
            if outcome == wait.GONE:
                raise ClientDisconnected()
            if outcome == wait.READY:
                return
            if time.monotonic() >= since + silence:
                raise late
            yield IDLE

    def _head(self) -> _Head:
        call = self.call
        with self.stopping.interrupting(self.deferred.shutdown, call.deadline), self._honest_head():
            raw = self.deferred.begin(self._patience())
        # A head that was interrupted reads like a short one.
        raise_if_expired(call, self.stopping)
        headers = plain({name.lower(): value for name, value in raw.headers.items()})
        call.account.upstream_request_id = headers.get("x-amzn-requestid", "")
        if raw.status >= 300:
            raise self._refusal(_Head(raw, headers))
        if fault := _foreign(headers, call):
            raw.close()
            raise UpstreamProtocolError(fault)
        return _Head(raw, headers)

    def _patience(self) -> float:
        return min(self.settings.read_timeout, max(self.call.remaining(), 0.001))

    @contextmanager
    def _honest_head(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise_if_expired(self.call, self.stopping)
            raise UpstreamTimeout() from None
        except OSError:
            raise_if_expired(self.call, self.stopping)
            # Once: a pooled connection that had died. Twice is an upstream that takes requests and closes on them.
            closed = UpstreamUnreachable("Bedrock closed the connection before it answered.")
            closed.retryable = self.call.account.attempts == 1
            raise closed from None
        except (http.client.HTTPException, urllib3.exceptions.HTTPError, ValueError):
            raise_if_expired(self.call, self.stopping)
            raise UpstreamProtocolError() from None

    def _refusal(self, head: _Head) -> BedrockError:
        """What an answer with an error's status says, in as much of its body as may hold an error."""
        body, headers = b"", head.headers
        with closing(self._pieces(head)) as pieces:
            try:
                for piece in pieces:
                    if isinstance(piece, bytes):
                        body += piece
                    if len(body) > _LARGEST_ERROR:
                        break
            except (UpstreamTruncated, UpstreamStalled):
                raise_if_expired(self.call, self.stopping)
        document = _document(body)
        name = headers.get(_ERROR_TYPE) or _text(document, "__type", "code")
        # `Name:http://…` in a header, `prefix#Name` in a body.
        name = name.partition(":")[0].rpartition("#")[2].strip()
        hints = {hint: value for hint, value in headers.items() if hint == "retry-after"}
        refused = BedrockError(name, _text(document, "message", "Message"), head.raw.status, headers=hints)
        refused.upstream_request_id = headers.get("x-amzn-requestid")
        return refused

    def _whole(self, head: _Head) -> Generator[Chunk | Idle]:
        """The whole body. Truncated when it ends early, Garbled when it is larger than may be."""
        read, size, most = [], 0, self.settings.max_reply_bytes
        with closing(self._pieces(head)) as pieces:
            for piece in pieces:
                if not isinstance(piece, bytes):
                    yield piece
                    continue
                size += len(piece)
                if size > most:
                    raise UpstreamProtocolError(f"Bedrock's answer is larger than {most} bytes.")
                read.append(piece)
        yield Chunk(REPLY, b"".join(read))

    def _events(self, head: _Head) -> Generator[Chunk | Idle]:
        """The events of an event stream as they come; an exception or error frame raises what it says."""
        decoder = eventstream.Decoder()
        with closing(self._pieces(head)) as pieces:
            for piece in pieces:
                if isinstance(piece, bytes):
                    yield from _chunks(decoder, piece)
                else:
                    yield piece
        try:
            decoder.close()
        except eventstream.EventStreamError:
            raise UpstreamTruncated("Bedrock's stream ended within an event.") from None

    def _pieces(self, head: _Head) -> Generator[bytes | Idle]:
        """The bytes as they come, each read bounded by the silence allowed and by the call's deadline."""
        raw, call, got = head.raw, self.call, 0
        stalled = UpstreamStalled("Bedrock's answer began and then fell silent.")
        announced = head.headers.get("content-length", "")
        try:
            with self.stopping.interrupting(raw.shutdown, call.deadline):
                # A body at its end is closed, and its connection may be at work for another call already.
                while not raw.closed:
                    # An empty body is announced, and no byte of it would ever come.
                    if not announced.isdigit() or got < int(announced):
                        yield from self._waits(self.settings.keepalive, stalled)
                    self.deferred.sock.settimeout(self._patience())
                    with self._honest_body():
                        piece = raw.read1(_PIECE)
                    if not piece:
                        break
                    got += len(piece)
                    # A greenlet would otherwise never yield to the others while the upstream is fast.
                    time.sleep(0)
                    yield piece
                # An interrupted body ends like one that is over.
                raise_if_expired(call, self.stopping)
            if announced.isdigit() and got != int(announced):
                raise UpstreamTruncated(f"Bedrock's answer ended after {got} of {announced} bytes.")
        finally:
            # A body read to its end has gone back to the pool already; any other connection is closed.
            raw.close()

    @contextmanager
    def _honest_body(self) -> Iterator[None]:
        try:
            yield
        except urllib3.exceptions.ReadTimeoutError:
            raise_if_expired(self.call, self.stopping)
            raise UpstreamStalled("Bedrock's answer began and then fell silent.") from None
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError):
            raise_if_expired(self.call, self.stopping)
            raise UpstreamTruncated("The connection to Bedrock broke within an answer.") from None


def _foreign(headers: Mapping[str, str], call: Call) -> str:
    """What is wrong with the head of an answer that is no error, if anything is."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.stream and kind != eventstream.MEDIA_TYPE:
        return f"Bedrock answered a stream with {kind or 'no content type'}."
    if headers.get("content-encoding", "identity") != "identity":
        return "Bedrock's answer is compressed, which was not asked for."
    return ""


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be sent on: what holds control characters or foreign letters would break the answer."""
    return {name: value for name, value in headers.items() if value.isascii() and value.isprintable()}


def raise_if_expired(call: Call, stopping: Shutdown) -> None:
    """ShuttingDown or DeadlinePassed, where what came was cut for that."""
    stopping.check()
    if call.remaining() <= 0:
        raise DeadlineExceeded()


def _chunks(decoder: eventstream.Decoder, piece: bytes) -> Iterator[Chunk]:
    try:
        frames: Sequence[eventstream.Frame] = decoder.feed(piece)
        fault = None
    except eventstream.EventStreamError as error:
        frames, fault = error.frames, error
    for frame in frames:
        yield _chunk(frame)
    if fault is not None:
        raise UpstreamProtocolError(f"Bedrock's stream cannot be read: {fault}.")


def _chunk(frame: eventstream.Frame) -> Chunk:
    told = {name: value for name, value in frame.headers.items() if isinstance(value, str)}
    kind, event = told.get(":message-type", ""), told.get(":event-type", "")
    if kind == "exception":
        message = _text(_document(frame.payload), "message", "Message", "originalMessage")
        raise _framed(BedrockError(told.get(":exception-type", ""), message), frame)
    if kind == "error":
        raise _framed(BedrockError(told.get(":error-code", ""), told.get(":error-message", "")), frame)
    if kind != "event" or not event.isidentifier():
        raise UpstreamProtocolError("Bedrock's stream has an event of no known type.")
    try:
        data = eventstream.chunk_bytes(frame) if event == "chunk" else frame.payload
    except eventstream.EventStreamError:
        raise UpstreamProtocolError("Bedrock's stream has a chunk that holds none.") from None
    return Chunk(event, data, frame.raw)


def _framed(refused: BedrockError, frame: eventstream.Frame) -> BedrockError:
    refused.frame = frame.raw
    return refused


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(document: Any, *names: str) -> str:
    told = (document.get(name) for name in names) if isinstance(document, dict) else ()
    return next((str(text) for text in told if text), "")
