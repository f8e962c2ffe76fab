"""Tokens are counted by Bedrock; where it counts none they are estimated if the caller asks for it, and so marked."""

import base64
import json
from typing import Any

import pytest
import requests

from tests.doubles import Emulator, Gateway, GatewayWith, SendWhole, Upstream

COUNTED, PROFILE = "anthropic.claude-opus-4-6-v1", "global.anthropic.claude-haiku-4-5-20251001-v1:0"
UNCOUNTED = ["us.anthropic.claude-opus-4-7", "amazon.nova-pro-v1:0", "newvendor.model-of-tomorrow"]
HEADER = "x-bedrock-flask-count"
TEXT = "x" * 400


def by_messages(server: Gateway, model: str, text: str = TEXT, **headers: str) -> requests.Response:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return server.post("/v1/messages/count_tokens", body, headers=headers)


def by_responses(server: Gateway, model: str, text: str = TEXT, **headers: str) -> requests.Response:
    return server.post("/v1/responses/input_tokens", {"model": model, "input": text}, headers=headers)


def by_converse(server: Gateway, model: str, text: str = TEXT, **headers: str) -> requests.Response:
    body = {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": text}]}]}}}
    return server.post(f"/model/{model}/count-tokens", body, headers=headers)


def tokens(response: requests.Response) -> int:
    assert response.status_code == 200, response.text
    document = response.json()
    return int(document.get("input_tokens", document.get("inputTokens")))


every_way = pytest.mark.parametrize("count", [by_messages, by_responses, by_converse])


@every_way
@pytest.mark.parametrize("model", [COUNTED, PROFILE])
def test_what_bedrock_counts_is_exact(gateway: Gateway, emulator: Emulator, count: Any, model: str) -> None:
    response = count(gateway, model, **{HEADER: "estimate"})
    assert tokens(response) == 1
    assert response.headers[HEADER] == "exact"
    [call] = emulator.calls()
    assert (call["operation"], call["model"]) == ("CountTokens", model.removeprefix("global."))


@pytest.mark.parametrize("count", [by_messages, by_responses])
def test_claude_that_is_called_by_profiles_alone_is_counted_by_messages(
    gateway: Gateway, emulator: Emulator, count: Any
) -> None:
    response = count(gateway, UNCOUNTED[0])
    assert tokens(response) > 0
    assert response.headers[HEADER] == "exact"
    [call] = emulator.calls()
    assert (call["operation"], call["model"]) == ("mantle/messages/count_tokens", "anthropic.claude-opus-4-7")


@pytest.mark.parametrize(
    ("count", "model"),
    [
        *((count, model) for count in (by_messages, by_responses, by_converse) for model in UNCOUNTED[1:]),
        # Bedrock's own operation counts it nowhere, and what the gateway counts is translated nowhere.
        (by_converse, UNCOUNTED[0]),
    ],
)
def test_what_bedrock_does_not_count_is_estimated_only_on_request(gateway: Gateway, count: Any, model: str) -> None:
    for headers in ({}, {HEADER: "exact"}):
        refused = count(gateway, model, **headers)
        assert refused.status_code == 400
        assert "doesn't support counting tokens" in refused.text
        assert HEADER not in refused.headers
    response = count(gateway, model, **{HEADER: "estimate"})
    assert (tokens(response), response.headers[HEADER]) == (100, "estimate")


@every_way
def test_a_refusal_says_how_an_estimate_is_asked_for(gateway: Gateway, count: Any) -> None:
    refused = count(gateway, UNCOUNTED[1])
    # On Bedrock's own route the words are Bedrock's.
    assert (HEADER in refused.text) is (count is not by_converse)
    assert count(gateway, COUNTED, **{HEADER: "about"}).status_code == 400


@every_way
def test_the_setting_asks_for_all_and_the_header_decides_first(gateway_with: GatewayWith, count: Any) -> None:
    server = gateway_with(BEDROCK_FLASK_COUNT="estimate")
    assert count(server, UNCOUNTED[1]).headers[HEADER] == "estimate"
    assert count(server, UNCOUNTED[1], **{HEADER: "exact"}).status_code == 400
    assert count(server, COUNTED).headers[HEADER] == "exact"


@every_way
def test_another_error_is_never_hidden_by_an_estimate(
    gateway_with: GatewayWith, session_upstream: Upstream, whole: SendWhole, count: Any
) -> None:
    url = session_upstream.reset().url
    server = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=url, AWS_ENDPOINT_URL_BEDROCK_MANTLE=url)
    for model, name, status in (
        (COUNTED, "AccessDeniedException", "403 Forbidden"),
        (COUNTED, "ValidationException", "400 Bad Request"),
        # What Bedrock does not count may be refused for another reason too.
        (UNCOUNTED[0], "AccessDeniedException", "403 Forbidden"),
    ):
        session_upstream.scripts.append(whole(b'{"message":"no"}', status, x_amzn_errortype=name))
        response = count(server, model, **{HEADER: "estimate"})
        assert response.status_code >= 400, model
        assert HEADER not in response.headers


def test_a_body_of_the_models_own_is_estimated_too(gateway: Gateway) -> None:
    def ask(model: str, body: Any) -> requests.Response:
        source = {"invokeModel": {"body": base64.b64encode(json.dumps(body).encode()).decode()}}
        return gateway.post(f"/model/{model}/count-tokens", {"input": source}, headers={HEADER: "estimate"})

    messages = [{"role": "user", "content": TEXT}]
    claude = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 5, "messages": messages}
    assert tokens(ask(UNCOUNTED[0], claude)) == 100
    assert tokens(ask("amazon.nova-pro-v1:0", {"messages": [{"role": "user", "content": [{"text": TEXT}]}]})) == 100
    # Of a format that nobody knows the whole body is text.
    assert tokens(ask("newvendor.model-of-tomorrow", {"prompt": TEXT})) == 104
    assert tokens(ask("amazon.titan-embed-text-v2:0", {"inputText": TEXT})) > 100
    for wrong in ({"input": {}}, {"input": {"converse": {"messages": 1}}}, {"input": {"invokeModel": {"body": "!"}}}):
        path = "/model/newvendor.model-of-tomorrow/count-tokens"
        assert gateway.post(path, wrong, headers={HEADER: "estimate"}).status_code == 400


def test_openais_client_counts(gateway: Gateway) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        counted = client.responses.input_tokens.count(
            model=COUNTED, input=[{"role": "user", "content": "one two"}], instructions="three", personality="friendly"
        )
        assert (counted.object, counted.input_tokens) == ("response.input_tokens", 3)
        with pytest.raises(openai.BadRequestError, match="estimate"):
            client.responses.input_tokens.count(model="nova", input="one")
