"""A family is one file: dropped into a folder it is served, listed, documented and emulated. Nothing else is edited."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.doubles import Emulator, Gateway, StartEmulator, StartGateway

FAMILY = """
from bedrock_flask.plugin import Adapter, Capabilities, KnownModel, Schema, fields, hookimpl


class LyreBody(Schema):
    song = fields.String(required=True, min_length=1, description="What to sing about.")
    verses = fields.Integer(min=1, max=9)


def decode(part):
    response = {"output": {"message": {"role": "assistant", "content": [{"text": part["verse"]}]}}}
    return response | ({"stopReason": "end_turn"} if part.get("last") else {})


@hookimpl
def register_adapters(register):
    register(
        Adapter(
            name="lyre",
            description="Acme Lyre: sings.",
            body=LyreBody,
            speaks={"lyre": "InvokeModel", "converse": "Converse"},
            models={
                "acme.lyre-*": Capabilities(system=True, images=True),
                "acme.lyre-2-*": Capabilities(system=True, images=True, counts_tokens=True),
            },
            default="acme.lyre-2-v1:0",
            provider="Acme Instruments",
            known_models={
                "acme.lyre-1-v1:0": KnownModel(name="Lyre One", on_demand=False, profiles=("us", "jp"), active=False),
                "acme.lyre-2-v1:0": KnownModel(name="Lyre Two", profiles=("global",)),
            },
            decode=decode,
            reply={"verse": "Sing, o goddess.", "last": True},
            chunks=[{"verse": "Sing, "}, {"verse": "o goddess."}, {"verse": "", "last": True}],
            sample={"song": "anger", "verses": 2},
        )
    )
"""
OLD, NEW = "acme.lyre-1-v1:0", "acme.lyre-2-v1:0"
BODY = {"song": "anger"}
MESSAGES = [{"role": "user", "content": [{"text": "one two three"}]}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "lyre.py").write_text(FAMILY)
    return folder


@pytest.fixture(scope="module")
def emulated(start_emulator: StartEmulator, folder: Path) -> Emulator:
    return start_emulator(plugins_dir=folder)


@pytest.fixture(scope="module")
def served(start_gateway: StartGateway, emulated: Emulator, folder: Path) -> Gateway:
    return start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(folder), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulated.url)


def client(emulated: Emulator, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=emulated.url,
        region_name="us-east-1",
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
    )


def test_the_gateway_lists_it_and_documents_it(served: Gateway) -> None:
    [model] = [each for each in served.get("/v1/models").json()["data"] if each["id"] == "lyre"]
    assert NEW in json.dumps(model)
    document = served.get("/openapi.json").json()
    operation = document["paths"]["/v1/models/lyre/invoke"]["post"]
    assert "What to sing about." in json.dumps(served.get("/v1/models/lyre/schema").json())
    assert '"anger"' in json.dumps(operation)


def test_the_gateway_answers_it_whole_streamed_and_by_other_dialects(served: Gateway) -> None:
    for name in ("lyre", NEW, OLD, f"us.{OLD}"):
        response = served.post(f"/v1/models/{name}/invoke", BODY)
        assert (response.status_code, response.json()["verse"]) == (200, "Sing, o goddess."), name
    stream = served.post("/v1/models/lyre/invoke-stream", BODY)
    assert stream.status_code == 200
    events = [json.loads(line[6:]) for line in stream.text.splitlines() if line.startswith("data: {")]
    assert "".join(event.get("verse", "") for event in events) == "Sing, o goddess."
    refused = served.post("/v1/models/lyre/invoke", {"song": "anger", "verses": 10})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "verses")
    chat = {"model": "lyre", "messages": [{"role": "user", "content": "one two three"}]}
    assert served.post("/v1/chat/completions", chat).json()["choices"][0]["message"]["content"]


def test_the_emulator_lists_its_models_and_profiles_as_the_file_says(emulated: Emulator) -> None:
    control = client(emulated, "bedrock")
    models = {each["modelId"]: each for each in control.list_foundation_models()["modelSummaries"]}
    old, new = models[OLD], models[NEW]
    assert [old["modelName"], new["modelName"]] == ["Lyre One", "Lyre Two"]
    assert {old["providerName"], new["providerName"]} == {"Acme Instruments"}
    assert old["inferenceTypesSupported"] == ["INFERENCE_PROFILE"]
    assert new["inferenceTypesSupported"] == ["ON_DEMAND", "INFERENCE_PROFILE"]
    assert [each["modelLifecycle"]["status"] for each in (old, new)] == ["LEGACY", "ACTIVE"]
    assert new["inputModalities"] == ["TEXT", "IMAGE"]
    profiles = [each["inferenceProfileId"] for each in control.list_inference_profiles()["inferenceProfileSummaries"]]
    assert {f"us.{OLD}", f"jp.{OLD}", f"global.{NEW}"} <= set(profiles)
    assert f"us.{NEW}" not in profiles


def test_the_emulator_counts_its_tokens_where_the_file_says_so(emulated: Emulator) -> None:
    runtime = client(emulated, "bedrock-runtime")
    assert runtime.count_tokens(modelId=NEW, input={"converse": {"messages": MESSAGES}})["inputTokens"] == 3
    with pytest.raises(ClientError, match="doesn't support counting tokens"):
        runtime.count_tokens(modelId=OLD, input={"converse": {"messages": MESSAGES}})
