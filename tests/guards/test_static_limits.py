"""Limits of static keys without a database: over the workers of one box, and over two gateways that share a Redis."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_flask.config.keys import parse_keys
from bedrock_flask.config.server_secret import parse_server_secret
from tests.databases import RedisServer
from tests.doubles import Emulator, Gateway, StartGateway

PATIENCE = 60
HI = [{"role": "user", "content": "Hi"}]
CHAT = {"model": "nova", "messages": HI, "max_tokens": 50}
MESSAGES = {"model": "claude", "messages": HI, "max_tokens": 50}
NAMES = ("ten", "tokens", "calls", "free", "first", "second", "signed", "openai", "anthropic")
KEYS = {name: f"canary-{name}-0123456789" for name in NAMES}
LIMITS = "ten:requests=10; tokens:tokens=84; calls:calls=3; free:none; openai:requests=5,tokens=10000; *:requests=1"
PAIRS = [f"{name}:{secret}" for name, secret in KEYS.items()]
SIGNING = "canary-signing-0123456789abcdef-and-more"
SETTINGS = {
    "BEDROCK_FLASK_API_KEYS": ",".join(PAIRS),
    "BEDROCK_FLASK_SIGNING_SECRET": SIGNING,
    "BEDROCK_FLASK_LIMITS": LIMITS,
    "BEDROCK_FLASK_WORKERS": "2",
}


@pytest.fixture(scope="module")
def find_gateways(start_gateway: StartGateway) -> Callable[..., list[Gateway]]:
    """The gateways with some settings, which are started once."""
    return cache(lambda number=1, **more: [start_gateway(**SETTINGS, **more) for _ in range(number)])


@pytest.fixture(params=["gevent", "gthread"])
def box(request: pytest.FixtureRequest, find_gateways: Callable[..., list[Gateway]]) -> list[Gateway]:
    return find_gateways(BEDROCK_FLASK_WORKER=request.param)


@pytest.fixture
def boxes(find_gateways: Callable[..., list[Gateway]], redis_server: RedisServer) -> list[Gateway]:
    return find_gateways(2, BEDROCK_FLASK_STATE_URL=redis_server.url)


def send(gateway: Gateway, name: str, path: str = "/v1/chat/completions", body: object = CHAT) -> requests.Response:
    # A connection for each, so that any worker may answer.
    return requests.post(gateway.url + path, json=body, headers={"x-api-key": KEYS[name]}, timeout=PATIENCE)


def count_admitted(gateways: Sequence[Gateway], name: str, number: int = 60) -> int:
    with ThreadPoolExecutor(number) as pool:
        sent = pool.map(lambda at: send(gateways[at % len(gateways)], name), range(number))
        statuses = [response.status_code for response in sent]
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


def test_of_many_calls_at_once_as_many_are_made_as_fit(box: list[Gateway]) -> None:
    assert count_admitted(box, "ten") == 10


def test_gateways_that_share_a_redis_count_together(boxes: list[Gateway]) -> None:
    statuses = [send(boxes[number % 2], "ten").status_code for number in range(11)]
    assert statuses == [200] * 10 + [429]


def test_no_more_calls_are_made_at_a_time_than_are_allowed(box: list[Gateway], emulator: Emulator) -> None:
    # Nobody gets an answer before all have been counted.
    emulator.fault("slow_first_byte", 3, seconds=2)
    assert count_admitted(box, "calls", 20) == 3
    assert send(box[0], "calls").status_code == 200


def test_a_call_that_takes_more_tokens_than_are_allowed_is_refused(box: list[Gateway]) -> None:
    refused = send(box[0], "tokens", body={**CHAT, "max_tokens": 84})
    assert refused.status_code == 429
    assert "Rate limit reached for key:tokens: 84 tokens a minute" in refused.text
    assert refused.headers["x-should-retry"] == "false"


def test_what_all_others_have_each_of_them_has(box: list[Gateway]) -> None:
    statuses = [send(box[0], name).status_code for name in ("first", "first", "second", "free", "free", "free")]
    assert statuses == [200, 429, 200, 200, 200, 200]


def test_headers_say_what_is_left(box: list[Gateway]) -> None:
    headers = send(box[0], "openai").headers
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("5", "4")
    assert 9_000 < int(headers["x-ratelimit-remaining-tokens"]) < 9_950
    allowed, refused = [send(box[0], "anthropic", "/v1/messages", MESSAGES) for _ in range(2)]
    assert allowed.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert not [name for name in send(box[0], "free").headers if "ratelimit" in name]


def test_signed_calls_count_too(box: list[Gateway], service_models_read_once: None) -> None:
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=box[0].url,
        region_name="us-east-1",
        aws_access_key_id="signed",
        aws_secret_access_key=parse_keys(PAIRS).derive_aws_secret("signed", parse_server_secret(SIGNING)),
        config=Config(retries={"total_max_attempts": 1}),
    )
    call = {"modelId": "nova", "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    client.converse(**call)
    with pytest.raises(ClientError, match="ThrottlingException"):
        client.converse(**call)


def test_without_keys_all_callers_count_together(start_gateway: StartGateway) -> None:
    gateway = start_gateway(BEDROCK_FLASK_LIMITS="*:requests=1")
    sent = [requests.post(f"{gateway.url}/v1/chat/completions", json=CHAT, timeout=PATIENCE) for _ in range(2)]
    assert [response.status_code for response in sent] == [200, 429]
    assert "Rate limit reached for all callers" in sent[1].text
