"""Limits of keys and teams over a whole gateway: four workers, two gateways, every dialect's words and headers."""

import itertools
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_flask.config.database import parse_database_url
from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.governance.key_text import compute_digest, derive_aws_secret
from tests.databases import PEPPER, RedisServer
from tests.doubles import Emulator, Gateway, StartGateway
from tests.governed import change_directory, create_tables

PATIENCE = 60
_NUMBERS = itertools.count()
_PEPPER = parse_server_secret(PEPPER)
CONTENT = [{"role": "user", "content": "Hi"}]
NOVA = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"maxTokens": 50}}
CHAT = {"model": "nova", "messages": CONTENT, "max_tokens": 50}
MESSAGES = {"model": "claude", "messages": CONTENT, "max_tokens": 50}
OPENAI = ("/v1/chat/completions", CHAT)
ANTHROPIC = ("/v1/messages", MESSAGES)
NATIVE = ("/v1/models/nova/invoke", NOVA)
CONVERSE = ("/model/amazon.nova-lite-v1:0/converse", NOVA)


@dataclass(frozen=True)
class Site:
    """Gateways that share a database, and one of them by default."""

    gateways: list[Gateway]
    address: str

    def change(self, action: str, *arguments: Any) -> Any:
        return change_directory(parse_database_url(self.address), action, *arguments)

    def create_key(self, team: str = "", model: str = "", **limits: int | None) -> tuple[str, Any]:
        """A new key with limits, of a new team unless one is named; its name and its text."""
        number = next(_NUMBERS)
        if not team:
            self.change("create_team", team := f"t{number}")
        new = self.change("create_key", _PEPPER, team, f"k{number}")
        if limits:
            self.change("set_limits", f"key:{team}/k{number}", model, limits)
        return f"{team}/k{number}", new

    def send(self, key: Any, call: tuple[str, Any] = NATIVE, gateway: int = 0, **options: Any) -> requests.Response:
        # A connection for each, so that any worker may answer.
        path, body = call
        headers = {"authorization": f"Bearer {key.text}"}
        return requests.post(self.gateways[gateway].url + path, json=body, headers=headers, timeout=PATIENCE, **options)

    def count_admitted(self, key: Any, number: int = 100, call: tuple[str, Any] = NATIVE) -> int:
        """Send many calls at once, to all gateways in turn, and count those that are answered."""
        with ThreadPoolExecutor(number) as pool:
            sent = pool.map(lambda at: self.send(key, call, at % len(self.gateways)), range(number))
            statuses = [response.status_code for response in sent]
        assert set(statuses) <= {200, 429}
        return statuses.count(200)


@pytest.fixture(scope="module")
def start_site(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Any:
    def start(number: int = 1, **more: str) -> Site:
        address = f"sqlite:///{tmp_path_factory.mktemp('database')}/gateway.db"
        own = create_tables(address)
        return Site([start_gateway(**own, **more) for _ in range(number)], address)

    return start


@pytest.fixture(scope="module")
def find_site(start_site: Any) -> Callable[..., Site]:
    """The site with some settings, which is started once."""
    return cache(start_site)


@pytest.fixture(params=["gevent", "gthread"])
def box(request: pytest.FixtureRequest, find_site: Callable[..., Site]) -> Site:
    """A gateway with four workers and shared memory."""
    return find_site(BEDROCK_FLASK_WORKER=request.param, BEDROCK_FLASK_WORKERS="4")


@pytest.fixture
def boxes(find_site: Callable[..., Site], redis_server: RedisServer) -> Site:
    """Two gateways that share a Redis."""
    return find_site(2, BEDROCK_FLASK_STATE_URL=redis_server.url, BEDROCK_FLASK_WORKERS="2")


@pytest.fixture(params=["box", "boxes"])
def site(request: pytest.FixtureRequest, find_site: Callable[..., Site]) -> Site:
    """Either of them."""
    if request.param == "box":
        return find_site(BEDROCK_FLASK_WORKER="gevent", BEDROCK_FLASK_WORKERS="4")
    found: Site = request.getfixturevalue("boxes")
    return found


@pytest.mark.parametrize("limits", [{"requests": 10}, {"tokens": 84 * 10, "calls": 50}], ids=["requests", "tokens"])
def test_of_a_hundred_calls_at_once_as_many_are_made_as_fit(box: Site, limits: dict[str, int]) -> None:
    _, key = box.create_key(**limits)
    if "tokens" in limits:
        # Each reserves 83, and gives back when it is over what it has not used: another fits there.
        assert 10 <= box.count_admitted(key) < 100
    else:
        assert box.count_admitted(key) == 10


def test_of_a_hundred_calls_at_once_over_two_gateways_as_many_are_made_as_fit(boxes: Site) -> None:
    _, key = boxes.create_key(requests=10)
    assert boxes.count_admitted(key) == 10


def test_no_more_calls_are_made_at_a_time_than_are_allowed(site: Site, emulator: Emulator) -> None:
    _, key = site.create_key(calls=3)
    # Nobody gets an answer before all have been counted.
    emulator.fault("slow_first_byte", 3, seconds=3)
    assert site.count_admitted(key, 20) == 3
    assert site.send(key).status_code == 200


def test_a_team_limits_all_its_keys_and_the_teams_below_it(box: Site) -> None:
    box.change("create_team", team := f"t{next(_NUMBERS)}")
    box.change("set_limits", f"team:{team}", "", {"requests": 3})
    box.change("create_team", f"{team}x", team)
    (_, first), (_, second) = box.create_key(team), box.create_key(f"{team}x", requests=2)
    assert [box.send(key).status_code for key in (first, second, second, second, first)] == [200, 200, 200, 429, 429]


def test_a_limit_of_a_model_leaves_other_models_alone(box: Site) -> None:
    _, key = box.create_key(model="amazon.nova-*", requests=1)
    profile = ("/model/us.amazon.nova-lite-v1:0/converse", NOVA)
    arn = (OPENAI[0], {**CHAT, "model": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"})
    calls = (NATIVE, profile, arn, OPENAI, ANTHROPIC, ANTHROPIC)
    assert [box.send(key, call).status_code for call in calls] == [200, 429, 429, 429, 200, 200]


def test_every_dialect_refuses_in_its_own_words_and_headers(box: Site) -> None:
    for call in (OPENAI, ANTHROPIC, NATIVE, CONVERSE):
        _, key = box.create_key(requests=1, tokens=100_000)
        allowed, refused = box.send(key, call), box.send(key, call)
        assert (allowed.status_code, refused.status_code) == (200, 429), refused.text
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert refused.headers["x-should-retry"] == "true"
        assert "Rate limit reached for key:" in refused.text
    assert refused.headers["x-amzn-errortype"] == "ThrottlingException"
    _, key = box.create_key(requests=1)
    box.send(key)
    assert box.send(key, NATIVE).json()["code"] == "rate_limit_exceeded"
    error = box.send(key, OPENAI).json()["error"]
    assert (error["code"], error["type"]) == ("rate_limit_exceeded", "rate_limit_error")
    assert box.send(key, ANTHROPIC).json()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("stream", [False, True])
def test_openais_headers_say_what_is_left(box: Site, stream: bool) -> None:
    _, key = box.create_key(requests=5, tokens=10_000)
    headers = box.send(key, (OPENAI[0], {**CHAT, "stream": stream})).headers
    assert headers["x-ratelimit-limit-requests"] == "5"
    assert headers["x-ratelimit-remaining-requests"] == "4"
    assert headers["x-ratelimit-reset-requests"] == "1m1s"
    assert headers["x-ratelimit-limit-tokens"] == "10000"
    assert 9_000 < int(headers["x-ratelimit-remaining-tokens"]) < 9_950
    assert not [name for name in headers if name.startswith("anthropic-")]


@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_headers_say_what_is_left(box: Site, stream: bool) -> None:
    _, key = box.create_key(requests=5, tokens=10_000)
    headers = box.send(key, (ANTHROPIC[0], {**MESSAGES, "stream": stream})).headers
    assert headers["anthropic-ratelimit-requests-limit"] == "5"
    assert headers["anthropic-ratelimit-requests-remaining"] == "4"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", headers["anthropic-ratelimit-requests-reset"])
    assert headers["anthropic-ratelimit-tokens-limit"] == "10000"
    assert not [name for name in headers if name.startswith("x-ratelimit-")]


def test_a_key_without_limits_has_no_such_headers(box: Site) -> None:
    _, key = box.create_key()
    assert not [name for name in box.send(key, OPENAI).headers if "ratelimit" in name]


def test_boto3_sees_a_throttle(box: Site, service_models_read_once: None) -> None:
    _, key = box.create_key(requests=1)
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=box.gateways[0].url,
        region_name="us-east-1",
        aws_access_key_id=key.id,
        aws_secret_access_key=derive_aws_secret(_PEPPER, key.id, compute_digest(_PEPPER, key.text)),
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.converse(modelId="nova", **NOVA)
    with pytest.raises(ClientError, match="ThrottlingException"):
        client.converse(modelId="nova", **NOVA)


@pytest.mark.parametrize("call", [OPENAI, (OPENAI[0], {**CHAT, "stream": True}), ANTHROPIC])
def test_the_tokens_that_a_call_took_are_counted_in_place_of_those_that_it_might_take(
    box: Site, call: tuple[str, Any]
) -> None:
    _, key = box.create_key(tokens=2000)
    large = (call[0], {**call[1], "max_tokens": 1500})
    for _ in range(5):
        response = box.send(key, large)
        assert response.status_code == 200, response.text
        assert response.content
    assert box.send(key, (call[0], {**call[1], "max_tokens": 2000})).status_code == 429


def test_a_call_that_takes_more_than_the_limit_is_not_tried_again(box: Site) -> None:
    _, key = box.create_key(tokens=40)
    response = box.send(key, OPENAI)
    assert (response.status_code, response.headers["x-should-retry"]) == (429, "false")
    assert "retry-after" not in response.headers
    assert "never fits" in response.json()["error"]["message"]


def test_a_call_that_exceeds_a_budget_takes_no_tokens(box: Site) -> None:
    name, key = box.create_key(tokens=2000)
    box.change("set_budgets", f"key:{name}", {"day": "0.000000001"})
    large = (NATIVE[0], {**NOVA, "inferenceConfig": {"maxTokens": 1500}})
    assert [box.send(key, large).status_code for _ in range(3)] == [402] * 3


def test_a_call_that_bedrock_refuses_takes_no_tokens_and_ends(box: Site, emulator: Emulator) -> None:
    _, key = box.create_key(tokens=2000, calls=1)
    large = (CONVERSE[0], {**NOVA, "inferenceConfig": {"maxTokens": 1500}})
    emulator.fault("throttle", 30)
    assert box.send(key, large).status_code == 429
    emulator.ask("DELETE", "/_emulator/faults")
    assert box.send(key, large).status_code == 200


def test_a_stream_whose_client_leaves_is_over(site: Site, emulator: Emulator) -> None:
    _, key = site.create_key(calls=1)
    emulator.fault("slow_first_byte", 1, seconds=20)
    with pytest.raises(requests.Timeout):
        requests.post(
            site.gateways[0].url + OPENAI[0],
            json={**CHAT, "stream": True},
            headers={"authorization": f"Bearer {key.text}"},
            timeout=1,
        )
    until = time.monotonic() + 10
    while site.send(key).status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_calls_of_a_worker_that_is_killed_are_not_counted_any_more(box: Site, emulator: Emulator) -> None:
    _, key = box.create_key(calls=1)
    emulator.fault("slow_first_byte", 1, seconds=20)
    with ThreadPoolExecutor(1) as pool:
        broken = pool.submit(box.send, key)
        until = time.monotonic() + 10
        while not emulator.calls():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert box.send(key).status_code == 429
        for pid in box.gateways[0].list_workers():
            os.kill(pid, signal.SIGKILL)
        assert isinstance(broken.exception(PATIENCE), requests.ConnectionError)
    until = time.monotonic() + 20
    while True:
        try:
            if box.send(key).status_code == 200:
                break
        except requests.ConnectionError:
            pass
        assert time.monotonic() < until
        time.sleep(0.1)


# --- Redis is away ----------------------------------------------------------------------------------------------------


@pytest.fixture
def paused(redis_server: RedisServer) -> Iterator[RedisServer]:
    redis_server.pause()
    yield redis_server
    redis_server.resume()


@pytest.fixture(scope="module")
def refusing(start_site: Any, redis_server: RedisServer) -> Site:
    site: Site = start_site(BEDROCK_FLASK_STATE_URL=redis_server.url, BEDROCK_FLASK_STATE_AWAY="refuse")
    return site


def test_while_redis_is_away_each_box_holds_the_limits(boxes: Site, paused: RedisServer) -> None:
    _, key = boxes.create_key(requests=2)
    for gateway in (0, 1):
        assert [boxes.send(key, gateway=gateway).status_code for _ in range(3)] == [200, 200, 429]


def test_a_gateway_that_holds_limits_by_itself_is_ready_and_says_so(boxes: Site, redis_server: RedisServer) -> None:
    await_report(boxes, {"status": "ok"})
    redis_server.pause()
    try:
        said = {"status": "degraded", "limits": "Redis does not answer: each machine holds the limits by itself"}
        await_report(boxes, said)
        assert boxes.gateways[0].get("/readyz").status_code == 200
    finally:
        redis_server.resume()
    await_report(boxes, {"status": "ok"})


def await_report(site: Site, said: dict[str, str]) -> None:
    """Wait until a gateway reports its readiness so."""
    until = time.monotonic() + 5
    while said.items() - (found := site.gateways[0].get("/readyz?verbose").json()).items():
        assert time.monotonic() < until, found
        time.sleep(0.1)
    assert "limits" in said or "limits" not in found


def test_while_redis_is_away_calls_are_refused_where_that_is_chosen(refusing: Site, redis_server: RedisServer) -> None:
    # Redis may count what it could not answer when it goes on.
    _, key = refusing.create_key(requests=200)
    assert refusing.send(key).status_code == 200
    redis_server.pause()
    try:
        for call in (OPENAI, ANTHROPIC, NATIVE, CONVERSE):
            response = refusing.send(key, call)
            assert response.status_code == 503, response.text
            assert int(response.headers["retry-after"]) > 0
        ready = refusing.gateways[0].get("/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "store_unavailable")
        assert refusing.gateways[0].get("/livez").status_code == 200
    finally:
        redis_server.resume()
    until = time.monotonic() + 5
    while refusing.send(key).status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert refusing.gateways[0].get("/readyz").status_code == 200
