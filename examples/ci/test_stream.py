import pytest
from botocore.exceptions import EventStreamError
from summary import CutShort, summarise_aloud


def test_the_answer_comes_in_pieces(bedrock):
    bedrock.reply("A door parts two roads.")

    pieces = list(summarise_aloud("A door stands between two roads."))

    assert len(pieces) > 1
    assert "".join(pieces) == "A door parts two roads."


def test_a_model_that_fails_halfway_is_an_error(bedrock):
    bedrock.fault("exception_frame", error="modelStreamErrorException", after=3)

    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        list(summarise_aloud("A door stands between two roads."))


def test_an_answer_that_just_ends_is_no_answer(bedrock):
    bedrock.fault("no_terminal_event", after=3)

    with pytest.raises(CutShort):
        list(summarise_aloud("A door stands between two roads."))
