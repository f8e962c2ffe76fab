"""Streams that lack their stop reason, and errors that a model reports inside an answer, through every dialect."""

import json
from typing import Any

import pytest
import requests

from bedrock_flask.protocol import eventstream
from tests.doubles import Gateway, GatewayWith, SendStream, SendWhole, Upstream
from tests.sse_decoder import Decoder

Json = dict[str, Any]

CLAUDE, NOVA, GENERIC = "claude", "nova", "newvendor.model-of-tomorrow"
TURN = [{"role": "user", "content": "Hi"}]
CLAUDES_BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": TURN}
CONVERSE_BODY = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
# Each way in which a stream can be called: its path, its body, and the format in which Bedrock answers.
WAYS: dict[str, tuple[str, Json, str]] = {
    **{
        f"chat {m}": ("/v1/chat/completions", {"model": m, "messages": TURN, "stream": True}, w)
        for m, w in ((NOVA, "converse"), (GENERIC, "converse"))
    },
    **{
        f"responses {m}": ("/v1/responses", {"model": m, "input": "Hi", "stream": True}, "converse")
        for m in (NOVA, GENERIC)
    },
    "messages nova": ("/v1/messages", {"model": NOVA, "max_tokens": 9, "messages": TURN, "stream": True}, "converse"),
    "messages claude": ("/v1/messages", {"model": CLAUDE, "max_tokens": 9, "messages": TURN, "stream": True}, "claude"),
    "native claude": ("/v1/models/claude/invoke-stream", CLAUDES_BODY, "claude"),
    "native nova": ("/v1/models/nova/invoke-stream", CONVERSE_BODY, "nova"),
    "bedrock converse": ("/model/amazon.nova-lite-v1:0/converse-stream", CONVERSE_BODY, "converse"),
    "bedrock claude": ("/model/anthropic.claude-opus-4-6-v1/invoke-with-response-stream", CLAUDES_BODY, "claude"),
}
DELTA: Json = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hel"}}}
CONVERSE: list[Json] = [
    {"messageStart": {"role": "assistant"}},
    DELTA,
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": {"latencyMs": 1}}},
]
CLAUDES: list[Json] = [
    {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1, "outputTokenCount": 1}},
]
STREAMS = {"converse": CONVERSE, "nova": CONVERSE, "claude": CLAUDES}
each_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def upstream(session_upstream: Upstream) -> Upstream:
    return session_upstream.reset()


@pytest.fixture
def gateway(gateway_with: GatewayWith, upstream: Upstream) -> Gateway:
    return gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, BEDROCK_FLASK_MAX_ATTEMPTS="1")


def encode(form: str, events: list[Json]) -> list[bytes]:
    """The frames in which Bedrock sends these events."""
    if form == "converse":
        return [
            eventstream.encode(eventstream.event(kind, json.dumps(payload).encode()))
            for event in events
            for kind, payload in event.items()
        ]
    return [eventstream.encode(eventstream.chunk(json.dumps(event).encode())) for event in events]


def read_last(response: Any, way: str) -> tuple[str, str]:
    """The kind of the last event of a stream, and the code or the name of the error that it reports."""
    if way.startswith("bedrock"):
        frame = eventstream.Decoder().feed(response.content)[-1]
        return "error" if ":exception-type" in frame.headers else "", str(frame.headers.get(":exception-type"))
    last = Decoder().feed(response.content)[-1]
    document = json.loads(last.data) if last.data != "[DONE]" else {}
    error = document.get("error") or document
    return "error" if last.event in ("error", "response.failed") or "error" in document else "", error.get("code")


LIES = {
    "no stop": lambda events: [event for event in events if not is_stop(event)],
    "only the end": lambda events: events[-1:],
    "the end before the stop": lambda events: [*events[:2], events[-1], *events[2:-1]],
}


def is_stop(event: Json) -> bool:
    return "messageStop" in event or event.get("type") == "message_delta"


@each_way
@pytest.mark.parametrize("lie", LIES)
def test_a_stream_without_its_stop_reason_is_an_error_and_not_a_success(
    gateway: Gateway, upstream: Upstream, stream: SendStream, way: str, lie: str
) -> None:
    path, body, form = WAYS[way]
    upstream.scripts.append(stream(*encode(form, LIES[lie](STREAMS[form]))))
    if way.startswith("bedrock") and lie != "only the end":
        # The client loses its connection, as it does without the gateway.
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            gateway.post(path, body)
        assert gateway.lines()[-1]["error"] == "upstream_truncated"
        return
    response = gateway.post(path, body)
    assert gateway.line(response.headers["x-request-id"])["error"] == "upstream_truncated"
    if lie == "only the end":
        assert response.status_code >= 400
    else:
        kind, code = read_last(response, way)
        assert kind == "error"
        assert code == "upstream_truncated"
        assert "[DONE]" not in response.text
        assert "response.completed" not in response.text


@each_way
def test_the_same_stream_with_its_stop_reason_is_a_success(
    gateway: Gateway, upstream: Upstream, stream: SendStream, way: str
) -> None:
    path, body, form = WAYS[way]
    upstream.scripts.append(stream(*encode(form, STREAMS[form])))
    response = gateway.post(path, body)
    assert response.status_code == 200
    assert "error" not in gateway.line(response.headers["x-request-id"])


# What a model reports in a chunk, and what the gateway makes of it.
KINDS = {
    "rate_limit_error": (429, "throttled", "rate_limit_error", "true"),
    "overloaded_error": (503, "bedrock_overloaded", "overloaded_error", "true"),
    "invalid_request_error": (400, "bedrock_validation", "invalid_request_error", "false"),
    "api_error": (502, "bedrock_internal", "api_error", "true"),
}


def report(kind: str) -> Json:
    return {"type": "error", "error": {"type": kind, "message": "Words of its own", "details": None}, "request_id": "r"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["messages claude", "native claude"])
def test_an_error_chunk_decides_the_status_and_keeps_its_kind(
    gateway: Gateway, upstream: Upstream, stream: SendStream, way: str, kind: str
) -> None:
    path, body, form = WAYS[way]
    status, code, anthropics, retry = KINDS[kind]
    upstream.scripts.append(stream(*encode(form, [report(kind)])))
    response = gateway.post(path, body)
    document = response.json()
    error = document.get("error") or document
    assert (response.status_code, error["code"], response.headers["x-should-retry"]) == (status, code, retry)
    assert "Words of its own" in response.text
    if way.startswith("messages"):
        assert error["type"] == anthropics
    upstream.scripts.append(stream(*encode(form, [*CLAUDES[:3], report(kind)])))
    response = gateway.post(path, body)
    assert (response.status_code, read_last(response, way)) == (200, ("error", code))
    assert "Words of its own" in response.text
    assert gateway.line(response.headers["x-request-id"])["error"] == code


def test_on_bedrocks_own_route_an_error_chunk_in_midstream_goes_out_as_it_came(
    gateway: Gateway, upstream: Upstream, stream: SendStream
) -> None:
    path, body, form = WAYS["bedrock claude"]
    frames = encode(form, [*CLAUDES[:3], report("rate_limit_error")])
    upstream.scripts.append(stream(*frames))
    response = gateway.post(path, body)
    assert response.content == b"".join(frames)
    assert gateway.line(response.headers["x-request-id"])["error"] == "throttled"
    upstream.scripts.append(stream(*frames[-1:]))
    response = gateway.post(path, body)
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (429, "ThrottlingException")


def test_a_whole_answer_that_is_an_error_keeps_its_kind(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    upstream.scripts.append(whole(json.dumps(report("overloaded_error")).encode()))
    path, body, _ = WAYS["messages claude"]
    response = gateway.post(path, {**body, "stream": False})
    assert (response.status_code, response.json()["error"]["type"]) == (503, "overloaded_error")


@pytest.mark.parametrize("way", ["chat nova", "responses nova", "messages nova"])
def test_half_a_character_in_a_stream_is_passed_on_as_an_escape(
    gateway: Gateway, upstream: Upstream, stream: SendStream, way: str
) -> None:
    path, body, form = WAYS[way]
    delta = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "a\ud800\u2028b"}}}
    upstream.scripts.append(stream(*encode(form, [CONVERSE[0], delta, *CONVERSE[2:]])))
    response = gateway.post(path, body)
    assert "a\\ud800\\u2028b" in response.text
    assert "error" not in gateway.line(response.headers["x-request-id"])


@each_way
def test_line_ends_of_unicode_are_escaped_in_server_sent_events_and_stay_in_frames(
    gateway: Gateway, upstream: Upstream, stream: SendStream, way: str
) -> None:
    path, body, form = WAYS[way]
    text = "one\u2028two\u2029three\x85four 漢 😀"
    events = json.loads(json.dumps(STREAMS[form]).replace("Hel", json.dumps(text)[1:-1]))
    kinds = {"converse": lambda event: next(iter(event.items())), "nova": lambda event: ("chunk", event)}
    pairs = [kinds.get(form, kinds["nova"])(event) for event in events]
    raw = [json.dumps(payload, ensure_ascii=False).encode() for _, payload in pairs]
    frames = [
        eventstream.encode(eventstream.chunk(data) if kind == "chunk" else eventstream.event(kind, data))
        for (kind, _), data in zip(pairs, raw, strict=True)
    ]
    upstream.scripts.append(stream(*frames))
    response = gateway.post(path, body)
    if way.startswith("bedrock"):
        assert response.content == b"".join(frames)
        return
    # As `iter_lines` of httpx and of requests split them.
    lines = [line for line in response.content.decode().splitlines() if line.startswith("data: {")]
    assert len(lines) >= 3
    assert text in json.dumps([json.loads(line[6:]) for line in lines], ensure_ascii=False).replace("\\u0085", "\x85")
    assert "漢 😀" in response.content.decode()


def test_an_answer_in_a_form_that_nobody_knows_stays_as_it_came(
    gateway: Gateway, upstream: Upstream, stream: SendStream
) -> None:
    imported = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghijkl"
    data = '{"generation": "one\u2028two"}'.encode()
    upstream.scripts.append(stream(eventstream.encode(eventstream.chunk(data))))
    response = gateway.post(f"/v1/models/{imported}/invoke-stream", {"prompt": "Hi"})
    assert b"data: " + data in response.content


# The code of a failed response, as OpenAI names it, for what breaks off a stream.
FAILURES = {
    "throttlingException": ("rate_limit_exceeded", "throttled", "Slow down."),
    "validationException": ("invalid_prompt", "bedrock_validation", "Bad."),
    "internalServerException": ("server_error", "bedrock_internal", "Oops."),
}
TOO_LONG = (
    "Input is too long for requested model.",
    "The model returned the following errors: prompt is too long: 300000 tokens > 200000 maximum",
    "This model's maximum context length is 131072 tokens.",
    "The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
)


def refuse(name: str, message: str) -> bytes:
    return eventstream.encode(eventstream.exception(name, json.dumps({"message": message}).encode()))


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("model", [NOVA, GENERIC, CLAUDE])
def test_a_response_that_breaks_off_fails_with_its_number_and_openais_code(
    gateway: Gateway, upstream: Upstream, stream: SendStream, name: str, model: str
) -> None:
    openais, own, message = FAILURES[name]
    upstream.scripts.append(stream(*encode("converse", CONVERSE[:4]), refuse(name, message)))
    response = gateway.post("/v1/responses", {"model": model, "input": "Hi", "stream": True})
    events = Decoder().feed(response.content)
    documents = [json.loads(event.data) for event in events]
    assert [document["sequence_number"] for document in documents] == [*range(len(documents))]
    last = documents[-1]
    assert (events[-1].event, last["type"]) == ("response.failed", "response.failed")
    failed = last["response"]
    assert (failed["status"], failed["id"]) == ("failed", documents[0]["response"]["id"])
    assert failed["error"] == {"code": openais, "message": message, "gateway_code": own}
    # OpenAI's SDKs raise for this one.
    assert (last["error"]["code"], last["error"]["message"]) == (own, message)
    assert failed["output"] == [each["item"] for each in documents if each["type"] == "response.output_item.done"]


@pytest.mark.parametrize("message", TOO_LONG)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_a_context_that_is_too_long_has_the_code_by_which_clients_know_it(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, stream: SendStream, path: str, message: str
) -> None:
    body = {"model": NOVA, "messages": TURN} if "chat" in path else {"model": NOVA, "input": "Hi"}
    codes = {"code": "context_length_exceeded", "gateway_code": "bedrock_validation"}
    refused = json.dumps({"message": message}).encode()
    upstream.scripts.append(whole(refused, status="400 Bad Request", x_amzn_errortype="ValidationException"))
    upstream.scripts.append(stream(refuse("validationException", message)))
    upstream.scripts.append(stream(*encode("converse", CONVERSE[:2]), refuse("validationException", message)))
    for streamed in (False, True):
        response = gateway.post(path, {**body, "stream": streamed})
        assert response.status_code == 400
        assert codes.items() <= response.json()["error"].items()
    last = json.loads(Decoder().feed(gateway.post(path, {**body, "stream": True}).content)[-1].data)
    assert codes.items() <= last["error"].items()
    if "responses" in path:
        assert codes.items() <= last["response"]["error"].items()


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/v1/chat/completions", ("finish_reason", "tool_calls", "length")),
        ("/v1/messages", ("stop_reason", "tool_use", "max_tokens")),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", [NOVA, GENERIC])
def test_a_plain_end_beside_tool_calls_says_that_tools_are_to_be_run(
    gateway: Gateway,
    upstream: Upstream,
    whole: SendWhole,
    stream: SendStream,
    path: str,
    names: tuple[str, str, str],
    streamed: bool,
    model: str,
) -> None:
    member, calls, cut = names
    use = {"toolUseId": "a", "name": "look"}
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    if "messages" in path:
        tool = {"name": "look", "input_schema": {"type": "object"}}
    for reason, expected in (("end_turn", calls), ("max_tokens", cut)):
        if streamed:
            events: list[Json] = [
                CONVERSE[0],
                {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": use}}},
                {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}},
                {"contentBlockStop": {"contentBlockIndex": 0}},
                {"messageStop": {"stopReason": reason}},
                CONVERSE[-1],
            ]
            upstream.scripts.append(stream(*encode("converse", events)))
        else:
            content = [{"toolUse": {**use, "input": {}}}]
            answer = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason}
            upstream.scripts.append(whole(json.dumps({**answer, "usage": CONVERSE[-1]["metadata"]["usage"]}).encode()))
        body = {"model": model, "max_tokens": 9, "messages": TURN, "tools": [tool], "stream": streamed}
        text = gateway.post(path, body).text.replace(" ", "")
        assert f'"{member}":"{expected}"' in text
