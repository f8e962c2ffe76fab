"""Masks: the transparent pixels of a PNG, as an image in black and white.

OpenAI marks by transparency what is to be edited, and models on Bedrock by black or white. Source: PNG (W3C, third
edition), §7 colour types.
"""

import base64
import struct
import zlib
from collections.abc import Iterator

from bedrock_flask.protocol.drawn_images import write_png
from bedrock_flask.protocol.image_files import find_format
from bedrock_flask.protocol.png_filters import undo_filters

# The most that models on Bedrock take of an image (Stability's image services), and more than any takes of a side: a
# narrow image of many rows would cost far more than its pixels do.
MOST_PIXELS, LONGEST_SIDE = 9_437_184, 16_384
# Samples of a pixel, by the colour types with an alpha channel, which is the last of them.
_SAMPLES = {4: 2, 6: 4}


def draw_mask(data: bytes, *, edited: int) -> bytes:
    """The mask of a PNG with an alpha channel: `edited` (0 or 255) where it is fully transparent, else the other.

    Raises ValueError for any other file; its message continues the name of a field.
    """
    width, height, rows = _read_rows(data)
    kept = 255 - edited
    table = bytes((edited, *(kept,) * 255))
    drawn = [b"\0" + alpha.translate(table) for alpha in rows]
    return write_png(width, height, 0, drawn)


def draw_base64_mask(text: str, *, edited: int) -> str:
    """The same of a file in base64."""
    return base64.b64encode(draw_mask(base64.b64decode(text), edited=edited)).decode()


def _read_rows(data: bytes) -> tuple[int, int, Iterator[bytes]]:
    """The width and height of a PNG, and the alpha samples of each row."""
    if find_format(data) != "png":
        raise ValueError("must be a PNG, whose transparent pixels mark what is edited")
    try:
        width, height, depth, colour_type, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
        if colour_type not in _SAMPLES or depth != 8 or interlaced:
            raise ValueError("must have an alpha channel of 8 bits, and must not be interlaced")
        if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE and width * height <= MOST_PIXELS):
            raise ValueError(f"must have at most {MOST_PIXELS} pixels, and 1 to {LONGEST_SIDE} on each side")
        step = _SAMPLES[colour_type]
        size = width * step + 1
        # Never more than the header announces.
        packed = zlib.decompressobj().decompress(b"".join(_read_chunks(data)), size * height)
    except (struct.error, zlib.error):
        raise ValueError("cannot be read as a PNG") from None
    if len(packed) < size * height:
        raise ValueError("ends before its last row")
    return width, height, undo_filters([packed[at : at + size] for at in range(0, size * height, size)], step)


def _read_chunks(data: bytes) -> Iterator[bytes]:
    place = 8
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"IDAT":
            yield data[place + 8 : place + 8 + size]
        place += size + 12
