"""Counts of tokens: one that cannot be is left out, and the log says so."""

import logging
from typing import Any

import pytest

from bedrock_flask.bedrock.usage import Usage, from_headers, from_members


@pytest.mark.parametrize("value", [-1, 10**30, -(10**400), "many", "9" * 40, True, 1.5, [], {}])
def test_a_count_that_cannot_be_is_left_out_and_reported(caplog: pytest.LogCaptureFixture, value: Any) -> None:
    with caplog.at_level(logging.WARNING, "bedrock_flask.usage"):
        assert from_members({"inputTokens": value, "outputTokens": 4}) == Usage(output=4)
    [record] = caplog.records
    assert "left out" in record.getMessage()
    assert len(record.getMessage()) < 200


def test_a_count_in_a_header_is_held_to_the_same(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bedrock_flask.usage"):
        counts = {"x-amzn-bedrock-input-token-count": "-3", "x-amzn-bedrock-output-token-count": "7"}
        assert from_headers(counts) == Usage(output=7)
    assert len(caplog.records) == 1


def test_what_is_absent_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bedrock_flask.usage"):
        from_members({"inputTokens": None, "outputTokens": 0, "other": "x"})
        from_headers({})
    assert caplog.records == []
