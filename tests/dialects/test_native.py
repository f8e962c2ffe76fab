"""The native routes, over real sockets: the gateway in front of the emulator."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bedrock_flask.protocol import eventstream
from tests.doubles import Emulator, Gateway, GatewayWith, SendStream, SendWhole, StartGateway, Upstream
from tests.sse_decoder import Decoder, Event

CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Name three colours."}],
}
NOVA = {
    "messages": [{"role": "user", "content": [{"text": "Name three colours."}]}],
    "inferenceConfig": {"maxTokens": 50},
}
TITAN = {"inputText": "hello", "dimensions": 256}
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}


def with_limit(tokens: int) -> dict[str, Any]:
    return {**NOVA, "inferenceConfig": {"maxTokens": tokens}}


FAMILIES = [("claude", CLAUDE), ("nova", NOVA), ("titan-embed", TITAN), ("acme.verse-4.7", CONVERSE)]
STREAMING = [("claude", CLAUDE), ("nova", NOVA), ("acme.verse-4.7", CONVERSE)]


def events(response: Any) -> list[Event]:
    return Decoder().feed(response.content)


ANSWERS = {
    "claude": '{"type":"message", "content": [], "stop_reason":"end_turn","new":[1.10]}',
    "nova": '{"output": {"message": {"role":"assistant","content":[]}},\n"stopReason":"end_turn","usage":{}}',
    "titan-embed": '{"embedding": [0.10, 1e-7], "inputTextTokenCount": 1}',
    "acme.verse-4.7": '{"output":{"message":{"content":[]}},"stopReason":"end_turn","n":12345678901234567890123}',
}


@pytest.fixture
def upstream(session_upstream: Upstream) -> Upstream:
    return session_upstream.reset()


@pytest.fixture
def gateway_to(gateway_with: GatewayWith, upstream: Upstream) -> Gateway:
    """A gateway in front of an upstream that sends what its scripts hold."""
    return gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url)


@pytest.mark.parametrize(("model", "body"), FAMILIES)
def test_the_bytes_go_up_as_they_came_and_come_down_as_bedrock_sent_them(
    gateway_to: Any, upstream: Upstream, whole: SendWhole, model: str, body: dict[str, Any]
) -> None:
    odd = "  " + json.dumps(body, indent=3) + "\n"
    upstream.scripts.append(whole(ANSWERS[model].encode(), x_amzn_bedrock_service_tier="flex"))
    response = gateway_to.post(f"/v1/models/{model}/invoke", odd)
    assert response.status_code == 200, response.text
    assert upstream.requests[0].endswith(b"\r\n\r\n" + odd.encode())
    assert response.text == ANSWERS[model]
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-amzn-bedrock-service-tier"] == "flex"


@pytest.mark.parametrize(("model", "body"), FAMILIES)
def test_usage_comes_back_in_headers(gateway: Gateway, emulator: Emulator, model: str, body: dict[str, Any]) -> None:
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert int(response.headers["x-bedrock-flask-input-tokens"]) > 0
    if model != "titan-embed":
        assert int(response.headers["x-bedrock-flask-output-tokens"]) > 0
    assert response.headers["x-bedrock-flask-attempts"] == "1"


@pytest.mark.parametrize(("model", "body"), STREAMING)
def test_chunks_come_as_events_and_usage_in_the_last_one(
    gateway: Gateway, emulator: Emulator, model: str, body: dict[str, Any]
) -> None:
    whole = gateway.post(f"/v1/models/{model}/invoke", body)
    response = gateway.post(f"/v1/models/{model}/invoke-stream", body)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    *chunks, usage = events(response)
    assert usage.event == "usage"
    document = json.loads(usage.data)
    assert document["input_tokens"] == int(whole.headers["x-bedrock-flask-input-tokens"])
    assert document["output_tokens"] == int(whole.headers["x-bedrock-flask-output-tokens"])
    assert len(chunks) > 3
    assert all(isinstance(json.loads(chunk.data), dict) for chunk in chunks)


def test_claudes_chunks_are_its_own(gateway: Gateway, emulator: Emulator) -> None:
    *chunks, _ = events(gateway.post("/v1/models/claude/invoke-stream", CLAUDE))
    kinds = [json.loads(chunk.data)["type"] for chunk in chunks]
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert {chunk.event for chunk in chunks} == {"chunk"}
    assert "amazon-bedrock-invocationMetrics" in json.loads(chunks[-1].data)


def test_converses_events_keep_their_names(gateway: Gateway, emulator: Emulator) -> None:
    *chunks, _ = events(gateway.post("/v1/models/acme.verse-4.7/invoke-stream", CONVERSE))
    names = [chunk.event for chunk in chunks]
    assert names[0] == "messageStart"
    assert names[-2:] == ["messageStop", "metadata"]


def test_a_model_that_does_not_stream_says_so(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post("/v1/models/titan-embed/invoke-stream", TITAN)
    assert (response.status_code, response.json()["code"]) == (400, "not_streamable")
    assert emulator.calls() == []


def test_invoke_by_body_cuts_the_input_out_as_it_was_written(gateway: Gateway, emulator: Emulator) -> None:
    body = '{"anthropic_version":"bedrock-2023-05-31", "max_tokens" :64, "temperature": 0.10,\n "top_k": 250e0,'
    body += '"metadata":'
    body += '{"user_id": "\\u00e9"}, "messages":[{"role":"user","content":"12345678901234567890123 \u00fc"}]}'
    response = gateway.post("/v1/invoke", f' {{"input" : {body} , "model":"claude"}}'.encode())
    assert response.status_code == 200, response.text
    [call] = emulator.calls()
    assert call["body"] == body


def test_a_23_digit_integer_arrives_as_it_was_written(gateway: Gateway, emulator: Emulator) -> None:
    body = '{"messages":[{"role":"user","content":[{"text":"hi"}]}],'
    body += '"additionalModelRequestFields":{"n":12345678901234567890123}}'
    assert gateway.post("/v1/invoke", f'{{"model":"acme.verse-4.7","input":{body},"stream":false}}').ok
    assert emulator.calls()[0]["body"] == body


def test_invoke_by_body_streams_on_request(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post("/v1/invoke", {"model": "claude", "input": CLAUDE, "stream": True})
    assert events(response)[-1].event == "usage"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": CLAUDE}, "model"),
        ({"model": "claude"}, "input"),
        ({"model": "claude", "input": [1]}, "input"),
        ({"model": "claude", "input": CLAUDE, "stream": "yes"}, "stream"),
        ({"model": "claude", "input": CLAUDE, "strem": True}, "strem"),
        ({"model": "claude", "input": CLAUDE | {"max_tokens": "64"}}, "input.max_tokens"),
        ([1], ""),
    ],
)
def test_invoke_by_body_refuses_with_a_path(gateway: Gateway, emulator: Emulator, body: Any, path: str) -> None:
    response = gateway.post("/v1/invoke", body)
    assert response.status_code == 400
    assert path in [error["path"] for error in response.json()["errors"]]
    assert emulator.calls() == []


@pytest.mark.parametrize(
    ("model", "body", "path"),
    [
        ("claude", CLAUDE | {"max_tokens": "64"}, "max_tokens"),
        ("claude", CLAUDE | {"max_tokens": 64.9}, "max_tokens"),
        ("claude", CLAUDE | {"modle": "x"}, "modle"),
        (
            "claude",
            CLAUDE | {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
        ),
        ("nova", NOVA | {"inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ("nova", NOVA | {"inferenceConfig": {"maxTokns": 5}}, "inferenceConfig.maxTokns"),
        ("titan-embed", TITAN | {"normalize": "yes"}, "normalize"),
        ("titan-embed", TITAN | {"dimensions": 255}, "dimensions"),
        ("acme.verse-4.7", CONVERSE | {"extra": 1}, "extra"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_a_path_and_the_model_is_not_called(
    gateway: Gateway, emulator: Emulator, model: str, body: dict[str, Any], path: str
) -> None:
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == "invalid_body"
    assert path in [error["path"] for error in problem["errors"]]
    assert emulator.calls() == []


TITAN_TEXT = {"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 4096}}
MIXTRAL = {"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 4096}


@pytest.mark.parametrize(
    ("model", "larger", "body", "path"),
    [
        ("amazon.titan-text-lite-v1", "amazon.titan-text-express-v1", TITAN_TEXT, "textGenerationConfig.maxTokenCount"),
        ("mistral.mixtral-8x7b-instruct-v0:1", "mistral.mistral-7b-instruct-v0:2", MIXTRAL, "max_tokens"),
        ("amazon.nova-lite-v1:0", "us.amazon.nova-2-lite-v1:0", with_limit(10_000), "inferenceConfig.maxTokens"),
    ],
)
def test_a_limit_beyond_that_of_the_model_is_refused_with_its_path(
    gateway: Gateway, emulator: Emulator, model: str, larger: str, body: dict[str, Any], path: str
) -> None:
    *way, name = path.split(".")
    beyond = copy.deepcopy(body)
    holder = beyond[way[0]] if way else beyond
    holder[name] += 1
    assert gateway.post(f"/v1/models/{model}/invoke", body).ok
    assert gateway.post(f"/v1/models/{larger}/invoke", beyond).ok
    calls = len(emulator.calls())
    for route in (f"/v1/models/{model}/invoke", f"/model/{model}/invoke"):
        response = gateway.post(route, beyond)
        assert (response.status_code, path in response.text) == (400, True), response.text
    assert len(emulator.calls()) == calls
    refused = emulator.post(f"/model/{model}/invoke", beyond)
    assert (refused.status_code, path in refused.text) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"[" * 5000,
        b'{"a":' * 5000,
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1e999}',
        b'{"a": 1} x',
    ],
)
@pytest.mark.parametrize("path", ["/v1/models/claude/invoke", "/v1/models/claude/invoke-stream", "/v1/invoke"])
def test_a_body_that_is_no_strict_json_is_a_400_and_the_next_request_works(
    gateway: Gateway, emulator: Emulator, path: str, body: bytes
) -> None:
    response = gateway.post(path, body)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")
    assert "Traceback" not in response.text
    assert gateway.get("/livez").ok


def test_an_unknown_model_is_a_404_that_names_the_nearest(gateway: Gateway) -> None:
    response = gateway.post("/v1/models/cluade/invoke", CLAUDE)
    assert (response.status_code, response.json()["code"]) == (404, "unknown_model")
    assert "claude" in response.json()["detail"]


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0",
        "us.amazon.nova-lite-v1:0",
        "us.amazon.nova-lite-v1%3A0",
    ],
)
def test_ids_profiles_and_arns_are_called_raw_or_encoded(gateway: Gateway, emulator: Emulator, name: str) -> None:
    assert gateway.post(f"/v1/models/{name}/invoke", NOVA).ok
    [call] = emulator.calls()
    assert call["model"].endswith("us.amazon.nova-lite-v1:0")


def test_bedrocks_own_headers_go_along_and_no_others(gateway: Gateway, emulator: Emulator) -> None:
    headers = {"X-Amzn-Bedrock-Service-Tier": "flex", "X-Other": "1", "Cookie": "a=b", "x-api-key": "k"}
    assert gateway.post("/v1/models/claude/invoke", CLAUDE, headers=headers).ok
    sent = {name.lower(): value for name, value in emulator.calls()[0]["headers"].items()}
    assert sent["x-amzn-bedrock-service-tier"] == "flex"
    assert not {"x-other", "cookie", "x-api-key"} & sent.keys()


def test_a_guardrail_config_may_stand_in_the_body(gateway: Gateway, emulator: Emulator) -> None:
    body = CLAUDE | {"amazon-bedrock-guardrailConfig": {"tagSuffix": "x"}}
    headers = {"X-Amzn-Bedrock-GuardrailIdentifier": "g", "X-Amzn-Bedrock-GuardrailVersion": "1"}
    assert gateway.post("/v1/models/claude/invoke", body, headers=headers).ok


@pytest.mark.parametrize("name", ["usage", "error"])
def test_an_upstream_cannot_send_the_gateways_own_events(
    gateway_to: Any, upstream: Upstream, stream: SendStream, name: str
) -> None:
    frames = [eventstream.event("messageStart", b"{}"), eventstream.event(name, b"{}")]
    upstream.scripts.append(stream(*map(eventstream.encode, frames)))
    found = events(gateway_to.post("/v1/models/acme.verse-4.7/invoke-stream", CONVERSE))
    assert [event.event for event in found] == ["messageStart", "error"]
    assert json.loads(found[-1].data)["code"] == "upstream_protocol"


def test_models_are_listed_and_described(gateway: Gateway) -> None:
    listed = {model["name"]: model for model in gateway.get("/v1/models").json()["data"]}
    assert {"claude", "nova", "titan-embed"} <= listed.keys()
    assert listed["titan-embed"]["capabilities"]["output"] == "embedding"
    one = gateway.get("/v1/models/us.amazon.nova-lite-v1:0").json()
    assert (one["adapter"], one["model"]) == ("nova", "us.amazon.nova-lite-v1:0")
    schema = gateway.get("/v1/models/nova/schema")
    assert schema.headers["content-type"] == "application/schema+json"
    assert schema.json()["properties"]["messages"]["type"] == "array"


GPT = {"messages": [{"role": "user", "content": "Name three colours."}]}
GPT_ID = "openai.gpt-oss-120b-1:0"


@pytest.mark.parametrize(
    ("route", "members", "path"),
    [
        ("invoke", {"model": "openai.gpt-oss-20b-1:0"}, "model"),
        ("invoke", {"model": "gpt-oss"}, "model"),
        ("invoke", {"stream": True}, "stream"),
        ("invoke-stream", {"stream": False}, "stream"),
    ],
)
def test_a_body_that_contradicts_its_address_is_refused(
    gateway: Gateway, emulator: Emulator, route: str, members: dict[str, Any], path: str
) -> None:
    operation = {"invoke": "invoke", "invoke-stream": "invoke-with-response-stream"}[route]
    for address in (f"/v1/models/gpt-oss/{route}", f"/model/{GPT_ID}/{operation}"):
        response = gateway.post(address, GPT | members)
        assert (response.status_code, path in response.text) == (400, True), response.text
    assert emulator.calls() == []
    refused = emulator.post(f"/model/{GPT_ID}/{operation}", GPT | members)
    assert (refused.status_code, path in refused.text) == (400, True), refused.text


@pytest.mark.parametrize("members", [{"model": GPT_ID, "stream": False}, {"model": None, "stream": None}])
def test_a_body_may_say_what_its_address_says(gateway: Gateway, members: dict[str, Any]) -> None:
    assert gateway.post("/v1/models/gpt-oss/invoke", GPT | members).status_code == 200
    streamed = members | {"stream": members["stream"] is not None or None}
    assert events(gateway.post("/v1/models/gpt-oss/invoke-stream", GPT | streamed))[-1].event == "usage"


@pytest.mark.parametrize(
    ("name", "bodies"),
    [
        ("llama", [{"prompt": "Hi"}, GPT]),
        ("deepseek-r1", [{"prompt": "Hi"}, GPT]),
        ("mistral-instruct", [{"prompt": "Hi"}, GPT]),
        ("mistral-large", [GPT, {"prompt": "Hi"}]),
    ],
)
def test_the_schema_of_a_model_with_two_bodies_has_both(
    gateway: Gateway, name: str, bodies: list[dict[str, Any]]
) -> None:
    schema = gateway.get(f"/v1/models/{name}/schema").json()
    published = jsonschema.Draft202012Validator(schema)
    assert [list(published.iter_errors(body)) for body in (*bodies, *schema["examples"])] == [[]] * 4
    assert [each.keys() & {"prompt", "messages"} for each in schema["examples"]] == [{*body} for body in bodies]
    assert not published.is_valid({"max_tokens": 1})
    content = gateway.get("/openapi.json").json()["paths"][f"/v1/models/{name}/invoke"]["post"]
    body = content["requestBody"]["content"]["application/json"]
    assert len(body["schema"]["anyOf"]) == 2
    for example in body["examples"].values():
        assert gateway.post(f"/v1/models/{name}/invoke", example["value"]).status_code == 200


def test_an_alias_calls_its_profile_and_may_let_unknown_fields_pass(
    start_gateway: StartGateway, emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        '[models.fast]\nid = "amazon.nova-lite-v1:0"\nprofile = "us.amazon.nova-lite-v1:0"\n'
        '[models.new]\nid = "anthropic.claude-opus-4-6-v1"\nvalidate = "warn"\n'
    )
    gateway = start_gateway(BEDROCK_FLASK_MODELS_FILE=str(file), BEDROCK_FLASK_MODELS="listed")
    assert gateway.post("/v1/models/fast/invoke", NOVA).ok
    assert emulator.calls()[0]["model"] == "us.amazon.nova-lite-v1:0"
    response = gateway.post("/v1/models/new/invoke", CLAUDE | {"brand_new": 1})
    # The emulator refuses what the schema does not know, as the gateway did not.
    assert (response.status_code, response.json()["code"]) == (400, "bedrock_validation")
    assert emulator.calls()[1]["model"] == "anthropic.claude-opus-4-6-v1"
    line = gateway.line(response.headers["x-request-id"])
    assert line["unknown_fields"] == ["brand_new"]
    assert gateway.post("/v1/models/new/invoke", CLAUDE | {"max_tokens": "64"}).json()["code"] == "invalid_body"
    closed = gateway.post("/v1/models/acme.verse-4.7/invoke", CONVERSE)
    assert (closed.status_code, closed.json()["code"]) == (403, "model_not_listed")


@pytest.mark.parametrize("action", ["invoke", "invoke-stream"])
def test_invoke_takes_post_only_whatever_the_models_name(gateway: Gateway, action: str) -> None:
    for name in ("nova", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"):
        response = gateway.get(f"/v1/models/{name}/{action}")
        assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_body_that_is_read_as_converse_says_so(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post("/v1/models/antropic.claude-opus-4-6-v1/invoke", CLAUDE)
    assert response.status_code == 400
    detail = response.json()["detail"]
    assert "No plugin claims 'antropic.claude-opus-4-6-v1', so its body is read as Converse" in detail
    assert "/model/antropic.claude-opus-4-6-v1/invoke" in detail
    assert "new-plugin" in detail


def test_an_application_profiles_arn_is_answered_by_the_family_of_its_body(
    start_gateway: StartGateway, emulator: Emulator, repository: Path, tmp_path: Path
) -> None:
    text = (repository / "docs/reference/models.md").read_text()
    (tmp_path / "models.toml").write_text(text.partition("```toml\n")[2].partition("```")[0])
    gateway = start_gateway(BEDROCK_FLASK_MODELS_FILE=str(tmp_path / "models.toml"))
    assert gateway.post("/v1/models/team/invoke", CLAUDE).json()["type"] == "message"
    assert emulator.calls()[0]["model"].endswith("application-inference-profile/abc123")


def test_without_a_database_there_is_no_usage(gateway: Gateway) -> None:
    response = gateway.get("/v1/usage")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert "no database" in response.json()["detail"]
