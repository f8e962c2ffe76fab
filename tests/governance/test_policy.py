"""Policies as pure functions: a call must satisfy each, and an inner one cannot be written wider than an outer one."""

from typing import Any

import pytest

from bedrock_flask.governance.policy import (
    FREE_TERMS,
    Terms,
    find_network_refusal,
    find_refusal,
    find_widening,
    read_policy,
)

CALL = Terms((), "bedrock", "us-east-1", ("fast", "us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"), ("us",))


def refuse(*documents: dict[str, Any], **changed: Any) -> str:
    """Why a call is refused that has these policies."""
    policies = [read_policy(f"team '{index}'", document) for index, document in enumerate(documents)]
    own = {name: getattr(CALL, name) for name in ("dialect", "region", "names", "geographies")}
    return find_refusal(Terms(policies, **{**own, **changed}))


def test_without_policies_everything_is_allowed() -> None:
    assert find_refusal(FREE_TERMS) == ""
    assert refuse({}, {}) == ""


def test_each_policy_of_the_chain_must_allow_a_call() -> None:
    assert refuse({"models": ["amazon.*"]}, {"models": ["fast"]}) == ""
    # What an inner one allows does not widen an outer one.
    assert "team '0'" in refuse({"models": ["anthropic.*"]}, {"models": ["*"]})
    assert "team '1'" in refuse({"models": ["*"]}, {"models": ["anthropic.*"]})


@pytest.mark.parametrize("rule", ["models", "dialects", "regions", "geographies"])
def test_an_empty_list_allows_nothing(rule: str) -> None:
    assert f"its {rule} are nothing" in refuse({rule: []})


def test_a_region_or_a_place_that_is_not_known_is_not_an_allowed_one() -> None:
    assert "BEDROCK_FLASK_REGION" in refuse({"regions": ["us-east-1"]}, region="")
    assert "does not tell" in refuse({"geographies": ["us"]}, geographies=())


def test_rules_on_models_do_not_ask_for_one_where_a_call_has_none() -> None:
    assert refuse({"models": [], "geographies": []}, names=()) == ""
    assert refuse({"regions": []}, names=()) != ""


@pytest.mark.parametrize(
    ("network", "address", "is_allowed"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("2001:db8::/32", "2001:db8::7", True),
        ("2001:db8::/32", "10.1.2.3", False),
        ("0.0.0.0/0", "", False),
        ("0.0.0.0/0", "a-socket", False),
    ],
)
def test_a_request_comes_from_a_network_of_the_policy(network: str, address: str, is_allowed: bool) -> None:
    assert (find_network_refusal([read_policy("key 'a/b'", {"networks": [network]})], address) == "") is is_allowed


@pytest.mark.parametrize(
    ("outer", "inner", "wider"),
    [
        ({}, {"models": ["*"]}, ""),
        ({"models": ["amazon.*"]}, {}, ""),
        ({"models": ["amazon.*"]}, {"models": ["amazon.nova-*", "amazon.titan-text"]}, ""),
        ({"models": ["amazon.nova-*"]}, {"models": ["amazon.*"]}, "models of the team '0' do not cover amazon.*"),
        ({"models": ["a*c"]}, {"models": ["a*"]}, "models of the team '0' do not cover a*"),
        ({"models": []}, {"models": []}, ""),
        (
            {"regions": ["eu-west-1"]},
            {"regions": ["us-east-1", "eu-west-1"]},
            "regions of the team '0' do not cover us-east-1",
        ),
        ({"geographies": ["eu"]}, {"geographies": ["global"]}, "geographies of the team '0' do not cover global"),
        ({"dialects": ["native"]}, {"dialects": ["bedrock"]}, "dialects of the team '0' do not cover bedrock"),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["10.1.0.0/16", "10.2.2.2"]}, ""),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["0.0.0.0/0"]}, "networks of the team '0' do not cover 0.0.0.0/0"),
        ({"guardrail": "a:1"}, {"guardrail": "b:1"}, "guardrail a:1 of the team '0' cannot be replaced"),
        ({"guardrail": "a:1"}, {"guardrail": "a:1", "tier": "flex"}, ""),
        ({"metadata": {"a": "1"}}, {"metadata": {"b": "2"}}, ""),
        ({"most_tokens": 9}, {"most_tokens": 9}, ""),
        ({"most_tokens": 9}, {"most_tokens": 10}, "most_tokens of the team '0' are 9"),
        ({"metadata": {"a": "1"}}, {"metadata": {"a": "2"}}, "metadata a=1 of the team '0' cannot be replaced"),
        ({"networks": ["0.0.0.0/0"]}, {"networks": ["::1"]}, "networks of the team '0' do not cover ::1"),
    ],
)
def test_what_an_inner_policy_adds_is_named(outer: dict[str, Any], inner: dict[str, Any], wider: str) -> None:
    # The outermost one counts, whatever is between.
    chain = [read_policy("team '0'", outer), read_policy("team '1'", {})]
    assert find_widening(read_policy("key 'a/b'", inner), chain) == wider


def test_a_rule_of_a_later_release_allows_nothing_here() -> None:
    assert "does not know" in refuse({"hours": ["9-17"]})
