"""Signed calls: with secrets, callers that have one are served, and all others get AWS's errors."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from anthropic import AnthropicBedrock
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from bedrock_flask.config import settings
from bedrock_flask.emulator.calls.signatures import read_secrets
from bedrock_flask.errors import StartupError
from bedrock_flask.server.ports import find_free_port
from tests.doubles import Emulator, StartEmulator

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OTHER = "AKIAI44QH8DHBEXAMPLE"
NOVA = "amazon.nova-lite-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Hello"}]}]
BODY = json.dumps({"messages": MESSAGES}).encode()


@pytest.fixture(scope="module")
def locked(start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An emulator that knows two secrets, one by an option and one by a file."""
    file = tmp_path_factory.mktemp("secrets") / "secrets"
    file.write_text(f"# the second\n\n{OTHER}:je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY\n")
    return start_emulator("--secret", f"{KEY}:{SECRET}", "--secrets-file", str(file))


Connect = Callable[..., Any]


@pytest.fixture
def connect(locked: Emulator) -> Connect:
    """An unmodified boto3 client with these credentials."""

    def connect(secret: str = SECRET, key: str = KEY, service: str = "bedrock-runtime", **more: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=locked.url,
            region_name="eu-central-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}),
            **more,
        )

    return connect


def catch_error(call: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Message"]


def sign(url: str, at: datetime, body: bytes = BODY, path: str = "") -> dict[str, str]:
    """The headers of a Converse call that was signed at that time."""
    path = path or f"/model/{NOVA.replace(':', '%3A')}/converse"
    request = AWSRequest("POST", url + path, {"content-type": "application/json", "x-amz-note": "one"}, body)

    class Signer(SigV4Auth):
        def _set_necessary_date_headers(self, request: Any) -> None:
            request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
            super()._set_necessary_date_headers(request)

    Signer(Credentials(KEY, SECRET), "bedrock", "us-east-1").add_auth(request)
    return dict(request.headers)


def send(locked: Emulator, headers: dict[str, str], body: bytes = BODY, path: str = "") -> tuple[int, str]:
    answer = locked.post(path or f"/model/{NOVA.replace(':', '%3A')}/converse", body, headers=headers)
    return answer.status_code, answer.headers.get("x-amzn-errortype", "").partition(":")[0]


def test_the_right_secret_is_served_whole_streamed_and_on_the_control_plane(connect: Connect) -> None:
    bedrock = connect()
    for model in (NOVA, PROFILE):
        assert bedrock.converse(modelId=model, messages=MESSAGES)["stopReason"] == "end_turn"
        assert list(bedrock.converse_stream(modelId=model, messages=MESSAGES)["stream"])
    profiles = connect(service="bedrock").list_inference_profiles(typeEquals="APPLICATION", maxResults=1)
    assert ":bedrock:eu-central-1:" in profiles["inferenceProfileSummaries"][0]["inferenceProfileArn"]


def test_a_session_s_token_is_part_of_what_is_signed(connect: Connect, locked: Emulator) -> None:
    bedrock = connect(aws_session_token="Fwo/session+token==")
    assert bedrock.converse(modelId=NOVA, messages=MESSAGES)["stopReason"] == "end_turn"
    headers = sign(locked.url, datetime.now(UTC)) | {"x-amz-security-token": "put in later"}
    assert send(locked, headers) == (403, "InvalidSignatureException")


def test_the_secret_of_the_file_is_known_too(connect: Connect) -> None:
    bedrock = connect("je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", OTHER)
    assert bedrock.converse(modelId=NOVA, messages=MESSAGES)["stopReason"] == "end_turn"


def test_anthropic_s_own_client_is_served_too(locked: Emulator) -> None:
    client = AnthropicBedrock(base_url=locked.url, aws_access_key=KEY, aws_secret_key=SECRET, aws_region="us-east-1")
    response = client.messages.create(
        model="anthropic.claude-opus-5-5", max_tokens=20, messages=[{"role": "user", "content": "Hello"}]
    )
    assert response.type == "message"


def test_a_wrong_secret_and_an_unknown_key_are_refused_by_their_names(connect: Connect, locked: Emulator) -> None:
    wrong, unknown = connect("not the secret"), connect(key="AKIAUNKNOWN")
    for call in ("converse", "converse_stream"):
        code, status, message = catch_error(lambda call=call: getattr(wrong, call)(modelId=NOVA, messages=MESSAGES))
        assert (code, status) == ("InvalidSignatureException", 403)
        assert "does not match the signature you provided" in message
        assert SECRET not in message
    code, status, _ = catch_error(lambda: unknown.converse(modelId=NOVA, messages=MESSAGES))
    assert (code, status) == ("UnrecognizedClientException", 403)
    code, status, _ = catch_error(lambda: connect("wrong", service="bedrock").list_foundation_models())
    assert (code, status) == ("InvalidSignatureException", 403)
    assert [call["status"] for call in locked.calls()][-4:] == [403] * 4


def test_what_was_changed_on_the_way_is_refused(locked: Emulator) -> None:
    headers = sign(locked.url, datetime.now(UTC))
    assert send(locked, headers) == (200, "")
    assert send(locked, headers, BODY.replace(b"Hello", b"hello")) == (403, "InvalidSignatureException")
    assert send(locked, headers | {"x-amz-note": "two"}) == (403, "InvalidSignatureException")
    path = f"/model/{NOVA.replace(':', '%3A')}/converse"
    assert send(locked, headers, path=path.replace("lite", "pro")) == (403, "InvalidSignatureException")
    # The same address to a server that decodes it, but not the one that was signed.
    assert send(locked, headers, path=path.replace("%3A", ":")) == (403, "InvalidSignatureException")


def test_a_call_that_is_sent_again_after_a_quarter_of_an_hour_is_refused(locked: Emulator) -> None:
    now = datetime.now(UTC)
    answer = locked.post(
        f"/model/{NOVA.replace(':', '%3A')}/converse",
        BODY,
        headers=sign(locked.url, now - timedelta(minutes=15)),
    )
    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"].startswith("InvalidSignatureException:")
    assert answer.json()["message"].startswith("Signature expired: ")
    assert send(locked, sign(locked.url, now + timedelta(minutes=15))) == (403, "InvalidSignatureException")
    assert send(locked, sign(locked.url, now - timedelta(minutes=4))) == (200, "")


def test_no_signature_and_half_of_one_are_refused_by_their_names(locked: Emulator) -> None:
    assert send(locked, {}) == (403, "MissingAuthenticationTokenException")
    assert send(locked, {"authorization": "AWS4-HMAC-SHA256 Credential=x"}) == (403, "IncompleteSignatureException")
    path = f"/model/{NOVA}/converse?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=abc"
    assert send(locked, {}, path=path) == (403, "IncompleteSignatureException")


def test_a_secret_is_also_taken_as_a_bearer_token(locked: Emulator) -> None:
    assert send(locked, {"authorization": f"Bearer {SECRET}"}) == (200, "")
    assert send(locked, {"authorization": f"Bearer {SECRET}x"}) == (403, "AccessDeniedException")
    assert send(locked, {"authorization": "Bearer \xe9"}) == (403, "AccessDeniedException")


def test_a_stranger_uses_up_no_fault(locked: Emulator) -> None:
    locked.fault("throttle")
    assert send(locked, {}) == (403, "MissingAuthenticationTokenException")
    assert send(locked, {"x-emulator-fault": "internal"}) == (403, "MissingAuthenticationTokenException")
    assert send(locked, sign(locked.url, datetime.now(UTC))) == (429, "ThrottlingException")


def test_no_secret_is_in_the_request_log_nor_in_the_server_s_own(locked: Emulator) -> None:
    send(locked, {"authorization": f"Bearer {SECRET}"})
    assert SECRET not in json.dumps(locked.calls())
    assert SECRET not in locked.log.read_text()


def test_without_secrets_everything_is_accepted(emulator: Emulator) -> None:
    path = f"/model/{NOVA}/converse"
    assert emulator.post(path, BODY).status_code == 200
    assert emulator.post(path, BODY, headers={"authorization": "anything"}).status_code == 200


# --- secrets, read ---------------------------------------------------------------------------------------------------


def test_what_is_no_secret_is_told_without_repeating_it() -> None:
    cases = [
        (["nocolon"], "secret 1 is not a KEYID:SECRET pair"),
        (["a:b", ":c"], "secret 2 is not a KEYID:SECRET pair"),
        (["a:"], "the secret of 'a' must be printable"),
        (["a:b", "a:c"], "'a' has two secrets"),
    ]
    for pairs, message in cases:
        with pytest.raises(StartupError, match=message):
            read_secrets(pairs)


def test_a_file_of_secrets_must_hold_some(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing\n")
    (tmp_path / "broken").write_text("\nhushhush\n")
    for name, message in (("empty", "contains no secret"), ("broken", "line 2"), ("absent", "cannot be read")):
        with pytest.raises(StartupError, match=message) as caught:
            read_secrets([], tmp_path / name)
        assert "hushhush" not in str(caught.value)


def test_secrets_come_from_the_environment_and_a_bad_one_stops_the_start(plain_environ: dict[str, str]) -> None:
    command = [
        sys.executable,
        "-m",
        "bedrock_flask",
        "emulate",
        "--engine",
        "scripted",
        "--port",
        str(find_free_port()),
    ]
    environ = plain_environ | {"BEDROCK_FLASK_EMULATOR_SECRETS": "a:b hushhush"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert "secret 2 is not a KEYID:SECRET pair" in line
    assert "hushhush" not in line


def test_the_gateway_does_not_mind_the_emulator_s_secrets(plain_environ: dict[str, str]) -> None:
    assert settings.read_settings({"BEDROCK_FLASK_EMULATOR_SECRETS": "a:b"}) == settings.read_settings({})
