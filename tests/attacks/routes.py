"""The addresses that are attacked: how a call is written, and what its answer says about its end."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_flask.protocol import eventstream
from tests.attacks.answers import CONVERSE, INVOKE
from tests.attacks.lies import STREAM_LIES, WHOLE_LIES, Lie
from tests.attacks.surface_documents import CHAT, MESSAGES, RESPONSES
from tests.attacks.surface_lies import SURFACE_STREAM_LIES, SURFACE_WHOLE_LIES

SUCCESS, ERROR = "success", "error"
Outcome = frozenset[str]


@dataclass(frozen=True)
class Route:
    """One address in one form.

    form       the form of Bedrock's answer
    streamed   whether the answer is streamed
    path       with the model's id
    body       the request, given the model's id and the mark
    judge      the outcomes that a body of status 200 claims: SUCCESS, ERROR, neither or both
    """

    form: str
    streamed: bool
    path: Callable[[str], str]
    body: Callable[[str, str], dict[str, Any]]
    judge: Callable[[bytes], Outcome]


def _chat(model: str, mark: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": mark}]}


def _responses(model: str, mark: str) -> dict[str, Any]:
    return {"model": model, "input": mark}


def _messages(model: str, mark: str) -> dict[str, Any]:
    return {"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": mark}]}


def _converse(model: str, mark: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": mark}]}]}


def _claude(model: str, mark: str) -> dict[str, Any]:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99}
    return body | {"messages": [{"role": "user", "content": mark}]}


def _streamed(body: Callable[[str, str], dict[str, Any]]) -> Callable[[str, str], dict[str, Any]]:
    return lambda model, mark: body(model, mark) | {"stream": True}


def _outcome(success: bool, error: bool) -> Outcome:
    return frozenset([SUCCESS] * success + [ERROR] * error)


def _judge_whole(body: bytes) -> Outcome:
    return _outcome(bool(json.loads(body)), False)


def _judge_chat(body: bytes) -> Outcome:
    return _outcome(
        b"data: [DONE]" in body and b'"finish_reason": "' in body.replace(b'":"', b'": "'), b'"error":' in body
    )


def _judge_responses(body: bytes) -> Outcome:
    failed = b"event: response.failed" in body or b"event: error" in body
    return _outcome(b"event: response.completed" in body or b"event: response.incomplete" in body, failed)


def _judge_messages(body: bytes) -> Outcome:
    return _outcome(b"event: message_stop" in body, b"event: error" in body)


def _judge_native(body: bytes) -> Outcome:
    return _outcome(b"event: usage" in body, b"event: error" in body)


def _judge_frames(body: bytes) -> Outcome:
    """Of a stream of frames; a half one at its end is seen by every SDK."""
    decoder = eventstream.Decoder()
    try:
        read = decoder.feed(body)
        decoder.close()
    except eventstream.EventStreamError:
        return _outcome(False, True)
    kinds = [frame.headers.get(":event-type") or frame.headers.get(":message-type") for frame in read]
    texts = b"".join(eventstream.chunk_bytes(frame) for frame in read if frame.headers.get(":event-type") == "chunk")
    # Claude reports an error in its own format too, which Anthropic's SDK raises.
    failed = any(frame.headers.get(":message-type") != "event" for frame in read) or b'"type": "error"' in texts
    return _outcome("metadata" in kinds or b"message_stop" in texts, failed)


def _at(path: str) -> Callable[[str], str]:
    return lambda model: path.format(model=model)


ROUTES = {
    "chat, Nova": Route(CONVERSE, False, _at("/v1/chat/completions"), _chat, _judge_whole),
    "chat, Claude": Route(INVOKE, False, _at("/v1/chat/completions"), _chat, _judge_whole),
    "responses, Nova": Route(CONVERSE, False, _at("/v1/responses"), _responses, _judge_whole),
    "messages, Nova": Route(CONVERSE, False, _at("/v1/messages"), _messages, _judge_whole),
    "messages, Claude": Route(INVOKE, False, _at("/v1/messages"), _messages, _judge_whole),
    "native, Nova": Route(CONVERSE, False, _at("/v1/models/{model}/invoke"), _converse, _judge_whole),
    "native, Claude": Route(INVOKE, False, _at("/v1/models/{model}/invoke"), _claude, _judge_whole),
    "Converse": Route(CONVERSE, False, _at("/model/{model}/converse"), _converse, _judge_whole),
    "InvokeModel": Route(INVOKE, False, _at("/model/{model}/invoke"), _claude, _judge_whole),
    "chat stream, Nova": Route(CONVERSE, True, _at("/v1/chat/completions"), _streamed(_chat), _judge_chat),
    "chat stream, Claude": Route(INVOKE, True, _at("/v1/chat/completions"), _streamed(_chat), _judge_chat),
    "responses stream, Nova": Route(CONVERSE, True, _at("/v1/responses"), _streamed(_responses), _judge_responses),
    "messages stream, Nova": Route(CONVERSE, True, _at("/v1/messages"), _streamed(_messages), _judge_messages),
    "messages stream, Claude": Route(INVOKE, True, _at("/v1/messages"), _streamed(_messages), _judge_messages),
    "native stream, Nova": Route(CONVERSE, True, _at("/v1/models/{model}/invoke-stream"), _converse, _judge_native),
    "native stream, Claude": Route(INVOKE, True, _at("/v1/models/{model}/invoke-stream"), _claude, _judge_native),
    "ConverseStream": Route(CONVERSE, True, _at("/model/{model}/converse-stream"), _converse, _judge_frames),
    "InvokeModelWithResponseStream": Route(
        INVOKE, True, _at("/model/{model}/invoke-with-response-stream"), _claude, _judge_frames
    ),
}

# Clients of each format, of models that only a surface serves.
_CLIENTS = {
    "chat": ("/v1/chat/completions", _chat, _judge_chat),
    "responses": ("/v1/responses", _responses, _judge_responses),
    "messages": ("/v1/messages", _messages, _judge_messages),
}
_OWN = {CHAT: _chat, RESPONSES: _responses, MESSAGES: _messages}


def _list_surface_routes() -> Iterator[tuple[str, Route]]:
    for form, own in _OWN.items():
        for client, (path, body, judge) in _CLIENTS.items():
            yield f"{client} by {form}", Route(form, False, _at(path), body, _judge_whole)
            yield f"{client} stream by {form}", Route(form, True, _at(path), _streamed(body), judge)
        native = "/v1/models/{model}/invoke"
        yield f"native by {form}", Route(form, False, _at(native), own, _judge_whole)
        yield f"native stream by {form}", Route(form, True, _at(f"{native}-stream"), own, _judge_native)


SURFACE_ROUTES = dict(_list_surface_routes())


def lies_of(form: str, *, streamed: bool) -> Mapping[str, Lie]:
    """The lies of an answer of this form."""
    if form in (CONVERSE, INVOKE):
        return STREAM_LIES if streamed else WHOLE_LIES
    return SURFACE_STREAM_LIES if streamed else SURFACE_WHOLE_LIES
