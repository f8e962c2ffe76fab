"""SigV4: whatever botocore signs is verified, AWS's own example too, and nothing that was changed afterwards."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import quote, urlsplit

import pytest
from botocore import auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import assume, given
from hypothesis import strategies as st

from bedrock_flask.protocol import sigv4

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2026, 11, 23, 23, 59, 30, tzinfo=UTC)
SECRETS = {"AKIDOTHER": "another", KEY: SECRET}

TEXT = st.text(st.characters(codec="utf-8"), max_size=20) | st.text("./ %:~&=+aA\u00e9", max_size=20)
SEGMENTS = st.lists(TEXT.map(lambda text: quote(text, safe="")) | st.sampled_from(["", ".", ".."]), max_size=6)
QUERIES = st.lists(st.tuples(TEXT, TEXT), max_size=5)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
NAMES = st.from_regex(r"x-[a-z][a-z0-9-]{0,10}", fullmatch=True)


def signed(
    method: str = "POST",
    path: str = "/model/anthropic.claude-x-v2%3A0/invoke",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes = b"{}",
    at: datetime = NOW,
    token: str | None = None,
    service: str = "bedrock",
) -> sigv4.Request:
    """A request as botocore signs and sends it."""
    url = f"http://127.0.0.1:8001{path}{'?' * bool(query)}{query}"
    request = AWSRequest(method=method, url=url, headers=headers or {}, data=body)
    with mock.patch.object(auth, "get_current_datetime", return_value=at):
        SigV4Auth(Credentials(KEY, SECRET, token), service, "eu-west-1").add_auth(request)
    parts = urlsplit(request.url)
    sent = {name.lower(): value for name, value in request.headers.items()} | {"host": parts.netloc}
    return sigv4.Request(
        method=method, target=parts.path + ("?" + parts.query) * bool(parts.query), headers=sent, body=body
    )


def with_headers(request: sigv4.Request, **changed: str | None) -> sigv4.Request:
    headers: dict[str, Any] = {**request.headers, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return replace(request, headers={name: value for name, value in headers.items() if value is not None})


@given(
    st.sampled_from(["GET", "POST", "DELETE"]),
    SEGMENTS,
    QUERIES,
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.binary(max_size=50),
    st.none() | st.just("a/session+token=="),
)
def test_whatever_botocore_signs_is_verified(
    method: str,
    segments: list[str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    token: str | None,
) -> None:
    # A path that begins with two slashes is no path of a URL to botocore.
    assume(not segments or segments[0])
    query_string = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    request = signed(method, "/" + "/".join(segments), query_string, headers, body, token=token)
    result = sigv4.verify(request, SECRETS, NOW)
    assert (result.key_id, result.region) == (KEY, "eu-west-1")


@given(st.binary(min_size=1, max_size=30), st.data())
def test_a_changed_byte_of_the_body_is_noticed(body: bytes, data: st.DataObject) -> None:
    request = signed(body=body)
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    with pytest.raises(sigv4.SignatureMismatch):
        sigv4.verify(replace(request, body=changed), SECRETS, NOW)


def test_the_example_of_aws_has_the_signature_that_aws_prints() -> None:
    request = sigv4.Request(
        method="GET",
        target="/?Version=2010-05-08&Action=ListUsers",
        headers={
            "host": "iam.amazonaws.com",
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "x-amz-date": "20150830T123600Z",
            "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        },
        body=b"",
    )
    at = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    assert sigv4.verify(request, SECRETS, at, service="iam").key_id == KEY


def test_a_request_is_received_as_it_stood_on_the_wire() -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/model/a%3Ab/invoke?q=%20",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/model/a:b/invoke",
        "QUERY_STRING": "q=%20",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "gateway:8000",
    }
    result = sigv4.read_wsgi_request(environ, [("Host", "gateway:8000"), ("X-Amz-Date", "now")], b"{}")
    assert (result.method, result.target, result.body) == ("POST", "/model/a%3Ab/invoke?q=%20", b"{}")
    assert result.headers == {"host": "gateway:8000", ":authority": "gateway:8000", "x-amz-date": "now"}
    # Another server may not tell; then the path is written as most would have written it.
    del environ["RAW_URI"]
    assert sigv4.read_wsgi_request(environ, []).target == "http://gateway:8000/model/a%3Ab/invoke?q=%20"


def test_a_path_is_encoded_once_more_than_it_came() -> None:
    assert (
        sigv4.format_canonical_path("/model/arn%3Aaws%3A%2Fa/./x/../invoke") == "/model/arn%253Aaws%253A%252Fa/invoke"
    )
    assert sigv4.format_canonical_path("") == "/"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"target": "/model/anthropic.claude-x-v2%3A1/invoke"},
        {"target": "/model/anthropic.claude-x-v2:0/invoke"},
        {"target": "/model/anthropic.claude-x-v2%3A0/invoke?x"},
        {"body": b"{ }"},
        {"body": b""},
    ],
)
def test_a_changed_request_is_a_mismatch(change: dict[str, Any]) -> None:
    sigv4.verify(signed(), SECRETS, NOW)
    with pytest.raises(sigv4.SignatureMismatch, match="does not match the signature"):
        sigv4.verify(replace(signed(), **change), SECRETS, NOW)


def test_a_changed_signed_header_is_a_mismatch_and_another_is_not_looked_at() -> None:
    request = signed(headers={"x-note": "one"}, token="session")
    assert sigv4.verify(with_headers(request, accept="text/plain"), SECRETS, NOW)
    for change in ({"x_note": "two"}, {"host": "elsewhere"}, {"x_amz_security_token": "other"}, {"x_note": None}):
        with pytest.raises(sigv4.SignatureMismatch):
            sigv4.verify(with_headers(request, **change), SECRETS, NOW)


def test_an_empty_header_that_was_signed_must_arrive() -> None:
    request = signed(headers={"x-note": ""})
    assert sigv4.verify(request, SECRETS, NOW)
    with pytest.raises(sigv4.SignatureMismatch, match="'x-note' is missing"):
        sigv4.verify(with_headers(request, x_note=None), SECRETS, NOW)


@pytest.mark.parametrize("name", ["x-amz-security-token", "x-amz-content-sha256", "x-amz-target"])
def test_headers_of_aws_s_own_must_be_signed(name: str) -> None:
    with pytest.raises(sigv4.SignatureMismatch, match=f"'{name}' must be a 'SignedHeader'"):
        sigv4.verify(with_headers(signed(), **{name: "put in later"}), SECRETS, NOW)


def test_the_host_and_the_date_must_be_signed() -> None:
    request = signed()
    for name in ("host", "x-amz-date"):
        header = request.headers["authorization"].replace(f"{name};", "").replace(f";{name}", "")
        with pytest.raises(sigv4.SignatureMismatch, match=f"'{name}' must be a 'SignedHeader'"):
            sigv4.verify(with_headers(request, authorization=header), SECRETS, NOW)


def test_an_unsigned_payload_is_a_mismatch() -> None:
    with pytest.raises(sigv4.SignatureMismatch):
        sigv4.verify(signed(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}), SECRETS, NOW)


def test_a_wrong_secret_is_a_mismatch_and_an_unknown_key_is_unknown() -> None:
    with pytest.raises(sigv4.SignatureMismatch, match="Check your AWS Secret"):
        sigv4.verify(signed(), {KEY: SECRET[:-1]}, NOW)
    with pytest.raises(sigv4.UnknownKey):
        sigv4.verify(signed(), {"AKIDOTHER": SECRET}, NOW)


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        (-5.1, "Signature expired: 20261123T235424Z is now earlier than 20261123T235430Z (20261123T235930Z - 5 min.)"),
        (-15, "Signature expired: "),
        (5.1, "Signature not yet current: "),
    ],
)
def test_a_signature_is_good_for_five_minutes(minutes: float, message: str) -> None:
    with pytest.raises(sigv4.SignatureMismatch) as caught:
        sigv4.verify(signed(at=NOW + timedelta(minutes=minutes)), SECRETS, NOW)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("minutes", [-4.9, 4.9])
def test_a_clock_may_be_a_little_off_and_midnight_pass(minutes: float) -> None:
    assert sigv4.verify(signed(at=NOW + timedelta(minutes=minutes)), SECRETS, NOW)


def test_a_date_header_may_stand_for_that_of_aws() -> None:
    assert sigv4.verify(signed(headers={"Date": "replaced by botocore"}), SECRETS, NOW)


def test_the_scope_must_be_of_the_day_and_of_the_service() -> None:
    with pytest.raises(sigv4.SignatureMismatch, match="correct service: 'bedrock'"):
        sigv4.verify(signed(service="s3"), SECRETS, NOW)
    header = signed().headers["authorization"].replace("/20261123/", "/20261122/")
    with pytest.raises(sigv4.SignatureMismatch, match="Date in Credential scope"):
        sigv4.verify(with_headers(signed(), authorization=header), SECRETS, NOW)


def test_no_signature_is_missing() -> None:
    with pytest.raises(sigv4.MissingSignature):
        sigv4.verify(with_headers(signed(), authorization=None), SECRETS, NOW)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Basic abc", "Unsupported AWS 'algorithm'"),
        ("AWS4-HMAC-SHA256", "requires 'Credential' parameter. Authorization header requires 'SignedHeaders'"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host", "requires 'Signature' parameter."),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=x", "exactly 5 slash-delimited"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/x, SignedHeaders=host, Signature=x", "exactly 5 slash-delimited"),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=x, Signature=y",
            "a parameter twice",
        ),
    ],
)
def test_a_header_that_cannot_be_read_is_incomplete(header: str, message: str) -> None:
    with pytest.raises(sigv4.IncompleteSignature, match=message):
        sigv4.verify(with_headers(signed(), authorization=header), SECRETS, NOW)


@pytest.mark.parametrize("date", [None, "", "2026-11-23T23:59:30Z", "20261323T235930Z", "20261123T235930Z "])
def test_a_date_that_cannot_be_read_is_incomplete(date: str | None) -> None:
    with pytest.raises(sigv4.IncompleteSignature):
        sigv4.verify(with_headers(signed(), x_amz_date=date), SECRETS, NOW)


def test_a_date_after_all_time_is_incomplete() -> None:
    with pytest.raises(sigv4.IncompleteSignature):
        sigv4.verify(with_headers(signed(), x_amz_date=None, date="Fri, 31 Dec 9999 23:59:59 -1400"), SECRETS, NOW)


@given(
    st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=80),
    st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=40),
)
def test_whatever_arrives_is_verified_or_a_bad_signature(header: str, date: str) -> None:
    for authorization in (header, f"AWS4-HMAC-SHA256 {header}", signed().headers["authorization"] + header):
        request = with_headers(signed(), authorization=authorization, x_amz_date=None, date=date)
        with pytest.raises(sigv4.BadSignature):
            sigv4.verify(request, SECRETS, NOW)
