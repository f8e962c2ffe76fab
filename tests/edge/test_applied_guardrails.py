"""A prescribed guardrail where what is called has none: the gateway has it check the request and the answer itself."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.doubles import PATIENCE, Emulator
from tests.governed import Governed, StartGoverned

GUARDED = {"guardrail": "gr1:1"}
OWN = {"x-amzn-bedrock-guardrailidentifier": "gr1", "x-amzn-bedrock-guardrailversion": "1"}
APPLY = "ApplyGuardrail"
# What a client of AWS's sends that tries again itself.
RETRIES = {"amz-sdk-request": "attempt=1; max=3"}
GROK, CLAUDE = "xai.grok-4.3", "anthropic.claude-haiku-5-5"
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"


def chat(text: Any, model: str = GROK) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def respond(text: Any, model: str = GROK) -> dict[str, Any]:
    return {"model": model, "input": text}


def message(text: Any, model: str = CLAUDE) -> dict[str, Any]:
    return {"max_tokens": 50, **chat(text, model)}


# A request in the format of the surface, and one that is translated for it.
WAYS = {
    "chat": (CHAT, chat),
    "responses": (RESPONSES, respond),
    "messages": (MESSAGES, message),
    "chat-for-messages": (CHAT, lambda text: chat(text, CLAUDE)),
    "messages-for-grok": (MESSAGES, lambda text: message(text, GROK)),
}
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def governed(start_with_database: StartGoverned) -> Governed:
    return start_with_database(
        BEDROCK_FLASK_WORKERS="1",
        BEDROCK_FLASK_REGION="us-east-1",
        BEDROCK_FLASK_SURFACES="mantle/openai/chat,mantle/openai/responses,mantle/messages",
        BEDROCK_FLASK_KEEPALIVE="0.2",
        BEDROCK_FLASK_FIRST_EVENT_TIMEOUT="0.5",
        BEDROCK_FLASK_READ_TIMEOUT="1.5",
        BEDROCK_FLASK_MAX_REPLY_BYTES="20000",
    )


@pytest.fixture
def key(governed: Governed) -> str:
    return governed.create_key_with({}, GUARDED)


@pytest.fixture(autouse=True)
def scripted(emulator: Emulator) -> Iterator[None]:
    yield
    emulator.ask("DELETE", "/_emulator/replies")


def send(governed: Governed, key: str, way: str, text: Any, *, stream: bool, **headers: str) -> Any:
    path, write = WAYS[way]
    return governed.send_with(key, path, {**write(text), "stream": stream}, **headers)


def list_operations(emulator: Emulator) -> list[str]:
    return [call["operation"] for call in emulator.calls()]


def list_checks(emulator: Emulator) -> list[dict[str, Any]]:
    return [json.loads(call["body"]) for call in emulator.calls() if call["operation"] == APPLY]


def await_row(governed: Governed, request_id: str) -> dict[str, Any]:
    """The row of a call when it is settled."""
    until = time.monotonic() + PATIENCE
    while True:
        rows = governed.query(f"SELECT * FROM ledger WHERE request_id = '{request_id}'")
        if rows and rows[0]["state"] != "OPEN":
            return rows[0]
        assert time.monotonic() < until, rows
        time.sleep(0.02)


@EVERY_WAY
@STREAMED
def test_what_no_guardrail_objects_to_passes(
    governed: Governed, emulator: Emulator, key: str, way: str, stream: bool
) -> None:
    answer = send(governed, key, way, "Name three colours.", stream=stream, **OWN)
    assert answer.status_code == 200, answer.text
    assert "colours" in answer.text
    first, called, last = emulator.calls()
    assert (first["operation"], last["operation"]) == (APPLY, APPLY)
    assert called["operation"] == answer.headers["x-bedrock-flask-surface"]
    before, after = list_checks(emulator)
    assert (before["source"], after["source"]) == ("INPUT", "OUTPUT")
    assert "Name three colours." in before["content"][0]["text"]["text"]
    # Pieces of a stream are put together.
    assert "Name three colours." in after["content"][0]["text"]["text"]
    line = governed.gateway.line(answer.headers["x-request-id"])
    assert line["guardrail_units"] == {"wordPolicyUnits": 2, "sensitiveInformationPolicyUnits": 2}
    assert line["attempts"] == 1


@EVERY_WAY
@STREAMED
def test_a_request_that_a_guardrail_objects_to_reaches_no_model(
    governed: Governed, emulator: Emulator, key: str, way: str, stream: bool
) -> None:
    for text in ("Say [[blocked]].", "Write to jane@example.com."):
        answer = send(governed, key, way, text, stream=stream)
        assert answer.status_code == 400, answer.text
        assert "guardrail_intervened" in answer.text
        assert "has intervened in the request" in answer.text
    assert list_operations(emulator) == [APPLY, APPLY]
    row = await_row(governed, answer.headers["x-request-id"])
    assert (row["state"], row["cost"], row["error"]) == ("FREE", 0, "guardrail_intervened")


@EVERY_WAY
@STREAMED
def test_nothing_of_an_answer_passes_that_a_guardrail_objects_to(
    governed: Governed, emulator: Emulator, key: str, way: str, stream: bool
) -> None:
    for text in ("Sure, the secret is [[blocked]] indeed.", "Sure, write to jane@example.com indeed."):
        assert emulator.post("/_emulator/replies", {"contains": "the secret", "text": text, "times": 1}).ok
        answer = send(governed, key, way, "What is the secret?", stream=stream)
        assert answer.status_code == 400, answer.text
        assert "has intervened in the answer" in answer.text
        assert "Sure" not in answer.text
    row = await_row(governed, answer.headers["x-request-id"])
    # AWS bills what the model has written.
    assert (row["state"], row["error"], row["status"]) == ("OK", "guardrail_intervened", 400)
    assert row["output_tokens"] > 0


def test_the_arguments_of_a_tool_are_checked_on_both_sides(governed: Governed, emulator: Emulator, key: str) -> None:
    tool = {"name": "note", "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}}}
    reply = {"contains": "Note it", "tool": "note", "input": {"text": "[[blocked]]"}, "times": 2}
    assert emulator.post("/_emulator/replies", reply).ok
    for stream in (False, True):
        answer = governed.send_with(key, MESSAGES, {**message("Note it."), "tools": [tool], "stream": stream})
        assert "has intervened in the answer" in answer.text
    emulator.ask("DELETE", "/_emulator/requests")
    use = {"type": "tool_use", "id": "t1", "name": "note", "input": {"id": "[[blocked]]"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "ok"}
    turns = [*message("Hi")["messages"], {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    answer = governed.send_with(key, MESSAGES, {**message("Hi"), "tools": [tool], "messages": turns})
    assert "has intervened in the request" in answer.text
    assert list_operations(emulator) == [APPLY]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}


@pytest.mark.parametrize(("way", "part"), [("chat", IMAGE), ("messages", DOCUMENT)])
def test_a_part_that_is_not_a_text_is_refused_by_name(
    governed: Governed, emulator: Emulator, key: str, way: str, part: Any
) -> None:
    answer = send(governed, key, way, [part], stream=False)
    assert answer.status_code == 400, answer.text
    assert "applies to texts alone" in answer.text
    assert "messages[0].content[0]" in answer.text
    assert list_operations(emulator) == []


@pytest.mark.parametrize("more", [{"x-amzn-bedrock-guardrailversion": "2"}, {"x-amzn-bedrock-trace": "ENABLED"}])
def test_a_request_names_no_other_guardrail_and_wants_no_more_of_it(
    governed: Governed, emulator: Emulator, key: str, more: dict[str, str]
) -> None:
    answer = send(governed, key, "chat", "Hi", stream=False, **OWN | more)
    assert answer.status_code == 400, answer.text
    assert list_operations(emulator) == []


FAULTS = [
    ({"fault": "ThrottlingException"}, 429),
    ({"fault": "ServiceUnavailableException"}, 503),
    ({"fault": "ValidationException"}, 502),
    ({"fault": "ResourceNotFoundException"}, 502),
    ({"fault": "empty_object"}, 502),
    ({"fault": "stall"}, 504),
]


@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=[fault["fault"] for fault, _ in FAULTS])
@STREAMED
def test_a_check_that_fails_lets_nothing_pass(
    governed: Governed, emulator: Emulator, key: str, fault: dict[str, Any], status: int, stream: bool
) -> None:
    name = fault["fault"]
    emulator.fault(name, operation=APPLY)
    answer = send(governed, key, "chat", "Name three colours.", stream=stream, **RETRIES)
    assert answer.status_code == status, answer.text
    assert "guardrail_failed" in answer.text
    assert list_operations(emulator) == [APPLY]
    # The first check succeeds, and the one of the answer fails.
    emulator.fault("slow_first_byte", seconds=0, operation=APPLY)
    emulator.fault(name, operation=APPLY)
    answer = send(governed, key, "chat", "Name three colours.", stream=stream, **RETRIES)
    # A check that is slow is reported within the stream.
    assert answer.status_code == (200 if stream and name == "stall" else status), answer.text
    assert "guardrail_failed" in answer.text
    assert "colours" not in answer.text
    assert len(emulator.calls()) == 4


def test_a_client_hears_of_an_answer_that_is_held_back(governed: Governed, emulator: Emulator, key: str) -> None:
    emulator.fault("drip", after=1, seconds=0.0003, operation="mantle/openai/chat")
    body = {**chat("Name three colours."), "stream": True}
    with requests.post(
        governed.gateway.url + CHAT, json=body, headers={"x-api-key": key}, stream=True, timeout=PATIENCE
    ) as answer:
        text = "".join(answer.iter_content(None, decode_unicode=True))
    assert text.startswith(": ")
    assert "colours" in text.partition("data: ")[2]
    assert list_operations(emulator)[-1] == APPLY


def test_an_answer_that_is_held_back_has_a_most_of_bytes(governed: Governed, emulator: Emulator, key: str) -> None:
    reply = {"contains": "at length", "text": "word " * 5000, "times": 1}
    assert emulator.post("/_emulator/replies", reply).ok
    answer = send(governed, key, "chat", "Tell me at length.", stream=True)
    assert "is larger than 20000 bytes" in answer.text
    assert "word word" not in answer.text


def test_a_client_that_leaves_ends_the_check_and_no_model_is_called(
    governed: Governed, emulator: Emulator, key: str
) -> None:
    emulator.fault("stall", seconds=1.0, operation=APPLY)
    body = json.dumps({**chat("Hi"), "stream": True}).encode()
    host, port = governed.gateway.url.removeprefix("http://").split(":")
    name = f"leaves-{time.monotonic_ns()}"
    head = f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\nx-request-id: {name}\r\n"
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        until = time.monotonic() + PATIENCE
        while not emulator.calls():
            assert time.monotonic() < until
    row = await_row(governed, name)
    assert (row["state"], row["error"]) == ("FREE", "client_left")
    assert list_operations(emulator) == [APPLY]
