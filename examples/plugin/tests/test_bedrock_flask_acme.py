"""The plugin keeps the gateway's contract and converts what Haiku answers."""

import bedrock_flask_acme
import pytest

from bedrock_flask.contract import faults_of


def test_it_keeps_the_contract() -> None:
    assert faults_of(bedrock_flask_acme) == []


def test_the_limit_of_a_converse_request_is_kept() -> None:
    request = {"messages": [{"role": "user", "content": [{"text": "rain"}]}], "inferenceConfig": {"maxTokens": 30}}
    assert bedrock_flask_acme.encode(request) == {"theme": "rain", "max_tokens": 30}


@pytest.mark.parametrize(("why", "reason"), [("complete", "end_turn"), ("out_of_room", "max_tokens")])
def test_the_end_says_why_and_what_it_cost(why: str, reason: str) -> None:
    response = bedrock_flask_acme.decode({"end": {"why": why, "read": 1, "written": 2}})
    assert response == {"stopReason": reason, "usage": {"inputTokens": 1, "outputTokens": 2}}
