"""A stop sequence ends the text wherever the pieces are cut."""

from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.emulator.engines.stop_sequences import cut_at_stop_sequence

PIECES = st.lists(st.text("abc", max_size=4), max_size=8)
STOPS = st.lists(st.text("abc", min_size=1, max_size=3), max_size=3)


@given(PIECES, STOPS)
def test_the_text_ends_before_the_first_stop_sequence(pieces: list[str], stops: list[str]) -> None:
    result = list(cut_at_stop_sequence(pieces, stops))
    whole, kept = "".join(pieces), "".join(piece for piece in result if piece is not None)
    found = any(stop in whole for stop in stops)
    assert (None in result) == found
    assert whole.startswith(kept)
    assert not any(stop in kept for stop in stops)
    assert found or kept == whole


def test_nothing_is_held_back_without_a_reason() -> None:
    assert list(cut_at_stop_sequence(["one ", "two ", "three"], ["END"])) == ["one ", "two ", "three"]
    assert list(cut_at_stop_sequence(["one E", "N", "D two"], ["END"])) == ["one ", None]
    assert list(cut_at_stop_sequence(["one E", "N", "D"], ["", "ENDS"])) == ["one ", "END"]
