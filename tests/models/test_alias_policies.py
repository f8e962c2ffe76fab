"""The policy of an alias is read strictly: a rule that is not understood would not hold."""

import pytest

from bedrock_flask.errors import ModelsFileError
from bedrock_flask.governance.policy import Policy
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.models_file import parse_models_file

ALIAS = '[models.a]\nid = "amazon.nova-lite-v1:0"\npolicy = '


def test_it_has_the_rules_of_keys_and_teams() -> None:
    text = f'{ALIAS}{{ regions = ["eu-west-1"], most_tokens = 9, metadata = {{ cost = "7" }} }}'
    alias = parse_models_file(text, "models.toml", load_registry())["a"]
    assert alias.policy == Policy(owner="alias 'a'", regions=("eu-west-1",), most_tokens=9, metadata={"cost": "7"})


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ("3", "policy: is not a table of rules"),
        ('{ region = ["eu-west-1"] }', "policy: 'region' is not a rule of a policy"),
        ('{ regions = "eu-west-1" }', "policy: regions is a list"),
        ('{ networks = ["10.0.0.300"] }', "policy: '10.0.0.300' is not a network"),
        ("{ most_tokens = 0 }", "policy: '0' is not a number of tokens"),
        ('{ guardrail = "gr1" }', "policy: 'gr1' is not a guardrail"),
        ('{ role = "arn:aws:iam::123456789012:role/a" }', "policy: role is a rule of teams and keys only"),
    ],
)
def test_a_fault_is_named(policy: str, fault: str) -> None:
    with pytest.raises(ModelsFileError) as raised:
        parse_models_file(f"{ALIAS}{policy}", "models.toml", load_registry())
    assert f"[models.a] {fault}" in str(raised.value)
