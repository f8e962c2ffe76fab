"""Every fault of the upstream, through the whole gateway: status, code, no success, a log line, the next call works."""

import json
import socket
import threading
import time
from typing import Any

import pytest

from bedrock_flask.protocol import eventstream, sse

CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Name three colours."}],
}
NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
TITAN = {"inputText": "hello"}
WHOLE = [("claude", CLAUDE), ("nova", NOVA), ("zai.glm-4.6", NOVA), ("titan-embed", TITAN)]
STREAMS = WHOLE[:3]

# What a whole answer may meet, and what the caller is told.
WHOLE_FAULTS = [
    ({"fault": "short_body"}, 502, "upstream_truncated"),
    ({"fault": "broken_json"}, 502, "upstream_protocol"),
    ({"fault": "html"}, 502, "upstream_protocol"),
    ({"fault": "empty_object"}, 502, "upstream_truncated"),
    ({"fault": "reset"}, 502, "upstream_unreachable"),
    ({"fault": "unnamed", "status": 502}, 503, "bedrock_unavailable"),
    ({"fault": "unnamed", "status": 529}, 503, "bedrock_overloaded"),
    ({"fault": "throttle"}, 429, "throttled"),
    ({"fault": "ModelErrorException"}, 502, "model_error"),
    ({"fault": "ExpiredTokenException"}, 503, "gateway_credentials"),
]
# What a stream may meet before its first event: still a true status.
EARLY_FAULTS = [
    ({"fault": "throttle"}, 429, "throttled"),
    ({"fault": "html"}, 502, "upstream_protocol"),
    ({"fault": "empty_stream"}, 502, "upstream_truncated"),
    ({"fault": "stall"}, 504, "upstream_stalled"),
    ({"fault": "exception_frame", "after": 0, "error": "throttlingException"}, 429, "throttled"),
    ({"fault": "half_frame", "after": 0}, 502, "upstream_truncated"),
    ({"fault": "bad_crc", "after": 0}, 502, "upstream_protocol"),
]
# What it may meet after: an error event at the end.
LATE_FAULTS = [
    ({"fault": "reset", "after": 2}, "upstream_truncated"),
    ({"fault": "stall", "after": 2}, "upstream_stalled"),
    ({"fault": "cut_in_chunk", "after": 2}, "upstream_truncated"),
    ({"fault": "half_frame", "after": 2}, "upstream_truncated"),
    ({"fault": "half_frame_until_close", "after": 2}, "upstream_truncated"),
    ({"fault": "no_terminal_event"}, "upstream_truncated"),
    ({"fault": "no_terminal_event", "after": 2}, "upstream_truncated"),
    ({"fault": "bad_crc", "after": 2}, "upstream_protocol"),
    ({"fault": "huge_prelude", "after": 2}, "upstream_protocol"),
    ({"fault": "exception_frame", "after": 2, "error": "throttlingException"}, "throttled"),
    ({"fault": "exception_frame", "after": 2, "error": "modelStreamErrorException"}, "model_stream_error"),
    ({"fault": "exception_frame", "after": 2, "error": "internalServerException"}, "bedrock_internal"),
    ({"fault": "exception_frame", "after": 2, "error": "serviceUnavailableException"}, "bedrock_unavailable"),
    ({"fault": "error_frame", "after": 2}, "upstream_error"),
]


def name(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for value in fault.values())


def order(emulator: Any, fault: dict[str, Any]) -> None:
    told = dict(fault)
    emulator.fault(told.pop("fault"), count=3, **told)


def works_again(gateway: Any, emulator: Any) -> None:
    emulator.ask("DELETE", "/_emulator/faults")
    assert gateway.post("/v1/models/nova/invoke", NOVA).status_code == 200


@pytest.mark.parametrize(("model", "body"), WHOLE, ids=lambda each: each if isinstance(each, str) else "")
@pytest.mark.parametrize(("fault", "status", "code"), WHOLE_FAULTS, ids=lambda each: str(each)[:40])
def test_a_whole_answer_that_fails_is_told(
    gateway: Any, emulator: Any, model: str, body: Any, fault: dict[str, Any], status: int, code: str
) -> None:
    order(emulator, fault)
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["x-request-id"]
    line = gateway.line(response.headers["x-request-id"])
    assert (line["status"], line["error"]) == (status, code)
    works_again(gateway, emulator)


def test_a_whole_answer_that_stalls_is_not_asked_for_again(gateway: Any, emulator: Any) -> None:
    for after, code in ((0, "upstream_timeout"), (1, "upstream_stalled")):
        emulator.fault("stall", after=after)
        emulator.ask("DELETE", "/_emulator/requests")
        response = gateway.post("/v1/models/claude/invoke", CLAUDE)
        assert (response.status_code, response.json()["code"]) == (504, code)
        assert len(emulator.calls()) == 1
    works_again(gateway, emulator)


@pytest.mark.parametrize(("model", "body"), STREAMS, ids=lambda each: each if isinstance(each, str) else "")
@pytest.mark.parametrize(("fault", "status", "code"), EARLY_FAULTS, ids=lambda each: str(each)[:40])
def test_a_stream_that_fails_before_its_first_event_keeps_its_status(
    gateway: Any, emulator: Any, model: str, body: Any, fault: dict[str, Any], status: int, code: str
) -> None:
    order(emulator, fault)
    response = gateway.post(f"/v1/models/{model}/invoke-stream", body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    works_again(gateway, emulator)


@pytest.mark.parametrize(("model", "body"), STREAMS, ids=lambda each: each if isinstance(each, str) else "")
@pytest.mark.parametrize(("fault", "code"), LATE_FAULTS, ids=lambda each: str(each)[:60])
def test_a_stream_that_breaks_ends_in_an_error_and_no_success(
    gateway: Any, emulator: Any, model: str, body: Any, fault: dict[str, Any], code: str
) -> None:
    order(emulator, fault)
    response = gateway.post(f"/v1/models/{model}/invoke-stream", body)
    assert response.status_code == 200
    events = sse.Decoder().feed(response.content)
    assert len(events) >= 3
    assert "usage" not in [event.event for event in events]
    assert [event.event for event in events].count("error") == 1
    problem = json.loads(events[-1].data)
    assert (events[-1].event, problem["code"]) == ("error", code)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert gateway.line(response.headers["x-request-id"])["error"] == code
    assert len(emulator.calls()) == 1
    works_again(gateway, emulator)


def test_a_throttle_is_tried_again_and_then_passed_on_with_its_hint(gateway: Any, emulator: Any) -> None:
    emulator.fault("throttle", count=1)
    response = gateway.post("/v1/models/claude/invoke", CLAUDE)
    assert (response.status_code, response.headers["x-bedrock-flask-attempts"]) == (200, "2")
    emulator.fault("throttle", count=9, retry_after="60")
    response = gateway.post("/v1/models/claude/invoke", CLAUDE)
    assert (response.status_code, response.headers["retry-after"]) == (429, "60")
    assert gateway.line(response.headers["x-request-id"])["attempts"] == 1


def test_a_client_that_leaves_ends_the_call_upstream(start_gateway: Any, upstream: Any, stream: Any) -> None:
    gateway = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=f"http://127.0.0.1:{upstream.port}")
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
    with gateway.ask("POST", "/v1/models/zai.glm-4.6/invoke-stream", data=json.dumps(NOVA), stream=True) as response:
        next(response.iter_content(16))
    assert gone.wait(5)
    assert gateway.line(response.headers["x-request-id"])["error"] == "client_left"
