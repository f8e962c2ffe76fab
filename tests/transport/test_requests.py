"""Both transports send the same: for any call the same request but for who sends it and when, signed by both."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import OPERATIONS, RUNTIME, STREAMING
from bedrock_flask.call import Call, Handler
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import GatewayError
from bedrock_flask.protocol import sigv4
from bedrock_flask.transport.choice import TRANSPORTS, make_transport
from bedrock_flask.transport.shutdown import Shutdown
from tests.doubles import Upstream, run_upstream
from tests.transport.conftest import set_environment

SECRETS = {"emulator": "emulator"}
# What differs from call to call, or says who sends.
OWN = {"authorization", "x-amz-date", "user-agent", "amz-sdk-invocation-id"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

LABEL = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=15) | st.sampled_from(
    [
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.a.b-v1:0",
        "a%2Fb c~d_e.f/..//./é€😀+=&?#",
        "..",
        "/model/",
    ]
)
OPERATION = st.sampled_from([name for name, operation in OPERATIONS.items() if operation.service == RUNTIME])
NAME = st.sampled_from(
    [
        "x-amzn-bedrock-trace",
        "x-amzn-bedrock-guardrailidentifier",
        "x-amzn-bedrock-request-metadata",
        "x-amzn-bedrock-service-tier",
        "x-amzn-bedrock-new",
        "accept",
        "content-type",
    ]
)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip) | st.just("a  \t b")
PLAIN = st.text("abcXYZ019-_.~", max_size=8)
BODY = st.binary(max_size=40) | st.sampled_from([b"{}", b"", b"x" * 100_000])


@dataclass(frozen=True)
class Sent:
    """One request as it came over the network."""

    line: str
    headers: Mapping[str, str]
    body: bytes


def read_request(data: bytes) -> Sent:
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    pairs = [text.partition(": ") for text in lines]
    headers = {name.lower(): value for name, _, value in pairs}
    assert len(headers) == len(pairs), "a name twice"
    return Sent(line, headers, body)


@dataclass(frozen=True)
class Rig:
    """Both transports in front of one upstream, which answers nothing that they accept."""

    upstream: Upstream
    handlers: Mapping[str, Handler]
    adapter: Adapter

    def send(self, transport: str, drawn: Mapping[str, Any]) -> Sent | None:
        """What the transport sends for a call, or None if it refuses."""
        self.upstream.requests.clear()
        call = Call(adapter=self.adapter, deadline=time.monotonic() + 20, **drawn)
        try:
            handler = self.handlers[transport]
            (handler.send_stream if call.stream else handler.send)(call)
        except GatewayError:
            pass
        return read_request(self.upstream.requests[0]) if self.upstream.requests else None


@pytest.fixture(
    scope="module", params=[("", ""), ("/base/a%2Fb", "a/session+token==")], ids=["plain", "base-and-token"]
)
def rig(request: pytest.FixtureRequest, service_models_read_once: None, nova: Adapter) -> Iterator[Rig]:
    base_path, token = request.param
    answer = b"HTTP/1.1 418 x\r\ncontent-length: 2\r\n\r\n{}"
    with run_upstream() as upstream, pytest.MonkeyPatch.context() as patch:
        set_environment(patch, upstream.url + base_path)
        if token:
            patch.setenv("AWS_SESSION_TOKEN", token)
        upstream.scripts = _Always(lambda client: client.sendall(answer))  # type: ignore[assignment]
        handlers = {
            name: make_transport(Settings(transport=name, max_attempts=1, threads=4), Shutdown()) for name in TRANSPORTS
        }
        yield Rig(upstream, handlers, nova)


class _Always:
    """A list of scripts that does not end."""

    def __init__(self, script: Any) -> None:
        self._script = script

    def pop(self, index: int) -> Any:
        return self._script


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    operation = draw(OPERATION)
    names = ("guardrailIdentifier", "guardrailVersion", "invocationArn")
    is_get = OPERATIONS[operation].method == "GET"
    query = "&".join(f"{name}={value}" for name, value in draw(st.lists(st.tuples(PLAIN, PLAIN), max_size=3)) if name)
    return {
        "operation": operation,
        "model": draw(LABEL),
        "labels": {name: draw(LABEL) for name in names},
        "query": query if is_get else "",
        "stream": operation in STREAMING and draw(st.booleans()),
        "headers": {} if is_get else draw(st.dictionaries(NAME, VALUE, max_size=4)),
        "body": b"" if is_get else draw(BODY),
    }


@given(drawn=calls())
@settings(max_examples=250, deadline=None)
def test_any_call_is_sent_alike(rig: Rig, drawn: dict[str, Any]) -> None:
    sent = {name: rig.send(name, drawn) for name in TRANSPORTS}
    boto, signed = sent["boto"], sent["signed"]
    assert boto is not None
    assert signed is not None
    assert (signed.line, signed.body) == (boto.line, boto.body)
    assert _without_own(signed) == _without_own(boto)
    assert set(signed.headers) == set(boto.headers)
    for one in (boto, signed):
        assert UUID.fullmatch(one.headers["amz-sdk-invocation-id"])
        assert _scope_of(one) == _scope_of(boto)
        method, target, _ = one.line.split(" ")
        request = sigv4.Request(method=method, target=target, headers=one.headers, body=one.body)
        sigv4.verify(request, SECRETS, datetime.now(UTC))


def _without_own(sent: Sent) -> dict[str, str]:
    return {name: value for name, value in sent.headers.items() if name not in OWN}


def _scope_of(sent: Sent) -> tuple[Any, ...]:
    signer = sigv4.parse_authorization(sent.headers["authorization"])
    return signer.key_id, signer.region, signer.service, signer.signed_headers


@pytest.mark.parametrize(
    "drawn",
    [
        {"headers": {"x-amzn-bedrock-trace": "a\nb"}},
        {"headers": {"x-amzn-bedrock-trace": "a\rb"}},
        {"headers": {"x-amzn-bedrock-trace": "\N{EURO SIGN}"}},
        {"headers": {"x-amzn-bedrock-a b": "c"}},
        {"operation": "ListAsyncInvokes", "query": "a=b c"},
        {"operation": "ListAsyncInvokes", "query": "a=b\r\nx: y"},
    ],
)
def test_what_cannot_be_sent_is_sent_by_none(rig: Rig, drawn: dict[str, Any]) -> None:
    call = {"operation": "InvokeModel", "model": "m", "body": b"", **drawn}
    sent = {name: rig.send(name, call) for name in TRANSPORTS}
    assert sent["signed"] is None
    if (boto := sent["boto"]) is not None:
        assert " " not in boto.line.split(" ", 1)[1].rsplit(" ", 1)[0]


def test_the_agent_is_the_gateway_with_botocores_version(rig: Rig) -> None:
    sent = rig.send("signed", {"operation": "InvokeModel", "model": "m", "body": b""})
    assert sent is not None
    assert re.fullmatch(r"bedrock-flask/[\d.]+\w* md/Botocore#[\d.]+ lang/python#[\d.]+\w*", sent.headers["user-agent"])
