"""Unmodified SDKs that keep the addresses of LiteLLM and of bedrock-access-gateway."""

from typing import Any

import anthropic
import boto3
import openai
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_flask.app import create_app
from bedrock_flask.config.settings import Settings, read_settings
from bedrock_flask.errors import SettingsError
from tests.clients.conftest import KEY, SIGNING
from tests.doubles import Emulator, Gateway, GatewayWith

NOVA, CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-opus-5-5"
TURNS: Any = [{"role": "user", "content": "Hi"}]
BLOCKS = [{"role": "user", "content": [{"text": "Hi"}]}]


@pytest.fixture(params=["direct", "flask"])
def served(request: pytest.FixtureRequest, gateway_with: GatewayWith) -> Gateway:
    return gateway_with(
        BEDROCK_FLASK_API_KEYS=f"clients:{KEY}",
        BEDROCK_FLASK_SIGNING_SECRET=SIGNING,
        BEDROCK_FLASK_PATHS="litellm, access-gateway",
        BEDROCK_FLASK_REGION="us-east-1",
        BEDROCK_FLASK_DOOR=request.param,
    )


@pytest.mark.parametrize("base", ["", "/api/v1"])
def test_the_sdk_of_openai_calls_lists_and_reads_errors(served: Gateway, emulator: Emulator, base: str) -> None:
    with openai.OpenAI(base_url=served.url + base, api_key=KEY, max_retries=0) as client:
        answer = client.chat.completions.create(model=NOVA, messages=TURNS)
        chunks = [*client.chat.completions.create(model=NOVA, messages=TURNS, stream=True)]
        vectors = client.embeddings.create(model="amazon.titan-embed-text-v2:0", input="Hi")
        listed = [model.id for model in client.models.list()]
        shown = client.models.retrieve(NOVA)
        with pytest.raises(openai.NotFoundError) as unknown:
            client.chat.completions.create(model="nobody", messages=TURNS)
    assert answer.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(vectors.data[0].embedding) == 1024
    assert "nova" in listed
    assert shown.id == NOVA
    assert unknown.value.type == "not_found_error"
    assert len(emulator.calls()) == 3


def test_the_sdk_of_openai_has_responses_where_litellm_has_them(served: Gateway) -> None:
    with openai.OpenAI(base_url=served.url, api_key=KEY, max_retries=0) as client:
        assert client.responses.create(model=NOVA, input="Hi").output_text


def test_a_client_of_aws_signs_for_the_path_of_litellm(served: Gateway) -> None:
    secret = read_settings({"BEDROCK_FLASK_API_KEYS": f"clients:{KEY}", "BEDROCK_FLASK_SIGNING_SECRET": SIGNING})
    pair = secret.api_keys.derive_aws_secret("clients", secret.signing_secret)
    options: Any = {
        "endpoint_url": f"{served.url}/bedrock",
        "region_name": "us-east-1",
        "aws_access_key_id": "clients",
        "aws_secret_access_key": pair,
    }
    client = boto3.client("bedrock-runtime", **options)
    answer = client.converse(modelId=NOVA, messages=BLOCKS)
    events = [*client.converse_stream(modelId=NOVA, messages=BLOCKS)["stream"]]
    with pytest.raises(client.exceptions.ValidationException):
        client.converse(modelId=NOVA, messages=[])
    with pytest.raises(ClientError) as refused:
        boto3.client("bedrock-runtime", **options | {"aws_secret_access_key": "another"}).converse(
            modelId=NOVA, messages=BLOCKS
        )
    assert answer["output"]["message"]["content"][0]["text"]
    assert "metadata" in events[-1]
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"
    profiles = boto3.client("bedrock", **options).list_inference_profiles()
    assert profiles["inferenceProfileSummaries"]


def test_a_client_of_aws_that_sends_the_key_itself_calls_by_the_path_of_litellm(served: Gateway) -> None:
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"{served.url}/bedrock",
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )

    def send_key(request: Any, **_: Any) -> None:
        request.headers["Authorization"] = f"Bearer {KEY}"

    client.meta.events.register("before-send.bedrock-runtime.*", send_key)
    assert client.converse(modelId=NOVA, messages=BLOCKS)["usage"]["outputTokens"]


def test_the_sdk_of_anthropic_calls_by_the_path_of_litellm(served: Gateway) -> None:
    client = anthropic.AnthropicBedrock(
        base_url=f"{served.url}/bedrock", api_key=KEY, aws_region="us-east-1", max_retries=0
    )
    with client:
        assert client.messages.create(model=CLAUDE, messages=TURNS, max_tokens=20).content


def test_a_key_is_needed_and_the_error_is_in_the_words_of_the_api(served: Gateway) -> None:
    assert served.post("/chat/completions", {}).json()["error"]["type"] == "authentication_error"
    assert served.post("/api/v1/embeddings", {}).json()["error"]["type"] == "authentication_error"
    refused = served.post(f"/bedrock/model/{NOVA}/converse", {})
    assert refused.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert {served.post(path, {}).status_code for path in ("/chat/completions", "/api/v1/chat/completions")} == {401}


def test_probes_are_answered_at_their_addresses(served: Gateway) -> None:
    probes = ("/health", "/health/liveliness", "/health/liveness", "/health/readiness")
    assert {served.get(path).status_code for path in probes} == {200}


def test_the_document_of_the_api_has_the_addresses_and_each_operation_once(served: Gateway) -> None:
    document = served.get("/openapi.json", headers={"x-api-key": KEY}).json()
    moved = ("/chat/completions", "/api/v1/chat/completions", "/bedrock/model/{model}/converse", "/models/nova/invoke")
    assert set(moved) <= set(document["paths"])
    methods = [path[method] for path in document["paths"].values() for method in ("get", "post") if method in path]
    ids = [operation["operationId"] for operation in methods]
    assert len(ids) == len(set(ids))
    assert document["paths"]["/chat/completions"]["post"]["requestBody"]


def test_nothing_of_it_is_served_unless_it_is_switched_on() -> None:
    client = create_app(Settings()).test_client()
    paths = ("/chat/completions", "/api/v1/chat/completions", "/bedrock/model/x/converse", "/health", "/models")
    assert {client.get(path).status_code for path in paths} == {404}


def test_a_gateway_that_is_not_known_is_refused() -> None:
    with pytest.raises(SettingsError, match="BEDROCK_FLASK_PATHS: contains what is not a gateway: portkey"):
        read_settings({"BEDROCK_FLASK_PATHS": "litellm,portkey"})
