"""The cases as a table: what is called, how, and with what."""

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

NOVA = {"": "amazon.nova-lite-v1:0", "paced": "amazon.nova-pro-v1:0", "spaced": "amazon.nova-micro-v1:0"}
CLAUDE = {"": "anthropic.claude-sonnet-4-5-20250929-v1:0", "paced": "anthropic.claude-haiku-4-5-20251001-v1:0"}
QUESTION = "Name three colours, and say of each in one sentence where it is seen in nature."
SYSTEM = "You answer in plain English."
DELTAS = 100
IMAGE_BYTES = 3_750_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way of calling.

    dialect      a row of DIALECTS
    streamed     the number of deltas; a whole answer if 0
    pace         "" at once, "spaced" each event in a read of its own, "paced" 50 events a second
    messages     in the request
    image        whether the last message has an image, 5 MB in base64
    concurrency  calls at a time
    tls          whether the upstream speaks TLS
    http2        whether the client speaks HTTP/2
    calls        in a batch
    """

    dialect: str
    streamed: int = 0
    pace: str = ""
    messages: int = 1
    image: bool = False
    concurrency: int = 1
    tls: bool = False
    http2: bool = False
    calls: int = 40

    @property
    def name(self) -> str:
        """The words that `ARGS` selects it by."""
        parts = [
            self.dialect,
            f"stream of {self.streamed}" if self.streamed else "whole",
            self.pace,
            f"{self.messages} messages" if self.messages > 1 else "",
            "5 MB image" if self.image else "",
            "TLS" if self.tls else "",
            "HTTP/2" if self.http2 else "",
            f"{self.concurrency} at a time" if self.concurrency > 1 else "",
        ]
        return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Request:
    """A request of the client's: its path and its body."""

    path: str
    body: bytes


@dataclass(frozen=True)
class Dialect:
    """How a case is called through the gateway, and by boto3.

    write      the request from a case
    operation  the method of boto3's client that is called in its place, for whole and for streamed answers
    arguments  its arguments
    end        what a whole stream contains
    """

    write: Callable[[Case], Request]
    operation: tuple[str, str]
    arguments: Callable[[Case], Mapping[str, Any]]
    end: bytes = b""


def _write_openai(case: Case, model: str, image: Callable[[str], Mapping[str, Any]], text: str) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = [
        {"role": "assistant" if turn % 2 else "user", "content": QUESTION} for turn in range(_count(case))
    ]
    if case.image:
        turns[-1]["content"] = [{"type": text, "text": QUESTION}, image(f"data:image/png;base64,{_make_image()}")]
    return turns


def _write_chat(case: Case, models: Mapping[str, str] = NOVA) -> Request:
    turns = _write_openai(case, "", lambda url: {"type": "image_url", "image_url": {"url": url}}, "text")
    body: dict[str, Any] = {
        "model": models[case.pace],
        "messages": [{"role": "system", "content": SYSTEM}, *turns],
        "max_tokens": case.streamed or DELTAS,
        "temperature": 0.5,
    }
    if case.streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return _post("/v1/chat/completions", body)


def _write_responses(case: Case) -> Request:
    turns = _write_openai(case, "", lambda url: {"type": "input_image", "image_url": url}, "input_text")
    body: dict[str, Any] = {
        "model": NOVA[case.pace],
        "instructions": SYSTEM,
        "input": turns,
        "max_output_tokens": case.streamed or DELTAS,
        "temperature": 0.5,
        "store": False,
    }
    return _post("/v1/responses", body | ({"stream": True} if case.streamed else {}))


def _write_claude(case: Case) -> dict[str, Any]:
    turns: list[dict[str, Any]] = [
        {"role": "assistant" if turn % 2 else "user", "content": QUESTION} for turn in range(_count(case))
    ]
    if case.image:
        source = {"type": "base64", "media_type": "image/png", "data": _make_image()}
        turns[-1]["content"] = [{"type": "text", "text": QUESTION}, {"type": "image", "source": source}]
    return {"max_tokens": case.streamed or DELTAS, "system": SYSTEM, "temperature": 0.5, "messages": turns}


def _write_messages(case: Case) -> Request:
    body = {"model": CLAUDE[case.pace], **_write_claude(case)}
    return _post("/v1/messages", body | ({"stream": True} if case.streamed else {}))


def _write_native_claude(case: Case) -> dict[str, Any]:
    return {"anthropic_version": "bedrock-2023-05-31", **_write_claude(case)}


def _write_native(case: Case) -> Request:
    verb = "invoke-stream" if case.streamed else "invoke"
    return _post(f"/v1/models/{quote(CLAUDE[case.pace])}/{verb}", _write_native_claude(case))


def _write_invoke(case: Case) -> Request:
    verb = "invoke-with-response-stream" if case.streamed else "invoke"
    return _post(f"/model/{quote(CLAUDE[case.pace], safe='')}/{verb}", _write_native_claude(case))


def _write_converse(case: Case, image: Any = None) -> dict[str, Any]:
    turns = [
        {"role": "assistant" if turn % 2 else "user", "content": [{"text": QUESTION}]} for turn in range(_count(case))
    ]
    if case.image:
        turns[-1]["content"].append({"image": {"format": "png", "source": {"bytes": image}}})
    return {
        "messages": turns,
        "system": [{"text": SYSTEM}],
        "inferenceConfig": {"maxTokens": case.streamed or DELTAS, "temperature": 0.5},
    }


def _write_bedrock_converse(case: Case) -> Request:
    verb = "converse-stream" if case.streamed else "converse"
    return _post(f"/model/{quote(NOVA[case.pace], safe='')}/{verb}", _write_converse(case, _make_image()))


def _make_converse_arguments(case: Case, models: Mapping[str, str] = NOVA) -> Mapping[str, Any]:
    return {"modelId": models[case.pace], **_write_converse(case, _make_image_bytes())}


def _make_invoke_arguments(case: Case) -> Mapping[str, Any]:
    # Written as JSON for each call by the caller, as every program does.
    return {"modelId": CLAUDE[case.pace], "body": _write_native_claude(case)}


def _count(case: Case) -> int:
    # The last turn is the user's.
    return case.messages + (case.messages + 1) % 2


def _post(path: str, body: Mapping[str, Any]) -> Request:
    return Request(path, json.dumps(body).encode())


def _make_image_bytes() -> bytes:
    """A PNG of one pixel, and then what fills it up."""
    start = b"\x89PNG\r\n\x1a\n"
    noise = b"".join(zlib.crc32(b"%d" % number).to_bytes(4, "big") for number in range(1024))
    return (start + noise * (IMAGE_BYTES // len(noise) + 1))[:IMAGE_BYTES]


def _make_image() -> str:
    return base64.b64encode(_make_image_bytes()).decode()


_CONVERSE = ("converse", "converse_stream")
_INVOKE = ("invoke_model", "invoke_model_with_response_stream")

DIALECTS: Mapping[str, Dialect] = {
    "chat": Dialect(_write_chat, _CONVERSE, _make_converse_arguments, b"data: [DONE]"),
    "chat on Claude": Dialect(
        lambda case: _write_chat(case, CLAUDE),
        _CONVERSE,
        lambda case: _make_converse_arguments(case, CLAUDE),
        b"data: [DONE]",
    ),
    "messages": Dialect(_write_messages, _INVOKE, _make_invoke_arguments, b"event: message_stop"),
    "responses": Dialect(_write_responses, _CONVERSE, _make_converse_arguments, b"event: response.completed"),
    "native": Dialect(_write_native, _INVOKE, _make_invoke_arguments, b"message_stop"),
    "bedrock converse": Dialect(_write_bedrock_converse, _CONVERSE, _make_converse_arguments, b"messageStop"),
    "bedrock invoke": Dialect(_write_invoke, _INVOKE, _make_invoke_arguments),
}


def write_direct(case: Case) -> Request:
    """The request that the gateway sends to Bedrock for a case, but for its signature."""
    is_converse = DIALECTS[case.dialect].operation == _CONVERSE
    return DIALECTS["bedrock converse" if is_converse else "bedrock invoke"].write(case)


def _both(case: Case) -> list[Case]:
    """The case with a whole and with a streamed answer."""
    return [case, replace(case, streamed=DELTAS, calls=max(case.calls // 2, 2))]


CASES: tuple[Case, ...] = (
    *(case for dialect in DIALECTS for case in _both(Case(dialect=dialect))),
    *(case for dialect in ("chat", "messages") for case in _both(Case(dialect=dialect, concurrency=16, calls=160))),
    *(case for dialect in ("chat", "messages") for case in _both(Case(dialect=dialect, tls=True))),
    *(case for dialect in ("chat", "messages") for case in _both(Case(dialect=dialect, http2=True))),
    *_both(Case(dialect="chat", http2=True, concurrency=16, calls=160)),
    *(Case(dialect=dialect, messages=20) for dialect in ("chat", "messages", "bedrock converse")),
    *(Case(dialect=dialect, image=True, calls=4) for dialect in ("chat", "messages", "bedrock converse")),
    Case(dialect="chat", streamed=DELTAS, pace="spaced", calls=10),
)
# What `QUICK=1` measures.
QUICK: tuple[Case, ...] = tuple(case for dialect in ("chat", "messages") for case in _both(Case(dialect=dialect)))
