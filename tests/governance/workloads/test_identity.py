"""What a token stands for: the first rule that its claims match, and a name that no key of the database can have."""

from typing import Any

import pytest

from bedrock_flask.governance.policy import Policy
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.workloads.identity import Identity, find_identity, make_principal
from bedrock_flask.governance.workloads.issuers_file import Issuer, Rule


def find(claims: dict[str, Any], *rules: Rule) -> Identity | None:
    return find_identity(Issuer(id="own", url="https://i", audience=("a",), rules=rules), claims, 5000)


@pytest.mark.parametrize(
    ("expected", "value", "fits"),
    [
        ("main", "main", True),
        ("main", "maintenance", False),
        ("main*", "maintenance", True),
        ("acme/*", "evil/acme/app", False),
        ("a.c", "abc", False),
        (["main", "v*"], "v1", True),
        (["main", "v*"], "w1", False),
        ("ops", ["dev", "ops"], True),
        ("ops", [], False),
        ("ops", None, False),
        ("1", 1, False),
        (1, 1, True),
        (1, True, False),
        (True, True, True),
        (True, "true", False),
        (True, 1, False),
        ({"namespace": "ml"}, {"namespace": "ml", "pod": {}}, True),
        ({"namespace": "ml"}, {"namespace": "dev"}, False),
        ({"namespace": "ml"}, "ml", False),
        ({"namespace": "ml"}, [{"namespace": "ml"}], False),
    ],
)
def test_a_claim_fits_what_a_rule_expects(expected: Any, value: Any, fits: bool) -> None:
    claims = {"sub": "s", "claim": value}
    assert (find(claims, Rule(claims={"claim": expected}, team="t")) is not None) is fits


def test_every_claim_of_a_rule_must_fit_and_the_first_rule_decides() -> None:
    rules = (
        Rule(claims={"a": "1", "b": "2"}, team="both"),
        Rule(claims={"a": "1"}, key="one/key"),
        Rule(claims={"sub": "*"}, team="all"),
    )
    owners = [
        (found := find({"sub": "s", **claims}, *rules)) and found.owner
        for claims in ({"a": "1", "b": "2"}, {"a": "1"}, {"b": "2"})
    ]
    assert owners == ["both", "one/key", "all"]
    assert find({"b": "2"}, *rules) is None


def test_a_caller_of_a_team_is_named_by_a_claim_as_no_key_can_be() -> None:
    claims = {"sub": "nightly-job", "kubernetes.io": {"serviceaccount": {"name": "runner"}}}
    found = find(claims, Rule(claims={"sub": "*"}, team="research"))
    assert found == Identity("own", "research", "research/own:nightly-job", {}, 5000)
    place = ("kubernetes.io", "serviceaccount", "name")
    found = find(claims, Rule(claims={"sub": "*"}, team="research", name=place))
    assert found is not None
    assert found.key == "research/own:runner"


@pytest.mark.parametrize("name", [None, "", 7, ["a"], "a b", "a\n", "\u00e9", "x" * 256, "\x00"])
def test_a_caller_without_a_name_is_nobody(name: Any) -> None:
    assert find({"sub": name, "a": "1"}, Rule(claims={"a": "1"}, team="research")) is None


def test_claims_are_tags_where_they_can_be_texts() -> None:
    claims = {"a": "x", "b": 7, "c": True, "d": None, "e": ["x"], "f": "x\n", "g": "x" * 257, "h": {"i": "y"}}
    tags = {**{name: (name,) for name in claims}, "deep": ("h", "i"), "none": ("h", "a", "b")}
    found = find({"sub": "s", **claims}, Rule(claims={"a": "x"}, team="t", tags=tags))
    assert found is not None
    assert found.tags == {"a": "x", "b": "7", "c": "true", "deep": "y"}


def test_the_caller_has_the_rules_of_its_owner_and_ends_with_its_token() -> None:
    owner = Principal(key="t/k", team="t", teams=("t",), tags={"a": "1", "b": "2"}, expires=4000)
    principal = make_principal(Identity("own", "t/k", "t/k", {"b": "3"}, 5000), owner)
    expected = Principal(
        key="t/k", team="t", teams=("t",), secret="issuer:own", tags={"a": "1", "b": "3"}, expires=4000
    )
    assert principal == expected


def test_a_role_of_the_team_is_assumed_in_the_name_of_the_workload() -> None:
    owner = Principal(team="t", policies=(Policy(owner="team 't'", role="arn:aws:iam::123456789012:role/t"),))
    sessions = {make_principal(Identity("own", "t", f"t/own:{name}"), owner).session for name in ("a", "b")}
    assert len({session.name for session in sessions if session}) == 2
