"""Plain images, and what is read of an image file: its format and its size."""

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.drawn_images import draw_image
from bedrock_flask.protocol.image_files import find_base64_format, find_base64_size, find_format, find_size

sides = st.integers(1, 300)
forms = st.sampled_from(["png", "jpeg", "webp"])


@given(st.text(), sides, sides, forms)
def test_an_image_has_the_format_and_the_size_that_were_asked_for(
    text: str, width: int, height: int, form: str
) -> None:
    image = draw_image(text, width, height, form)
    assert find_base64_format(image) == form
    assert find_base64_size(image) == (width, height)


def test_the_same_text_has_the_same_image_and_another_text_another() -> None:
    assert draw_image("a door", 8, 8) == draw_image("a door", 8, 8)
    assert draw_image("a door", 8, 8) != draw_image("a road", 8, 8)


def read_pixels(data: bytes) -> tuple[int, bytes]:
    """The colour type of a PNG, and its unpacked rows."""
    place, packed = 8, b""
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + size]
        assert zlib.crc32(kind + content) == struct.unpack_from(">I", data, place + 8 + size)[0]
        packed += content if kind == b"IDAT" else b""
        place += size + 12
    return data[25], zlib.decompress(packed)


def test_a_png_has_a_row_of_pixels_for_each_line() -> None:
    colour_type, rows = read_pixels(base64.b64decode(draw_image("a door", 3, 2)))
    assert (colour_type, len(rows)) == (2, 2 * (1 + 3 * 3))
    assert rows[:10] == rows[10:]


def test_a_transparent_png_is_clear_everywhere() -> None:
    colour_type, rows = read_pixels(base64.b64decode(draw_image("a door", 3, 2, transparent=True)))
    assert (colour_type, rows) == (6, bytes(2 * (1 + 3 * 4)))


@pytest.mark.parametrize(
    ("data", "form", "size"),
    [
        (b"GIF89a\x05\x00\x07\x00", "gif", (5, 7)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x06\x00\x00", "webp", (5, 7)),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\x00\x07\x00\x05\x01", "jpeg", (5, 7)),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xff\xc0\x00\x0b\x08\x00\x07\x00\x05\x01", "jpeg", (5, 7)),
        (b"\xff\xd8\xff\xe0\x00\x04ab", "jpeg", None),
        (b"\x89PNG\r\n\x1a\n", "png", None),
        (b"hello", "", None),
        (b"", "", None),
    ],
)
def test_a_header_says_format_and_size(data: bytes, form: str, size: tuple[int, int] | None) -> None:
    assert find_format(data) == form
    assert find_size(data) == size


@given(st.binary(max_size=80))
def test_no_file_breaks_the_readers(data: bytes) -> None:
    starts = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF0000WEBPVP8L", b"RIFF0000WEBPVP8 "]
    for start in starts:
        size = find_size(start + data)
        assert size is None or len(size) == 2


@given(st.text(max_size=20))
def test_a_text_that_is_not_base64_has_no_format(text: str) -> None:
    assert find_base64_format(text) in ("", "png", "jpeg", "gif", "webp")
