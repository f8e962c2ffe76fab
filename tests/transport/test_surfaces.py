"""The surfaces in OpenAI's and Anthropic's formats: their addresses, signatures and errors, and honest ends."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_flask import errors
from bedrock_flask.bedrock.surfaces import CALLED, MANTLE, SIGNING_NAMES
from bedrock_flask.call import END, Chunk, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.protocol import sse
from bedrock_flask.transport.events import ServerSentEvents
from bedrock_flask.transport.signed.endpoints import find_endpoint
from tests.doubles import SendStream, SendWhole, Upstream

FIRST = sse.encode_line(b'{"choices":[{"index":0,"delta":{"content":"He"}}]}')
DONE = sse.encode("[DONE]")


def read(answer: Stream) -> list[Chunk]:
    """All chunks of a stream."""
    return [chunk for batch in answer.batches for chunk in batch]


@pytest.mark.parametrize("name", CALLED)
def test_every_surface_has_its_address_and_its_signature(
    upstream: Upstream, send: Any, whole: SendWhole, name: str
) -> None:
    upstream.scripts.append(whole(b'{"id":"x"}', x_amzn_requestid="r-1"))
    reply, call = send(operation=name, body=b'{"model":"m"}')
    assert reply.body == b'{"id":"x"}'
    assert call.record.upstream_request_id == "r-1"
    head, _, body = upstream.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"model":"m"}'
    assert head.startswith(f"{CALLED[name].method} {CALLED[name].path} HTTP/1.1\r\n".encode())
    scope = re.search(rb"Credential=[^/]+/\d{8}/us-east-1/([a-z-]+)/aws4_request", head)
    assert scope is not None
    assert scope[1].decode() == SIGNING_NAMES[CALLED[name].endpoint]


def test_a_stream_is_read_as_server_sent_events(upstream: Upstream, send: Any, stream: SendStream) -> None:
    upstream.scripts.append(stream(FIRST[:10], FIRST[10:] + b": ping\n\n", DONE, media_type=sse.MEDIA_TYPE))
    answer, _ = send(operation="runtime/chat", stream=True)
    chunks = read(answer)
    assert [chunk.event for chunk in chunks] == ["chunk", END]
    assert chunks[0].document["choices"][0]["delta"] == {"content": "He"}


def test_a_stream_of_another_kind_is_not_an_answer(upstream: Upstream, send: Any, stream: SendStream) -> None:
    upstream.scripts.append(stream(FIRST))
    with pytest.raises(errors.UpstreamProtocolError):
        send(operation="runtime/chat", stream=True)


@pytest.mark.parametrize("end", [b"", b"0\r\n"])
def test_a_connection_that_ends_early_is_an_error(
    upstream: Upstream, send: Any, stream: SendStream, end: bytes
) -> None:
    upstream.scripts.append(stream(FIRST, end=end, media_type=sse.MEDIA_TYPE))
    answer, _ = send(operation="mantle/chat", stream=True)
    with pytest.raises(errors.UpstreamTruncated):
        read(answer)


def test_a_stream_that_ends_within_an_event_is_an_error(upstream: Upstream, send: Any, stream: SendStream) -> None:
    upstream.scripts.append(stream(FIRST, b"data: {", media_type=sse.MEDIA_TYPE))
    answer, _ = send(operation="mantle/chat", stream=True)
    with pytest.raises(errors.UpstreamTruncated):
        read(answer)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, "bedrock_overloaded"),
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, "throttled"),
        ({"type": "error", "code": "server_error", "message": "oh", "param": None}, "bedrock_internal"),
        ({"message": "what"}, "upstream_error"),
    ],
)
def test_an_event_that_is_an_error_ends_the_stream(
    upstream: Upstream, send: Any, stream: SendStream, data: dict[str, Any], code: str
) -> None:
    event = sse.encode_line(json.dumps(data).encode(), "error")
    upstream.scripts.append(stream(FIRST, event, media_type=sse.MEDIA_TYPE))
    answer, _ = send(operation="mantle/responses", stream=True)
    assert len(next(answer.batches)) == 1
    with pytest.raises(errors.UpstreamError) as caught:
        read(answer)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("status", "body", "code", "expected"),
    [
        ("400 Bad Request", {"error": {"message": "bad", "type": "invalid_request_error"}}, "bedrock_validation", 400),
        ("422 Unprocessable Entity", {"error": {"message": "bad"}}, "bedrock_validation", 400),
        ("401 Unauthorized", {"error": {"message": "no", "code": "invalid_api_key"}}, "gateway_credentials", 503),
        ("403 Forbidden", {"error": {"message": "no", "type": "permission_error"}}, "model_not_allowed", 403),
        ("404 Not Found", {"error": {"message": "no", "type": "invalid_request_error"}}, "model_not_found", 404),
        ("429 Too Many Requests", {"error": {"message": "slow", "type": "requests"}}, "throttled", 429),
        (
            "529 Overloaded",
            {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
            "bedrock_overloaded",
            503,
        ),
        ("403 Forbidden", {"message": "not authorized"}, "model_not_allowed", 403),
    ],
)
def test_a_refusal_keeps_its_meaning(
    upstream: Upstream, send: Any, whole: SendWhole, status: str, body: dict[str, Any], code: str, expected: int
) -> None:
    upstream.scripts += [whole(json.dumps(body).encode(), status, request_id="req_1")] * 2
    with pytest.raises(errors.BedrockError) as caught:
        send(operation="mantle/messages")
    assert (caught.value.code, caught.value.status) == (code, expected)
    assert caught.value.upstream_request_id == "req_1"


def test_a_throttle_is_tried_again(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    busy = whole(b'{"error":{"message":"slow"}}', "503 Service Unavailable")
    upstream.scripts += [busy, whole(b'{"id":"x"}')]
    reply, call = send(operation="runtime/responses")
    assert (reply.body, call.record.attempts) == (b'{"id":"x"}', 2)


# --- any cut ----------------------------------------------------------------------------------------------------------

EVENTS = [FIRST, sse.encode_line(b'{"choices":[]}', "chunk"), sse.comment("ping"), DONE]
STREAM = b"".join(EVENTS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(STREAM)), st.lists(st.integers(0, len(STREAM)), max_size=5))
def test_a_stream_that_is_cut_anywhere_never_ends_as_a_whole_one(cut: int, cuts: list[int]) -> None:
    kept = STREAM[:cut]
    at = [0, *sorted(each for each in cuts if each < cut), cut]
    events = ServerSentEvents()
    chunks = [chunk for a, b in pairwise(at) for chunk in events.feed(kept[a:b])[0]]
    has_end = any(chunk.event == END for chunk in chunks)
    assert has_end == (cut == len(STREAM))
    if any(cut in range(sum(map(len, EVENTS[:n])) + 1, sum(map(len, EVENTS[: n + 1]))) for n in (0, 1, 3)):
        with pytest.raises(errors.UpstreamTruncated):
            events.close()


# --- endpoints --------------------------------------------------------------------------------------------------------


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_MANTLE", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    return monkeypatch


def test_mantle_has_a_host_of_its_own(plain: pytest.MonkeyPatch) -> None:
    found = find_endpoint(Settings(), service=MANTLE)
    assert (found.url, found.signing_service) == ("https://bedrock-mantle.us-east-2.api.aws", MANTLE)
    assert find_endpoint(Settings(), "us-gov-west-1", MANTLE).host == "bedrock-mantle.us-gov-west-1.api.aws"


def test_a_variable_names_mantles_endpoint(plain: pytest.MonkeyPatch) -> None:
    plain.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://other.example")
    plain.setenv("AWS_ENDPOINT_URL_BEDROCK_MANTLE", "https://vpce.example/base")
    found = find_endpoint(Settings(), service=MANTLE)
    assert (found.host, found.base_path, found.signing_service) == ("vpce.example", "/base", MANTLE)


@pytest.mark.parametrize("region", ["cn-north-1", "eusc-de-east-1"])
def test_where_no_endpoint_is_known_none_is_guessed(plain: pytest.MonkeyPatch, region: str) -> None:
    with pytest.raises(errors.CredentialsError, match="AWS_ENDPOINT_URL_BEDROCK_MANTLE"):
        find_endpoint(Settings(), region, MANTLE)


def test_no_call_leaves_fips_silently(plain: pytest.MonkeyPatch) -> None:
    plain.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    with pytest.raises(errors.CredentialsError, match="FIPS"):
        find_endpoint(Settings(), service=MANTLE)
    assert "fips" in find_endpoint(Settings()).host
