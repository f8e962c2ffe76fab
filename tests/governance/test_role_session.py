"""The identity that AWS sees of a key: sessions and tags that it accepts, and that no two keys share."""

import re
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from bedrock_flask.governance.policy import Policy, find_widening, read_policy
from bedrock_flask.governance.policy_form import find_policy_fault
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.role_session import RoleSession, find_session, name_session, write_tag_value

ROLE, OTHER = "arn:aws:iam::123456789012:role/acme", "arn:aws:iam::123456789012:role/other"
# botocore's service model of sts.
NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


def test_a_principal_has_the_session_of_the_outermost_role() -> None:
    outer = Policy(owner="team 'acme'", role=ROLE, external_id="x7", session_tags=("centre", "Team", "absent"))
    inner = Policy(owner="key 'acme/job'", role=OTHER, session_tags=("secret",))
    tags = {"centre": "7 & 8", "Team": "forged", "secret": "s"}
    assert Principal("acme/job", "acme", policies=(Policy(), outer, inner), tags=tags).session == RoleSession(
        role=ROLE,
        name="job@acme",
        tags=(("team", "acme"), ("key", "acme/job"), ("centre", "7 _ 8")),
        external_id="x7",
    )
    assert Principal("acme/job", "acme", policies=(inner,)).session == RoleSession(
        OTHER, "job@acme", (("team", "acme"), ("key", "acme/job"))
    )


def test_without_a_role_there_is_no_session() -> None:
    assert Principal("acme/job", "acme", policies=(Policy(models=("*",)),)).session is None
    assert Principal("static").session is None


def test_tags_that_differ_in_case_only_are_one_and_there_are_fifty_at_most() -> None:
    names = ("Centre", "centre", *(f"n{number}" for number in range(60)))
    session = find_session([Policy(role=ROLE, session_tags=names)], "a/b", "a", dict.fromkeys(names, "v"))
    assert session is not None
    assert len(session.tags) == 50
    assert session.tags[:4] == (("team", "a"), ("key", "a/b"), ("Centre", "v"), ("n0", "v"))


@pytest.mark.parametrize(
    ("key", "name"), [("acme/job", "job@acme"), ("static", "static"), ("a.b/c_d-1", "c_d-1@a.b"), ("a/b", "b@a")]
)
def test_a_session_is_named_for_its_key(key: str, name: str) -> None:
    assert name_session(key) == name


@hypothesis.given(strategies.lists(strategies.text(max_size=80), unique=True, max_size=4))
def test_names_of_sessions_are_aws_s_and_different(keys: list[str]) -> None:
    names = [name_session(key) for key in keys]
    assert all(NAME.fullmatch(name) for name in names)
    # A key `a` and a key `a/` would be the same; keys of the database have both parts.
    assert len({*names}) == len({key.rstrip("/") if key.count("/") == 1 else key for key in keys})


def test_names_that_are_cut_or_changed_stay_apart() -> None:
    long = "t" * 64
    names = {
        name_session(key) for key in (f"{long}/{'k' * 64}", f"{long}/{'k' * 63}", "a/b c", "a/b-c", "a/b+c", "é", "è")
    }
    assert len(names) == 7
    assert all(NAME.fullmatch(name) for name in names)


def test_values_of_tags_have_letters_of_any_script_and_few_marks() -> None:
    assert write_tag_value("Überseehafen 7/b+c@d=e.f_g:h-i") == "Überseehafen 7/b+c@d=e.f_g:h-i"
    assert write_tag_value("a*b\n“c”\x00") == "a_b__c__"
    assert len(write_tag_value("x" * 300)) == 256


def test_an_inner_policy_does_not_replace_a_role() -> None:
    outer = [read_policy("team 'a'", {"role": ROLE, "external_id": "x7"})]
    assert find_widening(read_policy("team 'b'", {"role": OTHER}), outer) == (
        f"role {ROLE} of the team 'a' cannot be replaced"
    )
    assert find_widening(read_policy("team 'b'", {"role": ROLE, "external_id": "y"}), outer)
    assert not find_widening(read_policy("team 'b'", {"role": ROLE, "session_tags": ["x"]}), outer)


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ({"external_id": "x7"}, "external_id says nothing without a role: set both in one policy"),
        ({"session_tags": ["x"]}, "session_tags says nothing without a role: set both in one policy"),
        ({"role": "arn:aws:iam::123456789012:user/x"}, "is not the ARN of a role"),
        ({"role": ROLE, "external_id": "a b"}, "is not an external id"),
        ({"role": ROLE, "session_tags": ["Team"]}, "'Team' is not the name of a tag"),
        ({"role": ROLE, "session_tags": ["AWS:x"]}, "'AWS:x' is not the name of a tag"),
        ({"role": "arn:aws-us-gov:iam::123456789012:role/a/b", "external_id": "x/7", "session_tags": ["a b"]}, ""),
    ],
)
def test_what_is_said_of_a_role_is_checked_when_it_is_set(policy: dict[str, Any], fault: str) -> None:
    assert fault in find_policy_fault(policy, ())
    assert bool(fault) == bool(find_policy_fault(policy, ()))
