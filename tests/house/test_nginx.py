"""The nginx configuration of docs/how-to/behind-nginx.md, under a real nginx, with TLS, before the real gateway."""

import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_flask.config import keys
from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.config.settings import Settings
from tests.doubles import Emulator, Gateway, SendWhole, StartGateway, Upstream
from tests.governed import start_governed

PATIENCE = 30
NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
ENCODED = PROFILE.replace(":", "%3A").replace("/", "%2F")


def _port(server: Any) -> int:
    return int(server.url.rpartition(":")[2])


def _boto3(front: Any, key_id: str, secret: str) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=front.url,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        verify=str(front.certificate),
        config=Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=PATIENCE),
    )


@pytest.fixture(scope="module")
def keyed(start_gateway: StartGateway) -> tuple[Any, str]:
    """A gateway with a key, and what the key's AWS secret is."""
    alice, signing = "alice:a-key-for-the-tests-only", "a-signing-secret-for-the-tests-only"
    gateway = start_gateway(BEDROCK_FLASK_API_KEYS=alice, BEDROCK_FLASK_SIGNING_SECRET=signing)
    return gateway, keys.parse_keys([alice]).derive_aws_secret("alice", parse_server_secret(signing))


@pytest.fixture(scope="module")
def front(start_nginx: Any, gateway: Gateway) -> Any:
    """nginx before the session's gateway, exactly as the page has it."""
    return start_nginx(_port(gateway))


@pytest.fixture(scope="module")
def hasty_front(start_nginx: Any, gateway: Gateway) -> Any:
    """The same with a second where the page gives strangers ten."""
    return start_nginx(_port(gateway), {"_timeout 10s": "_timeout 1s"})


def test_a_call_goes_through(front: Any, emulator: Emulator) -> None:
    answer = front.ask("POST", "/v1/models/nova/invoke", json=NOVA)
    assert answer.status_code == 200
    assert answer.json()["output"]["message"]["content"]


def test_an_event_arrives_while_the_model_is_still_at_work(front: Any, emulator: Emulator) -> None:
    emulator.fault("stall", after=2)
    with requests.Session() as session:
        session.trust_env = False
        url = f"{front.url}/v1/models/nova/invoke-stream"
        answer = session.post(url, json=NOVA, stream=True, timeout=PATIENCE, verify=str(front.certificate))
        lines = answer.iter_lines()
        assert next(lines).startswith(b"event: ")
        assert emulator.calls()[-1]["ended"] is None
        told = [line for line in lines if line.startswith(b"event: ")]
    assert told[-1] == b"event: error"


def test_an_arn_can_be_called_raw_and_encoded(front: Any, emulator: Emulator) -> None:
    for name in (PROFILE, ENCODED):
        assert front.ask("POST", f"/v1/models/{name}/invoke", json=NOVA).status_code == 200
        assert emulator.calls()[-1]["model"] == PROFILE


def test_a_path_goes_on_as_it_was_sent_and_with_a_request_id(
    start_nginx: Any, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts.append(whole(b"{}"))
    answer = start_nginx(upstream.port).ask("POST", f"/v1/models/{ENCODED}/invoke", json=NOVA)
    [request] = upstream.requests
    assert answer.status_code == 200
    assert request.startswith(f"POST /v1/models/{ENCODED}/invoke HTTP/1.1\r\n".encode())
    assert re.search(rb"(?i)\r\nx-request-id: [0-9a-f]{32}\r\n", request)


def test_boto3_streams_through_it_event_by_event(start_nginx: Any, emulator: Emulator) -> None:
    # The emulator in the gateway's place: it speaks Bedrock's protocol, and asks no proxy not to buffer.
    front = start_nginx(_port(emulator))
    client = _boto3(front, "emulator", "emulator")
    assert client.converse(modelId=PROFILE, messages=NOVA["messages"])["stopReason"] == "end_turn"
    emulator.fault("stall", after=2, seconds=5)
    events = iter(client.converse_stream(modelId=PROFILE, messages=NOVA["messages"])["stream"])
    assert "messageStart" in next(events)
    assert emulator.calls()[-1]["ended"] is None
    assert "metadata" in list(events)[-1]


def test_boto3_signs_with_a_key_pair_through_tls(start_nginx: Any, keyed: tuple[Any, str], emulator: Emulator) -> None:
    gateway, secret = keyed
    front = start_nginx(_port(gateway))
    client = _boto3(front, "alice", secret)
    for model in ("nova", PROFILE):
        assert client.converse(modelId=model, messages=NOVA["messages"])["stopReason"] == "end_turn"
        emulator.fault("stall", after=2, seconds=1)
        events = iter(client.converse_stream(modelId=model, messages=NOVA["messages"])["stream"])
        assert "messageStart" in next(events)
        assert emulator.calls()[-1]["ended"] is None
        assert "metadata" in list(events)[-1]
    whole = client.invoke_model(modelId=PROFILE, body=json.dumps(NOVA))
    assert json.loads(whole["body"].read())["output"]["message"]["content"]
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        _boto3(front, "alice", "a guess").converse(modelId="nova", messages=NOVA["messages"])


def test_a_host_without_its_port_breaks_the_signature(start_nginx: Any, keyed: tuple[Any, str]) -> None:
    gateway, secret = keyed
    front = start_nginx(_port(gateway), {"Host $http_host;": "Host $host;"})
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        _boto3(front, "alice", secret).converse(modelId="nova", messages=NOVA["messages"])


def test_the_networks_of_a_key_are_those_of_nginx_s_client(
    start_nginx: Any, start_gateway: StartGateway, plain_environ: dict[str, str], tmp_path: Path
) -> None:
    # nginx is at an address of its own.
    own = {"BEDROCK_FLASK_WORKERS": "1", "BEDROCK_FLASK_TRUSTED_PROXIES": "127.0.0.2"}
    governed = start_governed(start_gateway, plain_environ, f"sqlite:///{tmp_path}/gateway.db", "gevent", **own)
    written = "proxy_bind 127.0.0.2; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; "
    front = start_nginx(
        _port(governed.gateway), {"proxy_set_header X-Request-Id": f"{written}proxy_set_header X-Request-Id"}
    )
    here, elsewhere = (governed.create_key_with({"networks": [each]}) for each in ("127.0.0.1", "192.0.2.7"))
    for spoofed in ({}, {"x-forwarded-for": "192.0.2.7"}, {"forwarded": "for=192.0.2.7"}, {"x-real-ip": "192.0.2.7"}):
        for key, status in ((here, 200), (elsewhere, 403)):
            answer = front.ask("POST", "/v1/models/nova/invoke", json=NOVA, headers={"x-api-key": key, **spoofed})
            assert answer.status_code == status, answer.text


def test_the_request_id_is_the_clients_or_a_new_one_and_both_logs_have_it(
    front: Any, gateway: Gateway, emulator: Emulator
) -> None:
    given = front.ask("POST", "/v1/models/nova/invoke", json=NOVA, headers={"x-request-id": "order-17"})
    made = front.ask("POST", "/v1/models/nova/invoke", json=NOVA)
    assert given.headers["x-request-id"] == "order-17"
    for request_id in ("order-17", made.headers["x-request-id"]):
        assert gateway.line(request_id)["status"] == 200
        _until(lambda sought=request_id: f" {sought} 200 " in front.log.read_text())


def test_a_body_that_is_just_too_large_is_refused_by_the_gateway_in_its_own_words(front: Any) -> None:
    answer = front.ask("POST", "/v1/models/nova/invoke", data=b" " * 3_000_000)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The body is larger than the limit of 2000000 bytes."


def test_a_body_that_is_far_too_large_never_reaches_the_gateway(front: Any, gateway: Gateway) -> None:
    answer = front.ask("POST", "/v1/models/nova/invoke", headers={"x-request-id": "too-large"}, data=b" " * 28_000_000)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "body_too_large"
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "too-large"
    assert not [line for line in gateway.lines() if line.get("request_id") == "too-large"]


def test_an_error_of_the_gateways_own_passes_as_it_is(front: Any, emulator: Emulator) -> None:
    emulator.fault("throttle", count=9)
    answer = front.ask("POST", "/v1/models/nova/invoke", json=NOVA)
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")


def test_a_gateway_that_is_down_is_told_as_a_problem(start_nginx: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = int(closed.getsockname()[1])
    answer = start_nginx(port).ask("GET", "/readyz")
    assert (answer.status_code, answer.json()["code"]) == (502, "gateway_unreachable")


def test_as_many_requests_of_one_address_as_the_page_says(start_nginx: Any, emulator: Emulator) -> None:
    front = start_nginx(_port(emulator), {"limit_conn bedrock_flask 64": "limit_conn bedrock_flask 1"})
    emulator.fault("stall", after=0)
    with front.connection() as first:
        body = json.dumps(NOVA).encode()
        head = f"POST /model/amazon.nova-lite-v1:0/converse HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}"
        first.sendall(head.encode() + b"\r\n\r\n" + body)
        _until(lambda: emulator.calls())
        answer = front.ask("GET", "/_emulator/health")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_connections")


def test_half_a_header_is_not_waited_for(hasty_front: Any) -> None:
    with hasty_front.connection() as slow:
        slow.sendall(b"POST /v1/models/nova/invoke HTTP/1.1\r\nhost: localhost\r\n")
        assert slow.recv(1) == b""


def test_half_a_body_is_not_waited_for_and_never_reaches_the_gateway(start_nginx: Any, upstream: Upstream) -> None:
    with start_nginx(upstream.port, {"_timeout 10s": "_timeout 1s"}).connection() as slow:
        slow.sendall(b"POST /v1/models/nova/invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{")
        told = slow.recv(100)
    assert not told or told.startswith(b"HTTP/1.1 408 ")
    assert upstream.connections == 0


def test_the_gateway_gives_up_before_nginx_does(nginx_page: str) -> None:
    defaults = {row.name: row.default for row in fields(Settings)}
    [seconds] = re.findall(r"proxy_read_timeout (\d+)s;", nginx_page)
    assert int(seconds) > defaults["deadline"]
    [megabytes] = re.findall(r"client_max_body_size (\d+)m;", nginx_page)
    assert int(megabytes) << 20 > defaults["max_body_bytes"]


def _until(holds: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)
