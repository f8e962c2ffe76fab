"""Keys for every client: besides Bearer and `x-api-key` an AWS key pair, whose signature is verified, body and all."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from bedrock_flask.config import keys, settings
from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.errors import SettingsError
from tests.doubles import Emulator, Gateway, StartGateway

SIGNING = "canary-signing-0123456789abcdef-and-more"
ALICE, BOB = "canary-alice-0123456789", "canary-bob-9876543210"
PAIRS = f"alice:{ALICE},bob:{BOB}"
BODY = json.dumps({"messages": [{"role": "user", "content": [{"text": "canary-body"}]}]}).encode()
PATH = "/v1/models/amazon.nova-lite-v1%3A0/invoke"
MISMATCH = "The request signature we calculated does not match the signature you provided."
UNKNOWN = "The security token included in the request is invalid."
PATIENCE = 30


def pair(name: str, signing: str = SIGNING, pairs: str = PAIRS) -> Credentials:
    """The AWS key pair of a key, derived here once more."""
    secret = dict(each.split(":") for each in pairs.split(","))[name]
    text = b"aws-key\0" + name.encode() + b"\0" + hashlib.sha256(secret.encode()).digest()
    result = hmac.new(signing.encode(), text, hashlib.sha256).digest()
    return Credentials(name, base64.urlsafe_b64encode(result).decode().rstrip("="))


@pytest.fixture(scope="module")
def signing(start_gateway: StartGateway) -> Gateway:
    """A gateway with two keys, which are AWS key pairs too; its environment is full of canaries."""
    return start_gateway(
        BEDROCK_FLASK_API_KEYS=PAIRS,
        BEDROCK_FLASK_SIGNING_SECRET=SIGNING,
        BEDROCK_FLASK_MAX_BODY_BYTES="1000000",
        BEDROCK_FLASK_LOG_LEVEL="debug",
    )


@pytest.fixture(scope="module")
def unsigning(start_gateway: StartGateway) -> Gateway:
    """A gateway with the same keys and without a signing secret."""
    return start_gateway(BEDROCK_FLASK_API_KEYS=PAIRS)


def signed(
    server: Any,
    who: Credentials,
    *,
    method: str = "POST",
    path: str = PATH,
    body: bytes = BODY,
    ago: float = 0,
    service: str = "bedrock",
    signer: type[SigV4Auth] = SigV4Auth,
    **headers: str,
) -> dict[str, str]:
    """The headers with which botocore would send the request, signed `ago` minutes ago."""

    class Earlier(signer):  # type: ignore[misc, valid-type]
        def _modify_request_before_signing(self, request: Any) -> None:
            at = datetime.now(UTC) - timedelta(minutes=ago)
            request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
            super()._modify_request_before_signing(request)

    fields = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, server.url + path, fields, body)
    Earlier(who, service, "eu-west-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def send(
    server: Any, headers: dict[str, str], *, method: str = "POST", path: str = PATH, body: Any = BODY, **options: Any
) -> tuple[int, dict[str, str], Any]:
    """Send the request exactly so: status, headers and body of the answer."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers, **options)
        answer = connection.getresponse()
        data = answer.read()
        kind = answer.headers.get_content_type()
        return answer.status, dict(answer.headers), json.loads(data) if kind.endswith("json") else data.decode()
    finally:
        connection.close()


def refused(server: Any, headers: dict[str, str], **request: Any) -> tuple[int, str]:
    """The status of a refusal and its code; the log never names a key."""
    status, result, problem = send(server, headers, **request)
    assert status >= 400, problem
    assert server.line(result["x-request-id"]).get("key") is None
    return status, problem["detail"] if problem["code"] == "signature_refused" else problem["code"]


# --- who is served ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "bob"])
@pytest.mark.parametrize("path", [PATH, PATH + "-stream", "/v1/models/nova/invoke"])
def test_a_key_s_pair_opens_and_the_log_names_the_key(signing: Any, emulator: Emulator, name: str, path: str) -> None:
    status, headers, result = send(signing, signed(signing, pair(name), path=path), path=path)
    assert status == 200, result
    assert signing.line(headers["x-request-id"])["key"] == name


def test_what_the_signature_covered_is_what_the_model_gets(signing: Any, emulator: Emulator) -> None:
    status, _, _ = send(signing, signed(signing, pair("alice"), x_amz_note="  two   words "), body=BODY)
    assert status == 200
    [call] = emulator.calls()
    assert call["body"] == BODY.decode()


def test_a_get_without_a_body_is_signed_too(signing: Any) -> None:
    path = "/v1/models?b=2&a=%20x&a="
    headers = signed(signing, pair("bob"), method="GET", path=path, body=b"")
    assert send(signing, headers, method="GET", path=path, body=None)[0] == 200


def test_a_body_in_chunks_is_signed_too(signing: Any, emulator: Emulator) -> None:
    headers = signed(signing, pair("alice")) | {"transfer-encoding": "chunked"}
    assert send(signing, headers, body=iter([BODY[:10], BODY[10:]]), encode_chunked=True)[0] == 200
    assert refused(signing, headers, body=iter([BODY[:10], BODY[11:]]), encode_chunked=True)[0] == 403


def test_a_client_of_http_2_signs_its_host_under_another_name(signing: Any, emulator: Emulator) -> None:
    class OverHttp2(SigV4Auth):
        def headers_to_sign(self, request: Any) -> Any:
            found = super().headers_to_sign(request)
            found[":authority"] = found["host"]
            del found["host"]
            return found

    assert send(signing, signed(signing, pair("alice"), signer=OverHttp2))[0] == 200


def test_boto3_as_it_is_opens_with_the_right_pair_and_hears_awss_words_otherwise(
    signing: Any, emulator: Emulator
) -> None:
    def ask(who: Credentials, token: str | None = None) -> tuple[int, str]:
        bedrock = boto3.client(
            "bedrock-runtime",
            endpoint_url=signing.url,
            region_name="us-east-1",
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}),
        )
        try:
            response = bedrock.converse(
                modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "x"}]}]
            )
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        return 200, signing.line(response["ResponseMetadata"]["HTTPHeaders"]["x-request-id"])["key"]

    assert ask(pair("alice")) == (200, "alice")
    assert ask(Credentials("alice", "not the secret")) == (403, "InvalidSignatureException")
    assert ask(Credentials("alice", ALICE)) == (403, "InvalidSignatureException")
    assert ask(Credentials(ALICE, ALICE)) == (403, "UnrecognizedClientException")
    assert ask(pair("alice"), "a/session+token==") == (403, "UnrecognizedClientException")


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who",
    [
        Credentials("alice", "not the secret"),
        Credentials("alice", pair("bob").secret_key),
        Credentials("alice", pair("alice").secret_key[:-1]),
        Credentials("alice", pair("alice").secret_key + "="),
        Credentials("alice", ALICE),
        Credentials("alice", SIGNING),
        Credentials("alice", hashlib.sha256(ALICE.encode()).hexdigest()),
        pair("alice", signing=SIGNING[::-1]),
    ],
)
def test_a_wrong_secret_opens_nothing(signing: Any, emulator: Emulator, who: Credentials) -> None:
    status, detail = refused(signing, signed(signing, who, body=b"{not json"), body=b"{not json")
    assert (status, detail.startswith(MISMATCH)) == (403, True)
    assert emulator.calls() == []


@pytest.mark.parametrize("who", ["carol", "ALICE", "alic", "alicex", "alice\u00e9", ""])
def test_an_unknown_key_is_unknown(signing: Any, who: str) -> None:
    headers = signed(signing, Credentials("carol", pair("alice").secret_key))
    headers["authorization"] = headers["authorization"].replace("carol", who)
    status, detail = refused(signing, headers)
    assert (status, detail) == ((403, UNKNOWN) if who else (400, detail))


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer alice"},
        {"authorization": f"Bearer {pair('alice').secret_key}"},
        {"authorization": f"Bearer alice:{pair('alice').secret_key}"},
        {"authorization": "alice"},
        {"authorization": "Basic alice"},
        {"x-api-key": "alice"},
        {"x-api-key": pair("alice").secret_key},
        {},
    ],
)
def test_the_id_of_a_key_alone_opens_nothing(signing: Any, headers: dict[str, str]) -> None:
    assert refused(signing, headers) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "header",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=alice",
        "AWS4-HMAC-SHA256 Credential=alice/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=",
        "AWS4-ECDSA-P256-SHA256 Credential=alice/20261123/bedrock/aws4_request, SignedHeaders=host, Signature=00",
        "aws4-hmac-sha256 Credential=alice/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00",
    ],
)
def test_half_a_signature_is_a_400(signing: Any, header: str) -> None:
    headers = signed(signing, pair("alice")) | {"authorization": header}
    status, _, problem = send(signing, headers)
    assert (status, problem["code"], problem["status"]) == (400, "signature_refused", 400)


def a_bit_flipped_in(body: bytes) -> Iterator[bytes]:
    for place in (0, len(body) // 2, len(body) - 1):
        yield body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


@pytest.mark.parametrize(
    "changed",
    [
        *({"body": body} for body in a_bit_flipped_in(BODY)),
        {"body": BODY + b" "},
        {"body": b""},
        {"path": PATH.replace("lite", "pro")},
        {"path": PATH.replace("%3A", ":")},
        {"path": PATH + "-stream"},
        {"path": "/v1/invoke"},
        {"path": PATH + "?x"},
        {"method": "PUT"},
    ],
)
def test_what_was_changed_on_the_way_is_refused(signing: Any, emulator: Emulator, changed: dict[str, Any]) -> None:
    status, detail = refused(signing, signed(signing, pair("alice")), **changed)
    assert (status, detail.startswith(MISMATCH)) == (403, True)
    assert emulator.calls() == []


def test_a_changed_query_is_refused(signing: Any) -> None:
    path = "/v1/models?a=1&b=2"
    headers = signed(signing, pair("alice"), method="GET", path=path, body=b"")
    assert send(signing, headers, method="GET", path=path, body=None)[0] == 200
    for other in ("/v1/models?a=2&b=1", "/v1/models?a=1", "/v1/models?a=1&b=2&c", "/v1/models"):
        assert refused(signing, headers, method="GET", path=other, body=None)[0] == 403


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("content-type", "text/plain", 403),
        ("content-type", None, 403),
        ("x-amzn-bedrock-trace", "DISABLED", 403),
        ("x-amzn-bedrock-trace", None, 403),
        ("host", "elsewhere.example", 403),
        ("x-amz-date", "20261123T000000Z", 403),
        ("x-amz-date", "yesterday", 400),
        ("x-amz-date", None, 400),
    ],
)
def test_a_signed_header_that_was_changed_or_left_out_is_refused(
    signing: Any, name: str, value: str | None, status: int
) -> None:
    headers: dict[str, Any] = signed(signing, pair("alice"), x_amzn_bedrock_trace="ENABLED") | {name: value}
    assert refused(signing, {name: value for name, value in headers.items() if value is not None})[0] == status


@pytest.mark.parametrize("name", ["x-amz-note", "x-amz-content-sha256", "x-amz-target"])
def test_a_header_of_aws_s_that_was_put_in_later_is_refused(signing: Any, name: str) -> None:
    status, detail = refused(signing, signed(signing, pair("alice")) | {name: "put in later"})
    assert (status, detail) == (403, f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def test_the_host_must_be_signed(signing: Any) -> None:
    class Hostless(SigV4Auth):
        def headers_to_sign(self, request: Any) -> Any:
            found = super().headers_to_sign(request)
            del found["host"]
            return found

    status, detail = refused(signing, signed(signing, pair("alice"), signer=Hostless))
    assert (status, detail) == (403, "'host' must be a 'SignedHeader' in the AWS Authorization.")


def test_what_is_sent_again_after_a_quarter_of_an_hour_is_refused(signing: Any, emulator: Emulator) -> None:
    status, detail = refused(signing, signed(signing, pair("alice"), ago=15))
    assert (status, detail.startswith("Signature expired: ")) == (403, True)
    status, detail = refused(signing, signed(signing, pair("alice"), ago=-15))
    assert (status, detail.startswith("Signature not yet current: ")) == (403, True)
    assert emulator.calls() == []
    for ago in (4, -4):
        assert send(signing, signed(signing, pair("alice"), ago=ago))[0] == 200


def test_a_request_is_not_made_younger_by_a_new_date(signing: Any) -> None:
    headers = signed(signing, pair("alice"), ago=15)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    assert refused(signing, headers | {"x-amz-date": now})[0] == 403
    assert refused(signing, headers | {"date": "Fri, 01 Jan 2038 00:00:00 GMT"})[0] == 403


@pytest.mark.parametrize("service", ["s3", "bedrock-agent-runtime", "sts"])
def test_a_signature_for_another_service_is_refused(signing: Any, service: str) -> None:
    status, detail = refused(signing, signed(signing, pair("alice"), service=service))
    assert (status, "correct service: 'bedrock'" in detail) == (403, True)


def test_a_session_token_is_refused_by_name(signing: Any) -> None:
    who = Credentials("alice", pair("alice").secret_key, "a/session+token==")
    status, detail = refused(signing, signed(signing, who))
    assert (status, "x-amz-security-token" in detail) == (403, True)
    assert refused(signing, signed(signing, pair("alice")) | {"x-amz-security-token": ""})[0] == 403


@pytest.mark.parametrize(
    "expected",
    [
        "UNSIGNED-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        hashlib.sha256(b"another body").hexdigest(),
    ],
)
def test_no_header_stands_for_the_body_s_hash(signing: Any, expected: str) -> None:
    headers = signed(signing, pair("alice"), x_amz_content_sha256=expected)
    assert headers["x-amz-content-sha256"] == expected
    status, detail = refused(signing, headers)
    assert (status, detail.startswith(MISMATCH)) == (403, True)
    mine = hashlib.sha256(BODY).hexdigest()
    assert send(signing, signed(signing, pair("alice"), x_amz_content_sha256=mine))[0] == 200


def test_a_presigned_address_opens_nothing(signing: Any) -> None:
    request = AWSRequest("GET", signing.url + "/v1/models", {}, b"")
    SigV4QueryAuth(pair("alice"), "bedrock", "us-east-1").add_auth(request)
    assert "X-Amz-Signature=" in request.url
    path = request.url.removeprefix(signing.url)
    assert refused(signing, {}, method="GET", path=path, body=None) == (401, "unauthenticated")


# --- several credentials ---------------------------------------------------------------------------------------------


def test_the_authorization_header_decides_alone(signing: Any, emulator: Emulator) -> None:
    good, bad = signed(signing, pair("alice")), signed(signing, Credentials("alice", "wrong"))
    status, headers, _ = send(signing, good | {"x-api-key": BOB})
    assert (status, signing.line(headers["x-request-id"])["key"]) == (200, "alice")
    assert send(signing, good | {"x-api-key": "wrong"})[0] == 200
    assert refused(signing, bad | {"x-api-key": BOB})[0] == 403
    assert refused(signing, {"authorization": "Bearer wrong", "x-api-key": BOB}) == (401, "unauthenticated")
    status, headers, _ = send(signing, {"authorization": f"Bearer {ALICE}", "x-api-key": BOB})
    assert (status, signing.line(headers["x-request-id"])["key"]) == (200, "alice")


def test_a_scheme_that_is_not_read_leaves_it_to_the_other_header(signing: Any, emulator: Emulator) -> None:
    status, headers, _ = send(signing, {"authorization": "Basic Zm9vOmJhcg==", "x-api-key": BOB})
    assert (status, signing.line(headers["x-request-id"])["key"]) == (200, "bob")


@pytest.mark.parametrize("other", [f"Bearer {ALICE}", ""])
def test_two_authorization_headers_are_one_that_cannot_be_read(signing: Any, other: str) -> None:
    both = [signed(signing, pair("alice"))["authorization"], other or signed(signing, pair("bob"))["authorization"]]
    for order in (both, both[::-1]):
        connection = http.client.HTTPConnection(signing.url.removeprefix("http://"), timeout=PATIENCE)
        connection.putrequest("GET", "/v1/models")
        for header in order:
            connection.putheader("authorization", header)
        connection.endheaders()
        assert connection.getresponse().status in (400, 401, 403)
        connection.close()


# --- what a stranger costs -------------------------------------------------------------------------------------------


@contextmanager
def half_sent(server: Any, headers: dict[str, str], length: int, path: str = PATH) -> Iterator[socket.socket]:
    """A connection on which a request has come with its headers, and no body."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    fields = {**headers, "host": f"{host}:{port}", "content-length": str(length)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode())
        yield client


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": Credentials("carol", "x")},
        {"ago": 15},
        {"ago": -15},
        {"service": "s3"},
        {"who": Credentials("alice", pair("alice").secret_key, "token")},
    ],
)
def test_what_the_headers_tell_is_refused_before_the_body_comes(signing: Any, wrong: dict[str, Any]) -> None:
    headers = signed(signing, **({"who": pair("alice")} | wrong))
    with half_sent(signing, headers, length=900_000) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 403")
    del headers["x-amz-date"]
    with half_sent(signing, headers, length=900_000) as client:
        assert client.recv(100).startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))


def test_a_signed_body_has_the_limits_of_every_body(signing: Any) -> None:
    large = b"x" * 1_000_001
    assert refused(signing, signed(signing, pair("alice"), body=large), body=large) == (413, "body_too_large")
    squeezed = signed(signing, pair("alice"), content_encoding="gzip")
    assert refused(signing, squeezed) == (415, "unsupported_media_type")


def test_a_body_that_a_signature_covers_is_waited_for_in_a_place_of_its_own(start_gateway: StartGateway) -> None:
    gateway = start_gateway(
        BEDROCK_FLASK_API_KEYS=PAIRS, BEDROCK_FLASK_SIGNING_SECRET=SIGNING, BEDROCK_FLASK_MAX_CALLS="1"
    )
    key, stranger = {"x-api-key": BOB}, Credentials("alice", "a stranger's")

    def is_full() -> bool:
        """Whether a second such body is refused; one that is waited for has no answer yet."""
        with half_sent(gateway, signed(gateway, stranger), length=len(BODY)) as second:
            second.settimeout(0.5)
            try:
                return second.recv(12) == b"HTTP/1.1 503"
            except TimeoutError:
                return False

    answers = []
    for _ in range(10):
        with half_sent(gateway, signed(gateway, stranger), length=len(BODY)) as client:
            # Whichever of two requests comes first has the place.
            time.sleep(0.5)
            if is_full():
                # The only slot is free.
                assert gateway.get("/v1/models", headers=key).status_code == 200
                client.sendall(BODY)
                answers.append(client.recv(12))
                break
    assert answers == [b"HTTP/1.1 403"]
    # The place is free again once the answer is sent.
    until = time.monotonic() + PATIENCE
    while (full := is_full()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not full


def test_readiness_tells_more_to_a_right_signature_only(start_gateway: StartGateway, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise RuntimeError('broken')")
    gateway = start_gateway(
        BEDROCK_FLASK_API_KEYS=PAIRS,
        BEDROCK_FLASK_SIGNING_SECRET=SIGNING,
        BEDROCK_FLASK_PLUGINS_DIR=str(tmp_path),
        BEDROCK_FLASK_LENIENT="true",
    )

    def broken(who: Credentials) -> Any:
        body: dict[str, Any] = {"method": "GET", "path": "/readyz?verbose", "body": b""}
        return send(gateway, signed(gateway, who, **body), **body)[2]["broken"]

    assert broken(pair("alice"))[0]["name"] == "bad"
    assert broken(Credentials("alice", "wrong")) == 1


def test_no_secret_and_no_signature_stands_in_the_log(signing: Any, emulator: Emulator) -> None:
    seen = []
    for who in (pair("alice"), Credentials("alice", "canary-wrong"), Credentials("canary-nobody", "x")):
        headers = signed(signing, who, path=PATH + "?q=canary-query")
        send(signing, headers, path=PATH + "?q=canary-query")
        seen.append(headers["authorization"].partition("Signature=")[2])
    text = signing.log.read_text()
    assert "canary" not in text
    for secret in (*seen, pair("alice").secret_key, pair("bob").secret_key):
        assert secret not in text


# --- without a signing secret, without keys --------------------------------------------------------------------------


def test_without_a_signing_secret_a_signature_is_refused_and_says_what_is_missing(unsigning: Any) -> None:
    for who in (pair("alice"), pair("alice", signing=""), Credentials("carol", "x")):
        status, detail = refused(unsigning, signed(unsigning, who))
        assert (status, "BEDROCK_FLASK_SIGNING_SECRET" in detail) == (403, True)
    assert send(unsigning, {"authorization": f"Bearer {ALICE}"})[0] == 200
    assert send(unsigning, {"x-api-key": BOB})[0] == 200


def test_without_keys_a_signature_is_not_looked_at(gateway: Gateway, emulator: Emulator) -> None:
    assert send(gateway, signed(gateway, Credentials("anybody", "anything", "a token")))[0] == 200
    assert send(gateway, {"authorization": "AWS4-HMAC-SHA256 nonsense"})[0] == 200


# --- the pairs, and the setting --------------------------------------------------------------------------------------


def command(
    environ: dict[str, str], *words: str, cwd: Path | None = None, **set_to: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bedrock_flask", *words],
        env=environ | set_to,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_prints_the_pairs_that_open(
    signing: Any, emulator: Emulator, plain_environ: dict[str, str]
) -> None:
    set_to = {"BEDROCK_FLASK_API_KEYS": PAIRS, "BEDROCK_FLASK_SIGNING_SECRET": SIGNING}
    done = command(plain_environ, "aws-keys", **set_to)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split("=", 1) for line in done.stdout.splitlines()]
    assert [name for name, _ in lines] == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] * 2
    alice, bob = (Credentials(key[1], secret[1]) for key, secret in (lines[:2], lines[2:]))
    for who in (alice, bob):
        status, headers, _ = send(signing, signed(signing, who))
        assert (status, signing.line(headers["x-request-id"])["key"]) == (200, who.access_key)
    only = command(plain_environ, "aws-keys", "bob", **set_to)
    assert only.stdout == f"AWS_ACCESS_KEY_ID=bob\nAWS_SECRET_ACCESS_KEY={bob.secret_key}\n"


@pytest.mark.parametrize(
    ("expected", "words", "fault"),
    [
        ({"BEDROCK_FLASK_API_KEYS": PAIRS}, (), "BEDROCK_FLASK_SIGNING_SECRET is not set"),
        ({"BEDROCK_FLASK_SIGNING_SECRET": SIGNING}, (), "no API keys are set: set BEDROCK_FLASK_API_KEYS"),
        (
            {"BEDROCK_FLASK_API_KEYS": PAIRS, "BEDROCK_FLASK_SIGNING_SECRET": SIGNING},
            ("carol",),
            "there is no key 'carol'; the keys are: alice, bob",
        ),
        (
            {"BEDROCK_FLASK_API_KEYS": PAIRS, "BEDROCK_FLASK_SIGNING_SECRET": "canary-short"},
            (),
            "BEDROCK_FLASK_SIGNING_SECRET: the secret must have at least 32 characters",
        ),
    ],
)
def test_the_command_says_in_one_line_what_is_missing(
    plain_environ: dict[str, str], expected: dict[str, str], words: tuple[str, ...], fault: str
) -> None:
    done = command(plain_environ, "aws-keys", *words, **expected)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"bedrock-flask: {fault}")
    assert "canary" not in line


def test_a_pair_changes_with_either_secret_and_is_another_for_each_key() -> None:
    signing = parse_server_secret(SIGNING)
    known = keys.parse_keys(PAIRS.split(","))
    assert known.derive_aws_secret("alice", signing) == pair("alice").secret_key
    found = {
        known.derive_aws_secret("alice", signing),
        known.derive_aws_secret("bob", signing),
        known.derive_aws_secret("alice", parse_server_secret(SIGNING + "x")),
        keys.parse_keys([f"alice:{ALICE}x"]).derive_aws_secret("alice", signing),
        keys.parse_keys([f"alicia:{ALICE}"]).derive_aws_secret("alicia", signing),
    }
    assert len(found) == 5
    assert all(len(secret) == 43 and secret.isascii() for secret in found)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("canary" + "x" * 25, "at least 32 characters"),
        ("canary with blanks " + "x" * 32, "one line of printable ASCII"),
        ("canary\u00e9" + "x" * 32, "one line of printable ASCII"),
        ("canary" + "x" * 32 + "\nmore", "one line of printable ASCII"),
    ],
)
def test_a_weak_signing_secret_stops_the_start_and_is_not_repeated(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(text + "\n")
    for line in ("", text), (str(tmp_path / "secret"), ""):
        with pytest.raises(SettingsError, match=fault) as caught:
            settings.read_settings(
                {"BEDROCK_FLASK_SIGNING_SECRET_FILE": line[0], "BEDROCK_FLASK_SIGNING_SECRET": line[1]}
            )
        assert "canary" not in str(caught.value)


def test_the_signing_secret_comes_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SIGNING}\n")
    environ = {"BEDROCK_FLASK_SIGNING_SECRET_FILE": str(tmp_path / "secret")}
    assert settings.read_settings(environ).signing_secret == parse_server_secret(SIGNING)
    with pytest.raises(SettingsError, match="BEDROCK_FLASK_SIGNING_SECRET is set too"):
        settings.read_settings(environ | {"BEDROCK_FLASK_SIGNING_SECRET": SIGNING})


def test_faults_of_several_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short")
    with pytest.raises(SettingsError) as caught:
        settings.read_settings(
            {
                "BEDROCK_FLASK_SIGNING_SECRET_FILE": str(tmp_path / "short"),
                "BEDROCK_FLASK_API_KEYS_FILE": str(tmp_path / "short"),
            }
        )
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "BEDROCK_FLASK_API_KEYS_FILE",
        "BEDROCK_FLASK_SIGNING_SECRET_FILE",
    ]


def test_the_signing_secret_shows_nowhere(plain_environ: dict[str, str], tmp_path: Path) -> None:
    assert "canary" not in repr(settings.read_settings({"BEDROCK_FLASK_SIGNING_SECRET": SIGNING}))
    (tmp_path / "secret").write_text(SIGNING)
    names = ("BEDROCK_FLASK_SIGNING_SECRET", "BEDROCK_FLASK_SIGNING_SECRET_FILE")
    by_env, by_file = {names[0]: SIGNING}, {names[1]: str(tmp_path / "secret")}
    for payload, source in ((by_env, "environment (BEDROCK_FLASK_SIGNING_SECRET)"), (by_file, names[1])):
        for wrong in ({}, {"BEDROCK_FLASK_PORT": "x"}):
            done = command(plain_environ, "config", "--json", **payload, **wrong)
            assert done.returncode == (1 if wrong else 0), done.stderr
            assert "canary" not in done.stdout + done.stderr
            [row] = [row for row in json.loads(done.stdout)["settings"] if row["name"] == names[0]]
            if not wrong:
                assert (row["value"], row["source"]) == ("***", source)


def test_what_claude_code_asks_at_its_start_is_answered(signing: Gateway) -> None:
    """It asks for `/api/hello` without a key, and AWS's SDK in it for the profiles, with each kind of key."""
    probe = signing.ask("HEAD", "/api/hello")
    assert probe.status_code == 200
    assert "error" not in signing.line(probe.headers["x-request-id"])
    for headers in ({"x-api-key": ALICE}, {"authorization": f"Bearer {ALICE}"}):
        listed = signing.get("/inference-profiles?type=SYSTEM_DEFINED", headers=headers)
        assert listed.status_code == 200, listed.text
        assert listed.json()["inferenceProfileSummaries"]
        counted = signing.post(
            "/model/us.anthropic.claude-opus-4-6-v1/count-tokens",
            {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}}},
            headers=headers,
        )
        assert counted.json()["inputTokens"] > 0
    assert signing.get("/inference-profiles").status_code == 403
