"""Policies of aliases in the models file: calls by the alias satisfy them in addition, also without a database."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.doubles import Emulator, Gateway, StartGateway

PATIENCE = 30
NOVA = "amazon.nova-lite-v1:0"
TURN = {"messages": [{"role": "user", "content": [{"text": "Say [[blocked]]."}]}]}
ASKED = [{"role": "user", "content": "Say [[blocked]]."}]
REFUSAL = "Sorry, the model cannot answer this question."
MODELS_FILE = f"""
[models.plain]
id = "{NOVA}"
[models.far]
id = "{NOVA}"
policy = {{ regions = ["eu-west-1"] }}
[models.global]
id = "{NOVA}"
profile = "global.{NOVA}"
policy = {{ geographies = ["us"] }}
[models.elsewhere]
id = "{NOVA}"
policy = {{ networks = ["192.0.2.0/24"] }}
[models.talk]
id = "{NOVA}"
policy = {{ dialects = ["anthropic"], most_tokens = 40 }}
[models.guarded]
id = "{NOVA}"
[models.guarded.policy]
guardrail = "gr1:1"
tier = "flex"
metadata = {{ cost = "7" }}
[models.ended]
id = "anthropic.claude-v2"
successor = "guarded"
successor_from = 2020-01-01
policy = {{ most_tokens = 30 }}
[models.film]
id = "amazon.nova-reel-v1:1"
policy = {{ guardrail = "gr1:1" }}
"""


@pytest.fixture(scope="module")
def gateway(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    file: Path = tmp_path_factory.mktemp("aliases") / "models.toml"
    file.write_text(MODELS_FILE)
    return start_gateway(BEDROCK_FLASK_MODELS_FILE=str(file), BEDROCK_FLASK_REGION="us-east-1")


def send(gateway: Gateway, path: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(gateway.url + path, json=body, headers=headers, timeout=PATIENCE)


@pytest.mark.parametrize("name", ["far", "global", "elsewhere", "talk"])
def test_what_the_policy_of_an_alias_does_not_allow_is_refused_before_bedrock(
    gateway: Gateway, emulator: Emulator, name: str
) -> None:
    assert send(gateway, "/model/plain/converse", TURN).status_code == 200
    before = len(emulator.calls())
    answer = send(gateway, f"/model/{name}/converse", TURN)
    assert answer.status_code == 403, answer.text
    assert f"alias '{name}' " in answer.json()["message"]
    assert len(emulator.calls()) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/model/guarded/converse", TURN),
        ("/v1/models/guarded/invoke", TURN),
        ("/v1/invoke", {"model": "guarded", "input": TURN}),
        ("/v1/chat/completions", {"model": "guarded", "messages": ASKED}),
        ("/v1/messages", {"model": "guarded", "max_tokens": 9, "messages": ASKED, "stream": True}),
        ("/v1/responses", {"model": "guarded", "input": "Say [[blocked]]."}),
        # The successor of an alias is one by its name, and has a policy of its own.
        ("/v1/chat/completions", {"model": "ended", "messages": ASKED}),
    ],
)
def test_what_the_policy_of_an_alias_prescribes_is_part_of_every_call(
    gateway: Gateway, emulator: Emulator, path: str, body: Any
) -> None:
    answer = send(gateway, path, body)
    assert REFUSAL in answer.text or "guardrail_intervened" in answer.text, answer.text
    call = emulator.calls()[-1]
    sent = json.loads(call["body"])
    tier = sent.get("serviceTier", {}).get("type") or call["headers"]["x-amzn-bedrock-service-tier"]
    assert tier == "flex"


def test_both_policies_hold_where_an_alias_has_a_successor(gateway: Gateway) -> None:
    answer = send(gateway, "/v1/chat/completions", {"model": "ended", "messages": ASKED, "max_tokens": 31})
    assert answer.status_code == 403
    assert "alias 'ended' allows answers of at most 30 tokens" in answer.text


def test_a_caller_cannot_replace_what_an_alias_prescribes(gateway: Gateway) -> None:
    own = {"x-amzn-bedrock-guardrailidentifier": "other", "x-amzn-bedrock-guardrailversion": "1"}
    answer = send(gateway, "/model/guarded/converse", TURN, **own)
    assert answer.status_code == 403
    assert "guardrail gr1:1 (alias 'guarded')" in answer.json()["message"]


def test_a_job_that_cannot_have_the_guardrail_of_its_alias_is_refused(gateway: Gateway, emulator: Emulator) -> None:
    before = len(emulator.calls())
    job = {
        "input": {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "A door"}},
        "output": {"s3_uri": "s3://bucket"},
    }
    answer = send(gateway, "/v1/models/film/jobs", job)
    assert answer.status_code == 403, answer.text
    assert len(emulator.calls()) == before


def test_lists_show_the_policy_of_an_alias_and_leave_out_what_cannot_be_called(gateway: Gateway) -> None:
    listed = requests.get(f"{gateway.url}/v1/models", timeout=PATIENCE).json()["data"]
    by_name = {model["id"]: model["policies"] for model in listed}
    assert by_name["plain"] == []
    assert by_name["talk"] == [{"owner": "alias 'talk'", "dialects": ["anthropic"], "most_tokens": 40}]
    assert [policy["owner"] for policy in by_name["ended"]] == ["alias 'ended'", "alias 'guarded'"]
    assert not {"far", "global", "elsewhere"} & by_name.keys()
    shown = requests.get(f"{gateway.url}/v1/models/guarded", timeout=PATIENCE).json()["policies"]
    assert shown == [{"owner": "alias 'guarded'", "guardrail": "gr1:1", "tier": "flex", "metadata": {"cost": "7"}}]
