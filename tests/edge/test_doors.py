"""Two doors, one behaviour: every request is answered alike by the direct door and by Flask, and leaves the same line.

Most requests are WSGI calls in this process, in front of the emulator; some go over real sockets to real workers.
"""

import base64
import io
import json
import logging
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from flask import Flask
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from bedrock_flask.app import create_app
from bedrock_flask.config import keys
from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.config.settings import Settings, max_concurrent_calls
from bedrock_flask.edge.direct_door import is_plain, list_hot
from bedrock_flask.state import state_of
from bedrock_flask.transport.retry_budget import RetryBudget
from tests.doubles import Emulator, Gateway, GatewayWith

SECRET = "canary-0123456789abcdef"
SIGNING = "canary-signing-0123456789abcdef-and-more"
ORIGIN = "https://app.example.com"
BASE = "/bedrock"
MAX_BODY = 20_000
USER = [{"role": "user", "content": "Hi"}]
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
CLAUDE = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": USER}

ARN = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
ENCODED_ARN = ARN.replace(":", "%3A").replace("/", "%2F")
MODELS = (
    *("nova", "claude", "no-such", "titan-embed", "amazon.nova-lite-v1:0", "acme.other-1", "claude[1m]", "a/b", "."),
    ARN,
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    *("", "..", "x y", "caf\u00e9", "%6eova", "x%2Fy", "nova/invoke", "nova//x", "/nova", "nova\n"),
    "\u00e9".encode().decode("latin-1"),
)  # fmt: skip
ACTIONS = (
    *(("/model/", each) for each in ("converse", "converse-stream", "invoke", "invoke-with-response-stream")),
    *(("/model/", "count-tokens"), ("/model/", "converse/"), ("/v1/models/", "schema")),
    *(("/v1/models/", each) for each in ("invoke", "invoke-stream")),
)
OTHERS = (
    *("/v1/chat/completions", "/openai/v1/chat/completions", "/v1/messages", "/anthropic/v1/messages"),
    *("/v1/messages/count_tokens", "/v1/responses", "/openai/v1/responses", "/v1/responses/input_tokens"),
    *("/v1/embeddings", "/openai/v1/embeddings", "/v1/invoke", "/guardrail-checks/invoke", "/async-invoke"),
    *("/guardrail/g/version/1/apply", "/v1/models", "/livez", "/readyz", "/nope", "/v1/messages/", "//v1/messages"),
    *("/chat/completions", "/v1/v1/messages", "/foundation-models", "/docs", "/", ""),
)


@dataclass(frozen=True)
class Asked:
    """One request, and what the emulator and the gateway are made to do with it."""

    method: str = "POST"
    path: str = "/v1/chat/completions"
    query: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    length: str | None = "right"
    is_chunked: bool = False
    is_signed: bool = False
    is_full: bool = False
    fault: str = ""
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True)
class Doors:
    """The two apps, and the emulator behind both."""

    direct: Flask
    flask: Flask
    emulator: Emulator


def make_settings(door: str) -> Settings:
    """The settings of both but for the door."""
    return Settings(
        door=door,
        api_keys=keys.parse_keys([f"alice:{SECRET}"]),
        signing_secret=parse_server_secret(SIGNING),
        cors_origins=(ORIGIN,),
        max_body_bytes=MAX_BODY,
        base_path=BASE,
        read_timeout=2,
        deadline=4,
    )


@pytest.fixture(scope="module")
def doors(start_emulator: Any, plain_environ: dict[str, str]) -> Iterator[Doors]:
    emulator = start_emulator()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in plain_environ.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", emulator.url)
        # One attempt each: how many retries are left depends on the calls before, and on the time between them.
        patch.setattr(RetryBudget, "take", lambda *_: False)
        yield Doors(create_app(make_settings("direct")), create_app(make_settings("flask")), emulator)


class Lines(logging.Handler):
    """The log lines of the requests: what each logged beside the message."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []
        self._usual = {*vars(logging.makeLogRecord({})), "message"}

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append({name: value for name, value in vars(record).items() if name not in self._usual})


@pytest.fixture(scope="module")
def lines() -> Iterator[Lines]:
    logger, handler = logging.getLogger("bedrock_flask.request"), Lines()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


# What differs from one call to the next: ids, times, how long the emulator took.
CHANGING = re.compile(
    rb'("?(?:id|created|created_at|completed_at|item_id|response_id|request_id|latencyMs|invocationLatency|'
    rb'firstByteLatency|tool_use_id|call_id|p)"?: ?)("[^"]*"|[0-9.]+)'
)
# Where an answer is cut: a latency with one digit more makes the answer longer.
CUT = re.compile(rb"after \d+ of \d+ bytes")
# An id of the gateway's own, where the request has none that can be kept.
OWN_ID = re.compile(r"[0-9a-f]{32}")
CHANGING_HEADERS = {"x-bedrock-request-id", "x-amzn-bedrock-invocation-latency", "date"}


def make_environ(asked: Asked, request_id: str) -> dict[str, Any]:
    """The request as a WSGI server gives it to an app."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": asked.path,
        "QUERY_STRING": asked.query,
        "RAW_URI": asked.path + (f"?{asked.query}" if asked.query else ""),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": asked.protocol,
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_X_REQUEST_ID": request_id,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(asked.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if asked.length is not None:
        environ["CONTENT_LENGTH"] = str(len(asked.body)) if asked.length == "right" else asked.length
    if asked.is_chunked:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    for name, value in (*asked.headers, *(sign(asked) if asked.is_signed else ())):
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def sign(asked: Asked) -> list[tuple[str, str]]:
    """The headers that botocore adds to sign it."""
    known = keys.parse_keys([f"alice:{SECRET}"])
    secret = known.derive_aws_secret("alice", parse_server_secret(SIGNING))
    query = f"?{asked.query}" if asked.query else ""
    request = AWSRequest(asked.method, f"http://127.0.0.1:8000{asked.path}{query}", {}, asked.body)
    SigV4Auth(Credentials("alice", secret), "bedrock", "us-east-1").add_auth(request)
    return [*request.headers.items()]


def call(app: Flask, asked: Asked, emulator: Emulator, request_id: str) -> Any:
    """Status, headers and body, without what changes from call to call."""
    if asked.fault:
        emulator.fault(asked.fault, count=3)
    slots, taken = state_of(app).slots, 0
    while asked.is_full and slots.take():
        taken += 1
    started: list[Any] = []
    try:
        parts: Any = app(make_environ(asked, request_id), lambda status, headers: started.extend((status, headers)))
        try:
            body = b"".join(parts)
            end = ""
        except ConnectionResetError as error:
            body, end = b"", str(error)
        finally:
            parts.close()
    finally:
        for _ in range(taken):
            slots.give_back()
        if asked.fault:
            emulator.ask("DELETE", "/_emulator/faults")
    status, headers = started
    kept = {name.lower(): value for name, value in headers}
    assert len(kept) == len(headers), "a header came twice"
    length = kept.pop("content-length", None)
    assert length is None or asked.method == "HEAD" or int(length) == len(body)
    kept = {name: OWN_ID.sub("own", value) for name, value in kept.items() if name not in CHANGING_HEADERS}
    # After each throttle the advice is to wait longer.
    kept |= {name: "later" for name in kept if asked.fault and "retry" in name}
    return status, kept, mask_body(kept["content-type"], body), end, length is None


def check(doors: Doors, lines: Lines, asked: Asked) -> Any:
    """Both doors answer alike and log alike; what they answered."""
    answers, logged = [], []
    for app in (doors.direct, doors.flask):
        lines.seen.clear()
        answers.append(call(app, asked, doors.emulator, "the-same-id"))
        logged.append([mask(line) for line in lines.seen])
    assert answers[0] == answers[1]
    assert logged[0] == logged[1]
    assert [line for line in logged[0] if "status" in line and "method" in line], "no line"
    for app in (doors.direct, doors.flask):
        # Every slot is given back.
        assert state_of(app).slots.count_free() == max_concurrent_calls(state_of(app).settings)
    return answers[0]


def mask_body(content_type: str, body: bytes) -> Any:
    """The body, or the frames of an event stream, without what changes from call to call."""
    if content_type != "application/vnd.amazon.eventstream":
        return CUT.sub(b"after some bytes", CHANGING.sub(rb"\1_", body))
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [(frame.headers, mask_payload(frame.payload)) for frame in buffer]


def mask_payload(payload: bytes) -> bytes:
    """The payload of a frame; a chunk holds the model's own JSON as base64."""
    document = json.loads(payload or b"{}")
    inner = base64.b64decode(document["bytes"]) if "bytes" in document else payload
    return CHANGING.sub(rb"\1_", inner)


def mask(line: dict[str, Any]) -> dict[str, Any]:
    """A log line without what changes from call to call; one that holds less would be another."""
    changing = {"seconds": 0, "bedrock_request_id": "", "attempts": 0}
    masked = {name: changing.get(name, value) for name, value in line.items()}
    return {**masked, "request_id": OWN_ID.sub("own", line.get("request_id", ""))}


def shape(path: str, model: str, **more: Any) -> Any:
    """A body that the address takes, for a model."""
    if "embeddings" in path:
        return {"model": model, "input": "a door", **more}
    if "responses" in path:
        return {"model": model, "input": "Hi", **more}
    if "messages" in path:
        return {"model": model, "max_tokens": 9, "messages": USER, **more}
    if path.endswith("/v1/invoke"):
        return {"model": model, "input": CONVERSE, **more}
    if path.endswith("count-tokens"):
        return {"input": {"converse": CONVERSE}, **more}
    if path.startswith(("/model/", "/v1/models/")):
        return {**(CLAUDE if "claude" in path and "converse" not in path else CONVERSE), **more}
    return {"model": model, "messages": USER, **more}


paths = st.one_of(
    st.sampled_from(OTHERS),
    st.tuples(st.sampled_from(ACTIONS), st.sampled_from(MODELS)).map(lambda pair: f"{pair[1]}/".join(pair[0])),
    st.sampled_from(OTHERS[:6]).map(lambda path: BASE + path),
)  # fmt: skip
extra_members = st.dictionaries(
    st.sampled_from(("stream", "temperature", "max_tokens", "tools", "guardrailConfig", "unknown", "stream_options")),
    st.sampled_from((True, False, 1, 0.5, None, "x", [], {}, {"include_usage": True}, 10**30, "\ud800", "\u00e9")),
    max_size=3,
)
header_pairs = st.sampled_from(
    (
        *(("x-api-key", SECRET), ("x-api-key", "wrong"), ("authorization", f"bearer {SECRET}")),
        *(("authorization", "Bearer no"), ("authorization", "AWS4-HMAC-SHA256 Credential=alice/x"), ("host", "a b/@")),
        *(("origin", ORIGIN), ("origin", "https://evil.example"), ("origin", ""), ("host", ""), ("host", "[::1]:80")),
        *(("x-request-id", "mine"), ("x-request-id", "a b"), ("x-request-id", ""), ("content-encoding", "gzip")),
        *(("content-encoding", "identity"), ("content-type", "text/plain"), ("accept", "*/*"), ("via", "1.1 x")),
        *(("anthropic-beta", "a, b,"), ("anthropic-version", "2023-06-01"), ("x-stainless-retry-count", "1")),
        *(("amz-sdk-invocation-id", "x"), ("amz-sdk-request", "attempt=1; max=3"), ("openai-project", "p")),
        *(("x-bedrock-flask-unsupported", "drop"), ("x-bedrock-flask-unsupported", "what"), ("cookie", "a=b")),
        *(("x-bedrock-flask-cache", "on"), ("x-bedrock-flask-count", "estimate")),
        ("transfer-encoding", "gzip, chunked"),
        *(("x-amzn-bedrock-trace", "ENABLED"), ("x-amzn-bedrock-service-tier", "flex"), ("expect", "100-continue")),
        *(("access-control-request-method", "POST"), ("x-http-method-override", "GET"), ("upgrade", "h2c")),
    )
)  # fmt: skip
FAULTS = (
    *("ThrottlingException", "ValidationException", "AccessDeniedException", "InternalServerException", "unnamed"),
    *("reset", "hang_up", "broken_json", "html", "empty_object", "half_frame", "no_terminal_event", "empty_stream"),
    *("bad_crc", "exception_frame", "error_frame", "cut_in_chunk", "short_body", "cut_between_chunks"),
)

LENGTHS = (*("right",) * 12, None, *("0", "00", "x", "-1", "+5", "99999", "15000", " 5", "\u0662"))


@st.composite
def requests(draw: Any) -> Asked:
    """Requests, most of them nearly right."""
    path, model = draw(paths), draw(st.sampled_from(MODELS[:9]))
    text = json.dumps(shape(path.removeprefix(BASE), model, **draw(extra_members))).encode()
    body = draw(
        st.one_of(
            *(st.just(text),) * 8,
            st.integers(0, len(text)).map(lambda size: text[:size]),
            st.sampled_from((b"", b"null", b"[]", b"{", b'{"a": 1, "a": 2}', b"\xff", b"NaN")),
            st.sampled_from((b"[" * 5000, b" " * (MAX_BODY + 1))),
        )
    )  # fmt: skip
    has_key = draw(st.sampled_from((True,) * 7 + (False,)))
    is_signed = not has_key and draw(st.booleans())
    headers = [*draw(st.lists(header_pairs, max_size=2)), *([("x-api-key", SECRET)] if has_key else [])]
    return Asked(
        method=draw(st.sampled_from(("POST",) * 12 + ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "post"))),
        path=path,
        query=draw(st.sampled_from(("", "", "", "beta=true", "a=%zz&a=1&b", "verbose"))),
        body=body,
        headers=tuple(dict(headers).items()),
        length=draw(st.sampled_from(LENGTHS)),
        is_chunked=draw(st.sampled_from((False,) * 9 + (True,))),
        is_signed=is_signed,
        is_full=draw(st.sampled_from((False,) * 15 + (True,))),
        fault=draw(st.sampled_from(("",) * 20 + FAULTS)),
        protocol=draw(st.sampled_from(("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"))),
    )  # fmt: skip


KEY = (("x-api-key", SECRET),)
CHAT = json.dumps(shape("/v1/chat/completions", "nova")).encode()


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(requests())
@example(Asked(body=CHAT, headers=KEY))
@example(Asked(body=CHAT, is_signed=True))
@example(Asked(body=CHAT, headers=KEY, is_full=True))
@example(Asked(body=CHAT, headers=(*KEY, ("origin", ORIGIN))))
@example(Asked(method="GET", body=CHAT, headers=KEY))
def test_both_doors_answer_alike(doors: Doors, lines: Lines, asked: Asked) -> None:
    status, *_ = check(doors, lines, asked)
    environ = make_environ(asked, "")
    path = asked.path.removeprefix(BASE)
    is_hot = is_plain(environ) and list_hot(state_of(doors.direct).dialects).find(path) is not None
    event(f"{'direct' if is_hot else 'Flask'} {status[0]}xx")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["", *FAULTS])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/model/nova/converse", "/v1/responses"])
def test_every_fault_ends_alike(doors: Doors, lines: Lines, path: str, fault: str, stream: bool) -> None:
    if path.startswith("/model/"):
        path, body = path + ("-stream" if stream else ""), shape(path, "nova")
    else:
        body = shape(path, "nova", stream=stream)
    check(doors, lines, Asked(path=path, body=json.dumps(body).encode(), headers=KEY, fault=fault))


def test_a_hot_request_does_not_pass_through_flask(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[Flask] = []
    dispatch = Flask.full_dispatch_request
    monkeypatch.setattr(Flask, "full_dispatch_request", lambda app, *rest: passed.append(app) or dispatch(app, *rest))
    for app in (doors.direct, doors.flask):
        assert call(app, Asked(body=CHAT, headers=KEY), doors.emulator, "x")[0] == "200 OK"
    assert passed == [doors.flask]


@pytest.mark.parametrize(
    "hook", ["url_value_preprocessor", "before_request", "after_request", "teardown_request", "teardown_appcontext"]
)
def test_hooks_that_a_host_adds_see_every_request(doors: Doors, hook: str) -> None:
    app = create_app(make_settings("direct"))
    seen: list[str] = []
    # One that is called after the request returns the response that it is given.
    getattr(app, hook)(lambda *given: seen.append(hook) or (given[0] if hook == "after_request" else None))
    call(app, Asked(body=CHAT, headers=KEY), doors.emulator, "x")
    assert seen == [hook]


def test_an_answer_that_cannot_be_begun_gives_its_slot_back(doors: Doors) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the client has left")

    slots = state_of(doors.direct).slots
    with pytest.raises(OSError, match="the client has left"):
        doors.direct(make_environ(Asked(body=CHAT, headers=KEY), "x"), fail)
    assert slots.count_free() == max_concurrent_calls(state_of(doors.direct).settings)


# --- over real sockets ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gateways(gateway_with: GatewayWith) -> tuple[Gateway, Gateway]:
    """A gateway with either door."""
    own = {"BEDROCK_FLASK_API_KEYS": f"alice:{SECRET}", "BEDROCK_FLASK_BASE_PATH": BASE}
    return gateway_with(**own, BEDROCK_FLASK_DOOR="direct"), gateway_with(**own, BEDROCK_FLASK_DOOR="flask")


def exchange_bytes(gateway: Gateway, sent: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Send the bytes, and read until the server closes: first line, headers, body, without what changes."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(sent)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    head, _, body = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in lines}
    for name in CHANGING_HEADERS:
        headers.pop(name.encode(), None)
    # Flask names the methods in the order of a set.
    headers |= {name: b", ".join(sorted(headers[name].split(b", "))) for name in headers if name == b"allow"}
    # The number of digits of a latency changes too.
    length = int(headers.pop(b"content-length", len(body)))
    assert length == len(body) or sent.startswith(b"HEAD")
    body = join_chunks(body) if headers.get(b"transfer-encoding") == b"chunked" else body
    return first, headers, mask_body(headers[b"content-type"].decode(), body)


def join_chunks(body: bytes) -> bytes:
    """A chunked body whole: how many chunks it has depends on what came together from the emulator."""
    joined = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        joined, body = joined + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return joined


RAW = {
    "plain": (b"POST /v1/chat/completions HTTP/1.1\r\n", b""),
    "HTTP/1.0": (b"POST /v1/chat/completions HTTP/1.0\r\n", b""),
    "below the base path": (b"POST /bedrock/v1/chat/completions HTTP/1.1\r\n", b""),
    "a query": (b"POST /v1/chat/completions?a=b HTTP/1.1\r\n", b""),
    "percent-encoded": (b"POST /v1/chat%2Fcompletions HTTP/1.1\r\n", b""),
    "a fragment": (b"POST /v1/chat/completions#x HTTP/1.1\r\n", b""),
    "an absolute address": (b"POST http://x/v1/chat/completions HTTP/1.1\r\n", b""),
    "two slashes": (b"POST //v1/chat/completions HTTP/1.1\r\n", b""),
    "HEAD": (b"HEAD /v1/chat/completions HTTP/1.1\r\n", b""),
    "GET": (b"GET /v1/chat/completions HTTP/1.1\r\n", b""),
    "OPTIONS": (b"OPTIONS /v1/chat/completions HTTP/1.1\r\n", b""),
    "an encoded ARN": (f"POST /model/{ENCODED_ARN}/converse HTTP/1.1\r\n".encode(), b""),
    "a raw ARN": (f"POST /model/{ARN}/converse HTTP/1.1\r\n".encode(), b""),
    "an origin": (b"POST /v1/chat/completions HTTP/1.1\r\n", b"Origin: https://evil.example\r\n"),
    "expect": (b"POST /v1/chat/completions HTTP/1.1\r\n", b"Expect: 100-continue\r\n"),
    "a repeated header": (b"POST /v1/chat/completions HTTP/1.1\r\n", b"anthropic-beta: a\r\nanthropic-beta: b\r\n"),
    "a header with an underscore": (b"POST /v1/chat/completions HTTP/1.1\r\n", b"x_request_id: forged\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("ends", ["stream", "whole", "broken"])
def test_real_workers_answer_alike(gateways: tuple[Gateway, Gateway], name: str, ends: str) -> None:
    first, more = RAW[name]
    body = json.dumps(
        CONVERSE if b"/model/" in first else shape("/v1/chat/completions", "nova", stream=ends == "stream")
    )
    text = body.encode()[: -1 if ends == "broken" else None]
    head = (
        first
        + b"Host: 127.0.0.1\r\nConnection: close\r\nX-Request-Id: the-same-id\r\nX-Api-Key: "
        + f"{SECRET}\r\nContent-Length: {len(text)}\r\n".encode()
        + more
        + b"\r\n"
    )
    direct, flask = (exchange_bytes(gateway, head + text) for gateway in gateways)
    assert direct == flask
