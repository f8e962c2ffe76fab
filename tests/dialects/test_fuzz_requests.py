"""Hostile requests on the gateway's own socket: one parse, an error or a closed connection, never a 500, never two."""

import copy
import json
import os
import socket
import string
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_flask.protocol import eventstream
from tests.dialects import full_bodies
from tests.doubles import Emulator, Gateway

CANARY = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: canary\r\nConnection: close\r\n\r\n"
POST = b"POST /v1/models/nova/invoke HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"messages":[{"role":"user","content":[{"text":"hi"}]}]}'
SIZE = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)

# What two parsers could read differently. A canary request follows each, or is within it, and is never served.
SMUGGLED = {
    "a length and chunks": POST + SIZE + CHUNKED + b"\r\n" + CHUNKS,
    "chunks and a length": POST + CHUNKED + SIZE + b"\r\n" + CHUNKS,
    "a length that hides a request": POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "two lengths": POST + SIZE + b"Content-Length: 0\r\n\r\n" + BODY,
    "two equal lengths": POST + SIZE + SIZE + b"\r\n" + BODY,
    "a list of lengths": POST + b"Content-Length: 0, 56\r\n\r\n" + BODY,
    "a length with a sign": POST + b"Content-Length: +56\r\n\r\n" + BODY,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + BODY,
    "a hexadecimal length": POST + b"Content-Length: 0x38\r\n\r\n" + BODY,
    "a length with an underscore": POST + b"Content-Length: 5_6\r\n\r\n" + BODY,
    "a length in other digits": POST + "Content-Length: \u0665\r\n\r\n".encode() + BODY,
    "a length that is no number": POST + b"Content-Length: many\r\n\r\n" + BODY,
    "an empty length": POST + b"Content-Length:\r\n\r\n" + BODY,
    "chunks twice": POST + CHUNKED + CHUNKED + b"\r\n" + CHUNKS,
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,
    "chunks and another coding": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS,
    "a coding behind a tab": POST + b"Transfer-Encoding:\tchunked, x\r\n\r\n" + CHUNKS,
    "a coding with a control character": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS,
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS,
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n" + CHUNKS,
    "a chunk size that is no number": POST + CHUNKED + b"\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size with a sign": POST + CHUNKED + b"\r\n+38\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size with a prefix": POST + CHUNKED + b"\r\n0x38\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size with an underscore": POST + CHUNKED + b"\r\n3_8\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an empty chunk size": POST + CHUNKED + b"\r\n\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk without its end": POST + CHUNKED + b"\r\n38\r\n" + BODY + b"0\r\n\r\n",
    "a chunk size before a bare return": POST + CHUNKED + b"\r\n38\r" + BODY + b"\r\n0\r\n\r\n",
    "a folded header": POST + b"X-A: b\r\n c\r\n" + SIZE + b"\r\n" + BODY,
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS,
    "a header without a colon": POST + b"Transfer-Encoding\r\n" + SIZE + b"\r\n" + BODY,
    "a header without a name": POST + b": chunked\r\n" + SIZE + b"\r\n" + BODY,
    "a name with a space": POST + b"Content Length: 5\r\n\r\n" + BODY,
    "a NUL in a header": POST + b"X-A: b\0c\r\n" + SIZE + b"\r\n" + BODY,
    "a NUL in the address": POST.replace(b"nova", b"no\0va") + SIZE + b"\r\n" + BODY,
    "a bare return in a header": POST + b"X-A: b\rTransfer-Encoding: chunked\r\n" + SIZE + b"\r\n" + BODY,
    "no method": b" /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": b"GET /v1/models\r\nHost: localhost\r\n\r\n",
    "a version of the future": b"GET /v1/models HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a very long address": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a very long header": POST + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n",
    "very many headers": POST + b"".join(b"X-%d: a\r\n" % number for number in range(2000)) + b"\r\n",
}
# Odd, and read by everybody alike: the body is the model's, and the request behind it is served in its turn.
READ_ALIKE = {
    "extensions of a chunk": POST + CHUNKED + b"\r\n38;a=b\r\n" + BODY + b"\r\n0\r\n\r\n",
    "leading zeros": POST + b"Content-Length: 0056\r\n\r\n" + BODY,
    "many small chunks": POST + CHUNKED + b"\r\n" + b"".join(b"1\r\n%c\r\n" % c for c in BODY) + b"0\r\n\r\n",
}


def heard(gateway: Gateway, sent: bytes) -> bytes:
    """All that the gateway says on one connection, until it closes it."""
    host, port = gateway.url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=20) as client:
        try:
            client.sendall(sent)
            while piece := client.recv(65536):
                answer += piece
        except ConnectionError:
            pass
    return answer


def statuses(answer: bytes) -> list[int]:
    """The status of every answer on a connection."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


@pytest.fixture
def goes_on(gateway: Gateway) -> Any:
    """The same worker serves the next request, and nothing unforeseen has happened."""
    before = gateway.list_workers()
    yield
    assert gateway.get("/livez").ok
    assert gateway.list_workers() == before
    assert "Traceback" not in gateway.log.read_text()
    assert [line for line in gateway.lines() if "unforeseen" in line["message"]] == []


@pytest.mark.parametrize("name", SMUGGLED)
@pytest.mark.usefixtures("goes_on")
def test_a_request_that_could_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_served(
    gateway: Gateway, emulator: Emulator, name: str
) -> None:
    answer = heard(gateway, SMUGGLED[name] + CANARY)
    assert len(statuses(answer)) <= 1
    assert all(400 <= status < 500 or status in (501, 505) for status in statuses(answer)), answer[:300]
    assert b"canary" not in answer
    assert emulator.calls() == []


@pytest.mark.parametrize("name", READ_ALIKE)
@pytest.mark.usefixtures("goes_on")
def test_what_everybody_reads_alike_is_served_and_so_is_the_request_behind_it(
    gateway: Gateway, emulator: Emulator, name: str
) -> None:
    answer = heard(gateway, READ_ALIKE[name] + CANARY)
    assert statuses(answer) == [200, 200]
    assert b"canary" in answer
    assert [call["body"] for call in emulator.calls()] == [BODY.decode()]


# The same every time, and no failure for a busy machine; the nightly search tries new bodies, and far more of them.
SEARCHES = os.environ.get("HYPOTHESIS_PROFILE") == "random"
calm = settings(
    max_examples=1000 if SEARCHES else 150,
    deadline=None,
    derandomize=not SEARCHES,
    print_blob=SEARCHES,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
# Names that bodies have, so that a generated body gets further than the first unknown field.
MEMBERS = (
    "messages role content text system type source max_tokens anthropic_version inferenceConfig toolConfig tools name "
    "input inputText dimensions model stream image format bytes cachePoint toolUse toolResult thinking"
)
members = st.sampled_from(MEMBERS.split())
bodies = st.recursive(
    anything, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(members, inner, max_size=5), max_leaves=20
)
ROUTES = [
    *(
        f"/v1/models/{model}/{action}"
        for model in ("claude", "nova", "acme.chat-1")
        for action in ("invoke", "invoke-stream")
    ),
    "/v1/models/titan-embed/invoke",
    "/v1/invoke",
]


@pytest.mark.usefixtures("goes_on")
@calm
@given(route=st.sampled_from(ROUTES), body=bodies)
def test_no_json_is_a_500(gateway: Gateway, emulator: Emulator, route: str, body: Any) -> None:
    response = gateway.post(route, json.dumps(body))
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert problem["code"] in ("invalid_body", "unknown_model", "bedrock_validation", "not_streamable")


# Every dialect with a body that has a member of every kind, for a family of each way of calling.
DIALECTS: list[tuple[str, dict[str, Any]]] = [
    *(
        (path, {"model": model, **body})
        for model in ("nova", "claude", "newvendor.model-of-tomorrow")
        for path, body in (
            ("/v1/chat/completions", full_bodies.CHAT),
            ("/v1/responses", full_bodies.RESPONSES),
            ("/v1/messages", full_bodies.MESSAGES),
            ("/v1/messages/count_tokens", full_bodies.MESSAGES),
        )
    ),
    ("/v1/embeddings", {"model": "titan-embed", **full_bodies.EMBEDDINGS}),
    ("/v1/invoke", {"model": "nova", "input": full_bodies.CONVERSE}),
    ("/model/amazon.nova-lite-v1:0/converse", full_bodies.CONVERSE),
]


def walk(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value within a body but the body itself, with its path."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key), inner
        yield from walk(inner, (*path, key))


KINDS = sorted(
    {value for _, body in DIALECTS for path, value in walk(body) if path[-1] in ("type", "role")}
    | {"allowed_tools", "adaptive", "url", "file", "server_tool_use", "mcp_tool_use", "new_tool_result", "any", "none"}
)
# Copied, because a later change may change them.
odd_values = (
    st.sampled_from(
        [None, 0, -1, 1.5, True, "", " ", "x", "\ud800", "many", 10**30, [], {}, [1], ["x"], [[]], [{}], {"type": "x"}]
    )
    | st.sampled_from(KINDS)
).map(copy.deepcopy)
# Values may be replaced, by one of the same body too, removed, or added under another name.
CHANGES = ("replace", "remove", "copy", "add")


def change(body: Any, draw: st.DrawFn) -> None:
    """Change one value of a body."""
    paths = [path for path, _ in walk(body)]
    if not paths:
        return
    *above, last = draw(st.sampled_from(paths))
    holder = body
    for key in above:
        holder = holder[key]
    match draw(st.sampled_from(CHANGES)):
        case "remove":
            del holder[last]
        case "copy":
            source = body
            for key in draw(st.sampled_from(paths)):
                source = source[key]
            holder[last] = copy.deepcopy(source)
        case "add" if isinstance(holder, dict):
            holder[draw(st.sampled_from(["type", "content", "text", "source", "name", "zzz"]))] = draw(odd_values)
        case _:
            kinds = st.sampled_from(KINDS)
            holder[last] = draw(kinds if last in ("type", "role") and draw(st.booleans()) else odd_values)


@st.composite
def changed_bodies(draw: st.DrawFn) -> tuple[str, Any]:
    """A dialect's path, and its whole body with one to three changes."""
    path, body = draw(st.sampled_from(DIALECTS))
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        change(body, draw)
    return path, body


DROP = {"x-bedrock-flask-unsupported": "drop"}


# How the last event of each dialect's streams begins: with the answer's end, or with an error.
STREAM_ENDS: dict[str, tuple[str, ...]] = {
    "/v1/chat/completions": ("data: [DONE]", 'data: {"error"'),
    "/v1/responses": ("event: response.completed", "event: response.incomplete", "event: response.failed"),
    "/v1/messages": ("event: message_stop", "event: error"),
    "/v1/invoke": ("event: usage", "event: error"),
    "/model/amazon.nova-lite-v1:0/converse": ("metadata", "Exception"),
}


def find_end(path: str, response: requests.Response) -> str:
    """What a streamed answer ends with: its last event, or the kind of its last frame."""
    if response.headers["content-type"] != eventstream.MEDIA_TYPE:
        return response.text.rstrip("\n").rpartition("\n\n")[2]
    last = list(eventstream.Decoder().feed(response.content))[-1].headers
    return str(last.get(":event-type") or last.get(":exception-type"))


@pytest.mark.usefixtures("goes_on")
@pytest.mark.timeout(1800)
@settings(calm, max_examples=10_000 if SEARCHES else 300)
@given(changed=changed_bodies(), drops=st.booleans(), streams=st.booleans())
def test_no_changed_body_of_any_dialect_is_a_500_or_a_silent_stream(
    gateway: Gateway, emulator: Emulator, changed: tuple[str, Any], drops: bool, streams: bool
) -> None:
    path, body = changed
    asks = streams and path in STREAM_ENDS
    if asks and path.startswith("/model/"):
        sent = path + "-stream"
    elif asks:
        sent, body = path, {**body, "stream": True}
    else:
        sent = path
    response = gateway.post(sent, json.dumps(body), headers=DROP if drops else {})
    assert response.status_code < 500, response.text
    if asks and response.status_code == 200:
        ends = STREAM_ENDS[path]
        end = find_end(path, response)
        assert end.startswith(ends) or end.endswith(ends), response.text[-500:]


@pytest.mark.parametrize(("path", "body"), DIALECTS, ids=lambda each: each if isinstance(each, str) else "")
def test_the_bodies_that_are_changed_are_valid(gateway: Gateway, path: str, body: Any) -> None:
    response = gateway.post(path, json.dumps(body), headers=DROP)
    # Not every model's tokens are counted.
    assert response.status_code == 200 or "support counting tokens" in response.text, response.text


def turn(*content: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": list(content)}]}


def deep_references(keyword: str) -> dict[str, Any]:
    """A schema of 31 references in a row, each to a schema with the next one 20 levels within it."""

    def wrap(schema: dict[str, Any]) -> dict[str, Any]:
        for _ in range(20):
            schema = {keyword: {"a": schema} if keyword == "properties" else [schema]}
        return schema

    definitions = {f"d{number}": wrap({"$ref": f"#/$defs/d{number + 1}"}) for number in range(31)}
    return {"type": "object", **wrap({"$ref": "#/$defs/d0"}), "$defs": definitions}


# A name that the format has elsewhere, a member that only a sibling has, and what else was once read unchecked.
ONCE_A_500: dict[str, tuple[str, dict[str, Any]]] = {
    "a refusal of the user": ("/v1/chat/completions", turn({"type": "refusal", "text": "x"})),
    "an image in the instructions": ("/v1/chat/completions", turn({"type": "image_url", "text": "x"}, role="system")),
    "a refusal in a result": (
        "/v1/responses",
        {"input": [{"type": "function_call_output", "call_id": "a", "output": [{"type": "refusal"}]}]},
    ),
    "an answer in a result": (
        "/v1/responses",
        {"input": [{"type": "function_call_output", "call_id": "a", "output": [{"type": "output_text"}]}]},
    ),
    "a tool without a name in a namespace": (
        "/v1/responses",
        {"input": "x", "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "x"}]}]},
    ),
    "properties of a tool that are a list": (
        "/v1/chat/completions",
        {
            **turn({"type": "text", "text": "x"}),
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": [{}]}}}],
        },
    ),
    "the format of a function that is a text": (
        "/v1/responses",
        {"input": "x", "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "format": "x"}]},
    ),
    "a grammar of a function": (
        "/v1/responses",
        {"input": "x", "tools": [{"type": "function", "name": "f", "parameters": {}, "format": {"type": "grammar"}}]},
    ),
    "an effort that is a list": ("/v1/responses", {"input": "x", "effort": []}),
    "a block without a type in a turn of a new role": (
        "/v1/messages",
        {
            "max_tokens": 9,
            "messages": [
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}]},
                {"role": "new", "content": [{"a": None}, 1, {"type": []}]},
            ],
        },
    ),
    "a mark of the whole request beside a turn of a new role": (
        "/v1/messages",
        {
            "max_tokens": 9,
            "messages": [{"role": "new", "content": [1, {"a": None}]}],
            "cache_control": {"type": "ephemeral"},
        },
    ),
    "a server's tool in a turn of a new role": (
        "/v1/messages",
        {
            "max_tokens": 9,
            "messages": [
                {"role": "assistant", "content": [{"type": "mcp_tool_use", "id": "a", "name": "b", "input": {}}]},
                {"role": "new", "content": [{"type": "mcp_tool_use"}, {"a": None}]},
            ],
        },
    ),
    "references in a long row to deep schemas": (
        "/v1/chat/completions",
        {
            **turn({"type": "text", "text": "x"}),
            "tools": [{"type": "function", "function": {"name": "f", "parameters": deep_references("properties")}}],
        },
    ),
    "references in a long row to deep unions": (
        "/v1/chat/completions",
        {
            **turn({"type": "text", "text": "x"}),
            "tools": [{"type": "function", "function": {"name": "f", "parameters": deep_references("allOf")}}],
        },
    ),
    "reasoning in a result": (
        "/v1/messages",
        {"max_tokens": 9, **turn({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "thinking"}]})},
    ),
    "a result of a new kind": ("/v1/messages", {"max_tokens": 9, **turn({"type": "new_tool_result"})}),
    "a document with the content of another": (
        "/v1/messages",
        {
            "max_tokens": 9,
            **turn(
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk=", "content": [1]},
                }
            ),
        },
    ),
    "a budget that is a text": (
        "/v1/messages/count_tokens",
        {**turn({"type": "text", "text": "x"}), "thinking": {"type": "x", "budget_tokens": "many"}},
    ),
    "a beta that is a list": (
        "/v1/messages/count_tokens",
        {**turn({"type": "text", "text": "x"}), "anthropic_beta": [[[]]]},
    ),
    "a user who is a number": (
        "/v1/messages/count_tokens",
        {**turn({"type": "text", "text": "x"}), "metadata": {"user_id": 1}},
    ),
}


@pytest.mark.parametrize("policy", ["error", "drop"])
@pytest.mark.parametrize("model", ["nova", "claude", "acme.chat-1"])
@pytest.mark.parametrize("name", ONCE_A_500)
@pytest.mark.usefixtures("goes_on")
def test_what_cannot_be_read_is_refused_by_its_path(
    gateway: Gateway, emulator: Emulator, name: str, model: str, policy: str
) -> None:
    path, body = ONCE_A_500[name]
    response = gateway.post(path, {"model": model, **body}, headers={"x-bedrock-flask-unsupported": policy})
    assert response.status_code in (200, 400), response.text


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"])
@pytest.mark.usefixtures("goes_on")
def test_a_body_of_more_parts_than_a_request_may_have_is_too_large(gateway: Gateway, path: str) -> None:
    response = gateway.post(path, b'{"model":"nova","input":[' + b"[]," * 250_000 + b"[]]}")
    assert response.status_code == 413
    error = response.json()["error"]
    assert (error["code"], error["message"]) == ("body_too_large", "The body has more than 250,000 objects and arrays.")


@pytest.mark.usefixtures("goes_on")
@calm
@given(route=st.sampled_from(ROUTES), body=st.binary(max_size=60), place=st.integers(0, len(BODY)))
def test_no_bytes_are_a_500(gateway: Gateway, emulator: Emulator, route: str, body: bytes, place: int) -> None:
    for sent in (body, BODY[:place] + body + BODY[place:]):
        response = gateway.post(route, sent)
        assert response.status_code < 500, response.text


@pytest.mark.usefixtures("goes_on")
@calm
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PATCH", "get", "X"]),
    path=st.text(alphabet=string.printable + "\u00e9\u0000\u2028", max_size=20).map(
        lambda text: "/" + "".join(f"%{byte:02X}" for byte in text.encode())
    )
    | st.from_regex(r"/(v1/(models|invoke)/?)?[!-~]{0,20}", fullmatch=True),
    name=st.sampled_from(
        ["X-Request-Id", "Authorization", "Content-Type", "Content-Encoding", "Origin", "X-Amzn-Bedrock-X"]
    ),
    value=st.binary(max_size=30).map(lambda raw: raw.translate(None, b"\r\n\0")),
)
def test_no_address_and_no_header_is_a_500(
    gateway: Gateway, emulator: Emulator, method: str, path: str, name: str, value: bytes
) -> None:
    sent = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{name}: ".encode()
    answer = heard(gateway, sent + value + b"\r\nContent-Length: 2\r\n\r\n{}")
    assert len(statuses(answer)) <= 1
    assert all(status < 500 or status in (501, 505) for status in statuses(answer)), answer[:300]


@pytest.mark.parametrize("seed", [b"messages", b"[", b"{", b'"', b"\\u", b"-", b"e", b"."])
@pytest.mark.usefixtures("goes_on")
def test_no_long_repetition_is_a_500(gateway: Gateway, emulator: Emulator, seed: bytes) -> None:
    for route in ROUTES[:2]:
        assert gateway.post(route, seed * 50_000).status_code == 400
        assert gateway.post(route, b'{"messages":' + seed * 50_000).status_code == 400
    assert json.loads(gateway.get("/livez").text) == {"status": "ok"}
