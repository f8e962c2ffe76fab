"""Bedrock's trace reaches the caller in every dialect: the model that a prompt router chose, a guardrail's reasons."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway
from tests.sse_decoder import Decoder

Json = dict[str, Any]

ROUTER = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1"
TRACE = {"promptRouter": {"invokedModelId": "anthropic.claude-3-haiku-20240307-v1:0"}}
MEMBER = "amazon-bedrock-trace"
BODIES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Which model?"}]},
    "/v1/messages": {"max_tokens": 50, "messages": [{"role": "user", "content": "Which model?"}]},
    "/v1/responses": {"input": "Which model?"},
}
each_path = pytest.mark.parametrize("path", BODIES)


@pytest.fixture(autouse=True)
def script_the_router(emulator: Emulator) -> None:
    message = {"role": "assistant", "content": [{"text": "Haiku."}]}
    response = {"output": {"message": message}, "stopReason": "end_turn", "trace": TRACE}
    assert emulator.post("/_emulator/replies", {"contains": "Which model?", "response": response}).ok


@each_path
def test_a_whole_answer_has_the_trace(gateway: Gateway, path: str) -> None:
    answer = gateway.post(path, {"model": ROUTER, **BODIES[path]})
    assert answer.status_code == 200, answer.text
    assert answer.json()[MEMBER] == TRACE


@each_path
def test_a_stream_has_it_once(gateway: Gateway, path: str) -> None:
    answer = gateway.post(path, {"model": ROUTER, "stream": True, **BODIES[path]})
    assert answer.status_code == 200, answer.text
    events = [json.loads(event.data) for event in Decoder().feed(answer.content) if event.data != "[DONE]"]
    found = [event.get("response", event).get(MEMBER) for event in events]
    assert [each for each in found if each] == [TRACE]
    # Clients read the first choice of every chunk that they have not asked to be without.
    assert all(event["choices"] for event in events if "choices" in event)


@each_path
def test_an_answer_without_a_trace_has_no_such_member(gateway: Gateway, path: str) -> None:
    text = json.dumps(BODIES[path]).replace("Which model?", "Hi")
    assert MEMBER not in gateway.post(path, {"model": ROUTER, **json.loads(text)}).json()
