"""A client that reads only when it has sent all of its body learns why the body is refused."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.doubles import GatewayWith


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_a_body_far_over_the_limit_is_read_to_its_end(gateway_with: GatewayWith, worker: str) -> None:
    gateway = gateway_with(BEDROCK_FLASK_WORKER=worker, BEDROCK_FLASK_MAX_BODY_BYTES="4000000")
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=30)
    connection.request("POST", "/v1/chat/completions", b"x" * 24_000_000, {"content-type": "application/json"})
    assert connection.getresponse().status == 413
    connection.close()
