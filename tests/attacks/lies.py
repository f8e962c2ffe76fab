"""The lies of a Bedrock that is broken or hostile: what each sends, and how the call may end.

A lie gets the form of the answer and the mark of the call, and yields bytes and the steps FIN, RST, HANG and DRIP. The
connection stays open after its last step, unless one ended it.
"""

import gzip
import json
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bedrock_flask.protocol import eventstream
from tests.attacks.answers import (
    CONVERSE,
    JSON_TYPE,
    chunked,
    frame_of,
    frame_text,
    head,
    make_events,
    make_reply,
    stream,
    whole,
)

FIN, RST, HANG, DRIP = "fin", "rst", "hang", "drip"
Steps = Iterable[bytes | str]


@dataclass(frozen=True)
class Lie:
    """One lie.

    tell          yields what is sent
    is_complete   whether a complete answer is in it, so that the call may end in success as well as in an error
    is_silent     whether it makes the gateway wait for its limits
    complete_in   forms in which a complete answer is in it, if not in all
    """

    tell: Callable[[str, str], Steps]
    is_complete: bool = False
    is_silent: bool = False
    complete_in: Collection[str] = ()


def frames(form: str, mark: str) -> list[bytes]:
    """The frames of a true stream."""
    return [frame_of(form, event) for event in make_events(form, mark)]


def body(form: str, mark: str) -> bytes:
    """The body of a true whole answer."""
    return json.dumps(make_reply(form, mark)).encode()


def _keep(choose: Callable[[list[bytes]], Sequence[bytes]]) -> Lie:
    """A stream of a choice of the true frames."""
    return Lie(lambda form, mark: stream(choose(frames(form, mark))))


def _replace(position: int, make: Callable[[bytes], bytes]) -> Lie:
    """A stream in which one frame is changed."""

    def tell(form: str, mark: str) -> Steps:
        true = frames(form, mark)
        true[position] = make(true[position])
        return stream(true)

    return Lie(tell)


def _end(count: int, *steps: bytes | str, cut: bool = False) -> Callable[[str, str], Steps]:
    """The first frames, perhaps half of another, and then these steps instead of the end."""

    def tell(form: str, mark: str) -> Steps:
        true = frames(form, mark)
        begun = true[:count] + ([true[count][: len(true[count]) // 2]] if cut else [])
        return [*stream(begun, end=b""), *steps]

    return tell


def _add_frame(position: int, frame: bytes) -> Lie:
    def tell(form: str, mark: str) -> Steps:
        true = frames(form, mark)
        return stream([*true[:position], frame])

    return Lie(tell)


def _document(position: int, text: str | bytes, *, is_complete: bool = False) -> Lie:
    """A stream in which the document of one frame is another text; then the true frames follow."""

    def tell(form: str, mark: str) -> Steps:
        true = frames(form, mark)
        kind, _ = make_events(form, mark)[position]
        true[position] = frame_text(form, kind, text)
        return stream(true)

    return Lie(tell, is_complete)


def _raw(*steps: bytes | str, is_silent: bool = False) -> Lie:
    return Lie(lambda form, mark: steps, is_silent=is_silent)


def _with_status(status: str, *, with_body: bool = True, is_silent: bool = False) -> Lie:
    def tell(form: str, mark: str) -> Steps:
        text = b'{"message": "see arn:aws:iam::123456789012:role/canary-role"}' if with_body else b""
        return [head(status, content_type=JSON_TYPE, content_length=str(len(text))), text]

    return Lie(tell, is_silent=is_silent)


def _of_body(change: Callable[[bytes], bytes], *, is_complete: bool = False) -> Lie:
    return Lie(lambda form, mark: whole(change(body(form, mark))), is_complete)


def _member(form: str, change: Callable[[dict[str, Any]], dict[str, Any]], mark: str) -> bytes:
    return json.dumps(change(make_reply(form, mark))).encode()


def _of_document(change: Callable[[dict[str, Any]], dict[str, Any]], *, is_complete: bool = False) -> Lie:
    return Lie(lambda form, mark: whole(_member(form, change, mark)), is_complete)


def _flip(at: int) -> Callable[[bytes], bytes]:
    return lambda frame: frame[:at] + bytes([frame[at] ^ 0xFF]) + frame[at + 1 :]


def _lengths(total: int, headers: int) -> bytes:
    lengths = struct.pack(">II", total, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths)) + b"\0" * 8


_ARN = b'{"message": "see arn:aws:iam::123456789012:role/canary-role"}'
_EXCEPTION = eventstream.encode(eventstream.exception("throttlingException", _ARN))
_UNKNOWN_EXCEPTION = eventstream.encode(eventstream.exception("noSuchException", _ARN))
_ERROR = eventstream.encode(eventstream.error("InternalFailure", _ARN.decode()))
_UNKNOWN_MESSAGE = eventstream.encode(eventstream.Frame({":message-type": "gossip", ":event-type": "chunk"}, b"{}"))
_NO_HEADERS = eventstream.encode(eventstream.Frame({}, b"{}"))
_DEEP = "[" * 100_000 + "]" * 100_000
_DIGITS = "1" * 100_000
HTML = b"<html><body>We will be back soon.</body></html>"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def _streams() -> Iterator[tuple[str, Lie]]:
    """Lies of a streamed answer."""
    yield "truth", Lie(lambda form, mark: stream(frames(form, mark)), is_complete=True)
    # What the events leave out, or say in another order.
    yield "no-stop", _keep(lambda true: [*true[:-2], true[-1]])
    yield "only-meta", _keep(lambda true: true[-1:])
    yield "stop-first", _keep(lambda true: [true[-1], *true[:-2]])
    yield "no-meta", _keep(lambda true: true[:-1])
    yield "only-start", _keep(lambda true: true[:1])
    yield "no-frames", _keep(lambda true: [])
    yield "text-only", _keep(lambda true: true[1:3])
    # Where a connection ends.
    for count in (0, 1, 3, 5):
        for end in (FIN, RST):
            yield f"cut-{count}-{end}", Lie(_end(count, end))
            yield f"half-{count}-{end}", Lie(_end(count, end, cut=True))
        yield f"half-{count}-clean", Lie(_end(count, b"0\r\n\r\n", cut=True))
    yield "meta-then-fin", Lie(_end(6, FIN), is_complete=True)
    yield "meta-then-rst", Lie(_end(6, RST), is_complete=True)
    yield "meta-then-hang", Lie(_end(6, HANG), is_complete=True, is_silent=True)
    for count in (0, 1, 3):
        yield f"hang-{count}", Lie(_end(count, HANG), is_silent=True)
    yield "hang-half", Lie(_end(2, HANG, cut=True), is_silent=True)
    yield "drip", Lie(lambda form, mark: [DRIP, *stream(frames(form, mark))], is_complete=True, is_silent=True)
    # Frames that are none.
    for name, at in {"prelude-crc": 9, "message-crc": -1, "payload": -8, "header": 14}.items():
        for position in (0, 2, 5):
            yield f"bad-{name}-{position}", _replace(position, lambda frame, at=at: _flip(at % len(frame))(frame))
    for name, prelude in {
        "huge-prelude": _lengths(1 << 31, 0),
        "largest-prelude": _lengths(0xFFFFFFFF, 0xFFFFFFFF),
        "empty-prelude": _lengths(0, 0),
        "short-prelude": _lengths(15, 0),
        "headers-beyond": _lengths(32, 64),
        "garbage": b"\xff" * 64,
        "html-frames": HTML,
    }.items():
        yield name, _add_frame(2, prelude)
    for position in (0, 1, 3, 5):
        yield f"exception-{position}", _add_frame(position, _EXCEPTION)
        yield f"error-frame-{position}", _add_frame(position, _ERROR)
    yield "exception-unknown", _add_frame(3, _UNKNOWN_EXCEPTION)
    yield "message-unknown", _add_frame(3, _UNKNOWN_MESSAGE)
    yield "no-headers", _add_frame(3, _NO_HEADERS)
    # Documents that are none, or absurd.
    for name, text in {
        "not-json": "{",
        "no-text": b"\xff\xfe",
        "nan": '{"usage": NaN}',
        "digits": f'{{"x": {_DIGITS}}}',
        "deep": f'{{"x": {_DEEP}}}',
        "null": "null",
        "list": "[]",
        "string": '"x"',
    }.items():
        yield f"last-{name}", _document(5, text)
        yield f"delta-{name}", _document(2, text, is_complete=True)
    yield "surrogate", _document(2, r'{"contentBlockIndex": 0, "delta": {"text": "\ud800"}}', is_complete=True)
    yield "crlf", _document(2, r'{"delta": {"text": "\r\n\r\ndata: [DONE]\r\n\r\n"}}', is_complete=True)


def _orders() -> Iterator[tuple[str, Lie]]:
    """Lies of a stream about the order and the number of its events, and about what is in them."""
    yield (
        "stop-twice",
        Lie(lambda form, mark: stream([*frames(form, mark)[:5], *frames(form, mark)[4:]]), is_complete=True),
    )
    yield "meta-twice", Lie(lambda form, mark: stream([*frames(form, mark), frames(form, mark)[-1]]), is_complete=True)
    yield (
        "text-after-meta",
        Lie(lambda form, mark: stream([*frames(form, mark), frames(form, mark)[2]]), is_complete=True),
    )
    yield "exception-after-meta", Lie(lambda form, mark: stream([*frames(form, mark), _EXCEPTION]), is_complete=True)
    yield "garbage-after-meta", Lie(lambda form, mark: stream([*frames(form, mark), b"\xff" * 40]), is_complete=True)
    yield "stop-before-text", _keep(lambda true: [true[0], true[4], *true[1:4]])
    yield "no-start", Lie(lambda form, mark: stream(frames(form, mark)[1:]), is_complete=True)
    yield "start-twice", Lie(lambda form, mark: stream([frames(form, mark)[0], *frames(form, mark)]), is_complete=True)
    yield "backwards", _keep(lambda true: true[::-1])
    yield "null-stop", _change_stop(None)
    yield "list-stop", _change_stop([])
    yield "empty-stop", _change_stop("")
    yield "unknown-stop", _change_stop("model_felt_like_it", is_complete=True)
    yield "usage-word", _document_of("metadata", {"usage": "many", "metrics": {}})
    yield "usage-negative", _document_of("metadata", {"usage": {"inputTokens": -5, "outputTokens": 10**30}})
    yield "chunk-without-bytes", _add_frame(3, eventstream.encode(eventstream.event("chunk", b'{"p": "abc"}')))
    yield "chunk-not-base64", _add_frame(3, eventstream.encode(eventstream.event("chunk", b'{"bytes": "!!!"}')))
    yield "error-in-chunk", _add_frame(3, _ERROR_IN_CHUNK)
    yield (
        "unknown-event",
        Lie(lambda form, mark: stream([*frames(form, mark)[:3], _GOSSIP, *frames(form, mark)[3:]]), is_complete=True),
    )
    yield "no-event-type", _add_frame(3, eventstream.encode(eventstream.Frame({":message-type": "event"}, b"{}")))
    yield (
        "event-type-number",
        _add_frame(3, eventstream.encode(eventstream.Frame({":message-type": "event", ":event-type": 7}, b"{}"))),
    )
    yield "crlf-in-event-type", _add_frame(3, eventstream.encode(eventstream.event("x\r\ndata: [DONE]\r\n\r\n", b"{}")))
    yield (
        "one-byte-chunks",
        Lie(lambda form, mark: stream([bytes((byte,)) for byte in b"".join(frames(form, mark))]), is_complete=True),
    )
    yield "one-chunk", Lie(lambda form, mark: stream([b"".join(frames(form, mark))]), is_complete=True)
    yield (
        "chunk-extensions",
        Lie(
            lambda form, mark: [
                part.replace(b"\r\n", b";a=b\r\n", 1) if number else part for number, part in _parts(form, mark)
            ],
            is_complete=True,
        ),
    )
    yield (
        "trailers",
        Lie(lambda form, mark: stream(frames(form, mark), end=b"0\r\n" + b"x: y\r\n" * 50 + b"\r\n"), is_complete=True),
    )
    yield (
        "trailer-flood",
        Lie(
            lambda form, mark: [*stream(frames(form, mark), end=b"0\r\n" + b"x: y\r\n" * 300_000), FIN],
            is_complete=True,
        ),
    )
    yield (
        "second-answer",
        Lie(lambda form, mark: [*stream(frames(form, mark)), *whole(body(form, "mark-ffffffff"))], is_complete=True),
    )
    yield "whole-for-stream", Lie(lambda form, mark: whole(body(form, mark)), is_complete=True)
    yield "length-for-stream", Lie(lambda form, mark: _with_length(frames(form, mark)), is_complete=True)
    yield "short-length-for-stream", Lie(lambda form, mark: [*_with_length(frames(form, mark), missing=90), FIN])
    yield (
        "until-close-for-stream",
        Lie(lambda form, mark: [head(content_type=eventstream.MEDIA_TYPE), *frames(form, mark), FIN], is_complete=True),
    )
    yield (
        "half-until-close-for-stream",
        Lie(lambda form, mark: [head(content_type=eventstream.MEDIA_TYPE), *frames(form, mark)[:3], FIN]),
    )


def _parts(form: str, mark: str) -> Iterator[tuple[int, bytes]]:
    parts = stream(frames(form, mark))
    return ((number if number < len(parts) - 1 else 0, part) for number, part in enumerate(parts))


def _with_length(true: list[bytes], missing: int = 0) -> list[bytes]:
    data = b"".join(true)
    return [head(content_type=eventstream.MEDIA_TYPE, content_length=str(len(data))), data[: len(data) - missing]]


def _change_stop(reason: Any, *, is_complete: bool = False) -> Lie:
    def tell(form: str, mark: str) -> Steps:
        true = frames(form, mark)
        stop = (
            {"stopReason": reason} if form == CONVERSE else {"type": "message_delta", "delta": {"stop_reason": reason}}
        )
        true[4] = frame_text(form, make_events(form, mark)[4][0], json.dumps(stop))
        return stream(true)

    return Lie(tell, is_complete)


def _document_of(kind: str, document: dict[str, Any]) -> Lie:
    """A Converse stream whose last document is another; Claude's stays as it is."""

    def tell(form: str, mark: str) -> Steps:
        true = frames(form, mark)
        if form == CONVERSE:
            true[5] = frame_text(form, kind, json.dumps(document))
        return stream(true)

    return Lie(tell, is_complete=True)


_ERROR_IN_CHUNK = eventstream.encode(
    eventstream.chunk(b'{"type": "error", "error": {"type": "overloaded_error", "message": "no"}}')
)
_GOSSIP = eventstream.encode(eventstream.event("gossip", b'{"x": 1}'))


def _wholes() -> Iterator[tuple[str, Lie]]:
    """Lies of a whole answer."""
    yield "truth", Lie(lambda form, mark: whole(body(form, mark)), is_complete=True)
    for name, text in {
        "empty-object": b"{}",
        "null": b"null",
        "list": b"[]",
        "string": b'"x"',
        "number": b"1",
        "html": HTML,
        "nothing": b"",
        "spaces": b" " * 1000,
        "deep": _DEEP.encode(),
        "digits": _DIGITS.encode(),
        "error-in-200": b'{"message": "no", "__type": "ThrottlingException"}',
    }.items():
        yield name, _of_body(lambda true, text=text: text)
    yield "cut-json", _of_body(lambda true: true[:-20])
    yield "two-documents", _of_body(lambda true: true + true)
    yield "nan-usage", _of_body(lambda true: true.replace(b"7", b"NaN").replace(b": 4", b": NaN"))
    yield "bad-utf8", _of_body(lambda true: true.replace(b"Here", b"\xff\xfe"))
    yield (
        "no-stop-reason",
        _of_document(
            lambda reply: {name: value for name, value in reply.items() if name not in ("stopReason", "stop_reason")}
        ),
    )
    yield (
        "null-stop-reason",
        _of_document(lambda reply: {**reply, **dict.fromkeys(({"stopReason", "stop_reason"}) & reply.keys())}),
    )
    yield (
        "negative-usage",
        _of_document(lambda reply: {**reply, "usage": dict.fromkeys(reply["usage"], -(10**30))}, is_complete=True),
    )
    yield (
        "absurd-usage",
        _of_document(lambda reply: {**reply, "usage": dict.fromkeys(reply["usage"], "many")}, is_complete=True),
    )
    yield "short-length", Lie(lambda form, mark: [*whole(body(form, mark), content_length="30"), FIN])
    yield "long-length", Lie(lambda form, mark: [*whole(body(form, mark), content_length="100000"), FIN])
    yield (
        "long-length-hang",
        Lie(lambda form, mark: [*whole(body(form, mark), content_length="100000"), HANG], is_silent=True),
    )
    yield "half-body-rst", Lie(lambda form, mark: [head(content_length="200"), body(form, mark)[:50], RST])
    yield (
        "half-body-hang",
        Lie(lambda form, mark: [head(content_length="200"), body(form, mark)[:50], HANG], is_silent=True),
    )
    yield "until-close", Lie(lambda form, mark: [head(content_type=JSON_TYPE), body(form, mark), FIN], is_complete=True)
    yield "half-until-close", Lie(lambda form, mark: [head(content_type=JSON_TYPE), body(form, mark)[:60], FIN])
    yield "drip", Lie(lambda form, mark: [DRIP, *whole(body(form, mark))], is_complete=True, is_silent=True)


def _framings() -> Iterator[tuple[str, Lie]]:
    """Lies of HTTP itself, of both kinds of answers."""
    for end in (FIN, RST, HANG):
        yield f"{end}-at-once", _raw(end, is_silent=end == HANG)
        yield f"{end}-in-head", _raw(b"HTTP/1.1 200 OK\r\ncontent-", end, is_silent=end == HANG)
    yield "no-http", _raw(b"SSH-2.0-OpenSSH_9.6\r\n", FIN)
    yield "http-0.9", _raw(HTML, FIN)
    yield "http-9.9", _raw(b"HTTP/9.9 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    yield "status-word", _raw(b"HTTP/1.1 abc OK\r\ncontent-length: 2\r\n\r\n{}")
    yield "status-bomb", _raw(b"HTTP/1.1 200 " + b"O" * 1_000_000, FIN)
    yield "header-bomb", _raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000 + b"\r\n", FIN)
    yield "long-header", _raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n", FIN)
    yield "no-colon", _raw(b"HTTP/1.1 200 OK\r\nnonsense\r\ncontent-length: 2\r\n\r\n{}")
    yield "nul-header", _raw(b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 2\r\n\r\n{}")
    yield "continue-flood", _raw(*[_CONTINUE * 100] * 10, FIN)
    yield "continue-for-ever", _raw(*[_CONTINUE * 100] * 10, HANG, is_silent=True)
    for status in ("204 No Content", "205 Reset Content", "304 Not Modified", "302 Found", "101 Switching Protocols"):
        yield f"status-{status[:3]}", _with_status(status, with_body=False)
    for status in ("400 Bad Request", "403 Forbidden", "404 Not Found", "418 Teapot", "429 Slow", "500 Oh", "503 No"):
        yield f"status-{status[:3]}", _with_status(status)
    yield "status-999", _with_status("999 Odd")
    yield "stalled-refusal", _raw(head("429 Slow", content_length="500"), b'{"mess', HANG, is_silent=True)
    yield "redirect", _raw(head("307 Go", location="http://127.0.0.1:1/", content_length="0"))
    yield "two-lengths", _raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}", FIN)
    yield "word-length", _raw(b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\n{}", FIN)
    yield "negative-length", _raw(b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}", FIN)
    for name, size in {"negative": b"-5", "word": b"zz", "huge": b"f" * 30, "empty": b"", "spaced": b"5 5"}.items():
        yield f"chunk-{name}", _raw(head(transfer_encoding="chunked"), size + b"\r\nhello\r\n0\r\n\r\n", FIN)
    yield "chunks-only", _raw(head(transfer_encoding="chunked"), *chunked([], end=b"5\r\nhel"), FIN)
    yield "gzip-garbage", _raw(head(content_encoding="gzip", content_length="4"), b"\x1f\x8bxx")
    yield "gzip-html", _raw(head(content_encoding="gzip", content_length=str(len(_GZIP))), _GZIP)


_GZIP = gzip.compress(HTML, mtime=0)

FRAMINGS = dict(_framings())
STREAM_LIES = {**FRAMINGS, **dict(_streams()), **dict(_orders())}
WHOLE_LIES = {**FRAMINGS, **dict(_wholes())}

__all__ = ["CONVERSE", "STREAM_LIES", "WHOLE_LIES", "Lie"]
