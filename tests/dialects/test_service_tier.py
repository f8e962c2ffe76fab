"""The tier and the latency that served a call reach the caller, in the words of each API, whole and streamed."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway
from tests.sse_decoder import Decoder

Json = dict[str, Any]
CLAUDE, NOVA = "anthropic.claude-opus-4-6-v1", "amazon.nova-pro-v1:0"
TIER, LATENCY = "x-amzn-bedrock-service-tier", "x-amzn-bedrock-performanceconfig-latency"
BODIES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/messages": {"max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]},
    "/v1/responses": {"input": "Hi"},
}
ASKED = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
SERVED = {"performanceConfig": {"latency": "optimized"}, "serviceTier": {"type": "priority"}}


def test_the_emulator_says_how_converse_was_served(emulator: Emulator) -> None:
    client = emulator.client()
    answer = client.converse(modelId=NOVA, **ASKED, **SERVED)
    assert {name: answer[name] for name in SERVED} == SERVED
    events = [*client.converse_stream(modelId=NOVA, **ASKED, **SERVED)["stream"]]
    assert {name: events[-1]["metadata"][name] for name in SERVED} == SERVED
    plain = client.converse(modelId=NOVA, **ASKED)
    assert not SERVED.keys() & plain.keys()


def test_the_emulator_says_how_invoke_model_was_served(emulator: Emulator) -> None:
    client, body = emulator.client(), json.dumps({**ASKED})
    served = {"performanceConfigLatency": "optimized", "serviceTier": "flex"}
    for call in (client.invoke_model, client.invoke_model_with_response_stream):
        answer = call(modelId=NOVA, body=body, **served)
        assert {name: answer[name] for name in served} == served
        assert not served.keys() & call(modelId=NOVA, body=body).keys()


def chunks(answer: Any) -> list[Json]:
    return [json.loads(event.data) for event in Decoder().feed(answer.content) if event.data != "[DONE]"]


@pytest.mark.parametrize("tier", ["priority", "default"])
@pytest.mark.parametrize("path", BODIES)
def test_every_api_names_the_tier_and_the_latency(gateway: Gateway, path: str, tier: str) -> None:
    headers = {TIER: tier, LATENCY: "optimized"}
    whole = gateway.post(path, {"model": NOVA, **BODIES[path]}, headers=headers).json()
    events = chunks(gateway.post(path, {"model": NOVA, "stream": True, **BODIES[path]}, headers=headers))
    if path == "/v1/messages":
        last = next(event for event in events if event["type"] == "message_delta")
        names = {"priority": "priority", "default": "standard"}
        assert whole["usage"]["service_tier"] == last["usage"]["service_tier"] == names[tier]
    else:
        last = next(event for event in reversed(events) if "service_tier" in event.get("response", event))
        last = last.get("response", last)
        assert whole["service_tier"] == last["service_tier"] == tier
    assert whole["performanceConfig"] == last["performanceConfig"] == {"latency": "optimized"}


@pytest.mark.parametrize("path", ["/v1/messages", f"/model/{CLAUDE}/invoke", "/v1/models/claude/invoke"])
def test_headers_of_invoke_model_are_passed_on(gateway: Gateway, path: str) -> None:
    body: Json = {**BODIES["/v1/messages"]}
    body |= {"model": CLAUDE} if path == "/v1/messages" else {"anthropic_version": "bedrock-2023-05-31"}
    answer = gateway.post(path, body, headers={TIER: "flex", LATENCY: "standard"})
    assert answer.status_code == 200, answer.text
    assert (answer.headers[TIER], answer.headers[LATENCY]) == ("flex", "standard")
    if path == "/v1/messages":
        streamed = gateway.post(path, {**body, "stream": True}, headers={TIER: "flex"})
        assert streamed.headers[TIER] == "flex"
