"""The guard `completed` counts tokens wherever Bedrock states them."""

import json

import pytest

from tests.doubles import Gateway, GatewayWith, SendWhole, Upstream

COUNTED = {
    "x-amzn-bedrock-input-token-count": "11",
    "x-amzn-bedrock-output-token-count": "7",
    "x-amzn-bedrock-cache-read-input-token-count": "5",
    "x-amzn-bedrock-cache-write-input-token-count": "3",
}
CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hi"}],
}
REPLY = {"type": "message", "content": [], "stop_reason": "end_turn"}


@pytest.fixture
def upstream(session_upstream: Upstream) -> Upstream:
    return session_upstream.reset()


@pytest.fixture
def gateway(gateway_with: GatewayWith, upstream: Upstream) -> Gateway:
    return gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url)


def counts_of(gateway: Gateway, body: dict[str, object], whole: SendWhole, upstream: Upstream) -> dict[str, int]:
    """The counts that the log has for a reply with this body and Bedrock's headers."""
    upstream.scripts.append(whole(json.dumps(body).encode(), **COUNTED))
    response = gateway.post("/v1/models/claude/invoke", CLAUDE)
    assert response.status_code == 200, response.text
    line = gateway.line(response.headers["x-request-id"])
    assert response.headers["x-bedrock-flask-input-tokens"] == str(line["input_tokens"])
    return {name: line[name] for name in line if name.endswith("_tokens")}


def test_counts_that_only_the_headers_state_are_read(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    assert counts_of(gateway, REPLY, whole, upstream) == {
        "input_tokens": 11,
        "output_tokens": 7,
        "cache_read_tokens": 5,
        "cache_write_tokens": 3,
    }


def test_the_headers_count_where_the_body_differs(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    body = REPLY | {"usage": {"input_tokens": 99, "output_tokens": 99}}
    assert counts_of(gateway, body, whole, upstream)["input_tokens"] == 11
