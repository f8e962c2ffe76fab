"""`GET /v1/models` joins the plugins' catalogue with what the account is offered, and answers say when a model ends."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.doubles import Emulator, Gateway, SendWhole, StartEmulator, StartGateway, Upstream

TODAY = datetime.now(UTC).date()
LEGACY_ON, ENDS_ON = TODAY - timedelta(days=100), TODAY + timedelta(days=80)
FAMILY = f"""
from bedrock_flask.plugin import Adapter, Capabilities, KnownModel, Schema, fields, hookimpl


class LyreBody(Schema):
    song = fields.String(required=True, min_length=1, description="What to sing about.")
    mode = fields.String(one_of=["dorian", "lydian"], description="The scale.")


def encode(request):
    return {{"song": request["messages"][0]["content"][0]["text"]}}


def decode(part):
    response = {{"output": {{"message": {{"role": "assistant", "content": [{{"text": part["verse"]}}]}}}}}}
    return response | ({{"stopReason": "end_turn"}} if part.get("last") else {{}})


@hookimpl
def register_adapters(register):
    register(
        Adapter(
            name="lyre",
            body=LyreBody,
            speaks={{"lyre": "InvokeModel"}},
            models={{"acme.lyre-*": Capabilities()}},
            default="acme.lyre-1-v1:0",
            known_models={{
                "acme.lyre-1-v1:0": KnownModel(
                    name="Lyre One", active=False, legacy_on="{LEGACY_ON}", ends_on="{ENDS_ON}",
                    successor="acme.lyre-2-v1:0", context=1000, output=200,
                ),
                "acme.lyre-2-v1:0": KnownModel(name="Lyre Two", on_demand=False, profiles=("us", "global")),
                "acme.lyre-0-v1:0": KnownModel(name="Lyre Zero", active=False, ends_on="2024-01-31"),
            }},
            encode=encode,
            decode=decode,
            reply={{"verse": "Sing.", "last": True}},
            chunks=[{{"verse": "Sing."}}, {{"verse": "", "last": True}}],
            sample={{"song": "anger"}},
        )
    )
"""
FILE = '[models.new]\nid = "acme.lyre-2-v1:0"\nvalidate = "warn"\n[models.gone]\nid = "acme.lyre-0-v1:0"\n'
SAYS = [{"role": "user", "content": "Sing."}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lyre")
    (folder / "plugins").mkdir()
    (folder / "plugins/lyre.py").write_text(FAMILY)
    (folder / "models.toml").write_text(FILE)
    return folder


@pytest.fixture(scope="module")
def lyre_emulator(start_emulator: StartEmulator, folder: Path) -> Emulator:
    return start_emulator(plugins_dir=folder / "plugins")


@pytest.fixture(scope="module")
def joined(start_gateway: StartGateway, lyre_emulator: Emulator, folder: Path) -> Gateway:
    """A gateway whose control plane is the emulator's."""
    return start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=lyre_emulator.url,
        AWS_ENDPOINT_URL_BEDROCK=f"{lyre_emulator.url}/control",
        BEDROCK_FLASK_PLUGINS_DIR=str(folder / "plugins"),
        BEDROCK_FLASK_MODELS_FILE=str(folder / "models.toml"),
    )


@pytest.fixture(scope="module")
def alone(start_gateway: StartGateway, lyre_emulator: Emulator, folder: Path) -> Gateway:
    """A gateway without a control plane: calls go to this machine."""
    return start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=lyre_emulator.url,
        BEDROCK_FLASK_PLUGINS_DIR=str(folder / "plugins"),
        BEDROCK_FLASK_MODELS_FILE=str(folder / "models.toml"),
    )


def list_models(gateway: Gateway) -> tuple[dict[str, Any], dict[str, Any]]:
    document = gateway.get("/v1/models").json()
    return {each["id"]: each for each in document["data"]}, document["catalogue"]


def test_the_account_decides_what_is_listed(joined: Gateway, lyre_emulator: Emulator) -> None:
    listed, catalogue = list_models(joined)
    assert catalogue == {"source": "account", "detail": ""}
    assert {"ListFoundationModels", "ListInferenceProfiles"} <= {call["operation"] for call in lyre_emulator.calls()}
    assert (listed["nova"]["offered"], listed["nova"]["profiles"][0]) == (True, "us.amazon.nova-lite-v1:0")
    assert listed["nova"]["surfaces"] == ["invoke", "converse"]


def test_a_model_that_only_a_profile_reaches_is_listed_by_it(joined: Gateway) -> None:
    listed, _ = list_models(joined)
    assert "acme.lyre-2-v1:0" not in listed
    assert listed["us.acme.lyre-2-v1:0"]["profiles"] == ["us.acme.lyre-2-v1:0", "global.acme.lyre-2-v1:0"]
    assert listed["us.acme.lyre-2-v1:0"]["display_name"] == "Lyre Two"


def test_the_life_cycle_is_in_the_words_of_anthropics_list(joined: Gateway) -> None:
    lyre = list_models(joined)[0]["lyre"]
    assert (lyre["lifecycle"], lyre["successor"]) == ("deprecated", "acme.lyre-2-v1:0")
    assert lyre["deprecated_at"] == f"{LEGACY_ON}T00:00:00Z"
    assert lyre["retires_at"] == f"{ENDS_ON}T00:00:00Z"
    assert (lyre["max_input_tokens"], lyre["max_tokens"]) == (1000, 200)
    assert joined.get("/v1/models/lyre").json() == lyre


def test_what_has_ended_is_listed_only_if_the_models_file_names_it(joined: Gateway) -> None:
    listed, _ = list_models(joined)
    assert "acme.lyre-0-v1:0" not in listed
    assert listed["gone"]["lifecycle"] == "retired"


def test_an_alias_that_the_account_is_not_offered_is_listed_and_says_so(joined: Gateway) -> None:
    assert list_models(joined)[0]["new"]["offered"] is False


def test_without_the_account_the_plugins_catalogue_is_listed_and_says_why(alone: Gateway) -> None:
    listed, catalogue = list_models(alone)
    assert catalogue["source"] == "plugins"
    assert "AWS_ENDPOINT_URL_BEDROCK is not set" in catalogue["detail"]
    assert listed["us.acme.lyre-2-v1:0"]["offered"] is None
    assert {"nova", "claude", "new", "claude-haiku-4-5"} <= listed.keys()


def test_a_denied_list_is_reported_and_not_tried_with_each_request(
    start_gateway: StartGateway, upstream: Upstream, whole: SendWhole
) -> None:
    denied = {"message": "User: arn:aws:iam::123456789012:user/x is not authorized to perform: ListFoundationModels"}
    upstream.scripts.append(
        whole(json.dumps(denied).encode(), "403 Forbidden", x_amzn_errortype="AccessDeniedException")
    )
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url,
        AWS_ENDPOINT_URL_BEDROCK=upstream.url,
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
    )
    for _ in range(3):
        _, catalogue = list_models(gateway)
        assert catalogue["source"] == "plugins"
        assert "is not authorized" in catalogue["detail"]
        assert "123456789012" not in catalogue["detail"]
    assert len(upstream.requests) == 1


def test_it_can_be_switched_off(start_gateway: StartGateway, lyre_emulator: Emulator) -> None:
    lyre_emulator.ask("DELETE", "/_emulator/requests")
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=lyre_emulator.url,
        AWS_ENDPOINT_URL_BEDROCK=lyre_emulator.url,
        BEDROCK_FLASK_DISCOVERY="false",
    )
    assert "BEDROCK_FLASK_DISCOVERY" in list_models(gateway)[1]["detail"]
    assert lyre_emulator.calls() == []


def test_the_lists_of_both_sdks_read_it(joined: Gateway) -> None:
    openai = {each.id for each in OpenAI(base_url=f"{joined.url}/v1", api_key="x").models.list()}
    anthropic = {each.id: each for each in Anthropic(base_url=joined.url, api_key="x").models.list()}
    assert {"lyre", "nova", "us.acme.lyre-2-v1:0"} <= openai & anthropic.keys()
    lyre = anthropic["lyre"]
    assert (lyre.lifecycle, lyre.max_tokens) == ("deprecated", 200)
    assert lyre.retires_at is not None
    assert lyre.retires_at.date() == ENDS_ON
    assert anthropic["nova"].retires_at is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/lyre/invoke", {"song": "anger"}),
        ("/v1/models/lyre/invoke-stream", {"song": "anger"}),
        ("/model/acme.lyre-1-v1:0/invoke", {"song": "anger"}),
        ("/v1/chat/completions", {"model": "lyre", "messages": SAYS}),
        ("/v1/messages", {"model": "lyre", "max_tokens": 9, "messages": SAYS}),
        ("/v1/responses", {"model": "lyre", "input": "Sing."}),
    ],
)
def test_an_answer_of_a_model_near_its_end_says_when(alone: Gateway, path: str, body: Any) -> None:
    response = alone.post(path, body, headers={"x-bedrock-flask-unsupported": "drop"})
    assert response.status_code == 200, response.text
    since = int(response.headers["deprecation"].removeprefix("@"))
    assert datetime.fromtimestamp(since, UTC).date() == LEGACY_ON
    assert parsedate_to_datetime(response.headers["sunset"]).date() == ENDS_ON


def test_an_answer_of_another_model_says_nothing(alone: Gateway) -> None:
    response = alone.post("/v1/chat/completions", {"model": "nova", "messages": SAYS})
    assert not {"deprecation", "sunset"} & {name.lower() for name in response.headers}


def test_the_accounts_word_counts_in_answers_too(
    start_gateway: StartGateway, lyre_emulator: Emulator, upstream: Upstream, whole: SendWhole
) -> None:
    nova = {
        "modelId": "amazon.nova-lite-v1:0",
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "LEGACY", "endOfLifeTime": f"{ENDS_ON}T00:00:00Z"},
    }
    upstream.scripts += [
        whole(json.dumps({"modelSummaries": [nova]}).encode()),
        whole(json.dumps({"inferenceProfileSummaries": []}).encode()),
    ]
    gateway = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=lyre_emulator.url, AWS_ENDPOINT_URL_BEDROCK=upstream.url)
    until = time.monotonic() + 20
    while "sunset" not in (answer := gateway.post("/v1/chat/completions", {"model": "nova", "messages": SAYS})).headers:
        assert answer.status_code == 200
        assert time.monotonic() < until
    assert parsedate_to_datetime(answer.headers["sunset"]).date() == ENDS_ON


NOT_ON_DEMAND = {
    "message": "Invocation of model ID acme.lyre-2-v1:0 with on-demand throughput isn\N{RIGHT SINGLE QUOTATION MARK}t "
    "supported. Retry your request with the ID or ARN of an inference profile that contains this model."
}


@pytest.mark.parametrize("stream", ["", "-stream"])
def test_a_model_that_needs_a_profile_names_it(
    start_gateway: StartGateway, folder: Path, upstream: Upstream, whole: SendWhole, stream: str
) -> None:
    refused = json.dumps(NOT_ON_DEMAND).encode()
    upstream.scripts.append(whole(refused, "400 Bad Request", x_amzn_errortype="ValidationException"))
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, BEDROCK_FLASK_PLUGINS_DIR=str(folder / "plugins")
    )
    response = gateway.post(f"/v1/models/acme.lyre-2-v1:0/invoke{stream}", {"song": "anger"})
    assert response.status_code == 400
    assert response.json()["detail"].endswith("Here it is called by us.acme.lyre-2-v1:0 or global.acme.lyre-2-v1:0.")
