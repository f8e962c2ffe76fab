"""Server-sent events are read as the specification says, whatever pieces they arrive in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol import sse
from bedrock_flask.protocol.sse_decoder import Decoder, EventTooLong
from tests.protocol.test_sse import STREAMS
from tests.sse_decoder import Decoder as Specified


def decode(*pieces: bytes) -> list[tuple[str, bytes]]:
    decoder = Decoder()
    return [(event.name, event.data) for piece in pieces for event in decoder.feed(piece)]


@given(STREAMS)
def test_any_stream_is_read_as_the_specification_says(stream: bytes) -> None:
    specified = [(event.event, event.data) for event in Specified().feed(stream)]
    assert [(name or "message", data.decode(errors="replace")) for name, data in decode(stream)] == specified


@given(stream=STREAMS, data=st.data())
def test_a_stream_that_is_cut_anywhere_and_goes_on_is_read_alike(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decode(*pieces) == decode(stream) == decode(*(bytes([byte]) for byte in stream))


@given(st.lists(st.binary(max_size=9).filter(lambda data: not {*data} & {*b"\r\n"}), min_size=1, max_size=4), st.data())
def test_a_stream_that_ends_within_an_event_says_so(texts: list[bytes], data: st.DataObject) -> None:
    events = [sse.encode_line(text, "x") for text in texts]
    stream = b"".join(events)
    cut = data.draw(st.integers(0, len(stream)))
    decoder = Decoder()
    read = decoder.feed(stream[:cut])
    ends = {sum(map(len, events[:count])) for count in range(len(events) + 1)}
    assert [event.data for event in read] == texts[: len(read)]
    assert decoder.is_within_event == (cut not in ends)


def test_an_event_without_end_is_refused() -> None:
    decoder = Decoder(most=100)
    decoder.feed(b"data: " + b"a" * 50)
    with pytest.raises(EventTooLong):
        decoder.feed(b"a" * 60)


def test_the_limit_is_that_of_one_event() -> None:
    decoder = Decoder(most=100)
    for _ in range(10):
        assert len(decoder.feed(b"data: " + b"a" * 50 + b"\n\n")) == 1
