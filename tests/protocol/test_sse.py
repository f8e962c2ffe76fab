"""Server-sent events: what is written is read again, however it is split, and as the specification's examples say."""

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.sse import comment, encode
from tests.sse_decoder import Decoder, Event

TEXT = st.text(max_size=30) | st.text(alphabet="a: \r\n\x0b\x85\u2028\ufeff\0é😀", max_size=12)
NAMES = st.none() | TEXT.filter(lambda name: not re.search("[\r\n]", name))
STREAMS = st.lists(
    st.sampled_from(
        [
            b"data",
            b"data: ",
            b"event",
            b"id",
            b"retry",
            b":",
            b" ",
            b"\r",
            b"\n",
            b"\r\n",
            b"\n\n",
            b"x",
            "é😀".encode(),
            b"\xff",
            b"\xe2\x82",
            b"\xef\xbb\xbf",
            b"\0",
        ]
    ),
    max_size=30,
).map(b"".join)


def decode(*pieces):
    decoder = Decoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def as_lines(data):
    return re.sub("\r\n|\r", "\n", data)


@given(st.lists(st.tuples(TEXT, NAMES), max_size=4))
def test_what_is_encoded_is_decoded_to_the_same_but_for_line_ends(events):
    stream = comment("hello").join([b"", *(encode(data, name) for data, name in events)])
    assert decode(stream) == [Event(name or "message", as_lines(data)) for data, name in events]


@given(stream=STREAMS, data=st.data())
def test_any_split_is_decoded_alike(stream, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decode(*pieces) == decode(stream) == decode(*(bytes([byte]) for byte in stream))


@given(events=st.lists(st.tuples(TEXT, NAMES), min_size=1, max_size=4), data=st.data())
def test_what_is_encoded_and_cut_gives_whole_events_only(events, data):
    stream = b"".join(encode(text, name) for text, name in events)
    came = decode(stream[: data.draw(st.integers(0, len(stream)))])
    assert came == [Event(name or "message", as_lines(text)) for text, name in events][: len(came)]


@given(stream=STREAMS)
def test_a_stream_is_read_as_the_specification_reads_its_whole_text(stream):
    assert decode(stream) == list(specified(stream.decode(errors="replace").removeprefix("\ufeff")))


def specified(text):
    """Section 9.2.6 word for word, over the whole text; what follows the last line end is no line."""
    event, data, identity = "", "", None
    for line in re.split("\r\n|\n|\r", text)[:-1]:
        if line == "":
            if data != "":
                yield Event(event or "message", data.removesuffix("\n"), identity)
            event, data = "", ""
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            event = value if name == "event" else event
            data = data + value + "\n" if name == "data" else data
            identity = value if name == "id" and "\0" not in value else identity


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [Event("message", "YHOO\n+2\n10")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [
                Event("message", "first event", "1"),
                Event("message", "second event", ""),
                Event("message", " third event", ""),
            ],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [Event("message", ""), Event("message", "\n")]),
        (b"data:test\n\ndata: test\n\n", [Event("message", "test"), Event("message", "test")]),
        (
            b"event: add\rdata: 73857293\r\revent: remove\r\ndata: 2153\r\n\r\n",
            [Event("add", "73857293"), Event("remove", "2153")],
        ),
        (b"event: lost\n\ndata: kept\n\n", [Event("message", "kept")]),
        (b"id: 7\n\ndata: x\n\nid: a\0b\ndata: y\n\n", [Event("message", "x", "7"), Event("message", "y", "7")]),
        (b"\xef\xbb\xbfdata: x\n\n\xef\xbb\xbfdata: y\n\n", [Event("message", "x")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", []),
        (b"data: \xff\xe2\x82\n\n", [Event("message", "\ufffd\ufffd")]),
        (b"Data: x\n data: y\nretry: 10\n\n", []),
        (b"data: unfinished\n", []),
    ],
)
def test_the_specifications_examples(stream, events):
    assert decode(stream) == events


def test_an_event_is_there_with_the_first_return_and_a_newline_after_it_is_not_a_second():
    decoder = Decoder()
    assert decoder.feed(b"data: a\r\n\r") == [Event("message", "a")]
    assert decoder.feed(b"\ndata: b\r") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"\n") == [Event("message", "b")]


def test_a_character_may_be_split():
    euro = "data: €\n\n".encode()
    assert decode(euro[:7], euro[7:8], euro[8:]) == [Event("message", "€")]


def test_encoding_is_written_as_others_expect_it():
    assert encode("[DONE]") == b"data: [DONE]\n\n"
    assert encode("{}", "message_start") == b"event: message_start\ndata: {}\n\n"
    assert encode("a\r\nb\rc\nd\u2028e") == "data: a\ndata: b\ndata: c\ndata: d\u2028e\n\n".encode()
    assert encode("") == b"data: \n\n"
    assert comment() == b":\n\n"
    assert comment("keep\nalive") == b": keep\n: alive\n\n"


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "\r\n"])
def test_the_name_of_an_event_cannot_smuggle_lines(name):
    with pytest.raises(ValueError, match="line end"):
        encode("x", name)


@given(TEXT)
def test_a_comment_is_no_event_whatever_it_says(text):
    assert decode(comment(text) + encode("x")) == [Event("message", "x")]


@pytest.mark.parametrize(
    ("stream", "size"),
    [(encode("x" * 8_000_000), 128), (encode("x") * 100_000, 10_000_000)],
    ids=["one long line in small pieces", "many events in one piece"],
)
def test_a_long_stream_takes_time_in_proportion(stream, size):
    started = process_time()
    events = decode(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert process_time() - started < 5  # a tenth of it is plenty; copying what is left each time takes a minute
    assert b"".join(encode(event.data) for event in events) == stream
