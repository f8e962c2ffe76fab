"""Every transport is a byte pipe: exact bytes both ways, honest ends, and every failure in the gateway's words."""

import gc
import json
import os
import re
import socket
import struct
import threading
import time
from typing import Any

import pytest

from bedrock_flask import errors
from bedrock_flask.call import Chunk, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.protocol import eventstream as es
from bedrock_flask.transport.choice import make_transport
from bedrock_flask.transport.shutdown import Shutdown
from tests.doubles import SendStream, SendWhole, Upstream

CHUNK = es.encode(es.chunk(b'{"a":1}', "abc"))
ODD = b'{ "n": 12345678901234567890123, "x": 0.10, "new": [{"strange": {}}] }'


def test_bytes_go_up_and_come_down_as_they_are(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    upstream.scripts.append(whole(ODD, x_amzn_requestid="r-1", x_amzn_bedrock_input_token_count="3"))
    reply, call = send(body=ODD, model="us.amazon.nova-lite-v1:0", headers={"X-Amzn-Bedrock-Trace": "ENABLED"})
    assert reply.body == ODD
    assert reply.headers["x-amzn-bedrock-input-token-count"] == "3"
    assert call.record.upstream_request_id == "r-1"
    head, _, body = upstream.requests[0].partition(b"\r\n\r\n")
    assert body == ODD
    assert head.startswith(b"POST /model/us.amazon.nova-lite-v1%3A0/invoke HTTP/1.1")
    assert b"x-amzn-bedrock-trace: enabled" in head.lower()
    assert b"content-type: application/json" in head.lower()
    assert b"aws4-hmac-sha256" in head.lower()


@pytest.mark.parametrize(
    ("operation", "is_stream", "path"),
    [
        ("InvokeModel", False, "invoke"),
        ("InvokeModel", True, "invoke-with-response-stream"),
        ("Converse", False, "converse"),
        ("Converse", True, "converse-stream"),
    ],
)
def test_every_operation_has_its_address(
    upstream: Upstream, send: Any, whole: SendWhole, stream: SendStream, operation: str, is_stream: bool, path: str
) -> None:
    upstream.scripts.append(stream(CHUNK) if is_stream else whole(b"{}"))
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.a.b-v1:0"
    answer, _ = send(operation=operation, stream=is_stream, model=arn)
    if is_stream:
        assert [chunk.data for chunk in read(answer)] == [b'{"a":1}']
    line = upstream.requests[0].split(b"\r\n")[0].decode()
    encoded = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.a.b-v1%3A0"
    assert line == f"POST /model/{encoded}/{path} HTTP/1.1"


def test_converses_events_keep_their_payload(upstream: Upstream, send: Any, stream: SendStream) -> None:
    payload = b'{"contentBlockDelta" : 1, "p":"abc", "future": {}}'
    upstream.scripts.append(stream(es.encode(es.event("contentBlockDelta", payload))))
    answer, _ = send(operation="Converse", stream=True)
    [chunk] = read(answer)
    assert (chunk.event, chunk.data) == ("contentBlockDelta", payload)


def test_an_event_comes_as_soon_as_it_is_sent(upstream: Upstream, send: Any, stream: SendStream) -> None:
    release = threading.Event()
    upstream.scripts.append(stream(CHUNK, then=lambda _: release.wait(5)))
    answer, _ = send(stream=True)
    assert [chunk.data for chunk in next(answer.batches)] == [b'{"a":1}']
    release.set()
    assert list(answer.batches) == []


def read(answer: Stream) -> list[Chunk]:
    """All chunks of a stream."""
    return [chunk for batch in answer.batches for chunk in batch]


def _chunked(frame: bytes) -> bytes:
    return f"{len(frame):x}\r\n".encode() + frame + b"\r\n"


def test_a_connection_is_kept_and_used_again(
    upstream: Upstream, send: Any, whole: SendWhole, stream: SendStream
) -> None:
    upstream.scripts += [whole(b"{}"), stream(CHUNK), whole(b"{}")]
    send()
    list(send(stream=True)[0].batches)
    send()
    assert upstream.connections == 1


def test_the_end_of_a_complete_answer_is_not_awaited_for_long(
    upstream: Upstream, send: Any, stream: SendStream
) -> None:
    upstream.scripts.append(stream(CHUNK, then=lambda client: client.recv(1)))
    answer, _ = send(stream=True, patient=True, seconds=60)
    assert len(next(answer.batches)) == 1
    answer.complete()
    # An incomplete one would be awaited for a minute, and then be an error.
    assert list(answer.batches) == []


def test_a_complete_answer_leaves_its_connection_to_the_next_call(
    upstream: Upstream, send: Any, whole: SendWhole, stream: SendStream
) -> None:
    again = threading.Event()
    upstream.scripts += [stream(CHUNK, then=lambda _: again.wait(5)), whole(b"{}")]
    answer, _ = send(stream=True)
    next(answer.batches)
    answer.complete()
    again.set()
    assert list(answer.batches) == []
    send()
    assert upstream.connections == 1


def test_events_that_come_together_are_one_batch(upstream: Upstream, send: Any) -> None:
    def script(client: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {es.MEDIA_TYPE}\r\ntransfer-encoding: chunked\r\n\r\n"
        client.sendall(head.encode() + _chunked(CHUNK) * 3 + b"0\r\n\r\n")

    upstream.scripts.append(script)
    answer, _ = send(stream=True)
    # The head, and what was read with it, may come apart from the rest.
    assert [len(batch) for batch in answer.batches] in ([3], [1, 2], [2, 1])


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (b'{"a": 1}', {"length": 500}),
        (b"", {"length": 500}),
    ],
)
def test_a_whole_answer_that_is_cut_is_an_error_and_not_repeated(
    upstream: Upstream, send: Any, whole: SendWhole, body: bytes, options: dict[str, Any]
) -> None:
    upstream.scripts.append(whole(body, **options))
    with pytest.raises(errors.UpstreamTruncated):
        send()
    assert len(upstream.requests) == 1


def test_a_chunked_answer_that_is_cut_is_an_error(upstream: Upstream, send: Any) -> None:
    def script(client: socket.socket) -> None:
        client.sendall(b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{"a"')
        client.shutdown(socket.SHUT_RDWR)

    upstream.scripts.append(script)
    with pytest.raises(errors.UpstreamTruncated):
        send()


def test_an_answer_over_the_limit_is_not_taken(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    upstream.scripts.append(whole(b" " * 20_000))
    with pytest.raises(errors.UpstreamProtocolError, match="larger than 10000 bytes"):
        send()


def test_a_compressed_answer_is_not_unpacked(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    upstream.scripts.append(whole(b"\x1f\x8b", content_encoding="gzip"))
    with pytest.raises(errors.UpstreamProtocolError, match="compressed"):
        send()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


BAD_CRC = CHUNK[:-1] + bytes([CHUNK[-1] ^ 1])
HUGE = struct.pack(">II", 2**31, 0)


@pytest.mark.parametrize(
    ("frames", "options", "error"),
    [
        ([CHUNK, CHUNK[:20]], {"end": b""}, errors.UpstreamTruncated),
        ([CHUNK, CHUNK[:20]], {}, errors.UpstreamTruncated),
        ([CHUNK], {"end": b"8\r\nabc"}, errors.UpstreamTruncated),
        ([CHUNK], {"then": reset}, errors.UpstreamTruncated),
        ([CHUNK, BAD_CRC], {}, errors.UpstreamProtocolError),
        ([CHUNK, HUGE + b"0000"], {}, errors.UpstreamProtocolError),
        ([CHUNK, b"<html>busy</html>"], {}, errors.UpstreamProtocolError),
        ([CHUNK, es.encode(es.event("chunk", b"{}"))], {}, errors.UpstreamProtocolError),
        ([CHUNK, es.encode(es.event("no such\nevent", b"{}"))], {}, errors.UpstreamProtocolError),
        ([CHUNK], {"then": lambda _: time.sleep(1)}, errors.UpstreamStalled),
    ],
)
def test_a_stream_that_breaks_gives_what_came_and_then_an_error(
    upstream: Upstream,
    send: Any,
    stream: SendStream,
    frames: list[bytes],
    options: dict[str, Any],
    error: type[Exception],
) -> None:
    upstream.scripts.append(stream(*frames, **options))
    answer, _ = send(stream=True)
    assert [chunk.data for chunk in next(answer.batches)] == [b'{"a":1}']
    with pytest.raises(error):
        next(answer.batches)
    assert len(upstream.requests) == 1


def test_half_a_frame_before_the_connection_closes_is_an_error(upstream: Upstream, send: Any) -> None:
    def script(client: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {es.MEDIA_TYPE}\r\nconnection: close\r\n\r\n"
        client.sendall(head.encode() + CHUNK + CHUNK[:20])
        client.shutdown(socket.SHUT_RDWR)

    upstream.scripts.append(script)
    answer, _ = send(stream=True)
    next(answer.batches)
    with pytest.raises(errors.UpstreamTruncated):
        next(answer.batches)


@pytest.mark.parametrize(
    ("frame", "code", "status"),
    [
        (es.exception("throttlingException", b'{"message":"slow"}'), "throttled", 429),
        (es.exception("modelStreamErrorException", b'{"originalMessage":"x"}'), "model_stream_error", 502),
        (es.exception("internalServerException", b"not json"), "bedrock_internal", 502),
        (es.exception("validationException", b'{"message":"no"}'), "bedrock_validation", 400),
        (es.exception("serviceUnavailableException", b"{}"), "bedrock_unavailable", 503),
        (es.exception("modelTimeoutException", b"{}"), "model_timeout", 504),
        (es.exception("brandNewException", b"{}"), "upstream_error", 502),
        (es.error("InternalError", "oops"), "upstream_error", 502),
    ],
)
def test_an_exception_in_a_stream_is_told_by_its_name(
    upstream: Upstream, send: Any, stream: SendStream, frame: es.Frame, code: str, status: int
) -> None:
    upstream.scripts.append(stream(CHUNK, es.encode(frame)))
    answer, _ = send(stream=True)
    next(answer.batches)
    with pytest.raises(errors.BedrockError) as error:
        next(answer.batches)
    assert (error.value.code, error.value.status) == (code, status)


def test_a_page_in_a_streams_place_is_an_error(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    upstream.scripts.append(whole(b"<html>", content_type="text/html"))
    with pytest.raises(errors.UpstreamProtocolError, match="text/html"):
        send(stream=True)


def test_closing_a_stream_ends_the_call_upstream(upstream: Upstream, send: Any, stream: SendStream) -> None:
    ended = threading.Event()

    def watch(client: socket.socket) -> None:
        assert client.recv(1) == b""
        ended.set()

    upstream.scripts.append(stream(CHUNK, then=watch))
    answer, _ = send(stream=True)
    next(answer.batches)
    answer.batches.close()
    assert ended.wait(1)


@pytest.mark.parametrize("name", [name for name in errors.BEDROCK_ERRORS if name not in ("overloaded_error",)])
def test_every_error_of_bedrocks_is_told_by_its_row(upstream: Upstream, send: Any, whole: SendWhole, name: str) -> None:
    row = errors.BEDROCK_ERRORS[name]
    answer = whole(b'{"message":"why"}', "400 Bad Request", x_amzn_errortype=f"{name}:http://x/", x_amzn_requestid="r")
    upstream.scripts += [answer, answer]
    with pytest.raises(errors.BedrockError) as error:
        send()
    assert (error.value.code, error.value.status, error.value.retryable) == (row.code, row.status, row.retryable)
    assert error.value.upstream_request_id == "r"
    assert error.value.detail == (row.title if row.code == "gateway_credentials" else "why")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("529 x", "bedrock_overloaded"),
        ("502 x", "bedrock_unavailable"),
        ("418 x", "upstream_error"),
        ("408 x", "model_timeout"),
    ],
)
def test_an_error_without_a_name_is_told_by_its_status(
    upstream: Upstream, send: Any, whole: SendWhole, status: str, code: str
) -> None:
    upstream.scripts += [whole(b"<html>", status), whole(b"<html>", status)]
    with pytest.raises(errors.BedrockError) as error:
        send()
    assert error.value.code == code


def test_accounts_are_not_named_to_callers(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    message = "User: arn:aws:sts::123456789012:assumed-role/gateway/i-1 "
    message += "may not call arn:aws:bedrock:us-east-1::foundation-model/x"
    upstream.scripts.append(
        whole(json.dumps({"message": message}).encode(), "403 x", x_amzn_errortype="AccessDeniedException")
    )
    with pytest.raises(errors.BedrockError) as error:
        send()
    assert "123456789012" not in error.value.detail
    assert "foundation-model/x" in error.value.detail


@pytest.mark.parametrize(
    "message",
    [
        "Your account 123456789012 may not call it.",
        "Account ID: 123456789012 has no access",
        'accountId="123456789012"',
    ],
)
def test_an_accounts_number_is_not_named_to_callers(
    upstream: Upstream, send: Any, whole: SendWhole, message: str
) -> None:
    upstream.scripts.append(whole(json.dumps({"message": message}).encode(), "403 x"))
    with pytest.raises(errors.BedrockError) as error:
        send()
    assert error.value.detail == message.replace("123456789012", "(hidden)")


def test_another_number_of_twelve_digits_is_left_in_its_words(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    upstream.scripts.append(whole(b'{"message": "ends at 123456789012"}', "400 x"))
    with pytest.raises(errors.BedrockError) as error:
        send()
    assert error.value.detail == "ends at 123456789012"


def test_a_refusal_that_may_pass_is_tried_again(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    upstream.scripts += [whole(b"{}", "503 x", x_amzn_errortype="ServiceUnavailableException"), whole(b'{"a":1}')]
    reply, call = send()
    assert reply.body == b'{"a":1}'
    assert call.record.attempts == 2


def test_a_connection_that_closes_before_an_answer_is_tried_again(
    upstream: Upstream, send: Any, whole: SendWhole
) -> None:
    upstream.scripts += [lambda client: client.shutdown(socket.SHUT_RDWR), whole(b'{"a":1}')]
    assert send()[1].record.attempts == 2


def test_silence_before_an_answer_is_a_timeout_and_never_repeated(upstream: Upstream, send: Any) -> None:
    upstream.scripts += [lambda _: time.sleep(1)]
    with pytest.raises(errors.UpstreamTimeout):
        send()
    assert len(upstream.requests) == 1


def test_the_deadline_holds_before_an_answer(upstream: Upstream, send: Any) -> None:
    # Long enough to tell a busy machine from a call that waits for the upstream.
    upstream.scripts.append(lambda _: time.sleep(20))
    began = time.monotonic()
    with pytest.raises(errors.DeadlineExceeded):
        send(seconds=0.3, patient=True)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("pause", [0.0, 0.05, 20.0])
def test_the_deadline_holds_within_an_answer(upstream: Upstream, send: Any, stream: SendStream, pause: float) -> None:
    def drip(client: socket.socket) -> None:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            client.sendall(f"{len(CHUNK):x}\r\n".encode() + CHUNK + b"\r\n")
            time.sleep(pause)

    upstream.scripts.append(stream(then=drip))
    began = time.monotonic()
    with pytest.raises(errors.DeadlineExceeded):
        list(send(stream=True, seconds=0.3, patient=True)[0].batches)
    assert time.monotonic() - began < 10


def test_nobody_there_is_unreachable(monkeypatch: pytest.MonkeyPatch, upstream: Upstream, send: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", f"http://127.0.0.1:{port}")
    connect, tried = socket.socket.connect, []

    def count(sock: socket.socket, address: Any) -> None:
        tried.append(address)
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", count)
    with pytest.raises(errors.UpstreamUnreachable):
        send()
    # The attempts are the gateway's; the SDK makes none of its own.
    assert len(tried) == 2


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({"AWS_PROFILE": "nope"}, "credentials"),
        ({"AWS_REGION": ""}, "AWS_REGION"),
        ({"AWS_BEARER_TOKEN_BEDROCK": "canary"}, "credentials|API key"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "credentials"),
    ],
)
def test_the_gateways_own_aws_settings_are_never_the_callers_fault(
    monkeypatch: pytest.MonkeyPatch, upstream: Upstream, send: Any, environ: dict[str, str], word: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with pytest.raises(errors.CredentialsError) as error:
        send()
    assert error.value.status == 503
    assert re.search(word, error.value.detail)
    assert "canary" not in str(error.value)


def test_credentials_that_were_renewed_are_seen(
    upstream: Upstream, send: Any, whole: SendWhole, monkeypatch: Any
) -> None:
    upstream.scripts += [whole(b"{}", "403 x", x_amzn_errortype="ExpiredTokenException"), whole(b"{}")]
    with pytest.raises(errors.BedrockError):
        send()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "renewed")
    send()
    assert b"Credential=renewed/" in upstream.requests[1]


def stalls(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n{")
    time.sleep(1)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b'"a"',
        b'{"message":{"a":1},"__type":5}',
        b'{"code":{}}',
        b"[" * 100_000,
        b'{"message":"\xff"}',
        None,
    ],
)
def test_an_error_that_cannot_be_read_is_still_an_error_of_the_upstream(
    upstream: Upstream, send: Any, whole: SendWhole, body: bytes | None
) -> None:
    upstream.scripts.append(stalls if body is None else whole(body, "400 Bad Request"))
    with pytest.raises(errors.UpstreamError):
        send()
    assert len(upstream.requests) == 1


def test_bytes_that_are_no_http_are_not_asked_for_again(upstream: Upstream, send: Any) -> None:
    def garbage(client: socket.socket) -> None:
        client.sendall(b"what?\r\n\r\n")
        client.shutdown(socket.SHUT_RDWR)

    upstream.scripts += [garbage, garbage]
    with pytest.raises(errors.UpstreamError):
        send()
    assert len(upstream.requests) <= 2


def test_no_secret_of_the_gateways_stands_in_the_log(
    upstream: Upstream, send: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary\nx")
    with caplog.at_level("WARNING", "bedrock_flask"), pytest.raises(errors.GatewayError) as error:
        send()
    # The cause is named in one of them.
    assert caplog.records or isinstance(error.value, errors.CredentialsError)
    assert "canary" not in caplog.text + str(error.value)


def test_headers_that_would_break_the_answer_are_not_sent_on(
    upstream: Upstream, send: Any, whole: SendWhole, transport: str
) -> None:
    # A control character is no HTTP for `signed`: the differential test has it.
    odd = {"boto": "\x07", "signed": "\xe9"}[transport]
    upstream.scripts.append(
        whole(b"{}", x_amzn_bedrock_x=f"a{odd}b", x_amzn_requestid=f"r{odd}", x_amzn_bedrock_y="ok")
    )
    reply, call = send()
    assert "x-amzn-bedrock-x" not in reply.headers
    assert reply.headers["x-amzn-bedrock-y"] == "ok"
    assert call.record.upstream_request_id == ""


def test_an_upstream_that_closes_on_every_request_is_asked_twice_and_no_more(
    upstream: Upstream, aws: None, transport: str
) -> None:
    from bedrock_flask.call import Call
    from bedrock_flask.models import loading

    upstream.scripts += [lambda client: client.shutdown(socket.SHUT_RDWR)] * 5
    call = Call(adapter=loading.load_registry().adapters["nova"], operation="InvokeModel", model="m", body=b"{}")
    with pytest.raises(errors.UpstreamUnreachable):
        make_transport(Settings(transport=transport, max_attempts=5), Shutdown()).send(call)
    assert len(upstream.requests) == 2


def test_a_gateway_timeout_of_the_upstream_is_not_tried_again(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    upstream.scripts += [whole(b"", "504 Gateway Timeout")] * 2
    with pytest.raises(errors.BedrockError) as found:
        send()
    assert (found.value.status, len(upstream.requests)) == (504, 1)


def test_interim_answers_are_bounded(upstream: Upstream, send: Any) -> None:
    upstream.scripts += [lambda client: client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)] * 2
    with pytest.raises(errors.UpstreamProtocolError):
        send()


def test_numbers_that_no_number_has_are_no_fault_of_ours(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    count = {"x_amzn_bedrock_input_token_count": "9" * 5000}
    upstream.scripts.append(whole(b"{}", **count))
    assert send()[0].body == b"{}"
    upstream.scripts += [whole(b"", "429 Too Many", retry_after="9" * 5000)] * 2
    with pytest.raises(errors.BedrockError):
        send()


def test_credentials_that_stay_expired_cost_no_file(upstream: Upstream, send: Any, whole: SendWhole) -> None:
    refusal = whole(b'{"message":"expired"}', "403 Forbidden", x_amzn_errortype="ExpiredTokenException")

    def once() -> int:
        upstream.scripts.append(refusal)
        with pytest.raises(errors.BedrockError):
            send()
        return len(os.listdir("/proc/self/fd"))

    first = once()
    # What is only forgotten is closed some time or other, by the collector of garbage.
    gc.disable()
    try:
        assert max(once() for _ in range(20)) < first + 10
    finally:
        gc.enable()
