"""Faults on the surfaces, in the formats of OpenAI and Anthropic, and over the bare connection."""

import json
import time
from typing import Any

import anthropic
import httpx2
import openai
import pytest
import requests

from tests.doubles import Emulator
from tests.emulator.surfaces.conftest import CLAUDES_PROFILE, OPEN, PROFILE

MESSAGES: Any = [{"role": "user", "content": "Name three colours."}]
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/openai/v1/chat/completions", {"model": OPEN, "messages": MESSAGES}),
    "responses": ("/openai/v1/responses", {"model": PROFILE, "input": "Name three colours."}),
    "messages": ("/anthropic/v1/messages", {"model": CLAUDES_PROFILE, "messages": MESSAGES, "max_tokens": 60}),
}
each_api = pytest.mark.parametrize("api", CALLS)


def send(surfaces: Emulator, api: str, fault: Any, *, streamed: bool = True) -> requests.Response:
    path, body = CALLS[api]
    return surfaces.post(path, {**body, "stream": streamed}, headers={"x-emulator-fault": json.dumps(fault)})


def list_events(text: str) -> list[str]:
    return [event for event in text.split("\n\n") if event]


def test_a_throttle_is_the_sdks_own_error(surfaces: Emulator, openai_client: Any, anthropic_client: Any) -> None:
    surfaces.fault("throttle", count=3, retry_after="7")
    with pytest.raises(openai.RateLimitError) as raised:
        openai_client().chat.completions.create(model=OPEN, messages=MESSAGES)
    assert raised.value.response.headers["retry-after"] == "7"
    assert raised.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.RateLimitError):
        openai_client().responses.create(model=PROFILE, input="Hi", stream=True)
    with pytest.raises(anthropic.RateLimitError):
        anthropic_client().messages.create(model=CLAUDES_PROFILE, messages=MESSAGES, max_tokens=20)


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("AccessDeniedException", 403, "permission_error"),
        ("unavailable", 503, "api_error"),
        ("overloaded", 529, "overloaded_error"),
        ("internal", 500, "api_error"),
    ],
)
def test_an_error_has_the_status_of_aws_and_the_type_of_the_api(
    surfaces: Emulator, fault: str, status: int, kind: str
) -> None:
    response = send(surfaces, "messages", {"fault": fault})
    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
    for api in ("chat", "responses"):
        error = send(surfaces, api, {"fault": fault, "message": "so it is"}).json()["error"]
        assert error.keys() == {"code", "message", "param", "type"}
        assert error["message"] == "so it is"


@each_api
def test_a_stream_is_cut(surfaces: Emulator, api: str) -> None:
    for fault in ("cut_between_chunks", "cut_in_chunk", "reset", "hang_up"):
        with pytest.raises(requests.RequestException):
            send(surfaces, api, {"fault": fault})


@each_api
def test_a_stream_ends_before_its_last_event(surfaces: Emulator, api: str) -> None:
    whole = list_events(send(surfaces, api, {"fault": "slow_first_byte", "seconds": 0}).text)
    short = list_events(send(surfaces, api, {"fault": "no_terminal_event"}).text)
    assert len(short) == len(whole) - 1
    assert len(list_events(send(surfaces, api, {"fault": "no_terminal_event", "after": 2}).text)) == 2
    empty = send(surfaces, api, {"fault": "empty_stream"})
    assert (empty.text, empty.headers["content-type"]) == ("", "text/event-stream")


@each_api
def test_an_event_is_malformed(surfaces: Emulator, api: str) -> None:
    damaged = list_events(send(surfaces, api, {"fault": "bad_crc", "after": 1}).text)[1]
    with pytest.raises(json.JSONDecodeError):
        json.loads(damaged.rpartition("data: ")[2])
    foreign = send(surfaces, api, {"fault": "huge_prelude", "after": 1}).content
    with pytest.raises(UnicodeDecodeError):
        foreign.decode()


@each_api
def test_a_stream_ends_with_the_apis_own_report_of_a_failure(surfaces: Emulator, api: str) -> None:
    for fault in ("exception_frame", "error_frame"):
        order = {"fault": fault, "error": "throttlingException", "message": "so it is", "after": 2}
        events = list_events(send(surfaces, api, order).text)
        assert len(events) == 3
        document = json.loads(events[-1].rpartition("data: ")[2])
        assert "so it is" in json.dumps(document)


def test_the_sdks_raise_what_a_stream_reports(surfaces: Emulator, openai_client: Any, anthropic_client: Any) -> None:
    surfaces.fault("error_frame", count=2, after=2, message="so it is")
    with pytest.raises(openai.APIError, match="so it is"):
        list(openai_client().chat.completions.create(model=OPEN, messages=MESSAGES, stream=True))
    with pytest.raises(anthropic.APIStatusError, match="so it is"):
        list(anthropic_client().messages.create(model=CLAUDES_PROFILE, messages=MESSAGES, max_tokens=20, stream=True))
    surfaces.fault("exception_frame", after=2, message="so it is")
    [*_, last] = openai_client().responses.create(model=PROFILE, input="Hi", stream=True)
    assert (last.type, last.response.error.message) == ("response.failed", "so it is")


@each_api
def test_a_stream_stalls(surfaces: Emulator, api: str) -> None:
    began = time.monotonic()
    response = send(surfaces, api, {"fault": "stall", "after": 1, "seconds": 0.5})
    assert time.monotonic() - began >= 0.5
    assert len(list_events(response.text)) > 3


@each_api
def test_an_event_is_enlarged(surfaces: Emulator, api: str) -> None:
    response = send(surfaces, api, {"fault": "gzip_bomb", "size": 100_000, "after": 1})
    event = list_events(response.text)[1]
    assert len(event) > 100_000
    json.loads(event.rpartition("data: ")[2])


@each_api
def test_a_whole_answer_is_damaged(surfaces: Emulator, api: str) -> None:
    assert "html" in send(surfaces, api, {"fault": "html"}, streamed=False).headers["content-type"]
    with pytest.raises(json.JSONDecodeError):
        json.loads(send(surfaces, api, {"fault": "broken_json"}, streamed=False).text)


def test_a_fault_is_in_the_request_log(surfaces: Emulator) -> None:
    send(surfaces, "responses", {"fault": "throttle"})
    call = surfaces.calls()[-1]
    assert (call["operation"], call["model"], call["fault"], call["status"]) == (
        "runtime/responses",
        PROFILE,
        "throttle",
        429,
    )


def test_a_caller_that_leaves_is_noticed(surfaces: Emulator, await_end: Any) -> None:
    path, body = CALLS["chat"]
    surfaces.fault("stall", after=1)
    with (
        httpx2.Client(trust_env=False) as client,
        client.stream("POST", surfaces.url + path, json={**body, "stream": True}) as response,
    ):
        next(response.iter_bytes())
    assert await_end(surfaces)["ended"] == "client left"
