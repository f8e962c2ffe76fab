"""Limits: as the database has them, and what fits into them."""

from typing import Any

import pytest

from bedrock_flask.governance.limits import (
    Claim,
    Counted,
    Limits,
    ScopedLimits,
    change_limits,
    decide,
    describe_limits,
    read_limits,
    select_limits,
)


def test_limits_are_read_for_all_models_and_for_single_ones() -> None:
    row = {"requests": 60, "models": {"claude": {"tokens": 1000}, "amazon.nova-*": {"calls": 2}}}
    assert [*read_limits("team:acme", row)] == [
        ScopedLimits("team:acme", Limits(requests=60)),
        ScopedLimits("team:acme:claude", Limits(tokens=1000), "claude"),
        ScopedLimits("team:acme:amazon.nova-*", Limits(calls=2), "amazon.nova-*"),
    ]
    assert [*read_limits("team:acme", {})] == []


def test_a_limit_of_a_model_holds_for_its_adapter_and_for_ids_that_fit_the_pattern() -> None:
    limits = [
        *read_limits("key:a/b", {"requests": 1, "models": {"claude": {"calls": 1}, "amazon.nova-*": {"calls": 1}}})
    ]
    assert [each.model for each in select_limits(limits, "nova", "amazon.nova-lite-v1:0")] == ["", "amazon.nova-*"]
    assert [each.model for each in select_limits(limits, "claude", "anthropic.claude-x")] == ["", "claude"]
    assert [each.model for each in select_limits(limits, "titan", "amazon.titan-x")] == [""]


@pytest.mark.parametrize(
    ("row", "model", "changes", "expected"),
    [
        ({}, "", {"requests": 5}, {"requests": 5}),
        ({"requests": 5, "calls": 1}, "", {"requests": None, "tokens": 0}, {"calls": 1, "tokens": 0}),
        ({"requests": 5}, "claude", {"calls": 2}, {"requests": 5, "models": {"claude": {"calls": 2}}}),
        (
            {"models": {"claude": {"calls": 2}, "nova": {"calls": 1}}},
            "claude",
            {"calls": None},
            {"models": {"nova": {"calls": 1}}},
        ),
        ({"models": {"claude": {"calls": 2}}}, "claude", {"calls": None}, {}),
    ],
)
def test_a_change_keeps_what_it_does_not_name(
    row: dict[str, Any], model: str, changes: dict[str, int | None], expected: dict[str, Any]
) -> None:
    assert change_limits(row, model, changes) == expected


def test_limits_are_described_in_one_line() -> None:
    row = {"requests": 60, "calls": 0, "models": {"claude": {"tokens": 1000}}}
    assert describe_limits(row) == "60 requests a minute, 0 calls at a time, claude: 1000 tokens a minute"
    assert describe_limits({}) == "-"


def test_the_first_limit_that_a_claim_exceeds_refuses_it_and_what_is_left_of_all_is_known() -> None:
    claim = Claim("a", [ScopedLimits("team:a", Limits(requests=5)), ScopedLimits("key:a/b", Limits(tokens=10))], 8)
    levels, excess = decide(claim, [Counted(requests=4), Counted(tokens=3)])
    assert excess is not None
    assert (excess.level.scope, excess.place, excess.amount) == ("key:a/b", 1, 1)
    assert [level.remaining for level in levels] == [1, 7]
    levels, excess = decide(claim, [Counted(requests=4), Counted(tokens=2)])
    assert (excess, [level.remaining for level in levels]) == (None, [0, 0])


def test_a_call_that_takes_no_tokens_passes_where_none_are_left() -> None:
    claim = Claim("a", [ScopedLimits("key:a/b", Limits(tokens=10))], 0)
    assert decide(claim, [Counted(tokens=12)])[1] is None
