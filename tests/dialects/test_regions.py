"""The AWS region of a call, in every dialect: the ARN's, else the signature's if the operator lists it.

The emulator serves every region: the one that a call is for is in its signature.
"""

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from anthropic import AnthropicBedrock
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_flask.config import keys
from bedrock_flask.config.server_secret import parse_server_secret
from tests.doubles import Emulator, Gateway, GatewayWith

Json = dict[str, Any]

OWN, LISTED, OTHER = "us-east-1", "eu-west-1", "ap-south-1"
NOVA = "amazon.nova-lite-v1:0"
CLAUDE = "anthropic.claude-opus-4-6-v1"
SECRET, SIGNING = "a-key-for-the-tests-only", "a-signing-secret-for-the-tests-only"
HEADER = "x-bedrock-flask-region"
ROUTES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/responses": {"input": "Hi"},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20},
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/models/{}/invoke": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
    "/model/{}/converse": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
    "/model/{}/converse-stream": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
}
each_route = pytest.mark.parametrize("path", ROUTES)


@pytest.fixture
def open_gateway(gateway: Gateway) -> Gateway:
    """No keys, and no region that callers may choose."""
    return gateway


@pytest.fixture
def listing(gateway_with: GatewayWith) -> Gateway:
    """A gateway with a key, whose operator lists one more region."""
    return gateway_with(
        BEDROCK_FLASK_API_KEYS=f"alice:{SECRET}",
        BEDROCK_FLASK_SIGNING_SECRET=SIGNING,
        BEDROCK_FLASK_REGIONS=LISTED,
    )


def foundation_model(region: str, path: str = "") -> str:
    # AWS does not count tokens for Nova.
    model = CLAUDE if path.endswith("/count_tokens") else NOVA
    return f"arn:aws:bedrock:{region}::foundation-model/{model}"


def post(gateway: Gateway, path: str, model: str, **headers: str) -> Any:
    body = ROUTES[path] if "{}" in path else {"model": model, **ROUTES[path]}
    return gateway.post(path.format(model), body, headers={"authorization": f"Bearer {SECRET}", **headers})


def pair() -> tuple[str, str]:
    secret = keys.parse_keys([f"alice:{SECRET}"]).derive_aws_secret("alice", parse_server_secret(SIGNING))
    return "alice", secret


def bedrock(gateway: Gateway, region: str, name: str = "bedrock-runtime") -> Any:
    key_id, secret = pair()
    return boto3.client(
        name,
        endpoint_url=gateway.url,
        region_name=region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def ask(client: Any, model: str = NOVA) -> Json:
    answer = client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "Hi"}]}])
    return dict(answer["ResponseMetadata"]["HTTPHeaders"])


def called_regions(emulator: Emulator) -> list[str]:
    """The regions that the calls were signed for."""
    calls = [call["headers"]["authorization"] for call in emulator.calls()]
    return [found[1] for call in calls if (found := re.search(r"Credential=[^/]+/\d+/([^/]+)/bedrock/", call))]


# --- by ARN -----------------------------------------------------------------------------------------------------------


@each_route
def test_an_arn_is_called_in_its_region(open_gateway: Gateway, emulator: Emulator, path: str) -> None:
    response = post(open_gateway, path, foundation_model(OTHER, path))
    assert response.status_code == 200, response.text
    assert response.headers[HEADER] == OTHER
    assert called_regions(emulator) == [OTHER]


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:bedrock:{OTHER}:123456789012:inference-profile/eu.{NOVA}",
        f"arn:aws:bedrock:{OTHER}::inference-profile/eu.{NOVA}",
        f"arn:aws:bedrock:{OTHER}:123456789012:provisioned-model/abcdefghijkl",
        f"arn:aws:bedrock:{OTHER}:123456789012:application-inference-profile/abcdefghijkl",
    ],
)
def test_every_kind_of_arn_has_a_region(open_gateway: Gateway, emulator: Emulator, arn: str) -> None:
    response = post(open_gateway, "/v1/chat/completions", arn)
    assert response.headers[HEADER] == OTHER
    assert called_regions(emulator) == [OTHER]


@each_route
def test_an_arn_of_a_listed_region_is_called_there(listing: Gateway, emulator: Emulator, path: str) -> None:
    for region in (LISTED, OWN):
        assert post(listing, path, foundation_model(region, path)).headers[HEADER] == region
    assert called_regions(emulator) == [LISTED, OWN]


@each_route
def test_an_arn_of_a_region_that_the_operator_does_not_list_is_refused(
    listing: Gateway, emulator: Emulator, path: str
) -> None:
    response = post(listing, path, foundation_model(OTHER, path))
    assert (response.status_code, OTHER in response.text) == (403, True)
    assert "region_not_allowed" in response.text
    assert emulator.calls() == []


# --- by signature -----------------------------------------------------------------------------------------------------


def test_a_signature_for_a_listed_region_chooses_it(listing: Gateway, emulator: Emulator) -> None:
    for region in (LISTED, OWN):
        assert ask(bedrock(listing, region))[HEADER] == region
    assert called_regions(emulator) == [LISTED, OWN]


def test_clients_of_anthropic_choose_by_signature_too(listing: Gateway, emulator: Emulator) -> None:
    key_id, secret = pair()
    client = AnthropicBedrock(
        base_url=listing.url, aws_region=LISTED, aws_access_key=key_id, aws_secret_key=secret, max_retries=0
    )
    body = {"anthropic_version": "bedrock-2023-05-31"}
    messages: Any = [{"role": "user", "content": "Hi"}]
    client.messages.create(model=CLAUDE, max_tokens=20, messages=messages, extra_body=body)
    with client.messages.stream(model=CLAUDE, max_tokens=20, messages=messages, extra_body=body) as stream:
        assert stream.response.headers[HEADER] == LISTED
        assert stream.get_final_text()
    assert called_regions(emulator) == [LISTED, LISTED]


def test_a_signature_for_a_region_that_is_not_listed_is_refused(listing: Gateway, emulator: Emulator) -> None:
    with pytest.raises(ClientError) as error:
        ask(bedrock(listing, OTHER))
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    assert OTHER in str(error.value)
    assert LISTED in str(error.value)
    assert emulator.calls() == []


def test_without_a_list_the_answer_names_the_region_that_was_called(open_gateway: Gateway, emulator: Emulator) -> None:
    assert ask(bedrock(open_gateway, OTHER))[HEADER] == OWN
    assert called_regions(emulator) == [OWN]


def test_an_arn_decides_before_the_signature(listing: Gateway, emulator: Emulator) -> None:
    assert ask(bedrock(listing, LISTED), foundation_model(OWN))[HEADER] == OWN
    assert ask(bedrock(listing, OWN), foundation_model(LISTED))[HEADER] == LISTED
    assert called_regions(emulator) == [OWN, LISTED]


def test_a_call_without_a_signature_goes_to_the_gateways_own_region(listing: Gateway, emulator: Emulator) -> None:
    assert post(listing, "/v1/chat/completions", NOVA).headers[HEADER] == OWN
    assert called_regions(emulator) == [OWN]


def test_operations_on_no_model_choose_alike(listing: Gateway, emulator: Emulator) -> None:
    runtime = bedrock(listing, LISTED)
    runtime.list_async_invokes()
    text = [{"text": {"text": "Hi"}}]
    guardrail = f"arn:aws:bedrock:{OWN}:123456789012:guardrail/abcdefgh"
    for identifier in ("abcdefgh", guardrail):
        runtime.apply_guardrail(guardrailIdentifier=identifier, guardrailVersion="1", source="INPUT", content=text)
    assert called_regions(emulator) == [LISTED, LISTED, OWN]
    models = bedrock(listing, LISTED, "bedrock").list_foundation_models()["modelSummaries"]
    assert all(f":bedrock:{LISTED}:" in model["modelArn"] for model in models)


# --- by the operator --------------------------------------------------------------------------------------------------


def test_an_alias_keeps_its_region(gateway_with: GatewayWith, emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        f'[models.near]\nid = "{NOVA}"\nregion = "{OTHER}"\n'
        f'[models.arn]\nid = "{NOVA}"\nprofile = "{foundation_model("eu-north-1")}"\n'
    )
    gateway = gateway_with(BEDROCK_FLASK_MODELS_FILE=str(file), BEDROCK_FLASK_REGIONS=LISTED)
    for name, region in (("near", OTHER), ("arn", "eu-north-1")):
        assert ask(bedrock(gateway, LISTED), name)[HEADER] == region
    assert called_regions(emulator) == [OTHER, "eu-north-1"]


def test_an_asynchronous_call_goes_to_the_region_of_its_alias_or_arn(
    gateway_with: GatewayWith, emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "models.toml"
    file.write_text(f'[models.near]\nid = "{NOVA}"\nregion = "{OTHER}"\n')
    gateway = gateway_with(BEDROCK_FLASK_MODELS_FILE=str(file))
    output = {"s3OutputDataConfig": {"s3Uri": "s3://bucket/answers"}}
    for name in ("near", foundation_model("eu-north-1"), NOVA):
        gateway.post("/async-invoke", {"modelId": name, "modelInput": {}, "outputDataConfig": output})
    assert called_regions(emulator) == [OTHER, "eu-north-1", OWN]


def test_errors_and_the_log_name_the_region(open_gateway: Gateway, emulator: Emulator) -> None:
    emulator.fault("ValidationException")
    response = post(open_gateway, "/v1/chat/completions", foundation_model(OTHER))
    assert (response.status_code, response.headers[HEADER]) == (400, OTHER)
    assert open_gateway.line(response.headers["x-request-id"])["region"] == OTHER
