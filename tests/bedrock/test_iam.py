"""The IAM policy that is shipped allows what the code calls, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.bedrock import iam
from bedrock_flask.bedrock.operations import MODEL_ROUTES, OPERATIONS, RUNTIME
from bedrock_flask.bedrock.surfaces import BEARER_ACTION, CALLED

# `bedrock-flask doctor` calls these, and the gateway never.
READ = ("ListFoundationModels", "ListInferenceProfiles", "GetFoundationModelAvailability")
READ_ACTIONS = {OPERATIONS[operation].action for operation in READ}
GUARDED = {"source": "INPUT", "content": [{"text": {"text": "Hi."}}]}
NOVA = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


@pytest.fixture
def statements(repository: Path) -> dict[str, Any]:
    """The shipped policy's statements, by their names."""
    document = json.loads((repository / "deploy/iam-policy.json").read_text())
    return {statement["Sid"]: statement for statement in document["Statement"]}


def allowed(statements: dict[str, Any]) -> dict[str, list[str]]:
    """The resources of each action that is allowed."""
    found: dict[str, list[str]] = {}
    for statement in statements.values():
        for action in statement["Action"] if statement["Effect"] == "Allow" else ():
            found.setdefault(action, []).extend(statement["Resource"])
    return found


def test_every_call_of_a_model_has_its_action() -> None:
    for name in (*MODEL_ROUTES, *CALLED):
        assert all(iam.list_actions(name)), name
    assert iam.list_actions("Converse") == ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    assert iam.list_actions("mantle/chat") == ["bedrock-mantle:CreateInference"]


def test_the_policy_allows_what_the_gateway_is_seen_to_call(
    gateway: Any, emulator: Any, statements: dict[str, Any]
) -> None:
    for name in ("nova", "acme.chat-1"):
        for action in ("invoke", "invoke-stream"):
            assert gateway.post(f"/v1/models/{name}/{action}", NOVA).status_code == 200
    counted = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}]}
    assert gateway.post("/v1/messages/count_tokens", counted).status_code == 200
    assert gateway.post("/guardrail/g/version/1/apply", GUARDED).status_code == 200
    # What Bedrock answers to the others does not matter here.
    gateway.post("/guardrail-checks/invoke", {})
    gateway.post("/async-invoke", {"modelId": "nova"})
    gateway.get("/async-invoke")
    gateway.get("/async-invoke/arn")
    called = {call["operation"] for call in emulator.calls()}
    assert called == {name for name, operation in OPERATIONS.items() if operation.service == RUNTIME}
    wanted = {OPERATIONS[operation].action for operation in called} - {""}
    by_surfaces = {action for surface in CALLED.values() for action in surface.actions}
    assert wanted | by_surfaces == allowed(statements).keys() - READ_ACTIONS


def test_models_are_allowed_one_by_one(statements: dict[str, Any]) -> None:
    for action in {action for name in MODEL_ROUTES for action in iam.list_actions(name)}:
        for arn in allowed(statements)[action]:
            assert "*" not in arn
            assert arn.startswith("arn:aws:bedrock:")


def test_a_profile_is_allowed_with_the_models_that_it_leads_to_and_those_through_it_only(
    statements: dict[str, Any],
) -> None:
    profiles = statements["CallInferenceProfiles"]["Resource"]
    through = statements["CallModelsThroughInferenceProfiles"]
    assert through["Condition"]["StringEquals"]["bedrock:InferenceProfileArn"] == profiles
    assert all("::foundation-model/" in arn for arn in through["Resource"])


def test_reading_is_a_statement_of_its_own_that_can_be_left_out(statements: dict[str, Any]) -> None:
    assert set(statements.pop("ReadCatalogue")["Action"]) == READ_ACTIONS
    assert not READ_ACTIONS & allowed(statements).keys()


def test_api_keys_of_bedrock_are_denied(statements: dict[str, Any]) -> None:
    [denied] = [statement for statement in statements.values() if statement["Effect"] == "Deny"]
    assert (denied["Action"], denied["Resource"]) == (["bedrock:CallWithBearerToken", BEARER_ACTION], ["*"])


def test_every_placeholder_of_the_policy_is_explained(repository: Path) -> None:
    text = (repository / "deploy/iam-policy.json").read_text()
    found = {name for arn in re.findall(r'"(arn:[^"]+)"', text) for name in re.findall(r"\b[A-Z][A-Z_0-9]+\b", arn)}
    assert found
    page = (repository / "docs/how-to/iam.md").read_text()
    assert [name for name in found if f"| `{name}` |" not in page] == []


def test_a_statement_has_each_action_and_arn_once() -> None:
    actions = [action for name in ("Converse", "InvokeModel") for action in iam.list_actions(name)]
    result = iam.build_statement(actions, ["arn:a", "arn:b", "arn:a"])
    assert result == {
        "Effect": "Allow",
        "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
        "Resource": ["arn:a", "arn:b"],
    }


@pytest.mark.parametrize(
    ("model", "region", "arns"),
    [
        ("amazon.nova-lite-v1:0", "us-east-1", ["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"]),
        ("x.y", "cn-north-1", ["arn:aws-cn:bedrock:cn-north-1::foundation-model/x.y"]),
        ("x.y", "us-gov-west-1", ["arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/x.y"]),
        ("arn:aws:bedrock:eu-west-1:1:imported-model/m", "eu-west-1", ["arn:aws:bedrock:eu-west-1:1:imported-model/m"]),
    ],
)
def test_a_model_is_its_own_arn(model: str, region: str, arns: list[str]) -> None:
    assert iam.list_resources(model, region, "123456789012") == arns


def test_a_call_of_bedrock_mantle_is_on_a_project() -> None:
    for account, number in (("123456789012", "123456789012"), ("", "ACCOUNT_ID")):
        arns = iam.list_called_resources("mantle/messages", "x.y", "us-gov-west-1", account)
        assert arns == [f"arn:aws-us-gov:bedrock-mantle:us-gov-west-1:{number}:project/default"]
    on_runtime = iam.list_called_resources("runtime/chat", "x.y", "us-east-1")
    assert on_runtime == ["arn:aws:bedrock:us-east-1::foundation-model/x.y"]


def test_a_profile_is_its_arn_and_the_model_in_each_region_that_it_leads_to() -> None:
    through = [f"arn:aws:bedrock:{region}::foundation-model/x.y" for region in ("eu-west-1", "eu-north-1")]
    for account, number in (("123456789012", "123456789012"), ("", "ACCOUNT_ID")):
        own = f"arn:aws:bedrock:eu-west-1:{number}:inference-profile/eu.x.y"
        assert iam.list_resources("eu.x.y", "eu-west-1", account, through) == [own, *through]


def test_a_policy_gathers_the_statements_of_the_same_actions() -> None:
    one, two = iam.build_statement(["x:A"], ["arn:a"]), iam.build_statement(["x:A"], ["arn:b", "arn:a"])
    read = iam.build_statement(["x:B"], ["*"])
    result = iam.build_policy([one, read, two])
    assert [each["Resource"] for each in result["Statement"]] == [["arn:a", "arn:b"], ["*"]]
