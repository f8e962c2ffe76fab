"""What a transport keeps for each region: made once, bounded, and discarded when it leaves."""

import pytest

from bedrock_flask.transport.regions import cache_by_region


def test_invented_regions_are_bounded_and_a_cleared_cache_reads_anew() -> None:
    made: list[list[str]] = []
    discarded: list[list[str]] = []

    def make(region: str) -> list[str]:
        made.append([region])
        return made[-1]

    find, clear = cache_by_region(make, discarded.append)
    first = find("us-east-1")
    for number in range(63):
        find(f"xx-invented-{number}")
    assert find("us-east-1") is first
    assert not discarded
    find("xx-invented-63")
    assert discarded == [first]
    assert find("us-east-1") is not first
    clear()
    assert sorted(map(id, made)) == sorted(map(id, discarded))
    assert find("us-east-1") is made[-1]


def test_a_region_whose_making_fails_displaces_none() -> None:
    discarded: list[str] = []

    def make(region: str) -> str:
        if region.startswith("xx"):
            raise LookupError(region)
        return region

    find, _ = cache_by_region(make, discarded.append)
    for number in range(64):
        find(f"us-east-{number}")
    for number in range(64):
        with pytest.raises(LookupError):
            find(f"xx-{number}")
    assert not discarded
