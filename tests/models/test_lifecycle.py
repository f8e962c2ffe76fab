"""The life cycle of a model: its stage, and what its answers say of it."""

from datetime import date

import pytest

from bedrock_flask.adapter import KnownModel
from bedrock_flask.bedrock.offers import OfferedModel
from bedrock_flask.models.lifecycle import (
    ACTIVE,
    DEPRECATED,
    NEVER,
    RETIRED,
    Lifecycle,
    describe_end,
    find_lifecycle,
    write_headers,
)

TODAY = date(2026, 11, 30)
LEGACY = Lifecycle(is_legacy=True, legacy_on=date(2026, 3, 31), ends_on=date(2027, 1, 31))


@pytest.mark.parametrize(
    ("lifecycle", "stage"),
    [
        (NEVER, ACTIVE),
        (LEGACY, DEPRECATED),
        (Lifecycle(legacy_on=TODAY), DEPRECATED),
        (Lifecycle(legacy_on=date(2026, 12, 1)), ACTIVE),
        (Lifecycle(ends_on=TODAY), RETIRED),
        (Lifecycle(ends_on=date(2026, 12, 1)), ACTIVE),
    ],
)
def test_the_stage_is_that_of_the_day(lifecycle: Lifecycle, stage: str) -> None:
    assert lifecycle.find_stage(TODAY) == stage


def test_the_headers_are_those_of_the_standards() -> None:
    # RFC 9745: a date of structured fields; RFC 8594: a date of HTTP.
    assert write_headers(LEGACY, TODAY) == {"deprecation": "@1774915200", "sunset": "Sun, 31 Jan 2027 00:00:00 GMT"}


@pytest.mark.parametrize(
    "lifecycle", [NEVER, Lifecycle(ends_on=date(2028, 1, 1)), Lifecycle(legacy_on=date(2028, 1, 1))]
)
def test_a_model_that_is_far_from_its_end_says_nothing(lifecycle: Lifecycle) -> None:
    assert write_headers(lifecycle, TODAY) == {}
    assert describe_end(lifecycle, TODAY) == ""


def test_an_end_that_is_near_is_said_before_the_model_is_legacy() -> None:
    assert write_headers(Lifecycle(ends_on=date(2027, 1, 10)), TODAY) == {"sunset": "Sun, 10 Jan 2027 00:00:00 GMT"}


@pytest.mark.parametrize(
    ("lifecycle", "words"),
    [
        (LEGACY, "is legacy since 2026-03-31 and ends on 2027-01-31"),
        (Lifecycle(is_legacy=True), "is legacy"),
        (Lifecycle(ends_on=date(2026, 10, 1)), "ended on 2026-10-01"),
    ],
)
def test_it_is_said_in_words(lifecycle: Lifecycle, words: str) -> None:
    assert describe_end(lifecycle, TODAY) == words


def test_the_accounts_list_precedes_what_the_plugin_knows() -> None:
    known = KnownModel(name="Lyre", legacy_on="2026-03-31", ends_on="2027-01-31", successor="acme.harp")
    offered = OfferedModel(id="acme.lyre", is_legacy=True, ends_on="2027-06-30")
    assert find_lifecycle(known, offered) == Lifecycle(True, date(2026, 3, 31), date(2027, 6, 30), "acme.harp")
    assert find_lifecycle(KnownModel(name="Lyre"), None) is NEVER
    assert find_lifecycle(None, OfferedModel(id="acme.lyre")) is NEVER
