"""What is posted to a webhook, with a double of the network."""

import base64
import hashlib
import hmac
import json
import logging
import time

import pytest
import requests
import responses

from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.config.webhook import decode_webhook_secret, parse_webhook_secret, parse_webhook_url
from bedrock_flask.governance.webhook import Webhook, sign

URL = "https://hooks.example.com/canary-path?token=canary-token"
SECRET = "whsec_" + base64.b64encode(b"canary-secret-of-32-bytes-length").decode()
WEBHOOK = Webhook(parse_webhook_url(URL), decode_webhook_secret(parse_webhook_secret(SECRET)))
DOCUMENT = {"type": "budget.threshold", "data": {"threshold": 80}}


@responses.activate
def test_a_document_is_signed_as_standard_webhooks_says() -> None:
    responses.post(URL, status=204)
    assert WEBHOOK.post("id-1", DOCUMENT)
    [call] = responses.calls
    sent = call.request
    body = sent.body.encode() if isinstance(sent.body, str) else bytes(sent.body or b"")
    assert json.loads(body) == DOCUMENT
    assert abs(int(sent.headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"id-1.{sent.headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(b"canary-secret-of-32-bytes-length", signed, hashlib.sha256).digest()
    assert sent.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert (sent.headers["webhook-id"], sent.headers["content-type"]) == ("id-1", "application/json")


def test_the_signature_is_that_of_the_specifications_example() -> None:
    secret = decode_webhook_secret(ServerSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@responses.activate
@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_only_2xx_is_an_acceptance_and_no_redirect_is_followed(status: int, caplog: pytest.LogCaptureFixture) -> None:
    responses.post(URL, status=status, headers={"location": "https://elsewhere.example/"})
    responses.post("https://elsewhere.example/", status=200)
    with caplog.at_level(logging.INFO):
        assert not WEBHOOK.post("id-1", DOCUMENT)
    assert [call.request.url for call in responses.calls] == [URL]
    assert str(status) in caplog.text
    assert "canary" not in caplog.text


@responses.activate
@pytest.mark.parametrize("error", [requests.ConnectionError, requests.ReadTimeout, requests.exceptions.SSLError])
def test_a_receiver_that_is_away_raises_nothing_and_shows_no_secret(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    responses.post(URL, body=error(f"of {URL}"))
    with caplog.at_level(logging.INFO):
        assert not WEBHOOK.post("id-1", DOCUMENT)
    assert caplog.messages == [f"the webhook at https://hooks.example.com/… has not taken a message: {error.__name__}"]
    assert "canary" not in caplog.text
    assert "canary" not in repr(WEBHOOK)


@pytest.mark.parametrize(
    "text", ["", "hooks.example.com", "ftp://h/", "https://", "https://u:canary@h/", "https://h/canary x", "file:///x"]
)
def test_an_address_is_http_and_has_no_password(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address") as caught:
        parse_webhook_url(text)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["canary" * 8, "whsec_", "whsec_Y2FuYXJ5", "whsec_canary!", "whsec_" + "YWFh" * 22])
def test_a_secret_has_24_to_64_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as caught:
        parse_webhook_secret(text)
    assert "canary" not in str(caught.value)
