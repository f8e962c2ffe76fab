"""A conversation in OpenAI's formats that ends with an answer: agents ask so after an answer that broke off."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway

ASKED = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Step 1."}]
CALLED = {"id": "t1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
NEW, OLD = "anthropic.claude-opus-4-6-v1", "amazon.nova-lite-v1:0"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("path", "member"), [("/v1/chat/completions", "messages"), ("/v1/responses", "input")])
@pytest.mark.parametrize("model", [NEW, OLD])
def test_the_model_writes_a_further_message(
    gateway: Gateway, emulator: Emulator, path: str, member: str, model: str, streamed: bool
) -> None:
    body: dict[str, Any] = {"model": model, member: ASKED, "stream": streamed}
    response = gateway.post(path, body)
    assert response.status_code == 200, response.text
    assert "error" not in gateway.line(response.headers["x-request-id"])
    [call] = emulator.calls()
    sent = [(turn["role"], turn["content"][0]["text"]) for turn in json.loads(call["body"])["messages"]]
    # A model that continues an answer itself goes on with it.
    more = [("user", "Continue.")] if model == NEW else []
    assert sent == [("user", "Hi"), ("assistant", "Step 1."), *more]
    assert response.headers.get("x-bedrock-flask-translated") == (member if more else None)


def test_a_call_without_its_result_is_still_refused(gateway: Gateway) -> None:
    messages = [ASKED[0], {"role": "assistant", "content": None, "tool_calls": [CALLED]}]
    response = gateway.post("/v1/chat/completions", {"model": NEW, "messages": messages})
    assert response.status_code == 400


def test_anthropics_format_still_means_the_answer_to_be_continued(gateway: Gateway) -> None:
    response = gateway.post("/v1/messages", {"model": NEW, "max_tokens": 50, "messages": ASKED})
    assert response.status_code == 400
    assert "prefill" in response.text
