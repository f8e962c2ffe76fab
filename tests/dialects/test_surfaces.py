"""Models that AWS serves in formats of OpenAI's and Anthropic's: every client reaches them by any surface."""

import json
import re
from typing import Any

import anthropic
import openai
import pytest

from bedrock_flask.protocol import sse
from tests.doubles import Gateway, GatewayWith, Script, StartGateway, Upstream, send_stream, send_whole
from tests.sse_decoder import Decoder

Json = dict[str, Any]

RESPONSE: Json = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "openai.gpt-5.5",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "opaque=="},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "4", "annotations": []}],
        },
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 15,
    },
}
USAGE = {"input_tokens": 6, "cache_read_tokens": 4, "output_tokens": 5}
COMPLETION: Json = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "google.gemma-4-31b",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}
CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
COUNTS = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
CHUNKS: list[Json] = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {"content": "4"}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**CHUNK, "choices": [], "usage": COUNTS},
]
EVENTS: list[Json] = [
    {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": [], "usage": None}},
    {"type": "response.output_item.added", "output_index": 0, "item": {**RESPONSE["output"][1], "content": []}},
    {
        "type": "response.content_part.added",
        "output_index": 0,
        "item_id": "msg_1",
        "content_index": 0,
        "part": {"type": "output_text", "text": "", "annotations": []},
    },
    {
        "type": "response.output_text.delta",
        "output_index": 0,
        "item_id": "msg_1",
        "content_index": 0,
        "delta": "4",
        "logprobs": [],
    },
    {"type": "response.output_item.done", "output_index": 0, "item": RESPONSE["output"][1]},
    {"type": "response.completed", "response": RESPONSE},
]
MESSAGE: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "anthropic.claude-opus-4-8",
    "content": [{"type": "text", "text": "4"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "output_tokens": 1},
}
HI = [{"role": "user", "content": "What is 2+2?"}]


def whole(document: Json, status: str = "200 OK") -> Script:
    return send_whole(json.dumps(document).encode(), status)


def stream(*events: Json, done: bool = False) -> Script:
    numbered = ({**event, "sequence_number": n} if "type" in event else event for n, event in enumerate(events))
    frames = [sse.encode_line(json.dumps(event).encode(), event.get("type")) for event in numbered]
    return send_stream(*frames, *([sse.encode("[DONE]")] if done else []), media_type=sse.MEDIA_TYPE)


@pytest.fixture
def upstream(session_upstream: Upstream) -> Upstream:
    """What plays both of AWS's endpoints."""
    return session_upstream.reset()


@pytest.fixture
def surfaces(gateway_with: GatewayWith, upstream: Upstream) -> Gateway:
    """A gateway in front of it."""
    return gateway_with(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url,
        AWS_ENDPOINT_URL_BEDROCK_MANTLE=upstream.url,
        BEDROCK_FLASK_READ_TIMEOUT="5",
    )


def sent(upstream: Upstream) -> tuple[str, Json, dict[str, str]]:
    """The path, the body and the headers of the last request."""
    head, _, body = upstream.requests[-1].partition(b"\r\n\r\n")
    line, *rows = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (row.partition(": ") for row in rows)}
    return line.split()[1], json.loads(body), headers


def service(headers: dict[str, str]) -> str:
    found = re.search(r"/us-east-1/([a-z-]+)/aws4_request", headers["authorization"])
    return found[1] if found else ""


def openai_client(gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0)


def anthropic_client(gateway: Gateway) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0)


# --- the surface of the client's own format ---------------------------------------------------------------------------


def test_a_responses_request_goes_to_responses_as_it_came(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts.append(whole(RESPONSE))
    text = (
        '{"model": "openai.gpt-5.5", "input": [{"role":"user", "content":"What is 2+2?"}], "future":  {"a": 1.0},'
        ' "store": false, "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "high"}}'
    )
    answer = surfaces.post("/v1/responses", text)
    assert answer.status_code == 200, answer.text
    assert answer.json() == RESPONSE
    assert answer.headers["x-bedrock-flask-surface"] == "mantle/openai/responses"
    _, _, body = upstream.requests[0].partition(b"\r\n\r\n")
    assert body.decode() == text
    path, _, headers = sent(upstream)
    assert (path, service(headers)) == ("/openai/v1/responses", "bedrock-mantle")
    line = surfaces.line(answer.headers["x-request-id"])
    assert {name: line[name] for name in USAGE} == USAGE
    assert line["surface"] == "mantle/openai/responses"


def test_a_profile_goes_to_the_runtime(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts += [whole(RESPONSE), whole(COMPLETION)]
    assert surfaces.post("/v1/responses", {"model": "us.openai.gpt-5.6-sol", "input": "Hi"}).status_code == 200
    path, body, headers = sent(upstream)
    assert (path, service(headers), body["model"]) == ("/openai/v1/responses", "bedrock", "us.openai.gpt-5.6-sol")
    assert surfaces.post("/v1/chat/completions", {"model": "gpt-5.6-sol", "messages": HI}).status_code == 200
    path, body, headers = sent(upstream)
    assert (path, service(headers)) == ("/openai/v1/chat/completions", "bedrock")
    assert body == {"model": "us.openai.gpt-5.6-sol", "messages": HI}


def test_nothing_is_stored_and_reasoning_can_be_sent_back(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts.append(whole(RESPONSE))
    openai_client(surfaces).responses.create(model="openai.gpt-5.5", input="Hi")
    _, body, _ = sent(upstream)
    assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"store": True}, "store"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": "rs_1"}]}, "input[0]"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]},
            "input[0].content[0].file_id",
        ),
    ],
)
def test_what_others_have_stored_cannot_be_named(
    surfaces: Gateway, upstream: Upstream, members: Json, path: str
) -> None:
    answer = surfaces.post("/v1/responses", {"model": "openai.gpt-5.5", "input": "Hi", **members})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, path)
    assert upstream.requests == []


def test_a_stream_of_responses_passes(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts.append(stream(*EVENTS))
    with openai_client(surfaces).responses.stream(model="openai.gpt-5.5", input="Hi") as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    assert kinds[-1] == "response.completed"
    assert final.output_text == "4"
    assert final.usage is not None
    assert final.usage.output_tokens == 5
    assert sent(upstream)[1]["stream"] is True


def test_a_stream_of_chat_passes_and_reports_usage_only_to_who_wants_it(surfaces: Gateway, upstream: Upstream) -> None:
    for wanted in (True, False):
        upstream.scripts.append(stream(*CHUNKS, done=True))
        options: Json = {"stream_options": {"include_usage": True}} if wanted else {}
        body = {"model": "google.gemma-4-31b", "messages": HI, "stream": True, **options}
        answer = surfaces.post("/v1/chat/completions", body)
        events = [event.data for event in Decoder().feed(answer.content)]
        assert events[-1] == "[DONE]"
        chunks = [json.loads(data) for data in events[:-1]]
        assert chunks == (CHUNKS if wanted else CHUNKS[:-1])
        assert sent(upstream)[1]["stream_options"] == {"include_usage": True}
        line = surfaces.line(answer.headers["x-request-id"])
        assert (line["input_tokens"], line["output_tokens"]) == (9, 1)


def test_a_stream_without_the_mark_of_its_end_is_an_error(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts.append(stream(*CHUNKS[:3]))
    answer = surfaces.post("/v1/chat/completions", {"model": "google.gemma-4-31b", "messages": HI, "stream": True})
    [*_, last] = Decoder().feed(answer.content)
    assert json.loads(last.data)["error"]["code"] == "upstream_truncated"


def test_a_response_that_fails_within_its_stream_is_an_error(surfaces: Gateway, upstream: Upstream) -> None:
    failed = {**RESPONSE, "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow down"}}
    upstream.scripts.append(stream(*EVENTS[:4], {"type": "response.failed", "response": failed}))
    answer = surfaces.post("/v1/responses", {"model": "openai.gpt-5.5", "input": "Hi", "stream": True})
    [*_, last] = Decoder().feed(answer.content)
    document = json.loads(last.data)
    assert (last.event, document["sequence_number"]) == ("response.failed", 4)
    assert document["response"]["error"]["message"] == "slow down"
    assert surfaces.line(answer.headers["x-request-id"])["error"] == "throttled"


# --- other formats ----------------------------------------------------------------------------------------------------


def test_anthropics_client_reaches_a_model_of_responses(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts.append(whole(RESPONSE))
    answer = anthropic_client(surfaces).messages.create(
        model="openai.gpt-5.5", max_tokens=64, messages=[{"role": "user", "content": "What is 2+2?"}]
    )
    assert [block.text for block in answer.content if block.type == "text"] == ["4"]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (6, 5)
    path, body, _ = sent(upstream)
    assert path == "/openai/v1/responses"
    assert (body["model"], body["max_output_tokens"], body["store"]) == ("openai.gpt-5.5", 64, False)


def test_a_chat_is_translated_for_a_model_of_responses_and_back(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts.append(stream(*EVENTS))
    call = openai_client(surfaces).chat.completions.create(
        model="openai.gpt-5.5",
        messages=[{"role": "user", "content": "What is 2+2?"}],
        reasoning_effort="low",
        stream=True,
        stream_options={"include_usage": True},
        parallel_tool_calls=False,
        tools=[{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}],
    )
    chunks = list(call)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "4"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 10
    _, body, _ = sent(upstream)
    assert body["reasoning"] == {"effort": "low"}
    assert body["parallel_tool_calls"] is False
    assert [tool["name"] for tool in body["tools"]] == ["add"]


def test_reasoning_that_is_encrypted_goes_back_to_the_model(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts += [whole(RESPONSE), whole(RESPONSE)]
    client = anthropic_client(surfaces)
    user: Any = {"role": "user", "content": "What is 2+2?"}
    first = client.messages.create(model="openai.gpt-5.5", max_tokens=64, messages=[user])
    turn: Any = {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]}
    client.messages.create(model="openai.gpt-5.5", max_tokens=64, messages=[user, turn, user])
    items = sent(upstream)[1]["input"]
    assert [item.get("encrypted_content") for item in items if item.get("type") == "reasoning"] == ["opaque=="]


def test_gemma_answers_responses_by_chat_or_responses(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts += [whole(RESPONSE), whole(COMPLETION), whole(COMPLETION)]
    assert surfaces.post("/v1/responses", {"model": "gemma-4-31b", "input": "Hi"}).status_code == 200
    assert sent(upstream)[0] == "/openai/v1/responses"
    assert surfaces.post("/v1/chat/completions", {"model": "gemma-4-31b", "messages": HI}).json() == COMPLETION
    assert sent(upstream)[0] == "/openai/v1/chat/completions"
    answer = surfaces.post("/v1/messages", {"model": "gemma-4-31b", "max_tokens": 9, "messages": HI})
    assert answer.json()["content"] == [{"type": "text", "text": "4"}]


# --- the native route -------------------------------------------------------------------------------------------------


def test_the_native_route_takes_the_body_of_the_first_surface(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts += [whole(COMPLETION), stream(*CHUNKS, done=True)]
    path = "/v1/models/google.gemma-4-31b/invoke"
    answer = surfaces.post(path, {"messages": HI})
    assert answer.json() == COMPLETION
    assert sent(upstream)[1] == {"model": "google.gemma-4-31b", "messages": HI}
    events = Decoder().feed(surfaces.post(f"{path}-stream", {"messages": HI}).content)
    assert [json.loads(event.data) for event in events if event.event == "chunk"] == CHUNKS
    assert json.loads(events[-1].data) == {"input_tokens": 9, "output_tokens": 1}
    refused = surfaces.post(path, {"messages": HI, "temperatur": 1})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "temperatur")


# --- Claude -----------------------------------------------------------------------------------------------------------


def test_claude_is_counted_where_its_profiles_are_not(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts.append(whole({"input_tokens": 11}))
    count = anthropic_client(surfaces).messages.count_tokens(
        model="us.anthropic.claude-opus-4-8", messages=[{"role": "user", "content": "Hi"}]
    )
    assert count.input_tokens == 11
    path, body, headers = sent(upstream)
    assert (path, service(headers)) == ("/anthropic/v1/messages/count_tokens", "bedrock-mantle")
    assert body == {"model": "anthropic.claude-opus-4-8", "messages": [{"role": "user", "content": "Hi"}]}


def test_claude_can_be_called_by_messages_alone(gateway_with: GatewayWith, upstream: Upstream) -> None:
    gateway = gateway_with(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url,
        AWS_ENDPOINT_URL_BEDROCK_MANTLE=upstream.url,
        BEDROCK_FLASK_SURFACES="mantle/messages, runtime/messages",
    )
    upstream.scripts += [whole(MESSAGE), whole(MESSAGE)]
    body = {"model": "anthropic.claude-haiku-5-5", "max_tokens": 9, "messages": HI}
    answer = gateway.post("/v1/messages", body, headers={"anthropic-beta": "context-management-2025-06-27"})
    assert answer.json() == MESSAGE
    path, document, headers = sent(upstream)
    assert (path, service(headers)) == ("/anthropic/v1/messages", "bedrock-mantle")
    assert document == body
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["anthropic-beta"] == "context-management-2025-06-27"
    asking = {"model": "us.anthropic.claude-haiku-5-5", "messages": HI, "max_tokens": 9}
    chat = gateway.post("/v1/chat/completions", asking)
    assert chat.status_code == 200, chat.text
    assert chat.json()["choices"][0]["message"]["content"] == "4"
    assert sent(upstream)[2]["anthropic-version"] == "2023-06-01"
    refused = gateway.post("/v1/chat/completions", {"model": "openai.gpt-5.5", "messages": HI})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "surface_not_enabled")
    assert gateway.post("/model/amazon.nova-lite-v1:0/converse", {"messages": []}).status_code == 403


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["signed", "boto"])
def test_no_key_of_one_side_is_seen_on_the_other(
    start_gateway: StartGateway, upstream: Upstream, transport: str
) -> None:
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_MANTLE=upstream.url,
        AWS_SECRET_ACCESS_KEY="key-of-aws",
        BEDROCK_FLASK_API_KEYS="me:key-of-a-client",
        BEDROCK_FLASK_LOG_LEVEL="debug",
        BEDROCK_FLASK_TRANSPORT=transport,
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
    )
    refusal = {"error": {"message": "key-of-aws of arn:aws:iam::123456789012:user/me is not valid", "type": "x"}}
    upstream.scripts += [whole(COMPLETION), whole(refusal, "401 Unauthorized")]
    own = {"authorization": "Bearer key-of-a-client", "cookie": "a-cookie", "openai-organization": "an-organization"}
    body = {"model": "google.gemma-4-31b", "messages": HI}
    assert gateway.post("/v1/chat/completions", body, headers=own).status_code == 200
    assert sent(upstream)[2]["authorization"].startswith("AWS4-HMAC-SHA256 ")
    refused = gateway.post("/v1/chat/completions", body, headers=own)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "gateway_credentials")
    gateway.line(refused.headers["x-request-id"])
    for secret in own.values():
        assert secret.removeprefix("Bearer ").encode() not in b"".join(upstream.requests)
        assert secret.removeprefix("Bearer ") not in gateway.log.read_text()
    for theirs in ("key-of-aws", "123456789012"):
        assert theirs not in refused.text + gateway.log.read_text()


# --- safeguards -------------------------------------------------------------------------------------------------------

GUARDED = {"x-amzn-bedrock-guardrailidentifier": "g1", "x-amzn-bedrock-guardrailversion": "1"}


def test_a_guardrail_goes_where_it_is_applied(surfaces: Gateway, upstream: Upstream) -> None:
    reply = {
        "output": {"message": {"role": "assistant", "content": [{"text": "4"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    }
    upstream.scripts += [whole(reply), whole(COMPLETION)]
    answer = surfaces.post("/v1/responses", {"model": "us.openai.gpt-5.6-sol", "input": "Hi"}, headers=GUARDED)
    assert answer.status_code == 200, answer.text
    path, body, _ = sent(upstream)
    assert path == "/model/us.openai.gpt-5.6-sol/converse"
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g1", "guardrailVersion": "1"}


@pytest.mark.parametrize(
    ("headers", "param"),
    [
        (GUARDED, "guardrailConfig"),
        ({"x-amzn-bedrock-performanceconfig-latency": "optimized"}, "performanceConfig"),
        ({"x-amzn-bedrock-request-metadata": '{"a": "b"}'}, "requestMetadata"),
        ({"x-amzn-bedrock-made-up": "x"}, "x-amzn-bedrock-made-up"),
    ],
)
def test_a_safeguard_that_no_surface_has_is_refused(
    surfaces: Gateway, upstream: Upstream, headers: dict[str, str], param: str
) -> None:
    answer = surfaces.post("/v1/chat/completions", {"model": "google.gemma-4-31b", "messages": HI}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert upstream.requests == []


def test_tier_and_project_are_members_and_headers_of_the_surface(surfaces: Gateway, upstream: Upstream) -> None:
    upstream.scripts.append(whole(COMPLETION))
    headers = {"x-amzn-bedrock-service-tier": "flex", "openai-project": "proj_1"}
    body = {"model": "google.gemma-4-31b", "messages": HI}
    assert surfaces.post("/v1/chat/completions", body, headers=headers).status_code == 200
    _, document, passed = sent(upstream)
    assert document["service_tier"] == "flex"
    assert passed["openai-project"] == "proj_1"


def test_a_profile_of_a_model_of_mantle_is_refused_by_name(surfaces: Gateway, upstream: Upstream) -> None:
    answer = surfaces.post("/v1/chat/completions", {"model": "us.google.gemma-4-31b", "messages": HI})
    assert answer.status_code == 404
    assert "own id" in answer.json()["error"]["message"]
    assert upstream.requests == []


# --- coding agents ----------------------------------------------------------------------------------------------------


def test_codexs_request_passes_and_a_tool_that_is_not_there_is_left_out(surfaces: Gateway, upstream: Upstream) -> None:
    tools: list[Json] = [
        {"type": "function", "name": "shell", "strict": False, "parameters": {"type": "object", "properties": {}}},
        {
            "type": "custom",
            "name": "apply_patch",
            "format": {"type": "grammar", "syntax": "lark", "definition": "s: A"},
        },
        {"type": "web_search", "external_web_access": False},
    ]
    body = {
        "instructions": "You are Codex.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {"type": "reasoning", "summary": [], "encrypted_content": "opaque=="},
        ],
        "tools": tools,
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199",
        "client_metadata": {"a": "b"},
    }
    for model, kept in (("us.openai.gpt-5.6-sol", tools[:2]), ("openai.gpt-5.6-sol", tools)):
        upstream.scripts.append(stream(*EVENTS))
        answer = surfaces.post("/v1/responses", {"model": model, **body})
        assert answer.status_code == 200, answer.text
        assert Decoder().feed(answer.content)[-1].event == "response.completed"
        assert sent(upstream)[1] == {"model": model, **body, "tools": kept}
        assert answer.headers.get("x-bedrock-flask-dropped", "") == ("tools[2]" if len(kept) == 2 else "")
    alone = surfaces.post("/v1/responses", {"model": "us.openai.gpt-5.6-sol", "input": "Hi", "tools": tools[2:]})
    assert (alone.status_code, alone.json()["error"]["param"]) == (400, "tools[0]")
