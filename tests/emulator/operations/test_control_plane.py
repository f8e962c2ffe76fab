"""The control plane by an unmodified boto3: models, their availability and inference profiles, as the plugins say."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_flask.models.loading import load_registry
from bedrock_flask.wires import find_wire
from tests.doubles import Emulator, StartEmulator

REGISTRY = load_registry()
NOVA, TITAN = "amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0"
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PLUGIN = """
from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl


class Body(Schema):
    prompt = fields.String(required=True)


@hookimpl
def register_adapters(register):
    register(Adapter(name="paint", body=Body, speaks={"paint": "InvokeModel"}, sample={"prompt": "Hi"},
                     models={"acme.paint-*": Capabilities(output="image", streaming=False)},
                     reply={"image": "base64"}))
"""


@pytest.fixture
def control(emulator: Emulator, strict_client: Any) -> Any:
    return strict_client(emulator.url, "bedrock")


@pytest.fixture(scope="module")
def own(start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An emulator with one more plugin."""
    folder: Path = tmp_path_factory.mktemp("plugins")
    (folder / "acme.py").write_text(textwrap.dedent(PLUGIN))
    return start_emulator(plugins_dir=folder)


def ids(control: Any, **filters: str) -> list[str]:
    return [each["modelId"] for each in control.list_foundation_models(**filters)["modelSummaries"]]


def test_every_plugin_s_models_are_listed_with_what_they_can_do(control: Any) -> None:
    found = {each["modelId"]: each for each in control.list_foundation_models()["modelSummaries"]}
    assert list(found) == sorted(found)
    nova, titan, sonnet = found[NOVA], found[TITAN], found[SONNET]
    assert nova["modelArn"] == f"arn:aws:bedrock:us-west-2::foundation-model/{NOVA}"
    assert (nova["modelName"], nova["providerName"]) == ("Nova Lite", "Amazon")
    assert nova["inputModalities"] == ["TEXT", "IMAGE", "VIDEO"]
    assert nova["inferenceTypesSupported"] == ["ON_DEMAND", "INFERENCE_PROFILE"]
    assert (titan["outputModalities"], titan["responseStreamingSupported"]) == (["EMBEDDING"], False)
    assert sonnet["inferenceTypesSupported"] == ["INFERENCE_PROFILE"]
    assert sonnet["modelLifecycle"] == {"status": "ACTIVE"}


def test_filters_choose(control: Any) -> None:
    embedders = ids(control, byOutputModality="EMBEDDING")
    assert {TITAN, "cohere.embed-v4:0"} <= {*embedders}
    assert all("embed" in each for each in embedders)
    assert SONNET in ids(control, byProvider="anthropic")
    assert NOVA not in ids(control, byProvider="Anthropic")
    assert SONNET not in ids(control, byInferenceType="ON_DEMAND")
    assert NOVA in ids(control, byInferenceType="ON_DEMAND", byProvider="Amazon")
    assert ids(control, byCustomizationType="FINE_TUNING") == []


def test_a_plugin_of_one_s_own_is_listed_as_it_says(own: Emulator, strict_client: Any) -> None:
    control = strict_client(own.url, "bedrock")
    assert "acme.paint-v1:0" in ids(control, byOutputModality="IMAGE")
    document = control.get_foundation_model(modelIdentifier="acme.paint-v1:0")["modelDetails"]
    assert (document["modelName"], document["providerName"]) == ("Paint V1", "Acme")
    assert (document["responseStreamingSupported"], document["inputModalities"]) == (False, ["TEXT"])


@pytest.mark.parametrize("identifier", [NOVA, f"arn:aws:bedrock:us-west-2::foundation-model/{NOVA}"])
def test_one_model_is_told_by_its_id_and_by_its_arn(control: Any, identifier: str) -> None:
    [listed] = [each for each in control.list_foundation_models()["modelSummaries"] if each["modelId"] == NOVA]
    assert control.get_foundation_model(modelIdentifier=identifier)["modelDetails"] == listed


def test_a_version_that_is_not_listed_but_claimed_is_told_too(control: Any) -> None:
    document = control.get_foundation_model(modelIdentifier="amazon.nova-lite-v9:0")["modelDetails"]
    assert (document["modelId"], document["modelName"]) == ("amazon.nova-lite-v9:0", "Nova Lite V9")


@pytest.mark.parametrize("model", ["newvendor.model-of-tomorrow", f"us.{SONNET}", "nonsense"])
def test_what_is_no_foundation_model_of_the_plugins_is_not_found(control: Any, model: str) -> None:
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_foundation_model(modelIdentifier=model)
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_foundation_model_availability(modelId=model)


def test_a_model_that_is_there_may_be_called(control: Any) -> None:
    response = control.get_foundation_model_availability(modelId=NOVA)
    assert response["modelId"] == NOVA
    assert response["agreementAvailability"] == {"status": "AVAILABLE"}
    assert response["authorizationStatus"] == "AUTHORIZED"


def test_profiles_are_of_a_type_and_come_in_pages(control: Any) -> None:
    everything = control.list_inference_profiles()
    assert "nextToken" not in everything
    names = [each["inferenceProfileId"] for each in everything["inferenceProfileSummaries"]]
    assert {f"us.{SONNET}", f"global.{SONNET}", f"apac.{NOVA}"} <= set(names)
    assert f"us.{TITAN}" not in names
    pages = control.get_paginator("list_inference_profiles").paginate(
        typeEquals="SYSTEM_DEFINED", PaginationConfig={"PageSize": 7}
    )
    paged = [[each["inferenceProfileId"] for each in page["inferenceProfileSummaries"]] for page in pages]
    assert [len(page) for page in paged[:-1]] == [7] * (len(paged) - 1)
    assert [name for page in paged for name in page] == names
    kinds = control.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    assert {each["type"] for each in kinds} == {"APPLICATION"}


def test_a_query_that_cannot_be_is_refused(emulator: Emulator) -> None:
    sizes, tokens = ("0", "1001", "ten"), ("x", "%F0%9F", "")
    queries = [*(f"maxResults={each}" for each in sizes), "type=typeless", *(f"nextToken={each}" for each in tokens)]
    answers = {query: emulator.get(f"/inference-profiles?{query}") for query in queries}
    seen = {
        query: (each.status_code, each.headers["x-amzn-errortype"].partition(":")[0]) for query, each in answers.items()
    }
    assert seen == dict.fromkeys(queries, (400, "ValidationException"))


def test_a_profile_leads_to_its_model_in_each_region(control: Any) -> None:
    response = control.get_inference_profile(inferenceProfileIdentifier=f"us.{SONNET}")
    assert response["inferenceProfileArn"] == f"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.{SONNET}"
    assert [each["modelArn"] for each in response["models"]] == [
        f"arn:aws:bedrock:{region}::foundation-model/{SONNET}" for region in ("us-east-1", "us-east-2", "us-west-2")
    ]
    by_arn = control.get_inference_profile(inferenceProfileIdentifier=response["inferenceProfileArn"])
    assert by_arn["inferenceProfileId"] == f"us.{SONNET}"
    assert by_arn["createdAt"].year == 2025
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_inference_profile(inferenceProfileIdentifier=f"us.{TITAN}")


def test_each_profile_s_arn_is_answered_as_the_model_that_it_leads_to(
    control: Any, emulator: Emulator, bedrock: Any
) -> None:
    answered = set()
    for kind in ("SYSTEM_DEFINED", "APPLICATION"):
        for profile in control.list_inference_profiles(typeEquals=kind)["inferenceProfileSummaries"]:
            adapter, capabilities = REGISTRY.pick(profile["models"][0]["modelArn"].rpartition("/")[2])
            if adapter.operation != "InvokeModel" or (capabilities.surfaces and "invoke" not in capabilities.surfaces):
                continue
            body = json.dumps(dict(adapter.sample))
            reply = json.loads(bedrock.invoke_model(modelId=profile["inferenceProfileArn"], body=body)["body"].read())
            assert find_wire(adapter).is_complete(reply), profile
            answered.add(adapter.name)
    assert answered >= {"claude", "llama", "nova", "titan-embed"}


def test_an_application_s_profile_stands_for_its_model_in_converse(control: Any, bedrock: Any) -> None:
    [profile] = [
        each
        for each in control.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
        if each["models"][0]["modelArn"].endswith(TITAN)
    ]
    with pytest.raises(ClientError, match="doesn't support the model"):
        bedrock.converse(
            modelId=profile["inferenceProfileArn"], messages=[{"role": "user", "content": [{"text": "Hi"}]}]
        )


def test_it_is_found_below_a_base_url_of_its_own(emulator: Emulator, strict_client: Any, control: Any) -> None:
    other = strict_client(f"{emulator.url}/control", "bedrock")
    assert ids(other) == ids(control)
    assert other.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]["modelId"] == NOVA


def test_it_obeys_faults_and_is_in_the_request_log(control: Any, emulator: Emulator) -> None:
    emulator.fault("AccessDeniedException")
    with pytest.raises(control.exceptions.AccessDeniedException):
        control.list_foundation_models()
    control.list_foundation_models()
    found = [(entry["operation"], entry["status"], entry["fault"]) for entry in emulator.calls()]
    assert found == [("ListFoundationModels", 403, "AccessDeniedException"), ("ListFoundationModels", 200, None)]
