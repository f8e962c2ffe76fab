"""Day 0: `validate = "warn"` passes fields and values that a schema does not know yet, and reports them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.test_model_list import FAMILY
from tests.doubles import Emulator, Gateway, SendWhole, StartEmulator, StartGateway, Upstream

FILE = """
[models.new]
id = "acme.lyre-1-v1:0"
validate = "warn"

[models.strict]
id = "acme.lyre-1-v1:0"

[models.opus]
id = "anthropic.claude-opus-4-6-v1"
validate = "warn"

[models.pro]
id = "amazon.nova-pro-v1:0"
validate = "warn"
"""
NEW = {"song": "anger", "mode": "aeolian", "tempo": 120}
HEADER = "x-bedrock-flask-unknown-fields"
SAYS = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lyre")
    (folder / "plugins").mkdir()
    (folder / "plugins/lyre.py").write_text(FAMILY)
    (folder / "models.toml").write_text(FILE)
    return folder


@pytest.fixture(scope="module")
def rehearsal(start_emulator: StartEmulator, folder: Path) -> Emulator:
    return start_emulator("--lenient", plugins_dir=folder / "plugins")


@pytest.fixture(scope="module")
def gateway(start_gateway: StartGateway, rehearsal: Emulator, folder: Path) -> Gateway:
    return start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=rehearsal.url,
        BEDROCK_FLASK_PLUGINS_DIR=str(folder / "plugins"),
        BEDROCK_FLASK_MODELS_FILE=str(folder / "models.toml"),
    )


@pytest.mark.parametrize("path", ["/v1/models/new/invoke", "/v1/models/new/invoke-stream", "/model/new/invoke"])
def test_new_fields_and_values_pass_and_are_reported(gateway: Gateway, rehearsal: Emulator, path: str) -> None:
    response = gateway.post(path, NEW)
    assert response.status_code == 200, response.text
    assert set(response.headers[HEADER].split(", ")) == {"mode", "tempo"}
    assert set(gateway.line(response.headers["x-request-id"])["unknown_fields"]) == {"mode", "tempo"}
    call = rehearsal.calls()[-1]
    assert json.loads(call["body"]) == NEW
    assert set(call["unknown"]) == {"mode", "tempo"}


def test_by_the_body_too(gateway: Gateway) -> None:
    response = gateway.post("/v1/invoke", {"model": "new", "input": NEW})
    assert response.status_code == 200, response.text
    assert set(response.headers[HEADER].split(", ")) == {"mode", "tempo"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"song": 5}, "song"),
        ({"song": "anger", "mode": 5}, "mode"),
        ({"song": "anger", "mode": ""}, "mode"),
        ({"mode": "aeolian"}, "song"),
    ],
)
def test_every_other_fault_is_refused(gateway: Gateway, body: Any, path: str) -> None:
    response = gateway.post("/v1/models/new/invoke", body)
    assert response.status_code == 400
    assert path in [fault["path"] for fault in response.json()["errors"]]


def test_without_it_both_are_refused(gateway: Gateway) -> None:
    response = gateway.post("/v1/models/strict/invoke", NEW)
    assert response.status_code == 400
    assert {fault["path"] for fault in response.json()["errors"]} == {"mode", "tempo"}
    assert HEADER not in response.headers


def test_a_refusal_by_bedrock_is_reported_with_them(
    start_gateway: StartGateway, folder: Path, upstream: Upstream, whole: SendWhole
) -> None:
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url,
        BEDROCK_FLASK_PLUGINS_DIR=str(folder / "plugins"),
        BEDROCK_FLASK_MODELS_FILE=str(folder / "models.toml"),
    )
    refusal = whole(b'{"message": "mode: bad"}', "400 Bad Request", x_amzn_errortype="ValidationException")
    for path in ("/v1/models/new/invoke", "/v1/models/new/invoke-stream"):
        upstream.scripts.append(refusal)
        response = gateway.post(path, NEW)
        assert (response.status_code, response.json()["code"]) == (400, "bedrock_validation")
        assert set(response.headers[HEADER].split(", ")) == {"mode", "tempo"}


def test_the_dialects_pass_new_values_to_a_model_that_speaks_their_format(
    gateway: Gateway, rehearsal: Emulator
) -> None:
    body = {"model": "opus", "max_tokens": 9, "messages": SAYS, "service_tier": "turbo"}
    strict = gateway.post("/v1/messages", {**body, "model": "claude"})
    assert strict.status_code == 400, strict.text
    response = gateway.post("/v1/messages", {**body, "thinking": {"type": "sudden"}})
    assert response.status_code == 200, response.text
    assert response.headers[HEADER] == "thinking.type"
    assert json.loads(rehearsal.calls()[-1]["body"])["thinking"] == {"type": "sudden"}


def test_a_converse_body_passes_with_new_values(gateway: Gateway, rehearsal: Emulator) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "serviceTier": {"type": "hyper"}}
    assert gateway.post("/model/nova/converse", body).status_code == 400
    response = gateway.post("/model/pro/converse", body)
    assert response.status_code == 200, response.text
    assert response.headers[HEADER] == "serviceTier.type"
    assert rehearsal.calls()[-1]["unknown"] == ["serviceTier.type"]


def test_a_strict_emulator_refuses_them_as_bedrock_does_today(
    start_emulator: StartEmulator, start_gateway: StartGateway, folder: Path
) -> None:
    strict = start_emulator(plugins_dir=folder / "plugins")
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=strict.url,
        BEDROCK_FLASK_PLUGINS_DIR=str(folder / "plugins"),
        BEDROCK_FLASK_MODELS_FILE=str(folder / "models.toml"),
    )
    response = gateway.post("/v1/models/new/invoke", NEW)
    assert (response.status_code, response.json()["code"]) == (400, "bedrock_validation")
    assert set(response.headers[HEADER].split(", ")) == {"mode", "tempo"}
