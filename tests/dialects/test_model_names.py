"""Anthropic's own model names, and names with a context suffix, in every API."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway, GatewayWith

SAYS = [{"role": "user", "content": "Tell me something."}]
LONG = "context-1m-2025-08-07"
BODIES = {
    "/v1/messages": {"max_tokens": 20, "messages": SAYS},
    "/v1/chat/completions": {"messages": SAYS},
    "/v1/responses": {"input": "Tell me something."},
}


def call(gateway: Gateway, path: str, model: str, **more: Any) -> Any:
    return gateway.post(path, {**BODIES[path], "model": model, **more})


def called(emulator: Emulator) -> tuple[str, Any]:
    last = emulator.calls()[-1]
    return last["model"], json.loads(last["body"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-opus-4-6", "us.anthropic.claude-opus-4-6-v1"),
        ("claude-haiku-4-5", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("claude-sonnet-4-5-20250929", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-opus-5-5", "anthropic.claude-opus-5-5"),
    ],
)
def test_anthropics_own_names_mean_their_bedrock_ids(
    gateway: Gateway, emulator: Emulator, path: str, name: str, model: str, stream: bool
) -> None:
    response = call(gateway, path, name, stream=stream)
    assert response.status_code == 200, response.text
    assert called(emulator)[0] == model
    assert response.headers["x-bedrock-flask-model"] == model


def test_the_profile_is_one_of_the_gateways_region(gateway_with: GatewayWith, emulator: Emulator) -> None:
    gateway = gateway_with(BEDROCK_FLASK_REGION="eu-central-1")
    assert call(gateway, "/v1/messages", "claude-haiku-4-5").status_code == 200
    assert called(emulator)[0] == "eu.anthropic.claude-haiku-4-5-20251001-v1:0"


def test_the_routes_of_bedrock_and_the_native_ones_take_them_too(gateway: Gateway, emulator: Emulator) -> None:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 20, "messages": SAYS}
    converse = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    for path, sent in {
        "/model/claude-haiku-4-5/invoke": body,
        "/v1/models/claude-haiku-4-5/invoke": body,
        "/v1/models/claude-haiku-4-5/invoke-stream": body,
        "/model/claude-haiku-4-5/converse": converse,
        "/model/claude-haiku-4-5/converse-stream": converse,
    }.items():
        response = gateway.post(path, sent)
        assert response.status_code == 200, response.text
        assert called(emulator)[0] == "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def test_tokens_are_counted_by_them(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post("/v1/messages/count_tokens", {"model": "claude-opus-4-6[1m]", "messages": SAYS})
    assert response.status_code == 200, response.text
    assert called(emulator)[0] == "anthropic.claude-opus-4-6-v1"


def test_an_unknown_one_is_refused_with_the_nearest(gateway: Gateway) -> None:
    response = call(gateway, "/v1/messages", "claude-opus-4-66")
    assert response.status_code == 404
    assert "claude-opus-4-6" in response.json()["error"]["message"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", ["claude[1m]", "us.anthropic.claude-opus-4-7[1m]", "claude-opus-5-5[1m]"])
def test_a_suffix_is_not_sent(gateway: Gateway, emulator: Emulator, path: str, name: str) -> None:
    response = call(gateway, path, name)
    assert response.status_code == 200, response.text
    model, body = called(emulator)
    assert "[" not in model
    assert LONG not in json.dumps(body)
    assert "x-bedrock-flask-dropped" not in response.headers


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", BODIES)
def test_a_model_that_needs_the_beta_gets_it(gateway: Gateway, emulator: Emulator, path: str, stream: bool) -> None:
    response = call(gateway, path, "us.anthropic.claude-sonnet-4-5-20250929-v1:0[1m]", stream=stream)
    assert response.status_code == 200, response.text
    model, body = called(emulator)
    assert model == "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert body.get("additionalModelRequestFields", body)["anthropic_beta"] == [LONG]


def test_the_beta_is_sent_once(gateway: Gateway, emulator: Emulator) -> None:
    body = {**BODIES["/v1/messages"], "model": "claude-sonnet-4-5[1m]"}
    assert gateway.post("/v1/messages", body, headers={"anthropic-beta": LONG}).status_code == 200
    assert called(emulator)[1]["anthropic_beta"] == [LONG]


@pytest.mark.parametrize("path", BODIES)
def test_a_model_without_such_a_window_is_refused_by_name(gateway: Gateway, path: str) -> None:
    response = call(gateway, path, "claude-haiku-4-5[1m]")
    assert response.status_code == 404
    assert "has no context window" in response.json()["error"]["message"]


@pytest.mark.parametrize("path", BODIES)
def test_a_suffix_is_reported_where_the_window_is_not_known(gateway: Gateway, path: str) -> None:
    response = call(gateway, path, "nova[1m]")
    assert response.status_code == 200, response.text
    assert response.headers["x-bedrock-flask-dropped"] == "model: [1m]"


def test_where_the_body_is_the_callers_own_it_has_the_beta(gateway: Gateway, emulator: Emulator) -> None:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 20, "messages": SAYS}
    for path in ("/model/claude-opus-4-7[1m]/invoke", "/v1/models/claude-opus-4-7[1m]/invoke"):
        assert gateway.post(path, body).status_code == 200
        assert called(emulator)[0] == "anthropic.claude-opus-4-7"
    for path in ("/model/claude-sonnet-4-5[1m]/invoke", "/v1/models/claude-sonnet-4-5[1m]/invoke-stream"):
        response = gateway.post(path, body)
        assert response.status_code == 404
        assert LONG in response.text


def test_the_list_says_which_efforts_a_model_has(gateway: Gateway) -> None:
    headers = {"anthropic-version": "2023-06-01"}
    for name, efforts in {
        "claude-sonnet-4-5": [],
        "claude-opus-4-5": ["low", "medium", "high"],
        "claude-opus-4-6": ["low", "medium", "high", "max"],
        "claude-opus-4-7": ["low", "medium", "high", "xhigh", "max"],
    }.items():
        effort = gateway.get(f"/v1/models/{name}", headers=headers).json()["capabilities"]["effort"]
        assert effort.pop("supported") == bool(efforts)
        assert [each for each, value in effort.items() if value["supported"]] == efforts


@pytest.mark.parametrize("headers", [{}, {"anthropic-version": "2023-06-01"}])
def test_the_list_of_models_is_one_to_choose_from(gateway: Gateway, headers: dict[str, str]) -> None:
    listed = {each["id"]: each for each in gateway.get("/v1/models?limit=1000", headers=headers).json()["data"]}
    assert listed["claude-haiku-4-5"]["display_name"] == "Claude Haiku 4.5"
    assert listed["claude-opus-5-5"]["display_name"] == "Claude Opus 5.5"
    assert len([name for name in listed if name.startswith("claude-")]) > 8
    for name in ("claude-haiku-4-5", "claude-opus-5-5"):
        assert gateway.get(f"/v1/models/{name}", headers=headers).json() == listed[name]
