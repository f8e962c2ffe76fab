"""Event streams: what is written is read again, by others too, and no damage goes unnoticed."""

import base64
import json
import struct
import uuid
import zlib
from itertools import pairwise
from time import process_time

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.eventstream import (
    ALPHABET,
    MAX_HEADERS,
    MAX_PAYLOAD,
    Byte,
    Decoder,
    EventStreamError,
    Frame,
    Long,
    Short,
    Timestamp,
    chunk,
    chunk_bytes,
    encode,
    error,
    event,
    exception,
    padding,
)


def integers(bits):
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


NAMES = st.text(min_size=1, max_size=60)
HEADER_VALUES = st.one_of(
    st.booleans(),
    st.text(max_size=100),
    st.binary(max_size=100),
    st.uuids(),
    integers(8).map(Byte),
    integers(16).map(Short),
    integers(32),
    integers(64).map(Long),
    integers(64).map(Timestamp),
)
FRAMES = st.builds(Frame, st.dictionaries(NAMES, HEADER_VALUES, max_size=6), st.binary(max_size=300))
GOLDEN = [
    chunk(b'{"type":"message_start","n":12345678901234567890123}', "abcdefgh"),
    event("metadata", b'{"usage":{"inputTokens":3}}'),
    exception("throttlingException", b'{"message":"slow down"}'),
]
GOLDEN_BYTES = b"".join(map(encode, GOLDEN))


def decode(*pieces):
    decoder = Decoder()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    decoder.close()
    return frames


def until_the_fault(*pieces):
    """The frames that come before a stream's fault, and what it is."""
    decoder, frames = Decoder(), []
    try:
        for piece in pieces:
            frames += decoder.feed(piece)
        decoder.close()
    except EventStreamError as fault:
        return [*frames, *fault.frames], str(fault)
    return frames, None


def as_botocore(frames):
    """The frames as botocore gives them: its numbers, times and identities are plain."""
    plain = {Byte: "value", Short: "value", Long: "value", Timestamp: "value", uuid.UUID: "bytes"}
    return [
        (
            {name: getattr(value, plain.get(type(value), ""), value) for name, value in frame.headers.items()},
            frame.payload,
        )
        for frame in frames
    ]


def assemble(headers: bytes, payload: bytes) -> bytes:
    """A frame put together by hand, right whatever the code under test believes."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def header(name: bytes, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([kind]) + value


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack(">II", total, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


@given(st.lists(FRAMES, max_size=4))
def test_what_is_encoded_is_decoded_to_the_same(frames):
    decoded = decode(b"".join(map(encode, frames)))
    assert decoded == frames
    for before, after in zip(frames, decoded, strict=True):  # True and 1 are equal, so the types are compared too
        assert [(name, type(value)) for name, value in before.headers.items()] == [
            (name, type(value)) for name, value in after.headers.items()
        ]


@given(frames=st.lists(FRAMES, max_size=3), data=st.data())
def test_any_split_is_decoded_alike(frames, data):
    stream = b"".join(map(encode, frames))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    assert decode(*(stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True))) == frames


@given(frames=st.lists(FRAMES, min_size=1, max_size=3), data=st.data())
def test_a_damaged_stream_is_the_same_fault_however_it_is_split(frames, data):
    stream = bytearray(b"".join(map(encode, frames)))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [bytes(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    came, fault = until_the_fault(*pieces)
    assert came == frames[: len(came)]
    assert len(came) < len(frames)
    assert (came, fault) == until_the_fault(bytes(stream))


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda headers: assemble(headers, b"payload")))
def test_any_bytes_are_frames_or_a_fault_and_botocore_takes_the_frames_too(stream):
    try:
        frames = decode(stream)
    except EventStreamError:
        return
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    assert [(message.headers, message.payload) for message in buffer] == as_botocore(frames)


def test_one_byte_at_a_time_gives_each_frame_with_its_last_byte():
    decoder = Decoder()
    came = [(at, frame) for at, byte in enumerate(GOLDEN_BYTES, 1) for frame in decoder.feed(bytes([byte]))]
    decoder.close()
    ends = [len(b"".join(map(encode, GOLDEN[:count]))) for count in (1, 2, 3)]
    assert came == list(zip(ends, GOLDEN, strict=True))


def test_a_flipped_byte_anywhere_is_an_error():
    for at in range(len(GOLDEN_BYTES)):
        for mask in (0x01, 0x80, 0xFF):
            damaged = bytearray(GOLDEN_BYTES)
            damaged[at] ^= mask
            with pytest.raises(EventStreamError) as raised:
                decode(bytes(damaged))
            assert list(raised.value.frames) == GOLDEN[: len(raised.value.frames)]


def test_a_cut_anywhere_inside_a_frame_is_told_at_the_close():
    whole = {len(b"".join(map(encode, GOLDEN[:count]))): count for count in range(4)}
    for length in range(len(GOLDEN_BYTES) + 1):
        decoder = Decoder()
        frames = decoder.feed(GOLDEN_BYTES[:length])
        assert frames == GOLDEN[: max(count for end, count in whole.items() if end <= length)]
        if length in whole:
            decoder.close()
        else:
            with pytest.raises(EventStreamError, match="ended inside a frame"):
                decoder.close()


def test_the_frames_before_a_fault_of_the_same_feed_are_not_lost():
    decoder = Decoder()
    damaged = GOLDEN_BYTES[:-1] + bytes([GOLDEN_BYTES[-1] ^ 1])
    with pytest.raises(EventStreamError) as raised:
        decoder.feed(damaged)
    assert list(raised.value.frames) == GOLDEN[:2]
    with pytest.raises(EventStreamError) as again:
        decoder.feed(encode(GOLDEN[0]))
    assert again.value.frames == ()
    with pytest.raises(EventStreamError):
        decoder.close()


@pytest.mark.parametrize(
    ("total", "headers", "says"),
    [
        (2**31, 0, "payload"),
        (2**32 - 1, 2**32 - 20, "headers"),
        (15, 0, "cannot hold"),
        (0, 0, "cannot hold"),
        (20, 5, "cannot hold"),
        (16 + MAX_HEADERS + 1, MAX_HEADERS + 1, "headers"),
        (16 + MAX_PAYLOAD + 1, 0, "payload"),
    ],
)
def test_lengths_out_of_bounds_are_refused_with_the_prelude(total, headers, says):
    with pytest.raises(EventStreamError, match=says):
        Decoder().feed(prelude(total, headers))


def test_the_greatest_lengths_are_taken():
    assert Decoder().feed(prelude(16 + MAX_HEADERS + MAX_PAYLOAD, MAX_HEADERS)) == []
    greatest = Frame({"h": b"x" * 65_535}, bytes(MAX_PAYLOAD))
    assert decode(encode(greatest)) == [greatest]


def test_a_wrong_prelude_checksum_is_told_before_the_rest_comes():
    with pytest.raises(EventStreamError, match="prelude"):
        Decoder().feed(GOLDEN_BYTES[:11] + bytes([GOLDEN_BYTES[11] ^ 1]))


def test_a_wrong_message_checksum_is_told():
    frame = encode(GOLDEN[0])
    with pytest.raises(EventStreamError, match="checksum of a frame is wrong"):
        Decoder().feed(frame[:-5] + bytes([frame[-5] ^ 1]) + frame[-4:])


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        (header(b"a", 0, b"") + header(b"a", 1, b""), "twice"),
        (header(b"", 0, b""), "no name"),
        (header(b"a", 10, b""), "unknown"),
        (header(b"a", 255, b""), "unknown"),
        (header(b"\xff", 0, b""), "UTF-8"),
        (header(b"a", 7, b"\x00\x01\xff"), "UTF-8"),
        (header(b"a", 7, b"\x00\x05abc"), "inside a header"),
        (header(b"a", 6, b"\x00"), "inside a header"),
        (header(b"a", 4, b"\x00\x00\x00"), "inside a header"),
        (header(b"a", 9, b"\x00" * 15), "inside a header"),
        (b"\x05abc", "inside a header"),
        (b"\x01a", "inside a header"),
    ],
)
def test_malformed_headers_are_refused(headers, says):
    with pytest.raises(EventStreamError, match=says):
        Decoder().feed(assemble(headers, b"payload"))


def test_headers_written_by_hand_are_read():
    identity = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    headers = b"".join(
        (
            header(b"yes", 0, b""),
            header(b"no", 1, b""),
            header(b"byte", 2, b"\xff"),
            header(b"short", 3, b"\x80\x00"),
            header(b"int", 4, b"\x00\x00\x01\x00"),
            header(b"long", 5, b"\xff" * 7 + b"\xfe"),
            header(b"bytes", 6, b"\x00\x02\x00\xff"),
            header(b":text", 7, b"\x00\x02\xc3\xa9"),
            header(b"time", 8, b"\x00" * 6 + b"\x03\xe8"),
            header(b"uuid", 9, identity.bytes),
        )
    )
    expected = Frame(
        {
            "yes": True,
            "no": False,
            "byte": Byte(-1),
            "short": Short(-32768),
            "int": 256,
            "long": Long(-2),
            "bytes": b"\x00\xff",
            ":text": "é",
            "time": Timestamp(1000),
            "uuid": identity,
        },
        b"payload",
    )
    assert decode(assemble(headers, b"payload")) == [expected]
    assert encode(expected) == assemble(headers, b"payload")
    assert decode(assemble(b"", b"")) == [Frame()]


@given(st.lists(FRAMES, min_size=1, max_size=3))
def test_botocore_reads_what_is_encoded(frames):
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(map(encode, frames)))
    assert [(message.headers, message.payload) for message in buffer] == as_botocore(frames)


@pytest.mark.parametrize(
    "headers",
    [
        {"": "x"},
        {"n" * 256: "x"},
        {"é" * 128: "x"},
        {"a": "x" * 65_536},
        {"a": b"x" * 65_536},
        {"a": "\ud800"},
        {"\ud800": "a"},
        {"a": 2**31},
        {"a": Byte(128)},
        {"a": Short(-32_769)},
        {"a": Long(2**63)},
        {"a": 1.5},
        {"a": None},
        {str(at): b"x" * 60_000 for at in range(3)},
    ],
)
def test_what_the_format_cannot_hold_is_not_encoded(headers):
    with pytest.raises(EventStreamError):
        encode(Frame(headers))


def test_a_payload_beyond_the_limit_is_not_encoded():
    with pytest.raises(EventStreamError, match="payload"):
        encode(Frame({}, bytes(MAX_PAYLOAD + 1)))


def test_each_kind_of_message_has_its_headers():
    assert event("chunk", b"{}") == Frame(
        {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}, b"{}"
    )
    assert event("x", b"", "text/plain").headers[":content-type"] == "text/plain"
    assert exception("throttlingException", b"{}") == Frame(
        {
            ":exception-type": "throttlingException",
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        b"{}",
    )
    assert error("InternalError", "why") == Frame(
        {":error-code": "InternalError", ":error-message": "why", ":message-type": "error"}, b""
    )


@given(model_json=st.binary(max_size=200), seed=st.integers())
def test_a_chunk_gives_back_the_very_bytes_of_the_model(model_json, seed):
    frame = chunk(model_json, padding(seed))
    assert chunk_bytes(frame) == model_json
    assert json.loads(frame.payload) == {"bytes": base64.b64encode(model_json).decode(), "p": padding(seed)}


def test_a_chunk_looks_as_bedrock_writes_it():
    assert chunk(b'{"a":1}', "abc") == event("chunk", b'{"bytes":"eyJhIjoxfQ==","p":"abc"}')


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b'"bytes"',
        b'{"bytes":1}',
        b'{"bytes":"a"}',
        b'{"bytes":"e30=!"}',
        b'{"bytes":"\xc3\xa9"}',
        b"\xff",
    ],
)
def test_other_payloads_are_no_chunk(payload):
    with pytest.raises(EventStreamError):
        chunk_bytes(event("chunk", payload))


def test_padding_is_a_start_of_the_alphabet_that_depends_on_the_seed_alone():
    lengths = [len(padding(seed)) for seed in range(1000)]
    assert set(lengths) == set(range(1, 63))
    assert sum(a == b for a, b in pairwise(lengths)) < 100
    assert all(padding(seed) == ALPHABET[:length] for seed, length in enumerate(lengths))
    assert padding(-1) == padding(-1)


@pytest.mark.parametrize(
    ("stream", "size"),
    [(encode(Frame({}, bytes(8_000_000))), 128), (encode(GOLDEN[1]) * 40_000, 10_000_000)],
    ids=["one long frame in small pieces", "many small frames in one piece"],
)
def test_a_long_stream_takes_time_in_proportion(stream, size):
    started = process_time()
    frames = decode(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert process_time() - started < 5  # a tenth of it is plenty; copying what is left each time takes a minute
    assert b"".join(map(encode, frames)) == stream
