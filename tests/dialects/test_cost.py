"""What a request costs stands in its log line: by each dialect and surface, whole and streamed; null if unknown."""

import base64
import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from bedrock_flask.protocol import eventstream
from tests.doubles import Emulator, Gateway, GatewayWith, SendStream, SendWhole, Upstream

Json = dict[str, Any]
TIER = "x-amzn-bedrock-service-tier"
HI = [{"role": "user", "content": "Hi"}]
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
CLAUDE = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": HI}
BODIES: dict[str, Json] = {
    "/v1/chat/completions": {"messages": HI},
    "/v1/messages": {"max_tokens": 50, "messages": HI},
    "/v1/responses": {"input": "Hi"},
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
REEL = {
    "taskType": "TEXT_VIDEO",
    "textToVideoParams": {"text": "A boat."},
    "videoGenerationConfig": {"durationSeconds": 6, "fps": 24, "dimension": "1280x720"},
}
# Dollars for a million tokens of input and of output, of the id that the gateway calls from us-east-1.
PRICES = {
    "nova": ("0.06", "0.24"),
    "amazon.nova-pro-v1:0": ("0.8", "3.2"),
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": ("3.3", "16.5"),
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0": ("3", "15"),
    "openai.gpt-5.4": ("2.75", "16.5"),
    "openai.gpt-oss-120b-1:0": ("0.15", "0.6"),
}


@pytest.fixture(scope="session")
def gateway(gateway_with: GatewayWith, _emulator: Emulator) -> Gateway:
    return gateway_with(AWS_REGION="us-east-1")


def line_of(gateway: Gateway, response: Any) -> Json:
    return gateway.line(response.headers["x-request-id"])


def read_all(response: requests.Response) -> None:
    with contextlib.suppress(requests.RequestException):
        assert response.content


def price(line: Json, given: str, written: str) -> float:
    millionth = Decimal("0.000001")
    return float((Decimal(given) * line["input_tokens"] + Decimal(written) * line["output_tokens"]) * millionth)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", PRICES)
@pytest.mark.parametrize("path", BODIES)
def test_a_chat_costs_what_its_tokens_cost(gateway: Gateway, path: str, model: str, stream: bool) -> None:
    response = gateway.post(path, {"model": model, "stream": stream, **BODIES[path]})
    assert response.status_code == 200, response.text
    line = line_of(gateway, response)
    assert line["input_tokens"] > 0
    assert line["cost_usd"] == price(line, *PRICES[model])
    assert "unpriced_calls" not in line


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/model/amazon.nova-lite-v1:0/converse", CONVERSE),
        ("/model/amazon.nova-lite-v1:0/converse-stream", CONVERSE),
        ("/model/amazon.nova-lite-v1:0/invoke", CONVERSE),
        ("/model/amazon.nova-lite-v1:0/invoke-with-response-stream", CONVERSE),
        ("/v1/models/nova/invoke", CONVERSE),
        ("/v1/models/nova/invoke-stream", CONVERSE),
        ("/v1/invoke", {"model": "nova", "input": CONVERSE}),
        ("/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke", CLAUDE),
        ("/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke-with-response-stream", CLAUDE),
    ],
)
def test_bedrocks_own_operations_cost_the_same(gateway: Gateway, path: str, body: Json) -> None:
    line = line_of(gateway, gateway.post(path, body))
    assert line["cost_usd"] == price(
        line, *PRICES["us.anthropic.claude-sonnet-4-5-20250929-v1:0" if body is CLAUDE else "nova"]
    )


@pytest.mark.parametrize(
    ("path", "members", "headers"),
    [
        ("/v1/chat/completions", {"service_tier": "flex"}, {}),
        ("/v1/chat/completions", {"service_tier": "flex", "stream": True}, {}),
        ("/v1/responses", {"service_tier": "flex"}, {}),
        ("/v1/messages", {}, {TIER: "flex"}),
        ("/v1/messages", {"stream": True}, {TIER: "flex"}),
    ],
)
def test_a_tier_has_a_price_of_its_own(gateway: Gateway, path: str, members: Json, headers: dict[str, str]) -> None:
    line = line_of(
        gateway, gateway.post(path, {"model": "amazon.nova-pro-v1:0", **BODIES[path], **members}, headers=headers)
    )
    assert line["cost_usd"] == price(line, "0.4", "1.6")


@pytest.mark.parametrize("path", ["invoke", "invoke-with-response-stream"])
def test_invoke_model_has_its_tier_in_a_header(gateway: Gateway, path: str) -> None:
    response = gateway.post(f"/model/amazon.nova-pro-v1:0/{path}", CONVERSE, headers={TIER: "priority"})
    line = line_of(gateway, response)
    assert line["cost_usd"] == price(line, "1.4", "5.6")


def test_the_calls_of_many_inputs_are_added_up(gateway: Gateway) -> None:
    line = line_of(gateway, gateway.post("/v1/embeddings", {"model": "titan-embed", "input": ["a", "b c", "d e f"]}))
    assert line["attempts"] == 3
    assert line["cost_usd"] == float(Decimal("0.00000002") * line["input_tokens"])
    assert line["region"] == "us-east-1"


@pytest.mark.parametrize(
    ("path", "body", "dollars"),
    [
        ("/v1/rerank", {"model": "amazon.rerank-v1:0", "query": "q", "documents": ["a", "b"]}, 0.001),
        ("/v2/rerank", {"model": "cohere-rerank", "query": "q", "documents": ["a"] * 101}, 0.004),
        ("/v2/rerank", {"model": "cohere-rerank", "query": "q", "documents": ["a " * 40_000]}, None),
        ("/v1/images/generations", {"model": "stable-image-core", "prompt": "A door."}, 0.04),
        ("/v1/images/generations", {"model": "nova-canvas", "prompt": "A door.", "n": 2, "size": "1024x1024"}, 0.08),
        ("/v1/images/generations", {"model": "nova-canvas", "prompt": "A door.", "size": "1280x768"}, 0.06),
        ("/v1/models/stable-image-core/invoke", {"prompt": "A door."}, 0.04),
        ("/v1/models/titan-embed-image/invoke", {"inputText": "", "inputImage": PIXEL}, 0.00006),
    ],
)
def test_queries_and_images_cost_by_their_number(
    gateway: Gateway, path: str, body: Json, dollars: float | None
) -> None:
    response = gateway.post(path, body)
    assert response.ok, response.text
    line = line_of(gateway, response)
    assert line["cost_usd"] == dollars
    assert line.get("unpriced_calls") == (None if dollars else 1)


def test_what_a_job_costs_is_not_known_yet(
    gateway_with: GatewayWith, session_upstream: Upstream, whole: SendWhole
) -> None:
    upstream = session_upstream.reset()
    gateway = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, AWS_REGION="us-east-1")
    job = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghij12"
    upstream.scripts.append(whole(json.dumps({"invocationArn": job}).encode()))
    body = {"input": REEL, "output": {"s3_uri": "s3://bucket/x/"}}
    line = line_of(gateway, gateway.post("/v1/models/nova-reel/jobs", body))
    assert (line["status"], line["cost_usd"], line["unpriced_calls"]) == (202, None, 1)
    upstream.scripts.append(whole(json.dumps({"invocationArn": job, "status": "Completed"}).encode()))
    assert "cost_usd" not in line_of(gateway, gateway.get(f"/v1/models/nova-reel/jobs/{job}"))


def test_a_call_without_a_price_is_null_and_counted(gateway: Gateway) -> None:
    for model in ("acme.chat-1", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"):
        line = line_of(gateway, gateway.post("/v1/chat/completions", {"model": model, "messages": HI}))
        assert (line["status"], line["cost_usd"], line["unpriced_calls"]) == (200, None, 1)


def test_an_applications_profile_costs_what_its_alias_names(gateway_with: GatewayWith, tmp_path_factory: Any) -> None:
    models: Path = tmp_path_factory.mktemp("models") / "models.toml"
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    models.write_text(f'[models.team]\nid = "amazon.nova-pro-v1:0"\nprofile = "{arn}"\n')
    gateway = gateway_with(AWS_REGION="us-east-1", BEDROCK_FLASK_MODELS_FILE=str(models))
    line = line_of(gateway, gateway.post("/v1/chat/completions", {"model": "team", "messages": HI}))
    assert line["cost_usd"] == price(line, "0.8", "3.2")


def test_what_is_kept_for_an_hour_costs_more(gateway: Gateway) -> None:
    def ask(lifetime: Json) -> Json:
        block = {"type": "text", "text": "word " * 3000, "cache_control": {"type": "ephemeral", **lifetime}}
        body = {
            "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": [block]}],
        }
        return line_of(gateway, gateway.post("/v1/messages", body))

    for lifetime, dollars in (({}, "4.125"), ({"ttl": "1h"}, "6.6")):
        line = ask(lifetime)
        assert line["cache_write_tokens"] > 1000
        written = Decimal(dollars) * line["cache_write_tokens"] / 1_000_000
        rest = {**line, "cost_usd": 0}
        assert line["cost_usd"] == float(written + Decimal(str(price(rest, "3.3", "16.5"))))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages/count_tokens", {"model": "claude", "messages": HI}),
        ("/model/amazon.nova-lite-v1:0/count-tokens", {"input": {"converse": CONVERSE}}),
        ("/v1/chat/completions", {"model": "nova", "messages": 5}),
        ("/v1/chat/completions", {"model": "unknown", "messages": HI}),
    ],
)
def test_what_aws_does_not_bill_has_no_cost(gateway: Gateway, path: str, body: Json) -> None:
    assert "cost_usd" not in line_of(gateway, gateway.post(path, body))


@pytest.mark.parametrize(
    ("fault", "is_free"),
    [("ThrottlingException", True), ("ValidationException", True), ("ModelTimeoutException", False)],
)
def test_a_refusal_costs_nothing_and_a_failure_may(
    gateway: Gateway, emulator: Emulator, fault: str, is_free: bool
) -> None:
    emulator.fault(fault, 5)
    line = line_of(gateway, gateway.post("/v1/chat/completions", {"model": "nova", "messages": HI}))
    assert line["status"] >= 400
    assert ("cost_usd" not in line) is is_free
    assert line.get("unpriced_calls") == (None if is_free else 1)


START = {"message": {"usage": {"input_tokens": 10, "output_tokens": 1}}, "type": "message_start"}
STOP = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}}
END = {"type": "message_stop"}


def frame(event: Json) -> bytes:
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    return eventstream.encode(eventstream.event("chunk", payload))


@pytest.mark.parametrize(
    ("events", "dollars"),
    [([START, STOP, END], "0.000363"), ([START, STOP], None), ([START], None)],
)
def test_a_stream_that_is_cut_costs_nobody_knows_what(
    gateway_with: GatewayWith, session_upstream: Upstream, stream: SendStream, events: list[Json], dollars: str | None
) -> None:
    """Its first event has counts, but those are not what is billed."""
    upstream = session_upstream.reset()
    gateway = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, AWS_REGION="us-east-1")
    upstream.scripts.append(stream(*map(frame, events)))
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    with gateway.ask("POST", f"/model/{model}/invoke-with-response-stream", json=CLAUDE, stream=True) as response:
        read_all(response)
    line = line_of(gateway, response)
    assert line["cost_usd"] == (float(dollars) if dollars else None)


def test_a_stream_whose_client_left_costs_nobody_knows_what(
    gateway_with: GatewayWith, session_upstream: Upstream, stream: SendStream
) -> None:
    upstream = session_upstream.reset()
    gateway = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, AWS_REGION="us-east-1")
    more = frame({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}})

    def drip(client: Any) -> None:
        for _ in range(2000):
            client.sendall(f"{len(more):x}\r\n".encode() + more + b"\r\n")

    upstream.scripts.append(stream(frame(START), then=drip))
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    with gateway.ask("POST", f"/model/{model}/invoke-with-response-stream", json=CLAUDE, stream=True) as response:
        next(response.iter_content(16))
    line = line_of(gateway, response)
    assert (line["error"], line["cost_usd"], line["unpriced_calls"]) == ("client_left", None, 1)


@pytest.mark.parametrize(
    ("status", "name", "costs"),
    [
        ("429 Too Many Requests", "ThrottlingException", {"cost_usd": 6e-8}),
        ("408 Request Timeout", "ModelTimeoutException", {"cost_usd": None, "unpriced_calls": 1}),
    ],
)
def test_of_many_calls_one_that_failed_may_leave_the_sum_unknown(
    gateway_with: GatewayWith, session_upstream: Upstream, whole: SendWhole, status: str, name: str, costs: Json
) -> None:
    upstream = session_upstream.reset()
    gateway = gateway_with(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, AWS_REGION="us-east-1", BEDROCK_FLASK_MAX_ATTEMPTS="1"
    )
    upstream.scripts += [
        whole(b'{"embedding": [0.5], "inputTextTokenCount": 3}'),
        whole(b'{"message": "x"}', status, x_amzn_errortype=name),
    ]
    line = line_of(gateway, gateway.post("/v1/embeddings", {"model": "titan-embed", "input": ["a", "b"]}))
    assert line["status"] >= 400
    assert {name: line[name] for name in ("cost_usd", "unpriced_calls") if name in line} == costs


def test_the_operators_price_is_in_force_though_its_file_is_gone(
    gateway_with: GatewayWith, tmp_path_factory: pytest.TempPathFactory
) -> None:
    prices = tmp_path_factory.mktemp("prices") / "prices.csv"
    prices.write_text("model,input,output\namazon.nova-lite-v1:0,10,20\n")
    gateway = gateway_with(AWS_REGION="us-east-1", BEDROCK_FLASK_PRICES_FILE=str(prices))
    prices.write_text("model,input\namazon.nova-lite-v1:0,-1\n")
    line = line_of(gateway, gateway.post("/v1/chat/completions", {"model": "nova", "messages": HI}))
    assert line["cost_usd"] == price(line, "10", "20")
