"""What LiteLLM's keys and teams may do and spend, as the directory has it."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from bedrock_flask.errors import StartupError
from bedrock_flask.litellm.deployments import Entry
from bedrock_flask.litellm.export import Export
from bedrock_flask.litellm.owners import Owners, Present, plan_owners
from bedrock_flask.litellm.rules import Context, read_rules, read_time

CONTEXT = Context(
    {"fast": Entry(name="fast", id="amazon.nova-lite-v1:0")},
    {"chat": ["fast", "team-claude"]},
    {"pii": "gr1:4", "words": "gr2:1"},
)

NOTHING = Present()


def plan(*keys: dict[str, Any], present: Present = NOTHING, **tables: Any) -> Owners:
    rows = [{"token": hashlib.sha256(str(number).encode()).hexdigest(), **key} for number, key in enumerate(keys)]
    return plan_owners(Export(keys=rows, **{"budgets": {}, **tables}), CONTEXT, present)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({}, None),
        ({"models": []}, None),
        ({"models": ["all-proxy-models"]}, None),
        ({"models": ["all-team-models", "fast"]}, None),
        ({"models": ["no-default-models"]}, []),
        ({"models": ["chat", "embed"]}, ["fast", "team-claude", "embed"]),
        ({"models": ["bedrock/anthropic.*", "bedrock/converse/amazon.*"]}, ["anthropic.*", "amazon.*"]),
        ({"access_group_ids": ["g1"]}, []),
    ],
)
def test_allowed_models_are_patterns(row: dict[str, Any], rule: list[str] | None) -> None:
    assert read_rules("key k", row, {}, CONTEXT).policy.get("models") == rule


@pytest.mark.parametrize(
    ("routes", "rule"),
    [
        ([], None),
        (["llm_api_routes"], None),
        (["/chat/completions", "/v1/embeddings"], ["openai_chat", "openai_embeddings"]),
        (["anthropic_routes", "/bedrock/*", "/key/info"], ["anthropic", "bedrock"]),
    ],
)
def test_allowed_routes_are_dialects(routes: list[str], rule: list[str] | None) -> None:
    assert read_rules("key k", {"allowed_routes": routes}, {}, CONTEXT).policy.get("dialects") == rule


@pytest.mark.parametrize(
    ("limit", "duration", "budgets"),
    [
        (0.02, "1d", [{"period": "day", "usd": "0.02"}]),
        (1e-7, "24h", [{"period": "day", "usd": "0.0000001"}]),
        (100, "7d", [{"period": "week", "usd": "100"}]),
        (0.0, "30d", [{"period": "month", "usd": "0.0"}]),
        (250.5, "1mo", [{"period": "month", "usd": "250.5"}]),
        (5, "monthly", [{"period": "month", "usd": "5"}]),
    ],
)
def test_a_budget_has_its_period(limit: float, duration: str, budgets: list[dict[str, str]]) -> None:
    rules = read_rules("key k", {"max_budget": limit, "budget_duration": duration}, {}, CONTEXT)
    assert (rules.budgets, rules.left) == (budgets, [])


@pytest.mark.parametrize(("limit", "duration"), [(5, None), (5, "1h"), (5, "14d"), (-1, "1d"), (1e12, "1d")])
def test_a_budget_that_has_no_place_here_is_listed_first(limit: float, duration: str | None) -> None:
    rules = read_rules("key k", {"max_budget": limit, "budget_duration": duration}, {}, CONTEXT)
    assert rules.budgets == ()
    assert [(left.item, left.opens) for left in rules.left] == [(f"max_budget for {duration or 'ever'}", True)]


def test_a_budget_of_its_own_wins_over_the_one_that_a_row_names() -> None:
    shared = {"max_budget": 9.0, "budget_duration": "1d", "rpm_limit": 7}
    own = {"max_budget": 5.0, "budget_duration": "7d", "rpm_limit": None}
    rules = read_rules("key k", own, shared, CONTEXT)
    assert (rules.budgets, rules.limits) == ([{"period": "week", "usd": "5.0"}], {"requests": 7})


def test_the_period_is_that_of_the_same_budget() -> None:
    rules = read_rules("key k", {"max_budget": 5.0}, {"max_budget": 9.0, "budget_duration": "1d"}, CONTEXT)
    assert rules.budgets == ()
    assert [left.item for left in rules.left] == ["max_budget for ever"]


def test_limits_of_models_are_by_their_ids() -> None:
    metadata = {"model_tpm_limit": {"fast": 500, "gpt-4o": 6}}
    rules = read_rules("key k", {"metadata": metadata, "rpm_limit": 0, "tpm_limit": 10**12}, {}, CONTEXT)
    assert rules.limits == {
        "requests": 0,
        "tokens": 1_000_000_000,
        "models": {"amazon.nova-lite-v1:0": {"tokens": 500}},
    }
    assert [left.item for left in rules.left] == ["model_tpm_limit of gpt-4o"]


def test_a_guardrail_that_is_lost_is_listed_first() -> None:
    rules = read_rules("key k", {"metadata": {"guardrails": ["pii", "words", "lakera"]}}, {}, CONTEXT)
    assert rules.policy["guardrail"] == "gr1:4"
    assert [(left.item, left.opens) for left in rules.left] == [("guardrail words", True), ("guardrail lakera", True)]


def test_metadata_that_is_plain_becomes_tags() -> None:
    metadata = {"tags": ["a", "b"], "centre": 7, "paid": True, "nothing": None, "deep": {"a": 1}, "a name": "x"}
    rules = read_rules("key k", {"metadata": metadata}, {}, CONTEXT)
    assert rules.tags == {"tags": "a,b", "centre": "7", "paid": "true"}
    assert [left.item for left in rules.left] == ["metadata deep", "metadata a name"]


def test_every_column_that_says_something_is_listed() -> None:
    row = {"soft_budget": 1.0, "tpd_limit": 5, "aliases": {"a": "b"}, "permissions": {}, "policies": ["p"]}
    left = read_rules("key k", row, {}, CONTEXT).left
    assert {each.item: each.opens for each in left} == {
        "soft_budget": False,
        "tpd_limit": True,
        "aliases": False,
        "policies": True,
    }


@pytest.mark.parametrize(
    "text", ["2027-01-31T12:00:00", "2027-01-31T12:00:00Z", "2027-01-31T14:00:00+02:00", "2027-01-31 12:00:00"]
)
def test_a_time_is_utc(text: str) -> None:
    assert read_time(text) == int(datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp() * 1000)


def test_a_key_allows_no_more_than_the_teams_above_it() -> None:
    planned = plan(
        {"team_id": "t", "models": ["fast", "embed"], "metadata": {"guardrails": ["words"]}},
        teams=[{"team_id": "t", "team_alias": "r", "organization_id": "o", "metadata": {"guardrails": ["pii"]}}],
        organizations=[{"organization_id": "o", "organization_alias": "acme", "models": ["fast", "opus"]}],
    )
    assert [(team.name, team.parent) for team in planned.teams] == [("acme", ""), ("r", "acme")]
    [key] = planned.keys
    assert key.rules.policy == {"models": ["fast"]}
    assert [left.item for left in planned.left] == ["its guardrail", "model embed"]


def test_names_are_made_valid_and_unique() -> None:
    planned = plan(
        {"key_alias": "a b", "team_id": "t1"},
        {"key_alias": "a/b", "team_id": "t1"},
        {"key_alias": "ü" * 3},
        teams=[{"team_id": "t1", "team_alias": "x"}, {"team_id": "t2-long-id", "team_alias": "x"}],
    )
    assert [team.name for team in planned.teams] == ["x", "x-t2-long-", "litellm"]
    digits = [key.key_hash.hex()[:8] for key in planned.keys]
    assert [f"{key.team}/{key.name}" for key in planned.keys] == ["x/a-b", f"x/a-b-{digits[1]}", f"litellm/{digits[2]}"]


def test_a_key_of_a_team_that_is_revoked_here_is_left() -> None:
    present = Present(teams={"t": "gone"}, policies={"gone": {}}, revoked=frozenset({"gone"}))
    planned = plan({"team_id": "t", "key_alias": "k"}, teams=[{"team_id": "t"}], present=present)
    assert (planned.keys, planned.present) == ([], ["team gone"])
    assert [left.reason for left in planned.left] == ["its team gone is revoked here"]


def test_what_a_team_or_an_organization_forbids_is_not_lost_unnoticed() -> None:
    planned = plan({"team_id": "gone"}, teams=[{"team_id": "t", "organization_id": "gone"}])
    assert planned.keys == []
    assert [(left.item, left.opens) for left in planned.left] == [("its organization", True), ("the key", False)]


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(StartupError, match="'infinity' is not a time"):
        plan({"expires": "infinity"})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"token": "not-a-hash"}, "its token is not a SHA-256"),
        ({"token": "A" * 64}, "its token is not a SHA-256"),
        ({"team_id": "litellm-dashboard"}, "it is a session of LiteLLM's dashboard"),
        ({"key_type": "management"}, "it calls no model"),
        ({"allowed_routes": ["info_routes"]}, "its routes call no model"),
    ],
)
def test_what_is_not_a_key_for_models_is_left(row: dict[str, Any], reason: str) -> None:
    planned = plan(row)
    assert planned.keys == []
    assert [left.reason for left in planned.left] == [reason]


def test_a_key_that_was_stored_as_text_is_hashed() -> None:
    [key] = plan({"token": "sk-plain"}).keys
    assert key.key_hash == hashlib.sha256(b"sk-plain").digest()
