"""Guardrail, latency, tier and metadata are applied or refused in every dialect, whatever the model and the policy."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway

Json = dict[str, Any]

NOVA, CLAUDE, UNCLAIMED = "amazon.nova-lite-v1:0", "anthropic.claude-opus-4-6-v1", "newvendor.model-of-tomorrow"
MODELS = [NOVA, CLAUDE, UNCLAIMED]
PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]
GUARDRAIL = {"X-Amzn-Bedrock-GuardrailIdentifier": "gr1", "X-Amzn-Bedrock-GuardrailVersion": "1"}
NAMED = {"guardrailIdentifier": "gr1", "guardrailVersion": "1"}
REFUSAL = "Sorry, the model cannot answer this question."
DROP = {"x-bedrock-flask-unsupported": "drop"}

each_path = pytest.mark.parametrize("path", PATHS)
each_model = pytest.mark.parametrize("model", MODELS)


def ask(path: str, model: str, words: str = "Say [[blocked]].", **more: Any) -> Json:
    if path == "/v1/responses":
        return {"model": model, "input": words, **more}
    return {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": words}], **more}


def sent(emulator: Emulator) -> tuple[Json, Json]:
    """The body and the headers of the last call."""
    call = emulator.calls()[-1]
    return json.loads(call["body"]), {name.lower(): value for name, value in call["headers"].items()}


@each_path
@each_model
@pytest.mark.parametrize("stream", [False, True])
def test_a_guardrail_that_headers_name_is_applied(gateway: Gateway, path: str, model: str, stream: bool) -> None:
    unguarded = gateway.post(path, ask(path, model, stream=stream))
    assert unguarded.status_code == 200
    assert REFUSAL not in unguarded.text
    guarded = gateway.post(path, ask(path, model, stream=stream), headers=GUARDRAIL)
    assert guarded.status_code == 200, guarded.text
    assert REFUSAL in guarded.text


@each_path
@each_model
@pytest.mark.parametrize("member", ["guardrailConfig", "amazon-bedrock-guardrailConfig"])
def test_a_guardrail_that_the_body_names_is_applied(gateway: Gateway, path: str, model: str, member: str) -> None:
    response = gateway.post(path, ask(path, model, **{member: NAMED | {"trace": "enabled"}}), headers=DROP)
    assert response.status_code == 200, response.text
    assert REFUSAL in response.text
    assert "x-bedrock-flask-dropped" not in response.headers


@pytest.mark.parametrize("path", ["/model/{}/converse", "/v1/models/{}/invoke"])
def test_converse_gets_it_on_its_own_routes_too(gateway: Gateway, emulator: Emulator, path: str) -> None:
    text = '{ "messages": [{"role":"user", "content":[{"text":"Say [[blocked]] caf\\u00e9."}]}] }'
    response = gateway.post(path.format(UNCLAIMED), text, headers=GUARDRAIL)
    assert REFUSAL in response.text
    body = emulator.calls()[-1]["body"]
    assert text[2:] in body
    assert json.loads(body)["guardrailConfig"] == NAMED


@each_path
@pytest.mark.parametrize("model", [NOVA, UNCLAIMED])
def test_every_header_becomes_the_member_of_converse(
    gateway: Gateway, emulator: Emulator, path: str, model: str
) -> None:
    headers = {
        **GUARDRAIL,
        "x-amzn-bedrock-trace": "ENABLED_FULL",
        "x-amzn-bedrock-performanceconfig-latency": "optimized",
        "x-amzn-bedrock-service-tier": "flex",
        "x-amzn-bedrock-request-metadata": '{"team": "blue"}',
        "x-amzn-bedrock-projectidentifier": "p1",
    }
    assert gateway.post(path, ask(path, model, "Hi"), headers=headers).status_code == 200
    body, went = sent(emulator)
    assert body["guardrailConfig"] == NAMED | {"trace": "enabled_full"}
    assert body["performanceConfig"] == {"latency": "optimized"}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["requestMetadata"] == {"team": "blue"}
    assert body["projectIdentifier"] == "p1"
    assert not [name for name in went if name.startswith("x-amzn-bedrock-")]


@each_path
@each_model
@pytest.mark.parametrize("header", ["OpenAI-Project", "anthropic-workspace-id"])
def test_a_project_of_either_house_reaches_bedrock(
    gateway: Gateway, emulator: Emulator, path: str, model: str, header: str
) -> None:
    for stream in (False, True):
        assert gateway.post(path, ask(path, model, stream=stream), headers={header: "proj_1"}).status_code == 200
        body, headers = sent(emulator)
        assert (body.get("projectIdentifier"), headers.get("x-amzn-bedrock-projectidentifier")).count("proj_1") == 1
    assert len(emulator.calls()) == 2


def test_claudes_own_wire_gets_headers_and_what_has_none_in_its_body(gateway: Gateway, emulator: Emulator) -> None:
    config = NAMED | {"trace": "enabled", "streamProcessingMode": "async", "tagSuffix": "x"}
    body = ask("/v1/messages", CLAUDE, "Hi", **{"amazon-bedrock-guardrailConfig": config})
    response = gateway.post("/v1/messages", body | {"performanceConfig": {"latency": "optimized"}})
    assert response.status_code == 200, response.text
    body, headers = sent(emulator)
    assert body["amazon-bedrock-guardrailConfig"] == {"streamProcessingMode": "ASYNCHRONOUS", "tagSuffix": "x"}
    assert headers["x-amzn-bedrock-guardrailidentifier"] == "gr1"
    assert headers["x-amzn-bedrock-guardrailversion"] == "1"
    assert headers["x-amzn-bedrock-trace"] == "ENABLED"
    assert headers["x-amzn-bedrock-performanceconfig-latency"] == "optimized"
    assert body.keys().isdisjoint({"guardrailConfig", "performanceConfig"})


@each_path
@each_model
@pytest.mark.parametrize("name", ["Identifier", "Version"])
def test_half_a_guardrail_is_refused_by_the_name_of_the_other_half(
    gateway: Gateway, emulator: Emulator, path: str, model: str, name: str
) -> None:
    missing = {"Identifier": "Version", "Version": "Identifier"}[name]
    header = f"X-Amzn-Bedrock-Guardrail{name}"
    by_header = gateway.post(path, ask(path, model), headers=DROP | {header: GUARDRAIL[header]})
    assert by_header.status_code == 400
    assert f"x-amzn-bedrock-guardrail{missing.lower()}: is required" in by_header.text
    half = {f"guardrail{name}": NAMED[f"guardrail{name}"]}
    by_body = gateway.post(path, ask(path, model, guardrailConfig=half), headers=DROP)
    assert by_body.status_code == 400
    assert f"guardrailConfig.guardrail{missing}: is required" in by_body.text
    assert emulator.calls() == []


@each_path
@each_model
def test_a_contradiction_and_an_unknown_member_are_refused(
    gateway: Gateway, emulator: Emulator, path: str, model: str
) -> None:
    other = NAMED | {"guardrailVersion": "2"}
    contradiction = gateway.post(path, ask(path, model, guardrailConfig=other), headers=GUARDRAIL)
    assert contradiction.status_code == 400
    unknown = gateway.post(path, ask(path, model, guardrailConfig=NAMED | {"mode": "x"}), headers=DROP)
    assert (unknown.status_code, "guardrailConfig.mode" in unknown.text) == (400, True)
    assert emulator.calls() == []


@pytest.mark.parametrize("model", [NOVA, UNCLAIMED])
def test_a_body_and_a_header_do_not_make_half_a_guardrail_whole(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    half = {**body, "guardrailConfig": {"guardrailIdentifier": "gr1"}}
    response = gateway.post(f"/model/{model}/converse", half, headers={"X-Amzn-Bedrock-Trace": "ENABLED"})
    assert (response.status_code, "guardrailConfig.guardrailVersion: is required" in response.text) == (400, True)
    assert emulator.calls() == []


@each_path
@pytest.mark.parametrize("metadata", ["{", "[]", "null", '"x"', '{"team": 1}', '{"team": null}'])
def test_metadata_that_bedrock_cannot_read_is_refused(
    gateway: Gateway, emulator: Emulator, path: str, metadata: str
) -> None:
    response = gateway.post(path, ask(path, NOVA), headers=DROP | {"X-Amzn-Bedrock-Request-Metadata": metadata})
    assert (response.status_code, "x-amzn-bedrock-request-metadata" in response.text) == (400, True), response.text
    assert emulator.calls() == []


@each_path
@pytest.mark.parametrize("model", [NOVA, UNCLAIMED])
def test_what_converse_cannot_carry_is_refused_whatever_the_policy(
    gateway: Gateway, emulator: Emulator, path: str, model: str
) -> None:
    newer = gateway.post(path, ask(path, model), headers=DROP | {"X-Amzn-Bedrock-Of-Tomorrow": "p1"})
    assert (newer.status_code, "x-amzn-bedrock-of-tomorrow" in newer.text) == (400, True)
    tagged = {"amazon-bedrock-guardrailConfig": NAMED | {"tagSuffix": "x"}}
    tags = gateway.post(path, ask(path, model, **tagged), headers=DROP)
    assert (tags.status_code, "amazon-bedrock-guardrailConfig.tagSuffix" in tags.text) == (400, True)
    assert emulator.calls() == []


def test_an_embedding_is_guarded_by_headers(gateway: Gateway, emulator: Emulator) -> None:
    body = {"model": "titan-embed", "input": ["a", "b"], "guardrailConfig": NAMED}
    gateway.post("/v1/embeddings", body, headers=DROP)
    assert len(emulator.calls()) == 2
    for call in emulator.calls():
        assert {name.lower() for name in call["headers"]} >= {
            f"x-amzn-bedrock-guardrail{n}" for n in ("identifier", "version")
        }
