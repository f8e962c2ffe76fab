"""LiteLLM's names of Bedrock's models, as entries of the models file."""

import tomllib
from typing import Any

import pytest

from bedrock_flask.litellm.deployments import format_entry
from bedrock_flask.litellm.models import add_entries, read_models
from bedrock_flask.models import loading
from bedrock_flask.models.models_file import parse_models_file

REGISTRY = loading.load_registry()
NOVA, OPUS = "amazon.nova-lite-v1:0", "anthropic.claude-opus-5-5"
ARN = "arn:aws:bedrock:us-east-1:123456789012"
INFO = {"access_groups": ["chat"]}
APPLICATION, IMPORTED = f"{ARN}:application-inference-profile/abc123", f"{ARN}:imported-model/abc123def456"


def read_entry(params: dict[str, Any], **beside: Any) -> tuple[dict[str, Any] | None, list[str]]:
    """The members of the entry of one deployment, and the items that are left."""
    config = {"model_list": [{"model_name": "x", "litellm_params": params, **beside}]}
    models = read_models(config, REGISTRY, {"REGION": "eu-west-1"})
    entry = models.entries.get("x")
    members = tomllib.loads(format_entry(entry))["models"]["x"] if entry else None
    return members, [f"{left.item}: {left.reason}" for left in models.left]


@pytest.mark.parametrize(
    ("params", "members"),
    [
        ({"model": f"bedrock/{NOVA}"}, {"id": NOVA}),
        ({"model": NOVA}, {"id": NOVA}),
        ({"model": f"us.{NOVA}"}, {"id": NOVA, "profile": f"us.{NOVA}"}),
        ({"model": f"bedrock/converse/global.{OPUS}"}, {"id": OPUS, "profile": f"global.{OPUS}"}),
        ({"model": f"bedrock/invoke/{OPUS}"}, {"id": OPUS}),
        ({"model": f"bedrock/us-west-2/{OPUS}"}, {"id": OPUS, "region": "us-west-2"}),
        ({"model": f"bedrock/us-west-2/1-month-commitment/{OPUS}"}, {"id": OPUS, "region": "us-west-2"}),
        ({"model": NOVA, "aws_region_name": "os.environ/REGION"}, {"id": NOVA, "region": "eu-west-1"}),
        ({"model": "acme.new-v1:0", "custom_llm_provider": "bedrock"}, {"id": "acme.new-v1:0"}),
        ({"model": f"bedrock/{APPLICATION}"}, {"arn": APPLICATION}),
        ({"model": f"bedrock/{OPUS}", "model_id": APPLICATION}, {"id": OPUS, "arn": APPLICATION}),
        (
            {"model": f"bedrock/{OPUS}", "model_id": APPLICATION, "aws_region_name": "us-east-1"},
            {"id": OPUS, "arn": APPLICATION},
        ),
        (
            {"model": f"bedrock/{ARN}:inference-profile/us.{OPUS}"},
            {"id": OPUS, "arn": f"{ARN}:inference-profile/us.{OPUS}"},
        ),
        ({"model": f"bedrock/llama/{IMPORTED}"}, {"arn": IMPORTED, "adapter": "llama"}),
        ({"model": NOVA, "drop_params": True}, {"id": NOVA, "unsupported": "drop"}),
        (
            {"model": NOVA, "guardrailConfig": {"guardrailIdentifier": "gr1", "guardrailVersion": "4", "trace": "x"}},
            {"id": NOVA, "policy": {"guardrail": "gr1:4"}},
        ),
    ],
)
def test_a_deployment_is_an_entry(params: dict[str, Any], members: dict[str, Any]) -> None:
    assert read_entry(params)[0] == members


def test_the_base_model_says_what_the_arn_does_not() -> None:
    entry, left = read_entry({"model": f"bedrock/{APPLICATION}"}, model_info={"base_model": f"bedrock/{OPUS}"})
    assert (entry, left) == ({"id": OPUS, "arn": APPLICATION}, [])
    assert read_entry({"model": f"bedrock/{APPLICATION}"})[1] == ["its family: the ARN does not name the model"]


@pytest.mark.parametrize(
    ("params", "left"),
    [
        ({"model": "openai/gpt-4o"}, "openai/gpt-4o: openai/gpt-4o is not a model of Amazon Bedrock"),
        ({"model": "gpt-4o"}, "gpt-4o: gpt-4o is not a model of Amazon Bedrock"),
        ({"model": "anthropic/claude-opus-5-5"}, "anthropic/claude-opus-5-5 is not a model of Amazon Bedrock"),
        ({"model": "bedrock/agent/ABC/DEF"}, "an agent is not called by this gateway"),
        ({"model": "bedrock/strange/part"}, "the part strange/ of its name is not known"),
        ({"model": "os.environ/NOWHERE"}, "model: os.environ/NOWHERE is not set here"),
        ({"model": "bedrock/nova"}, "names the adapter 'nova'"),
    ],
)
def test_what_cannot_be_called_is_left_with_its_reason(params: dict[str, Any], left: str) -> None:
    entry, listed = read_entry(params)
    assert entry is None
    assert [line for line in listed if left in line] == listed


def test_no_parameter_is_left_out_unnoticed() -> None:
    params = {"model": NOVA, "aws_role_name": "arn:canary", "tpm": 5, "temperature": 0.1, "made_up": 1, "seed": None}
    _, left = read_entry(params, model_info={"output_cost_per_token": 0.1, "mode": "chat"})
    assert [line.partition(":")[0] for line in left] == [
        *("aws_role_name", "tpm", "temperature", "made_up", "output_cost_per_token")
    ]
    assert "canary" not in str(left)


def test_names_that_the_models_file_cannot_have_are_left() -> None:
    config = {
        "model_list": [
            {"model_name": "with/slash", "litellm_params": {"model": NOVA}},
            {"model_name": "claude", "litellm_params": {"model": NOVA}},
            {"model_name": "fast", "litellm_params": {"model": NOVA}},
        ],
        "router_settings": {"model_group_alias": {"a b": "fast", "lost": "with/slash", "quick": {"model": "fast"}}},
    }
    models = read_models(config, REGISTRY, {})
    assert list(models.entries) == ["fast", "quick"]
    assert [left.subject for left in models.left] == ["model with/slash", "model claude", "alias a b", "alias lost"]


def test_an_alias_stands_for_a_name_or_for_what_a_deployment_calls() -> None:
    config = {
        "model_list": [{"model_name": "fast", "litellm_params": {"model": f"us.{NOVA}"}, "model_info": INFO}],
        "litellm_settings": {"model_alias_map": {"quick": "fast", "direct": f"bedrock/{OPUS}", "lost": "nowhere"}},
    }
    models = read_models(config, REGISTRY, {})
    assert {name: entry.called for name, entry in models.entries.items()} == {
        "fast": f"us.{NOVA}",
        "direct": OPUS,
        "quick": f"us.{NOVA}",
    }
    assert models.groups == {"chat": ["fast", "quick"], "fast": ["fast", "quick"]}
    assert [left.subject for left in models.left] == ["alias lost"]


def test_entries_are_added_to_what_a_file_has_and_all_of_it_is_valid() -> None:
    names = ("fast", "v1.5")
    config = {"model_list": [{"model_name": name, "litellm_params": {"model": NOVA}} for name in names]}
    entries = read_models(config, REGISTRY, {}).entries
    text, added = add_entries("# Ours.\n[models.own]\nid = 'amazon.nova-pro-v1:0'\n", "m", entries, REGISTRY)
    assert [entry.name for entry in added] == ["fast", "v1.5"]
    assert list(parse_models_file(text, "m", REGISTRY)) == ["own", "fast", "v1.5"]
    assert add_entries(text, "m", entries, REGISTRY) == (text, ())
