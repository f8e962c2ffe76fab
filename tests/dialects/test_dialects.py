"""OpenAI's, Anthropic's and Bedrock's routes over real sockets, in front of an upstream that shows what it was sent."""

import base64
import http.client
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.protocol import eventstream
from tests.doubles import Gateway, SendStream, SendWhole, StartGateway, Upstream
from tests.sse_decoder import Decoder

GENERIC = "newvendor.model-of-tomorrow"
CHAT = {"model": GENERIC, "messages": [{"role": "user", "content": "Hi"}]}
MESSAGES = {**CHAT, "max_tokens": 50}
RESPONSES = {"model": GENERIC, "input": "Hi"}
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
ASKING: dict[str, tuple[str, dict[str, Any]]] = {
    "openai_chat": ("/v1/chat/completions", CHAT),
    "openai_responses": ("/v1/responses", RESPONSES),
    "anthropic": ("/v1/messages", MESSAGES),
    "bedrock": (f"/model/{GENERIC}/converse", CONVERSE),
}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 10, "cacheReadInputTokens": 32651, "cacheWriteInputTokens": 17},
}
CLAUDE = "anthropic.claude-opus-4-6-v1"
CLAUDES = '{"type":"message","id":"m","role":"assistant","content":[],"stop_reason":"end_turn","new":[1.10],"usage":{}}'

each_dialect = pytest.mark.parametrize("dialect", ASKING)


@pytest.fixture(scope="module")
def models_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("models") / "models.toml"
    file.write_text(
        f'[models.fast]\nid = "{GENERIC}"\nunsupported = "drop"\n'
        f'[models.firm]\nid = "{GENERIC}"\nunsupported = "error"\n'
        '[models.arn]\nid = "amazon.nova-lite-v1:0"\n'
        'arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"\n'
    )
    return file


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream.reset()


@pytest.fixture(scope="module")
def gateway(start_gateway: StartGateway, lasting_upstream: Upstream, models_file: Path) -> Gateway:
    return start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=lasting_upstream.url,
        BEDROCK_FLASK_MODELS_FILE=str(models_file),
        BEDROCK_FLASK_BASE_PATH="/here",
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
        BEDROCK_FLASK_MAX_BODY_BYTES="100000",
    )


def sent(upstream: Upstream, at: int = -1) -> bytes:
    body: bytes = upstream.requests[at].partition(b"\r\n\r\n")[2]
    return body


def target(upstream: Upstream, at: int = -1) -> str:
    line: bytes = upstream.requests[at].split(b"\r\n")[0]
    return line.decode().split(" ")[1]


# --- the same text and the same counts, whatever the dialect ----------------------------------------------------------


def test_an_answer_says_the_same_in_every_dialect(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    upstream.scripts += [whole(json.dumps(ANSWER).encode())] * 4
    chat = gateway.post(*ASKING["openai_chat"]).json()
    assert chat["choices"][0]["message"]["content"] == "Hello"
    # Case 21 of the catalogue: cached tokens are counted once.
    assert chat["usage"]["prompt_tokens"] == 32671
    assert chat["usage"]["total_tokens"] == 32681
    assert chat["usage"]["prompt_tokens_details"]["cached_tokens"] == 32651
    response = gateway.post(*ASKING["openai_responses"]).json()
    assert response["output"][0]["content"][0]["text"] == "Hello"
    assert response["usage"]["input_tokens"] == 32671
    message = gateway.post(*ASKING["anthropic"]).json()
    assert message["content"] == [{"type": "text", "text": "Hello"}]
    assert message["usage"]["input_tokens"] == 3
    assert message["usage"]["cache_read_input_tokens"] == 32651
    assert message["usage"]["cache_creation_input_tokens"] == 17
    assert gateway.post(*ASKING["bedrock"]).json() == ANSWER


# --- Claude on its own wire -------------------------------------------------------------------------------------------


def test_claudes_text_goes_up_as_it_was_written_but_for_its_envelope(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts.append(whole(CLAUDES.encode()))
    text = '"messages" : [ {"role":"user","content":"caf\\u00e9 1.10"} ],\n "max_tokens":  64, "temperature": 0.10'
    response = gateway.post("/v1/messages", f'{{ "model":"{CLAUDE}", {text}, "stream": false }}')
    assert response.status_code == 200, response.text
    assert text.encode() in sent(upstream)
    assert json.loads(sent(upstream)).keys() == {"anthropic_version", "messages", "max_tokens", "temperature"}
    assert target(upstream) == f"/model/{CLAUDE}/invoke"
    assert response.text == CLAUDES


def test_headers_become_members_and_what_bedrock_refuses_goes_by_the_table(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts.append(whole(CLAUDES.encode()))
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=93a1f;"},
        {"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral"}},
    ]
    tool = {"name": "f", "input_schema": {"type": "object"}, "eager_input_streaming": True}
    body = {**MESSAGES, "model": CLAUDE, "system": system, "tools": [tool], "service_tier": "auto"}
    headers = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "interleaved-thinking-2025-05-14,files-api-2025-04-14,never-heard-of-2031-01-01",
    }
    response = gateway.post("/v1/messages?beta=true", body, headers=headers)
    assert response.status_code == 200, response.text
    up = json.loads(sent(upstream))
    assert up["anthropic_version"] == "bedrock-2023-05-31"
    assert up["anthropic_beta"] == ["interleaved-thinking-2025-05-14", "fine-grained-tool-streaming-2025-05-14"]
    assert up["system"] == system[1:]
    assert up["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert "service_tier" not in up
    dropped = response.headers["x-bedrock-flask-dropped"]
    for name in ("service_tier", "tools[0].eager_input_streaming", "files-api", "never-heard-of", "system[0]"):
        assert name in dropped


def test_the_cached_prefix_is_the_same_whatever_the_billing_block_says(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts += [whole(CLAUDES.encode())] * 2
    for turn in ("a", "b"):
        system = [{"type": "text", "text": f"x-anthropic-billing-header: cch={turn};"}, {"type": "text", "text": "T"}]
        assert gateway.post("/v1/messages", {**MESSAGES, "model": CLAUDE, "system": system}).ok
    assert sent(upstream, 0) == sent(upstream, 1)


def test_claudes_chunks_come_as_they_were_sent(gateway: Gateway, upstream: Upstream, stream: SendStream) -> None:
    chunks = [
        b'{"type":"message_start","message":{"usage":{"input_tokens":1}, "new": 1.10}}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}',
        b'{"type":"event_of_tomorrow"}',
        b'{"type":"message_stop"}',
    ]
    upstream.scripts.append(stream(*(eventstream.encode(eventstream.chunk(each)) for each in chunks)))
    response = gateway.post("/v1/messages", {**MESSAGES, "model": CLAUDE, "stream": True})
    found = Decoder().feed(response.content)
    assert [event.data.encode() for event in found] == chunks
    assert [event.event for event in found] == [json.loads(each)["type"] for each in chunks]


def test_tokens_are_counted_by_bedrock_and_never_guessed(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts += [whole(b'{"inputTokens":14}')] * 2
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    response = gateway.post("/v1/messages/count_tokens", {"model": f"global.{CLAUDE}", **body})
    assert response.json() == {"input_tokens": 14}
    assert target(upstream) == f"/model/{CLAUDE}/count-tokens"
    native = json.loads(base64.b64decode(json.loads(sent(upstream))["input"]["invokeModel"]["body"]))
    assert native["messages"] == body["messages"]
    assert gateway.post("/v1/messages/count_tokens", {"model": GENERIC, **body}).json() == {"input_tokens": 14}
    assert json.loads(sent(upstream))["input"]["converse"] == {"messages": CONVERSE["messages"]}
    refusal = whole(b'{"message":"no counting"}', "400 Bad Request", x_amzn_errortype="ValidationException")
    upstream.scripts.append(refusal)
    response = gateway.post("/v1/messages/count_tokens", {"model": GENERIC, **body})
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")
    assert GENERIC in response.json()["error"]["message"]


# --- what a model cannot take -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "more", "named"),
    [
        ("openai_chat", {"seed": 7}, "seed"),
        ("openai_chat", {"retryTimes": 3}, "retryTimes"),
        ("openai_chat", {"context_management": {}}, "context_management"),
        ("openai_chat", {"messages": [{"role": "user", "content": "Hi", "mood": 1}]}, "messages[0].mood"),
        ("openai_chat", {"reasoning_effort": "high", "model": "amazon.nova-lite-v1:0"}, "effort"),
        ("openai_responses", {"tools": [{"type": "local_shell"}]}, "tools[0]"),
        ("anthropic", {"top_k": 5}, "top_k"),
        ("anthropic", {"retryTimes": 3}, "retryTimes"),
    ],
)
def test_what_nobody_takes_is_refused_by_name_or_dropped_and_listed(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, dialect: str, more: dict[str, Any], named: str
) -> None:
    path, body = ASKING[dialect]
    response = gateway.post(path, {**body, **more})
    assert response.status_code == 400
    assert named in response.text
    assert upstream.requests == []
    upstream.scripts += [whole(json.dumps(ANSWER).encode())] * 2
    response = gateway.post(path, {**body, **more}, headers={"x-bedrock-flask-unsupported": "drop"})
    assert response.status_code == 200, response.text
    assert named in response.headers["x-bedrock-flask-dropped"]
    up = json.loads(sent(upstream))
    assert up.keys() <= {"messages", "inferenceConfig"}
    assert named not in sent(upstream).decode()


def test_the_policy_may_be_an_aliass_or_a_keys(
    start_gateway: StartGateway, gateway: Gateway, upstream: Upstream, whole: SendWhole, models_file: Path
) -> None:
    upstream.scripts += [whole(json.dumps(ANSWER).encode())] * 5
    seeded = {**CHAT, "seed": 7}
    assert (
        gateway.post("/v1/chat/completions", {**seeded, "model": "fast"}).headers["x-bedrock-flask-dropped"] == "seed"
    )
    strict = {"x-bedrock-flask-unsupported": "error"}
    assert gateway.post("/v1/chat/completions", {**seeded, "model": "fast"}, headers=strict).status_code == 400
    odd = {"x-bedrock-flask-unsupported": "perhaps"}
    assert gateway.post("/v1/chat/completions", seeded, headers=odd).status_code == 400
    keyed = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url,
        BEDROCK_FLASK_API_KEYS="alice:aaaaaaaaaaaaaaaaaaaa,bob:bbbbbbbbbbbbbbbbbbbb",
        BEDROCK_FLASK_DROP_UNSUPPORTED="alice",
        BEDROCK_FLASK_MODELS_FILE=str(models_file),
    )
    alice, bob = ({"authorization": f"Bearer {letter * 20}"} for letter in "ab")
    for key, status in ((alice, 200), (bob, 400)):
        response = keyed.post("/v1/chat/completions", seeded, headers=key)
        assert response.status_code == status, response.text
    # The alias decides before the key, and the request before both.
    for key, name, status in ((alice, "firm", 400), (bob, "fast", 200)):
        response = keyed.post("/v1/chat/completions", {**seeded, "model": name}, headers=key)
        assert response.status_code == status, response.text
    lenient = {"x-bedrock-flask-unsupported": "drop"}
    response = keyed.post("/v1/chat/completions", {**seeded, "model": "firm"}, headers=bob | lenient)
    assert (response.status_code, response.headers["x-bedrock-flask-dropped"]) == (200, "seed")


def test_hints_are_let_go_and_listed(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    upstream.scripts.append(whole(json.dumps(ANSWER).encode()))
    codex = {"prompt_cache_key": "k", "store": False, "include": ["reasoning.encrypted_content"]}
    response = gateway.post("/v1/responses", {**RESPONSES, **codex})
    assert response.status_code == 200, response.text
    assert response.headers["x-bedrock-flask-dropped"] == "prompt_cache_key"


@pytest.mark.parametrize("more", [{"store": True}, {"previous_response_id": "resp_1"}])
def test_what_needs_a_memory_is_refused_by_name(gateway: Gateway, upstream: Upstream, more: dict[str, Any]) -> None:
    response = gateway.post("/v1/responses", {**RESPONSES, **more})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == next(iter(more))
    assert upstream.requests == []


# --- errors in the caller's own words ---------------------------------------------------------------------------------

BROKEN: list[tuple[str, Any, int]] = [
    ("not JSON", b"{", 400),
    ("a duplicate", b'{"model":"m","model":"m"}', 400),
    ("no object", b"[]", 400),
    ("no messages", {"model": GENERIC}, 400),
    ("a text for a number", {**MESSAGES, "max_tokens": "50", "max_output_tokens": "50", "inferenceConfig": 3}, 400),
    ("too large", b" " * 100_001, 413),
]


@each_dialect
@pytest.mark.parametrize(("body", "status"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
def test_a_broken_request_is_told_in_the_dialects_words_and_the_model_is_not_called(
    gateway: Gateway, upstream: Upstream, dialect: str, body: Any, status: int
) -> None:
    response = gateway.post(ASKING[dialect][0], body)
    assert response.status_code == status, response.text
    assert_told(dialect, response)
    assert upstream.requests == []


@each_dialect
def test_an_unknown_model_an_address_and_a_method_are_told_in_the_dialects_words(
    gateway: Gateway, upstream: Upstream, dialect: str
) -> None:
    path, body = ASKING[dialect]
    unknown = gateway.post(path.replace(GENERIC, "no such model"), {**body, "model": "no such model"})
    assert unknown.status_code == 404
    assert_told(dialect, unknown)
    nowhere = gateway.post(path + "/nowhere", body)
    assert nowhere.status_code == 404
    assert_told(dialect, nowhere)
    method = gateway.ask("DELETE", path)
    assert method.status_code == 405
    assert_told(dialect, method)


def assert_told(dialect: str, response: Any) -> None:
    document = response.json()
    assert response.headers["x-should-retry"] == "false"
    if dialect == "anthropic":
        assert document["type"] == "error"
        assert document["error"]["type"].endswith("_error") or document["error"]["type"] == "request_too_large"
        assert document["error"]["message"]
        assert document["request_id"] == response.headers["request-id"]
    elif dialect == "bedrock":
        assert document["message"]
        assert response.headers["x-amzn-errortype"].endswith("Exception")
        assert response.headers["x-amzn-requestid"]
    else:
        assert set(document["error"]) - {"errors"} == {"message", "type", "param", "code"}


REFUSALS = {
    "ThrottlingException": (429, 429, 429),
    "ValidationException": (400, 400, 400),
    "AccessDeniedException": (403, 403, 403),
    "ResourceNotFoundException": (404, 404, 404),
    "ModelTimeoutException": (408, 504, 408),
    "ModelErrorException": (424, 502, 424),
    "InternalServerException": (500, 502, 500),
    "ServiceUnavailableException": (503, 503, 503),
    "ServiceQuotaExceededException": (400, 503, 400),
    "ModelNotReadyException": (429, 503, 429),
    # The gateway's own credentials are never the caller's fault.
    "ExpiredTokenException": (403, 503, 503),
}


@each_dialect
@pytest.mark.parametrize("name", REFUSALS)
def test_each_refusal_of_bedrocks_has_its_place(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, dialect: str, name: str
) -> None:
    status, ours, theirs = REFUSALS[name]
    message = "Too many tokens, please wait before trying again."
    body = json.dumps({"message": message}).encode()
    upstream.scripts.append(whole(body, f"{status} Refused", x_amzn_errortype=name))
    response = gateway.post(*ASKING[dialect])
    assert response.status_code == (theirs if dialect == "bedrock" else ours)
    if dialect == "bedrock" and name != "ExpiredTokenException":
        assert response.headers["x-amzn-errortype"] == name
    if (
        response.status_code in (429, 503)
        and name != "ExpiredTokenException"
        and name != "ServiceQuotaExceededException"
    ):
        # The wait grows with the time for which the model has been throttled, here by the cases before.
        assert int(response.headers["retry-after"]) >= 1
        assert int(response.headers["retry-after-ms"]) >= 1000
        assert response.headers["x-should-retry"] == "true"
    if name == "ThrottlingException" and dialect == "openai_chat":
        # Case 26: by its name, never by its words.
        assert response.json()["error"]["type"] == "rate_limit_error"


# --- Bedrock's own routes ---------------------------------------------------------------------------------------------


def test_bytes_in_are_bytes_out_with_members_of_tomorrow(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    body = '{"messages" : [{"role":"user","content":[{"text":"Hi"}]}], "memberOfTomorrow": 12345678901234567890123}'
    answer = json.dumps({**ANSWER, "memberOfTomorrow": 1.10})
    upstream.scripts.append(whole(answer.encode(), x_amzn_bedrock_service_tier="flex"))
    response = gateway.post(f"/model/{GENERIC}/converse", body)
    assert sent(upstream) == body.encode()
    assert response.text == answer
    assert response.headers["x-amzn-bedrock-service-tier"] == "flex"


@pytest.mark.parametrize("ending", ["well", "exception", "error"])
def test_frames_are_the_frames_that_came(gateway: Gateway, upstream: Upstream, stream: SendStream, ending: str) -> None:
    frames = [
        eventstream.event("messageStart", b'{"role":"assistant","p":"abcd"}'),
        eventstream.event("eventOfTomorrow", b'{"a" : 1}'),
        eventstream.event("messageStop", b'{"stopReason":"end_turn"}'),
    ]
    last = {
        "well": eventstream.event("metadata", b'{"usage":{}}'),
        "exception": eventstream.exception("throttlingException", b'{"message":"slow down", "more": 1}'),
        "error": eventstream.error("internalFailure", "It broke."),
    }
    whole = [eventstream.encode(frame) for frame in [*frames, last[ending]]]
    upstream.scripts.append(stream(*whole))
    response = gateway.post(f"/model/{GENERIC}/converse-stream", CONVERSE)
    assert response.headers["content-type"] == eventstream.MEDIA_TYPE
    assert response.content == b"".join(whole)


@pytest.mark.parametrize("base", ["", "/here"])
@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("us.amazon.nova-lite-v1%3A0", "us.amazon.nova-lite-v1%3A0"),
        ("us.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1%3A0"),
        ("nova", "amazon.nova-lite-v1%3A0"),
        ("arn", "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123"),
        (
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0",
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0",
        ),
    ],
)
def test_aliases_profiles_and_arns_work_below_a_base_path_too(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, base: str, name: str, called: str
) -> None:
    upstream.scripts.append(whole(json.dumps(ANSWER).encode()))
    response = gateway.post(f"{base}/model/{name}/converse", CONVERSE)
    assert response.status_code == 200, response.text
    assert target(upstream) == f"/model/{called}/converse"


def test_a_family_without_a_plugin_is_passed_as_it_is(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, stream: SendStream
) -> None:
    upstream.scripts.append(whole(b'{"generation":"Hi"}'))
    response = gateway.post("/model/acme.verse-1/invoke", {"prompt": "Hi"})
    assert response.json() == {"generation": "Hi"}
    frame = eventstream.encode(eventstream.chunk(b'{"generation":"Hi"}'))
    upstream.scripts.append(stream(frame))
    path = "/model/acme.verse-1/invoke-with-response-stream"
    assert gateway.post(path, {"prompt": "Hi"}).content == frame


# --- embeddings -------------------------------------------------------------------------------------------------------


def test_texts_are_fanned_out_and_come_back_in_their_order(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    class ByText:
        """Answers each text with its own number, whichever comes first."""

        def pop(self, at: int) -> Callable[..., None]:
            number = float(json.loads(upstream.requests[-1].partition(b"\r\n\r\n")[2])["inputText"])
            return whole(json.dumps({"embedding": [number], "inputTextTokenCount": 2}).encode())

    upstream.scripts = ByText()
    texts = [str(number) for number in range(20)]
    response = gateway.post("/v1/embeddings", {"model": "titan-embed", "input": texts, "dimensions": 256})
    assert response.status_code == 200, response.text
    document = response.json()
    assert [each["index"] for each in document["data"]] == list(range(20))
    assert len(upstream.requests) == 20
    assert all(json.loads(sent(upstream, at))["dimensions"] == 256 for at in range(20))
    assert document["usage"] == {"prompt_tokens": 40, "total_tokens": 40}


def test_an_embedding_comes_in_base64_too_and_a_chat_model_makes_none(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts.append(whole(b'{"embedding":[0.5,-1.0],"inputTextTokenCount":1}'))
    body = {"model": "titan-embed", "input": "x", "encoding_format": "base64"}
    document = gateway.post("/v1/embeddings", body).json()
    assert base64.b64decode(document["data"][0]["embedding"]) == b"\x00\x00\x00?\x00\x00\x80\xbf"
    assert gateway.post("/v1/embeddings", {**body, "model": GENERIC}).status_code == 400
    assert gateway.post("/v1/embeddings", {**body, "input": [1, 2]}).status_code == 400
    assert gateway.post("/v1/embeddings", {**body, "input": ["a", " "]}).json()["error"]["param"] == "input[1]"


# --- what a hostile reader found -------------------------------------------------------------------------------------


def test_tokens_are_counted_whatever_the_budget_for_thinking(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts.append(whole(b'{"inputTokens":14}'))
    thinking = {"type": "enabled", "budget_tokens": 1024}
    body = {"model": CLAUDE, "messages": [{"role": "user", "content": "Hi"}], "thinking": thinking}
    assert gateway.post("/v1/messages/count_tokens", body).json() == {"input_tokens": 14}


def test_tokens_are_counted_by_the_id_behind_an_arn(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    upstream.scripts.append(whole(b'{"inputTokens":14}'))
    body = {"model": "arn", "messages": [{"role": "user", "content": "Hi"}]}
    assert gateway.post("/v1/messages/count_tokens", body).status_code == 200
    assert target(upstream) == "/model/amazon.nova-lite-v1%3A0/count-tokens"


@pytest.mark.parametrize("name", ["a.b", "a[0]", "tools[0].x", ""])
def test_a_member_may_have_any_name(gateway: Gateway, upstream: Upstream, whole: SendWhole, name: str) -> None:
    upstream.scripts.append(whole(CLAUDES.encode()))
    drop = {"x-bedrock-flask-unsupported": "drop"}
    response = gateway.post("/v1/messages", {**MESSAGES, "model": CLAUDE, name: 1}, headers=drop)
    assert response.status_code == 200, response.text
    assert name not in json.loads(sent(upstream))


def test_nothing_goes_by_the_table_for_who_says_that_nothing_may(gateway: Gateway, upstream: Upstream) -> None:
    strict = {"x-bedrock-flask-unsupported": "error"}
    response = gateway.post("/v1/messages", {**MESSAGES, "model": CLAUDE, "speed": "fast"}, headers=strict)
    assert response.status_code == 400
    assert "speed" in response.json()["error"]["message"]
    assert upstream.requests == []


def test_the_tools_that_bedrock_refuses_leave_and_no_other(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts.append(whole(CLAUDES.encode()))
    first, second = ({"name": name, "input_schema": {"type": "object"}} for name in ("first", "second"))
    refused = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "web_fetch_20250910", "name": "web_fetch"},
    ]
    body = {
        "model": CLAUDE,
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [refused[0], first, refused[1], second],
    }
    response = gateway.post("/v1/messages", body)
    assert response.status_code == 200, response.text
    assert json.loads(sent(upstream))["tools"] == [first, second]
    assert set(response.headers["x-bedrock-flask-dropped"].split(", ")) == {"tools[0]", "tools[2]"}


def test_however_many_names_are_dropped_their_number_is_told(
    gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts += [whole(json.dumps(ANSWER).encode())] * 2
    drop = {"x-bedrock-flask-unsupported": "drop"}
    few = {f"unknown_{number}": 1 for number in range(30)}
    response = gateway.post("/v1/chat/completions", {**CHAT, **few}, headers=drop)
    assert set(response.headers["x-bedrock-flask-dropped"].split(", ")) == set(few)
    many = {f"unknown_{number:0190}": 1 for number in range(30)}
    value = gateway.post("/v1/chat/completions", {**CHAT, **many}, headers=drop).headers["x-bedrock-flask-dropped"]
    *names, more = value.split(", ")
    assert more == f"and {30 - len(names)} more"


@pytest.mark.parametrize("sign", ["\r\n", "\0", "\t", "\x7f", "\x85", "\u2028", ","])
def test_a_dropped_name_is_reported_without_signs_that_no_header_has(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, sign: str
) -> None:
    upstream.scripts.append(whole(json.dumps(ANSWER).encode()))
    drop = {"x-bedrock-flask-unsupported": "drop"}
    response = gateway.post("/v1/chat/completions", {**CHAT, f"a{sign}b: 1": 1}, headers=drop)
    assert response.status_code == 200
    assert response.headers["x-bedrock-flask-dropped"] == f"a{'?' * len(sign)}b: 1"


def test_no_text_is_embedded_for_who_has_left(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    class Slow:
        def pop(self, at: int) -> Callable[..., None]:
            time.sleep(0.2)
            return whole(b'{"embedding":[0.5],"inputTextTokenCount":1}')

    upstream.scripts = Slow()
    body = json.dumps({"model": "titan-embed", "input": ["x"] * 64}).encode()
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        head = f"POST /v1/embeddings HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        until = time.monotonic() + 20
        while not upstream.requests and time.monotonic() < until:
            time.sleep(0.01)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = [line for line in gateway.lines() if line.get("route") == "/v1/embeddings"]
        if found and found[-1].get("error") == "client_left":
            break
        time.sleep(0.05)
    assert found[-1]["error"] == "client_left"
    assert len(upstream.requests) < 64


def test_no_text_is_embedded_after_one_that_failed(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    class FirstRefused:
        def pop(self, at: int) -> Callable[..., object]:
            if len(upstream.requests) == 1:
                return whole(b'{"message":"No."}', "400 Bad Request", x_amzn_errortype="ValidationException")
            time.sleep(0.1)
            return whole(b'{"embedding":[0.5],"inputTextTokenCount":1}')

    upstream.scripts = FirstRefused()
    texts = [str(number) for number in range(64)]
    response = gateway.post("/v1/embeddings", {"model": "titan-embed", "input": texts})
    assert response.status_code == 400
    # Those that had begun come to their end.
    assert len(upstream.requests) < 32


def test_a_second_slash_is_no_other_way_to_write_an_address(gateway: Gateway, upstream: Upstream) -> None:
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)
    connection.request("POST", f"//model//{GENERIC}/converse", json.dumps(CONVERSE))
    assert connection.getresponse().status == 404
    connection.close()


def test_a_retry_hint_counts_the_gateways_own_attempts(
    start_gateway: StartGateway, upstream: Upstream, whole: SendWhole
) -> None:
    patient = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, BEDROCK_FLASK_MAX_ATTEMPTS="2")
    refusal = whole(b'{"message":"sorry"}', "500 Internal", x_amzn_errortype="InternalServerException")
    for dialect, status in {**dict.fromkeys(ASKING, 502), "bedrock": 500}.items():
        upstream.reset().scripts += [refusal, refusal]
        response = patient.post(*ASKING[dialect])
        assert (response.status_code, len(upstream.requests)) == (status, 2), dialect
        assert (response.headers["retry-after"], response.headers["x-should-retry"]) == ("1", "false")
    # The second attempt of an SDK: the gateway makes one for it.
    upstream.reset().scripts += [refusal, refusal]
    response = patient.post(*ASKING["anthropic"], headers={"x-stainless-retry-count": "1"})
    assert (len(upstream.requests), response.headers["x-should-retry"]) == (1, "true")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ThrottlingException", "429 Too Many"),
        ("ModelNotReadyException", "429 Too Many"),
        ("ServiceUnavailableException", "503 Unavailable"),
        ("", "529 Overloaded"),
    ],
)
def test_a_throttle_leaves_the_patience_to_the_client(
    start_gateway: StartGateway, upstream: Upstream, whole: SendWhole, name: str, status: str
) -> None:
    patient = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, BEDROCK_FLASK_MAX_ATTEMPTS="3")
    headers = {"x_amzn_errortype": name} if name else {}
    refusal = whole(b'{"message":"slow down"}', status, **headers)
    for dialect in ASKING:
        upstream.reset().scripts += [refusal] * 3
        response = patient.post(*ASKING[dialect])
        assert (response.status_code in (429, 503, 529), len(upstream.requests)) == (True, 3), dialect
        assert response.headers["x-should-retry"] == "true"
    # All of them called one model, for some seconds.
    assert 1 <= int(response.headers["retry-after"]) <= 30
    hint = whole(b'{"message":"slow down"}', status, retry_after="0", **headers)
    upstream.reset().scripts += [hint] * 3
    response = patient.post(*ASKING["anthropic"])
    assert (response.headers["retry-after"], response.headers["x-should-retry"]) == ("0", "true")
