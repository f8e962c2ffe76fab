"""Signing: for the same request and second the header is botocore's, and our own verification accepts it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from unittest import mock
from urllib.parse import quote

import pytest
from botocore import auth
from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.bedrock.operations import OPERATIONS, RUNTIME, Operation
from bedrock_flask.errors import CredentialsError
from bedrock_flask.protocol import sigv4
from bedrock_flask.transport.signed.credentials import Bearer, Frozen
from bedrock_flask.transport.signed.endpoints import Endpoint
from bedrock_flask.transport.signed.signing import UNSIGNED, sign

ENDPOINT = Endpoint(
    scheme="https",
    host="bedrock-runtime.eu-west-1.amazonaws.com",
    port=443,
    base_path="",
    region="eu-west-1",
    signing_region="eu-west-1",
)
KEYS = Frozen("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

# Ids, ARNs, and what must be encoded once in the path and twice in the signature.
LABEL = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(
    [
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.a.b-v1:0",
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.titan-text-express-v1",
        "a%2Fb c~d_e.f/..//./é€😀+=&?#",
    ]
)
OPERATION = st.sampled_from([operation for operation in OPERATIONS.values() if operation.service == RUNTIME])
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20) | st.sampled_from(
    ["", "  a   b  ", "a\tb", '{"a": 1}']
)
NAME = st.from_regex(r"[xX]-[aA]mzn?-[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True).filter(
    lambda name: name.lower() not in {"x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
) | st.sampled_from([*sorted(SIGNED_HEADERS_BLACKLIST), "Accept", "Content-Type", "X-Amzn-Bedrock-Trace"]).filter(
    lambda name: name != "user-agent"
)
HEADERS = st.dictionaries(NAME, VALUE, max_size=5).filter(lambda given: len({n.lower() for n in given}) == len(given))
QUERY = st.lists(st.tuples(LABEL, st.just("") | LABEL), max_size=4)
REGION = st.sampled_from(["us-east-1", "us-gov-west-1", "cn-north-1", "xx-invented-9"])
HOST = st.sampled_from(["bedrock-runtime.us-east-1.amazonaws.com", "vpce-1-abc.example", "127.0.0.1", "::1"])
TOKEN = st.just("") | st.text("abcXYZ019+/=", min_size=1, max_size=300)
SECOND = st.integers(0, 4_102_444_799)


@dataclass(frozen=True)
class Drawn:
    """One request, and who signs it when and for where."""

    operation: Operation
    labels: tuple[str, ...]
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    host: str
    port: int
    base_path: str
    region: str
    token: str
    second: int

    @property
    def endpoint(self) -> Endpoint:
        scheme = "http" if self.port == 80 else "https"
        return replace(ENDPOINT, scheme=scheme, host=self.host, port=self.port, signing_region=self.region)

    @property
    def target(self) -> str:
        names = ("modelId", "guardrailIdentifier", "guardrailVersion", "invocationArn")
        path = self.base_path + self.operation.build_path(dict(zip(names, self.labels, strict=True)))
        pairs = [f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in self.query]
        return f"{path}?{'&'.join(pairs)}" if pairs else path


DRAWN = st.builds(
    Drawn,
    operation=OPERATION,
    labels=st.tuples(LABEL, LABEL, LABEL, LABEL),
    query=QUERY,
    headers=HEADERS,
    body=st.binary(max_size=60),
    host=HOST,
    port=st.sampled_from([443, 80, 8443]),
    base_path=st.sampled_from(["", "/base", "/a/b:c"]),
    region=REGION,
    token=TOKEN,
    second=SECOND,
)


@given(DRAWN)
@settings(max_examples=400, deadline=None)
def test_a_signature_is_botocores(drawn: Drawn) -> None:
    compare_signatures(drawn)


@pytest.mark.nightly
@pytest.mark.timeout(900)
@given(DRAWN)
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_signatures_are_botocores(drawn: Drawn) -> None:
    compare_signatures(drawn)


def compare_signatures(drawn: Drawn) -> None:
    method, target, headers, body, endpoint = (
        drawn.operation.method,
        drawn.target,
        drawn.headers,
        drawn.body,
        drawn.endpoint,
    )
    identity = Frozen("AKIDEXAMPLE", "s/e+cret", drawn.token)
    sent = sign(method, target, headers, body, endpoint, identity, drawn.second + 0.999)
    ours = {name.lower(): value for name, value in sent}
    theirs = sign_with_botocore(method, endpoint, target, headers, body, identity, drawn.second)
    assert {name: ours[name] for name in theirs} == theirs
    request = sigv4.Request(method=method, target=target, headers=ours, body=body)
    at = datetime.fromtimestamp(drawn.second, UTC)
    assert sigv4.verify(request, {identity.access_key: identity.secret_key}, at).region == drawn.region


def sign_with_botocore(
    method: str, endpoint: Endpoint, target: str, headers: dict[str, str], body: bytes, identity: Frozen, second: int
) -> dict[str, str]:
    """The headers that botocore would send, as the client for bedrock-runtime signs them."""
    default = {} if method == "GET" or "Content-Type" in headers else {"Content-Type": "application/json"}
    given = {**default, **headers}
    url = f"{endpoint.scheme}://{endpoint.authority}{target}"
    request = AWSRequest(method=method, url=url, headers=given, data=body)
    keys = Credentials(identity.access_key, identity.secret_key, identity.token or None)
    signer = SigV4Auth(keys, endpoint.signing_service, endpoint.signing_region)
    with mock.patch.object(auth, "get_current_datetime", return_value=datetime.fromtimestamp(second, UTC)):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def test_a_calls_content_type_is_the_only_one() -> None:
    sent = sign("POST", "/", {"content-type": "text/plain"}, b"", ENDPOINT, KEYS, 0)
    assert [value for name, value in sent if name.lower() == "content-type"] == ["text/plain"]


def test_the_unsigned_headers_are_botocores() -> None:
    assert set(SIGNED_HEADERS_BLACKLIST) == UNSIGNED


def test_a_name_in_two_cases_is_sent_and_signed_once() -> None:
    sent = sign("POST", "/", {"X-Amz-A": "1", "x-amz-a": "2"}, b"", ENDPOINT, KEYS, 0)
    assert [pair for pair in sent if pair[0].lower() == "x-amz-a"] == [("X-Amz-A", "1,2")]
    request = sigv4.Request(method="POST", target="/", headers={name.lower(): value for name, value in sent}, body=b"")
    sigv4.verify(request, {KEYS.access_key: KEYS.secret_key}, datetime.fromtimestamp(0, UTC))


def test_a_query_that_is_not_canonical_is_signed_as_aws_reads_it() -> None:
    target = "/async-invoke?z&b=%7e&a=x+y&a=&c=%2f%c3%a9"
    sent = sign("GET", target, {}, b"", ENDPOINT, KEYS, 0)
    request = sigv4.Request(method="GET", target=target, headers={name.lower(): value for name, value in sent})
    sigv4.verify(request, {KEYS.access_key: KEYS.secret_key}, datetime.fromtimestamp(0, UTC))


@pytest.mark.parametrize("name", ["Authorization", "x-amz-date", "HOST", "Content-Length", "amz-sdk-request", "Date"])
def test_a_calls_header_cannot_replace_one_of_the_signature(name: str) -> None:
    sent = sign("POST", "/", {name: "evil"}, b"", ENDPOINT, KEYS, 0)
    assert "evil" not in dict(sent).values()
    assert len({name.lower() for name, _ in sent}) == len(sent)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a b", {}),
        ("/a\r\nx: y", {}),
        ("a", {}),
        ("/é", {}),
        ("/", {"x-a": "b\r\nx: y"}),
        ("/", {"x-a": "b\0"}),
        ("/", {"x-a": "€"}),
        ("/", {"x a": "b"}),
        ("/", {"x-a:": "b"}),
        ("/", {"": "b"}),
    ],
)
def test_what_would_break_the_request_is_refused(target: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="character"):
        sign("POST", target, headers, b"", ENDPOINT, KEYS, 0)


def test_a_bearer_token_is_sent_as_it_is_and_only_over_tls() -> None:
    sent = dict(sign("POST", "/", {}, b"{}", ENDPOINT, Bearer("abc"), 0))
    assert sent["Authorization"] == "Bearer abc"
    assert "X-Amz-Date" not in sent
    with pytest.raises(CredentialsError, match="https"):
        sign("POST", "/", {}, b"{}", replace(ENDPOINT, scheme="http", port=80), Bearer("abc"), 0)


def test_secrets_are_not_in_a_repr() -> None:
    assert "abc" not in repr([Bearer("abc"), Frozen("a", "abc", "abc")])
