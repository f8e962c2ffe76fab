"""The tier of a call: that of the answer in each format, or the one that was requested."""

import pytest

from bedrock_flask.bedrock.service_tiers import UNKNOWN, find_requested_tier, find_tier


@pytest.mark.parametrize(
    ("document", "tier"),
    [
        ({"serviceTier": {"type": "flex"}}, "flex"),
        ({"metadata": {"usage": {}, "serviceTier": {"type": "priority"}}}, "priority"),
        ({"service_tier": "flex", "usage": {}}, "flex"),
        ({"type": "response.completed", "response": {"service_tier": "priority"}}, "priority"),
        ({"service_tier": None}, ""),
        ({"service_tier": 7}, ""),
        ({"serviceTier": {}}, ""),
        ({"metadata": "x"}, ""),
        ({}, ""),
    ],
)
def test_an_answer_names_its_tier(document, tier):
    assert find_tier(document) == tier


@pytest.mark.parametrize(
    ("headers", "body", "tier"),
    [
        ({"X-Amzn-Bedrock-Service-Tier": "flex"}, b"{}", "flex"),
        ({}, b'{"serviceTier": {"type": "priority"}}', "priority"),
        ({}, b'{"service_tier": "flex"}', "flex"),
        ({}, b'{"tools": [{"properties": {"service_tier": {"type": "flex"}}}]}', ""),
        ({}, b'{"metadata": {"service_tier": "flex"}, "messages": []}', ""),
        ({}, rb'{"text": "say \"service_tier\": \"flex\""}', ""),
        ({}, b"[]", ""),
        ({}, rb'{"service_tier": "flex", "text": "\ud800"}', UNKNOWN),
    ],
)
def test_a_request_names_its_tier_at_its_top_only(headers, body, tier):
    assert find_requested_tier(headers, body) == tier
