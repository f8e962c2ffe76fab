import pytest
from botocore.exceptions import ClientError
from summary import summarise


def test_a_throttled_call_is_tried_again(bedrock):
    bedrock.fault("throttle")

    assert summarise("A door stands between two roads.")
    assert [request.status for request in bedrock.requests()] == [429, 200]


def test_after_three_attempts_it_gives_up(bedrock):
    bedrock.fault("throttle", count=10)

    with pytest.raises(ClientError, match="ThrottlingException"):
        summarise("A door stands between two roads.")
    assert len(bedrock.requests()) == 3
