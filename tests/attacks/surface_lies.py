"""The lies of a surface that is broken or hostile: answers in OpenAI's and Anthropic's formats, whole and streamed."""

import gzip
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from bedrock_flask.protocol import sse
from tests.attacks.answers import JSON_TYPE, chunked, head, whole
from tests.attacks.lies import DRIP, FIN, FRAMINGS, HANG, HTML, RST, WHOLE_LIES, Lie, Steps
from tests.attacks.surface_answers import make_events, stream, write_event, write_text
from tests.attacks.surface_documents import CHAT, END, RESPONSES, TEXT, Json, make_documents, make_reply

_ARN = "see arn:aws:iam::123456789012:role/canary-role"
# An error in the words of Anthropic, of OpenAI, of OpenAI's responses and of AWS.
_ERRORS: dict[str, Json] = {
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": _ARN}},
    "openai": {"error": {"message": _ARN, "type": "server_error", "param": None, "code": None}},
    "openai-bare": {"error": {"code": "server_error"}},
    "openai-text": {"error": _ARN},
    "responses": {"type": "error", "code": "server_error", "message": _ARN, "param": None},
    "aws": {"message": _ARN, "__type": "ThrottlingException"},
}
# What a document is not, or is absurd as.
_ODD_TEXTS: dict[str, str | bytes] = {
    "not-json": "{",
    "no-text": b"\xff\xfe",
    "nan": '{"usage": NaN}',
    "digits": f'{{"x": {"1" * 100_000}}}',
    "deep": f'{{"x": {"[" * 100_000 + "]" * 100_000}}}',
    "null": "null",
    "list": "[]",
    "string": '"x"',
    "nothing": "",
}


def _keep(
    choose: Callable[[list[bytes]], Sequence[bytes]], *, is_complete: bool = False, complete_in: Collection[str] = ()
) -> Lie:
    """A stream of a choice of the true events."""
    return Lie(lambda form, mark: stream(choose(make_events(form, mark))), is_complete, complete_in=complete_in)


def _insert(place: int, *events: bytes, is_complete: bool = False) -> Lie:
    """The true stream with other events before one of its own."""
    return _keep(lambda true: [*true[:place], *events, *true[place:]], is_complete=is_complete)


def _cut(
    count: int, *steps: bytes | str, half: bool = False, is_complete: bool = False, is_silent: bool = False
) -> Lie:
    """The first events, perhaps half of another, and then these steps instead of the end."""

    def tell(form: str, mark: str) -> Steps:
        true = make_events(form, mark)
        begun = true[:count] + ([true[count][: len(true[count]) // 2]] if half else [])
        return [*stream(begun, end=b""), *steps]

    return Lie(tell, is_complete, is_silent)


def _change_usage(change: Callable[[Any], Any], *, is_complete: bool = False) -> Lie:
    """The true stream with other counts of tokens, wherever they are."""

    def tell(form: str, mark: str) -> Steps:
        documents = [_put_usage(document, change) for document in make_documents(form, mark)]
        return stream([write_event(document) for document in documents])

    return Lie(tell, is_complete)


def _put_usage(document: Json, change: Callable[[Any], Any]) -> Json:
    return {
        name: change(value) if name == "usage" and value else _put_usage(value, change) if name == "response" else value
        for name, value in document.items()
    }


def _text(place: int, text: str | bytes, *, is_complete: bool = False) -> Lie:
    """The true stream with an event in one place that has another text."""

    def tell(form: str, mark: str) -> Steps:
        true = make_events(form, mark)
        true[place] = write_text(text)
        return stream(true)

    return Lie(tell, is_complete)


def _streams() -> Iterator[tuple[str, Lie]]:
    """Lies about which events come, and where the connection ends."""
    yield "truth", _keep(lambda true: true, is_complete=True)
    yield "no-end", _keep(lambda true: true[:END])
    # The last event of the responses has the whole answer.
    yield "only-end", _keep(lambda true: true[-1:], complete_in=[RESPONSES])
    yield "end-first", _keep(lambda true: [true[-1], *true[:END]], complete_in=[RESPONSES])
    yield "text-only", _keep(lambda true: true[1:3])
    yield "only-start", _keep(lambda true: true[:1])
    yield "no-events", _keep(lambda true: [])
    yield "backwards", _keep(lambda true: true[::-1], complete_in=[RESPONSES])
    yield "start-twice", _keep(lambda true: [true[0], *true], is_complete=True)
    yield "end-twice", _keep(lambda true: [*true, *true[END:]], is_complete=True)
    yield "all-twice", _keep(lambda true: [*true, *true], is_complete=True)
    yield "text-after-end", _keep(lambda true: [*true, true[TEXT]], is_complete=True)
    yield "garbage-after-end", _keep(lambda true: [*true, b"\xff" * 40], is_complete=True)
    yield "unended-last-event", _keep(lambda true: [*true[:END], true[END].removesuffix(b"\n\n") + b"\n"])
    for count in (0, 1, 3, 4):
        for end in (FIN, RST):
            yield f"cut-{count}-{end}", _cut(count, end)
            yield f"half-{count}-{end}", _cut(count, end, half=True)
        yield f"half-{count}-clean", _cut(count, b"0\r\n\r\n", half=True)
    for end in (FIN, RST, HANG):
        yield f"end-then-{end}", _cut(6, end, is_complete=True, is_silent=end == HANG)
    for count in (0, 1, 3):
        yield f"hang-{count}", _cut(count, HANG, is_silent=True)
    yield "hang-half", _cut(2, HANG, half=True, is_silent=True)
    yield "drip", Lie(lambda form, mark: [DRIP, *stream(make_events(form, mark))], is_complete=True, is_silent=True)
    for name, error in _ERRORS.items():
        for place in (0, 3):
            yield f"error-{name}-{place}", _keep(_put_error(place, write_text(json.dumps(error), "error")))
            yield f"unnamed-error-{name}-{place}", _keep(_put_error(place, write_text(json.dumps(error))))
        yield f"error-{name}-then-end", _insert(3, write_text(json.dumps(error)))
        yield f"error-{name}-after-end", _insert(6, write_text(json.dumps(error), "error"), is_complete=True)


def _put_error(place: int, event: bytes) -> Callable[[list[bytes]], Sequence[bytes]]:
    return lambda true: [*true[:place], event]


def _documents() -> Iterator[tuple[str, Lie]]:
    """Lies about what is in the events of a stream."""
    for name, text in _ODD_TEXTS.items():
        yield f"text-{name}", _text(TEXT, text, is_complete=True)
        yield f"last-{name}", _keep_odd_end(text)
    yield "surrogate", _text(TEXT, r'{"x": "\ud800"}', is_complete=True)
    yield "crlf", _text(TEXT, r'{"type": "x", "x": "\r\n\r\ndata: [DONE]\r\n\r\n"}', is_complete=True)
    yield "usage-missing", _change_usage(lambda usage: {}, is_complete=True)
    yield "usage-null", _change_usage(lambda usage: None, is_complete=True)
    yield "usage-word", _change_usage(lambda usage: "many", is_complete=True)
    yield "usage-negative", _change_usage(lambda usage: dict.fromkeys(usage, -5), is_complete=True)
    yield "usage-absurd", _change_usage(lambda usage: dict.fromkeys(usage, 10**30), is_complete=True)
    yield "usage-odd", _change_usage(lambda usage: {**usage, "input_tokens": 1.5, "x": [None]}, is_complete=True)
    # The last event of the responses says by its type why it ends.
    yield "no-stop", _with_reason(None, complete_in=[RESPONSES])
    yield "list-stop", _with_reason([])
    yield "unknown-stop", _with_reason("model_felt_like_it", is_complete=True)
    for name, change in _RESPONSES.items():
        yield f"response-{name}", _of_response(change)
    yield "comments", _insert(TEXT, b": ping\n\n" * 1000, is_complete=True)
    yield "unknown-event", _insert(TEXT, write_text('{"type": "gossip"}', "gossip"), is_complete=True)
    yield "no-data", _insert(TEXT, b"event: gossip\n\n", is_complete=True)
    yield "event-name-crlf", _insert(TEXT, b"event: x\r\rdata: y\n\n", is_complete=True)
    yield "pings", _insert(TEXT, write_text('{"type": "ping"}', "ping") * 100, is_complete=True)
    yield "carriage-returns", _keep(lambda true: [event.replace(b"\n", b"\r") for event in true], is_complete=True)
    yield "mark-of-bytes", _keep(lambda true: [b"\xef\xbb\xbf", *true], is_complete=True)
    yield "one-chunk", _keep(lambda true: [b"".join(true)], is_complete=True)
    yield "one-byte-chunks", _keep(lambda true: [bytes((byte,)) for byte in b"".join(true)], is_complete=True)
    yield "nul", _insert(TEXT, b"\0" * 100 + b"\n\n", is_complete=True)


def _keep_odd_end(text: str | bytes) -> Lie:
    return _keep(lambda true: [*true[:END], write_text(text)])


def _with_reason(reason: Any, *, is_complete: bool = False, complete_in: Collection[str] = ()) -> Lie:
    """The true stream with another reason for its end; the responses have one in their last document."""

    def tell(form: str, mark: str) -> Steps:
        documents = make_documents(form, mark)
        if form == CHAT:
            documents[3]["choices"][0]["finish_reason"] = reason
        elif form == RESPONSES:
            documents[5]["response"]["status"] = reason
        else:
            documents[4]["delta"]["stop_reason"] = reason
        return stream([write_event(document) for document in documents])

    return Lie(tell, is_complete, complete_in=complete_in)


# What the last event of a stream of responses says instead of the truth.
_RESPONSES: dict[str, Callable[[Json], Json]] = {
    "null": lambda last: {**last, "response": None},
    "missing": lambda last: {"type": last["type"]},
    "list": lambda last: {**last, "response": []},
    "failed-in-completed": lambda last: _of(last, status="failed", error={"code": "server_error", "message": _ARN}),
    "error-in-completed": lambda last: _of(last, error={"code": "server_error", "message": _ARN}),
    "in-progress": lambda last: _of(last, status="in_progress"),
    "cancelled": lambda last: _of(last, status="cancelled"),
    "failed": lambda last: _of({**last, "type": "response.failed"}, status="failed", error={"message": _ARN}),
    "failed-null": lambda last: {"type": "response.failed", "response": None},
    "failed-bare": lambda last: _of({**last, "type": "response.failed"}, status="failed", error=None),
    "cancelled-event": lambda last: _of({**last, "type": "response.cancelled"}, status="cancelled"),
}


def _of(last: Json, **members: Any) -> Json:
    return {**last, "response": {**last["response"], **members}}


def _of_response(change: Callable[[Json], Json]) -> Lie:
    """Of the responses; a stream of another form has no end."""

    def tell(form: str, mark: str) -> Steps:
        documents = make_documents(form, mark)
        documents[END:] = [documents[END], change(documents[5])] if form == RESPONSES else []
        return stream([write_event(document) for document in documents])

    return Lie(tell)


def _kinds() -> Iterator[tuple[str, Lie]]:
    """Lies about the kind of a streamed answer."""
    for name, kind in {"json": JSON_TYPE, "html": "text/html", "octets": "application/octet-stream"}.items():
        yield f"called-{name}", Lie(_called(kind), is_complete=True)
    yield (
        "called-nothing",
        Lie(
            lambda form, mark: [head(transfer_encoding="chunked"), *chunked(make_events(form, mark))], is_complete=True
        ),
    )
    yield "html-as-events", _keep(lambda true: [HTML])
    yield "json-as-events", Lie(lambda form, mark: stream([json.dumps(make_reply(form, mark)).encode()]))
    yield "whole-for-stream", Lie(lambda form, mark: whole(json.dumps(make_reply(form, mark)).encode()), True)
    for name, error in _ERRORS.items():
        yield f"whole-error-{name}", Lie(lambda form, mark, error=error: whole(json.dumps(error).encode()))
    yield "html-for-stream", Lie(lambda form, mark: whole(HTML, content_type="text/html"))
    yield "gzip-stream", Lie(_compress, is_complete=True)
    yield "until-close", Lie(_until_close, is_complete=True)
    yield (
        "half-until-close",
        Lie(lambda form, mark: [head(content_type=sse.MEDIA_TYPE), *make_events(form, mark)[:3], FIN]),
    )


def _called(kind: str) -> Callable[[str, str], Steps]:
    return lambda form, mark: stream(make_events(form, mark), content_type=kind)


def _compress(form: str, mark: str) -> Steps:
    return stream([gzip.compress(b"".join(make_events(form, mark)))], content_encoding="gzip")


def _until_close(form: str, mark: str) -> Steps:
    return [head(content_type=sse.MEDIA_TYPE), *make_events(form, mark), FIN]


def _wholes() -> Iterator[tuple[str, Lie]]:
    """Lies of a whole answer that only these formats can tell."""
    for name, error in _ERRORS.items():
        yield f"error-{name}", Lie(lambda form, mark, error=error: whole(json.dumps(error).encode()))
        yield f"error-{name}-beside", _of_reply(lambda reply, error=error: {**reply, **error})
    yield "no-stop-reason", _of_reply(_put_reason)
    yield "null-stop-reason", _of_reply(lambda reply: _put_reason(reply, True))
    yield "no-choices", _of_members(choices=[], output=None, content=None)
    yield "null-choice", _of_members(choices=[None], output="x", content={})
    yield "no-message", _of_members(choices=[{"index": 0, "finish_reason": "stop"}], output={}, content=1)
    yield "null-status", _of_members(choices=None, status=None, stop_reason=None)
    yield "failed", _of_members(choices=None, status="failed", error={"code": "x", "message": _ARN}, stop_reason="")
    yield "in-progress", _of_members(choices="x", status="in_progress", stop_reason=[])
    yield "usage-missing", _of_reply(lambda reply: {**reply, "usage": None}, is_complete=True)
    yield (
        "called-html",
        Lie(lambda form, mark: whole(json.dumps(make_reply(form, mark)).encode(), content_type="text/html"), True),
    )
    yield "stream-for-whole", Lie(lambda form, mark: stream(make_events(form, mark)))
    yield (
        "gzip-whole",
        Lie(
            lambda form, mark: whole(
                gzip.compress(json.dumps(make_reply(form, mark)).encode()), content_encoding="gzip"
            ),
            True,
        ),
    )


def _of_reply(change: Callable[[Json], Json], *, is_complete: bool = False) -> Lie:
    return Lie(lambda form, mark: whole(json.dumps(change(make_reply(form, mark))).encode()), is_complete)


def _put_reason(reply: Json, has_null: bool = False) -> Json:
    """The reply without a reason for its end, or with null for it."""
    name = {"chat.completion": "finish_reason", "response": "status"}.get(reply.get("object", ""), "stop_reason")
    if "choices" in reply:
        return {**reply, "choices": [_put_member(reply["choices"][0], name, has_null)]}
    return _put_member(reply, name, has_null)


def _put_member(document: Json, name: str, has_null: bool) -> Json:
    return {key: old for key, old in document.items() if key != name} | dict.fromkeys([name] if has_null else [])


def _of_members(**members: Any) -> Lie:
    """A whole answer with other values for those of these members that its form has."""
    return _of_reply(lambda reply: {**reply, **{name: members[name] for name in members.keys() & reply.keys()}})


SURFACE_STREAM_LIES = {**FRAMINGS, **dict(_streams()), **dict(_documents()), **dict(_kinds())}
SURFACE_WHOLE_LIES = {**WHOLE_LIES, **dict(_wholes())}
