"""Every fault of the upstream, through the whole gateway: status, code, no success, a log line, the same worker."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.bedrock import errors as bedrock_errors
from bedrock_flask.emulator.faults.table import FAULTS
from bedrock_flask.protocol import eventstream
from tests.doubles import Emulator, Gateway, GatewayWith, SendStream, StartGateway, Upstream
from tests.sse_decoder import Decoder

CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Name three colours."}],
}
NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
TITAN = {"inputText": "hello"}
WHOLE = [("claude", CLAUDE), ("nova", NOVA), ("acme.chat-1", NOVA), ("titan-embed", TITAN)]
STREAMS = WHOLE[:3]

# The errors that Bedrock may answer with, and what the caller gets: before an answer, or as a frame within one.
ERRORS = {
    "AccessDeniedException": (403, "model_not_allowed"),
    "ConflictException": (409, "conflict"),
    "FTUFormNotFilled": (403, "use_case_form_missing"),
    "InternalServerException": (502, "bedrock_internal"),
    "ModelErrorException": (502, "model_error"),
    "ModelNotReadyException": (503, "model_not_ready"),
    "ModelStreamErrorException": (502, "model_stream_error"),
    "ModelTimeoutException": (504, "model_timeout"),
    "ResourceNotFoundException": (404, "model_not_found"),
    "ServiceQuotaExceededException": (503, "quota_exceeded"),
    "ServiceUnavailableException": (503, "bedrock_unavailable"),
    "ThrottlingException": (429, "throttled"),
    "TooManyRequestsException": (429, "throttled"),
    "ValidationException": (400, "bedrock_validation"),
    "overloaded_error": (503, "bedrock_overloaded"),
    "throttle": (429, "throttled"),
    "not_ready": (503, "model_not_ready"),
    "unavailable": (503, "bedrock_unavailable"),
    "internal": (502, "bedrock_internal"),
    "overloaded": (503, "bedrock_overloaded"),
    "unnamed": (503, "bedrock_unavailable"),
    "UnknownOperationException": (502, "not_bedrock"),
    # The gateway's own credentials are never the caller's fault.
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "OptInRequired",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        (503, "gateway_credentials"),
    ),
}

UNREACHABLE = (502, "upstream_unreachable")
TRUNCATED = (502, "upstream_truncated")
GARBLED = (502, "upstream_protocol")
TIMED_OUT = (504, "upstream_timeout")
STALLED = (504, "upstream_stalled")
PAST_DEADLINE = (504, "deadline_passed")
# Their cost is seconds, and they meet no family in particular.
SLOW = {"slow_first_byte", "stall", "drip"}
# What the caller gets when a fault hits a whole answer, the first event of a stream, its third; None where it cannot.
BREAKS: dict[str, tuple[tuple[int, str], tuple[int, str] | None, str | None]] = {
    "slow_first_byte": (TIMED_OUT, TIMED_OUT, None),
    "stall": (TIMED_OUT, STALLED, "upstream_stalled"),
    "drip": (PAST_DEADLINE, PAST_DEADLINE, "deadline_passed"),
    "reset": (UNREACHABLE, UNREACHABLE, "upstream_truncated"),
    "short_body": (TRUNCATED, GARBLED, None),
    "broken_json": (GARBLED, GARBLED, None),
    "html": (GARBLED, GARBLED, None),
    "empty_object": (TRUNCATED, GARBLED, None),
    "gzip_bomb": (GARBLED, GARBLED, None),
    "hang_up": (UNREACHABLE, UNREACHABLE, None),
    "cut_in_header": (GARBLED, None, None),
    "cut_between_chunks": (TRUNCATED, UNREACHABLE, "upstream_truncated"),
    "cut_in_chunk": (TRUNCATED, TRUNCATED, "upstream_truncated"),
    "half_frame": (GARBLED, TRUNCATED, "upstream_truncated"),
    "half_frame_until_close": (GARBLED, TRUNCATED, "upstream_truncated"),
    "no_terminal_event": (GARBLED, TRUNCATED, "upstream_truncated"),
    "empty_stream": (GARBLED, TRUNCATED, None),
    "bad_crc": (GARBLED, GARBLED, "upstream_protocol"),
    "huge_prelude": (GARBLED, GARBLED, "upstream_protocol"),
    "exception_frame": (GARBLED, (502, "model_stream_error"), "model_stream_error"),
    "error_frame": (GARBLED, (502, "upstream_error"), "upstream_error"),
}


@pytest.fixture(scope="module")
def gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway that asks once and gives up soon."""
    return start_gateway(BEDROCK_FLASK_READ_TIMEOUT="0.7", BEDROCK_FLASK_DEADLINE="2.5", BEDROCK_FLASK_MAX_ATTEMPTS="1")


def each(position: int, families: list[tuple[str, Any]]) -> list[Any]:
    """Each fault that befalls that position, with each family; the slow ones with one."""
    return [
        pytest.param(fault, model, body, id=f"{fault}-{model}")
        for fault, payload in BREAKS.items()
        for model, body in (families[:1] if fault in SLOW else families)
        if payload[position]
    ]


def worker(gateway: Gateway) -> int:
    """The process id of the gateway's one worker."""
    [only] = gateway.list_workers()
    return only


@pytest.fixture(autouse=True)
def the_same_worker_goes_on(gateway: Gateway, emulator: Emulator) -> Iterator[None]:
    """Whatever befell a call, the next one works, in the same process, and nothing unforeseen was logged."""
    before = worker(gateway)
    yield
    emulator.ask("DELETE", "/_emulator/faults")
    assert gateway.post("/v1/models/nova/invoke", NOVA).status_code == 200
    assert worker(gateway) == before
    assert [line for line in gateway.lines() if "unforeseen" in line["message"]] == []


def peak_memory(gateway: Gateway) -> int:
    """The most memory that the gateway's worker has held, in bytes."""
    status = Path(f"/proc/{worker(gateway)}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def refused(gateway: Gateway, response: Any, document: tuple[int, str]) -> None:
    """The answer is that problem, and the log has it under the request's id."""
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (document[0], *document)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == response.headers["x-request-id"]
    line = gateway.line(problem["request_id"])
    assert (line["status"], line["error"]) == document


def broken_off(gateway: Gateway, response: Any, code: str) -> None:
    """The stream began, and ended in that error and no usage, which would say that it is whole."""
    assert response.status_code == 200
    *chunks, last = Decoder().feed(response.content)
    assert len(chunks) >= 2
    assert {"usage", "error"}.isdisjoint(chunk.event for chunk in chunks)
    problem = json.loads(last.data)
    assert (last.event, problem["code"]) == ("error", code)
    assert problem["request_id"] == response.headers["x-request-id"]
    line = gateway.line(problem["request_id"])
    assert (line["status"], line["error"]) == (200, code)


def test_every_fault_of_the_emulator_has_its_row() -> None:
    assert ERRORS.keys() | BREAKS.keys() | {"drip_header"} == FAULTS.keys()


@pytest.mark.parametrize("fault", ERRORS)
def test_an_error_of_bedrocks_is_told_before_an_answer_and_within_one(
    gateway: Gateway, emulator: Emulator, fault: str
) -> None:
    for action in ("invoke", "invoke-stream"):
        emulator.fault(fault)
        refused(gateway, gateway.post(f"/v1/models/claude/{action}", CLAUDE), ERRORS[fault])
    if fault in bedrock_errors.ERRORS:
        emulator.fault("exception_frame", error=fault, after=2)
        answer = gateway.post("/v1/models/claude/invoke-stream", CLAUDE)
        broken_off(gateway, answer, ERRORS[fault][1])


@pytest.mark.parametrize(("fault", "model", "body"), each(0, WHOLE))
def test_a_whole_answer_that_breaks_is_told(
    gateway: Gateway, emulator: Emulator, fault: str, model: str, body: Any
) -> None:
    emulator.fault(fault)
    refused(gateway, gateway.post(f"/v1/models/{model}/invoke", body), BREAKS[fault][0])
    assert len(emulator.calls()) == 1


@pytest.mark.parametrize(("fault", "model", "body"), each(1, STREAMS))
def test_a_stream_that_breaks_before_its_first_event_keeps_its_status(
    gateway: Gateway, emulator: Emulator, fault: str, model: str, body: Any
) -> None:
    emulator.fault(fault, **({"after": 0} if "after" in FAULTS[fault].members else {}))
    refused(gateway, gateway.post(f"/v1/models/{model}/invoke-stream", body), BREAKS[fault][1] or (0, ""))


@pytest.mark.parametrize(("fault", "model", "body"), each(2, STREAMS))
def test_a_stream_that_breaks_later_ends_in_an_error_and_no_success(
    gateway: Gateway, emulator: Emulator, fault: str, model: str, body: Any
) -> None:
    emulator.fault(fault, after=2)
    broken_off(gateway, gateway.post(f"/v1/models/{model}/invoke-stream", body), str(BREAKS[fault][2]))
    assert len(emulator.calls()) == 1


@pytest.mark.parametrize(("model", "body"), STREAMS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_stream_that_lacks_only_its_last_event_is_no_success(
    gateway: Gateway, emulator: Emulator, model: str, body: Any
) -> None:
    emulator.fault("no_terminal_event")
    broken_off(gateway, gateway.post(f"/v1/models/{model}/invoke-stream", body), "upstream_truncated")


def test_half_of_a_whole_answer_and_then_silence_is_a_stall(gateway: Gateway, emulator: Emulator) -> None:
    emulator.fault("stall", after=1)
    refused(gateway, gateway.post("/v1/models/claude/invoke", CLAUDE), STALLED)
    assert len(emulator.calls()) == 1


@pytest.mark.parametrize(("model", "body"), STREAMS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_stream_that_is_cut_within_its_headers_is_an_error(
    gateway: Gateway, emulator: Emulator, model: str, body: Any
) -> None:
    emulator.fault("cut_in_header")
    response = gateway.post(f"/v1/models/{model}/invoke-stream", body)
    # Which of the two depends on the header that is cut.
    assert response.json()["code"] in ("upstream_truncated", "upstream_protocol")
    refused(gateway, response, (502, response.json()["code"]))


@pytest.mark.parametrize("action", ["invoke", "invoke-stream"])
def test_headers_that_drip_end_with_the_deadline(gateway: Gateway, emulator: Emulator, action: str) -> None:
    emulator.fault("drip_header", seconds=0.2)
    began = time.monotonic()
    refused(gateway, gateway.post(f"/v1/models/claude/{action}", CLAUDE), PAST_DEADLINE)
    assert time.monotonic() - began < 10


def test_a_bomb_costs_no_memory(gateway: Gateway, emulator: Emulator) -> None:
    before = peak_memory(gateway)
    for action in ("invoke", "invoke-stream"):
        emulator.fault("gzip_bomb")
        assert gateway.post(f"/v1/models/claude/{action}", CLAUDE).status_code == 502
    # Unpacked it would be a gibibyte.
    assert peak_memory(gateway) - before < 20_000_000


@pytest.mark.parametrize(("status", "expected"), [(529, (503, "bedrock_overloaded")), (418, (502, "upstream_error"))])
def test_an_error_without_a_name_is_told_by_its_status(
    gateway: Gateway, emulator: Emulator, status: int, expected: Any
) -> None:
    emulator.fault("unnamed", status=status)
    refused(gateway, gateway.post("/v1/models/nova/invoke", NOVA), expected)


@pytest.mark.parametrize(
    ("fault", "seconds"), [("slow_first_byte", 0.2), ("stall", 0.2), ("drip", 0.0), ("drip_header", 0.001)]
)
@pytest.mark.parametrize("action", ["invoke", "invoke-stream"])
def test_what_is_slow_but_in_time_is_answered(
    gateway: Gateway, emulator: Emulator, fault: str, seconds: float, action: str
) -> None:
    emulator.fault(fault, seconds=seconds)
    answer = gateway.post(f"/v1/models/nova/{action}", NOVA)
    assert answer.status_code == 200
    assert action == "invoke" or "event: usage" in answer.text


def test_a_throttle_is_tried_again_and_then_passed_on_with_its_hint(
    gateway_with: GatewayWith, emulator: Emulator
) -> None:
    gateway = gateway_with()
    emulator.fault("throttle", count=1)
    response = gateway.post("/v1/models/claude/invoke", CLAUDE)
    assert (response.status_code, response.headers["x-bedrock-flask-attempts"]) == (200, "2")
    emulator.fault("throttle", count=9, retry_after="60")
    response = gateway.post("/v1/models/claude/invoke", CLAUDE)
    assert (response.status_code, response.headers["retry-after"]) == (429, "60")
    assert gateway.line(response.headers["x-request-id"])["attempts"] == 1


def test_a_client_that_leaves_ends_the_call_upstream(
    gateway_with: GatewayWith, session_upstream: Upstream, stream: SendStream
) -> None:
    upstream = session_upstream.reset()
    gateway = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url)
    chunk = eventstream.encode(eventstream.event("contentBlockDelta", b'{"delta":{"text":"x"},"contentBlockIndex":0}'))
    gone = threading.Event()

    def drip(client: socket.socket) -> None:
        try:
            for _ in range(1000):
                client.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                time.sleep(0.02)
        except OSError:
            gone.set()

    upstream.scripts.append(stream(chunk, then=drip))
    with gateway.ask("POST", "/v1/models/acme.chat-1/invoke-stream", data=json.dumps(NOVA), stream=True) as response:
        next(response.iter_content(16))
    assert gone.wait(5)
    assert gateway.line(response.headers["x-request-id"])["error"] == "client_left"
