"""Role sessions below the guards: whatever fails, no call is made with another identity than its caller's."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.call import Call
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import BedrockError, RoleNotAssumed
from bedrock_flask.governance.policy import Policy
from bedrock_flask.governance.principal import Principal
from bedrock_flask.server.ports import find_free_port
from bedrock_flask.transport.choice import make_transport
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.signed.assumed_roles import read_keys, write_form
from tests.doubles import SendWhole, Upstream

ROLE = "arn:aws:iam::123456789012:role/acme"
CALLER = Principal(
    "acme/job", "acme", policies=(Policy(owner="team 'acme'", role=ROLE, external_id="x/7", session_tags=("centre",)),),
    tags={"centre": "7 & 8"},
)  # fmt: skip
SendAs = Callable[..., Any]


def write_answer(expires: datetime, key: str = "ASIA1", secret: str = "s&amp;1") -> bytes:
    return (
        f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId>"
        f"<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>t+/=</SessionToken>"
        f"<Expiration>{expires:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ).encode()


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def send_as(upstream: Upstream, aws: None, nova: Adapter, transport: str, monkeypatch: pytest.MonkeyPatch) -> SendAs:
    """Send one call of a caller over each transport; STS and Bedrock are the upstream."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", upstream.url)
    upstream.reset()
    settings = Settings(transport=transport, connect_timeout=1, read_timeout=1, max_attempts=1, threads=4)
    handler = make_transport(settings, Shutdown())

    def send(principal: Principal = CALLER) -> Any:
        deadline = time.monotonic() + 20
        return handler.send(
            Call(adapter=nova, operation="InvokeModel", model="m", body=b"{}", deadline=deadline, principal=principal)
        )

    return send


def test_a_call_is_signed_with_the_keys_of_its_session(send_as: SendAs, upstream: Upstream, whole: SendWhole) -> None:
    upstream.scripts += [whole(write_answer(soon()), content_type="text/xml"), whole(b"{}"), whole(b"{}"), whole(b"{}")]
    send_as()
    send_as()
    send_as(Principal("another"))
    sts, *calls = [request.decode() for request in upstream.requests]
    assert dict(parse_qsl(sts.partition("\r\n\r\n")[2])) == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "job@acme",
        "ExternalId": "x/7",
        "Tags.member.1.Key": "team",
        "Tags.member.1.Value": "acme",
        "Tags.member.2.Key": "key",
        "Tags.member.2.Value": "acme/job",
        "Tags.member.3.Key": "centre",
        "Tags.member.3.Value": "7 _ 8",
    }
    assert "Credential=emulator/" in sts
    assert "/us-east-1/sts/aws4_request" in sts
    assert ["Credential=ASIA1/" in call for call in calls] == [True, True, False]
    assert ["x-amz-security-token: t+/=" in call.lower() for call in calls] == [True, True, False]
    assert "Credential=emulator/" in calls[2]


@pytest.mark.parametrize(
    ("answer", "retryable", "words"),
    [
        (("AccessDenied", "403 Forbidden"), False, "STS answers 403 AccessDenied: why (allow the gateway's identity"),
        (("Throttling", "400 Bad Request"), True, "STS limits the account"),
        (("InternalFailure", "500 Internal Server Error"), True, "STS answers 500 InternalFailure"),
        (("PackedPolicyTooLarge", "400 Bad Request"), False, "list fewer session_tags"),
        (("SignatureDoesNotMatch", "403 Forbidden"), False, "compare the clock of this machine"),
        (None, True, "the answer cannot be read and may not be of STS"),
    ],
)
def test_what_sts_refuses_is_an_error_of_its_own_and_nothing_is_called(
    send_as: SendAs,
    upstream: Upstream,
    whole: SendWhole,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[str, str] | None,
    retryable: bool,
    words: str,
) -> None:
    if answer is None:
        upstream.scripts.append(whole(b"<html>Sorry</html>"))
    else:
        error = f"<ErrorResponse><Error><Code>{answer[0]}</Code><Message>why</Message></Error></ErrorResponse>"
        upstream.scripts.append(whole(error.encode(), answer[1], content_type="text/xml"))
    with caplog.at_level(logging.WARNING), pytest.raises(RoleNotAssumed) as caught:
        send_as()
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (503, "role_not_assumed", retryable)
    assert "arn:" not in caught.value.detail
    assert words in caplog.text
    assert f"{ROLE} of the team 'acme' cannot be assumed as job@acme" in caplog.text
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:{port}", "STS cannot be reached (ConnectionRefusedError)"),
        # The keys of an emulator must not reach AWS.
        ("AWS_ENDPOINT_URL_STS", "", "AWS_ENDPOINT_URL_STS is not set to it as well"),
        ("AWS_BEARER_TOKEN_BEDROCK", "canary", "an API key of Bedrock (AWS_BEARER_TOKEN_BEDROCK) can assume no role"),
        ("AWS_ACCESS_KEY_ID", "", "credentials are missing"),
    ],
)
def test_without_sts_or_keys_of_its_own_the_gateway_calls_nothing(
    send_as: SendAs,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.setenv(variable, value.format(port=find_free_port()))
    with caplog.at_level(logging.WARNING), pytest.raises(RoleNotAssumed):
        send_as()
    assert words in caplog.text
    assert "canary" not in caplog.text
    assert upstream.requests == []


def test_a_session_that_bedrock_refuses_is_assumed_anew(send_as: SendAs, upstream: Upstream, whole: SendWhole) -> None:
    expired = whole(b"{}", "403 Forbidden", x_amzn_errortype="ExpiredTokenException")
    upstream.scripts += [
        whole(write_answer(soon(), "ASIA1")),
        expired,
        whole(write_answer(soon(), "ASIA2")),
        whole(b"{}"),
    ]
    with pytest.raises(BedrockError, match="credentials"):
        send_as()
    send_as()
    assert "Credential=ASIA2/" in upstream.requests[-1].decode()


@pytest.mark.parametrize("skew", [-290, 0, 290])
def test_a_clock_that_is_wrong_makes_a_session_neither_longer_nor_shorter(skew: int) -> None:
    here = 1_800_000_000.0
    there = datetime.fromtimestamp(here + skew, UTC)
    answer = write_answer(there + timedelta(hours=1)).decode()
    keys, expires = read_keys(answer, format_datetime(there, usegmt=True), here)
    assert expires == here + 3600
    assert (keys.access_key, keys.secret_key, keys.token) == ("ASIA1", "s&1", "t+/=")


def test_an_answer_without_keys_is_none() -> None:
    with pytest.raises(ValueError, match="no keys"):
        read_keys("<AssumeRoleResponse/>", "", 0)


def test_a_role_without_an_external_id_is_given_none() -> None:
    session = Principal("a/b", "a", policies=(Policy(role=ROLE),)).session
    assert session is not None
    assert b"ExternalId" not in write_form(session)
