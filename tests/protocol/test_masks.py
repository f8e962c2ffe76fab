"""Masks: what is transparent in a PNG is black or white in another."""

import base64
import random
import struct
import subprocess
import sys
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.drawn_images import draw_image, write_png
from bedrock_flask.protocol.masks import draw_base64_mask, draw_mask
from tests.translation.steps import count_steps

# A filter of PNG, written anew for the test: given the samples to the left, above, and above on the left.
PREDICT = {
    0: lambda left, up, corner: 0,
    1: lambda left, up, corner: left,
    2: lambda left, up, corner: up,
    3: lambda left, up, corner: (left + up) // 2,
    4: lambda left, up, corner: min((left, up, corner), key=lambda each: abs(left + up - corner - each)),
}


def filter_row(kind: int, row: bytes, above: bytes, step: int) -> bytes:
    filtered = bytearray([kind])
    for at, value in enumerate(row):
        left = row[at - step] if at >= step else 0
        corner = above[at - step] if at >= step else 0
        filtered.append((value - PREDICT[kind](left, above[at], corner)) % 256)
    return bytes(filtered)


def make_png(width: int, rows: list[bytes], kinds: list[int], colour_type: int) -> bytes:
    step = {4: 2, 6: 4}[colour_type]
    above, filtered = bytes(width * step), []
    for kind, row in zip(kinds, rows, strict=True):
        filtered.append(filter_row(kind, row, above, step))
        above = row
    return write_png(width, len(rows), colour_type, filtered)


def read_grey(data: bytes) -> tuple[int, int, list[bytes]]:
    width, height, depth, colour_type = struct.unpack_from(">IIBB", data, 16)
    assert (depth, colour_type) == (8, 0)
    [size] = struct.unpack_from(">I", data, 33)
    rows = zlib.decompress(data[41 : 41 + size])
    step = width + 1
    assert rows[::step] == bytes(height)
    return width, height, [rows[at + 1 : at + step] for at in range(0, len(rows), step)]


def test_the_rows_of_a_band_follow_those_of_the_last_one() -> None:
    chance = random.Random(7)
    rows = [bytes(chance.choice([0, 0, 1, 128, 255]) for _ in range(12)) for _ in range(600)]
    kinds = [chance.randrange(5) for _ in rows]
    found = read_grey(draw_mask(make_png(3, rows, kinds, 6), edited=0))
    assert found == (3, 600, [bytes(0 if alpha == 0 else 255 for alpha in row[3::4]) for row in rows])


def test_the_samples_of_many_rows_are_found_together() -> None:
    side = 512
    dear = write_png(side, side, 6, [b"\4" + bytes((0, 0, 0, 1)) * side] * side)
    steps = count_steps(lambda: draw_mask(dear, edited=0))
    assert steps < side * side / 4


@given(
    width=st.integers(1, 9),
    kinds=st.lists(st.integers(0, 4), min_size=1, max_size=9),
    colour_type=st.sampled_from([4, 6]),
    seed=st.integers(0, 1000),
    edited=st.sampled_from([0, 255]),
)
def test_what_is_fully_transparent_is_edited_and_nothing_else(
    width: int, kinds: list[int], colour_type: int, seed: int, edited: int
) -> None:
    step, chance = {4: 2, 6: 4}[colour_type], random.Random(seed)
    rows = [bytes(chance.choice([0, 0, 1, 128, 255]) for _ in range(width * step)) for _ in kinds]
    found = read_grey(draw_mask(make_png(width, rows, kinds, colour_type), edited=edited))
    expected = [bytes(edited if alpha == 0 else 255 - edited for alpha in row[step - 1 :: step]) for row in rows]
    assert found == (width, len(rows), expected)


def test_a_mask_in_base64_comes_back_in_base64() -> None:
    mask = base64.b64decode(draw_base64_mask(draw_image("", 3, 2, transparent=True), edited=0))
    assert read_grey(mask) == (3, 2, [b"\0\0\0", b"\0\0\0"])


SMALL = base64.b64decode(draw_image("", 4, 4, transparent=True))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xd8\xff\xe0", "must be a PNG"),
        (base64.b64decode(draw_image("a door", 4, 4)), "must have an alpha channel"),
        (SMALL[:24] + b"\x10" + SMALL[25:], "must have an alpha channel"),
        (SMALL[:28] + b"\x01" + SMALL[29:], "must have an alpha channel"),
        (SMALL[:16] + b"\x00\x01\x00\x00\x00\x01\x00\x00" + SMALL[24:], "must have at most"),
        (SMALL[:16] + bytes(8) + SMALL[24:], "must have at most"),
        (SMALL[:16] + b"\x00\x00\x00\x08" + SMALL[20:], "ends before its last row"),
        (SMALL[:30], "ends before its last row"),
        (SMALL[:20], "cannot be read"),
        (SMALL[:41] + b"nonsense" + SMALL[49:], "cannot be read"),
        (write_png(1, 1, 6, [b"\x07" + bytes(4)]), "cannot be read"),
    ],
)
def test_another_file_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_mask(data, edited=0)


def test_a_small_file_does_not_unpack_to_more_than_its_header_says() -> None:
    bomb = write_png(2, 1, 6, [bytes(100_000_000)])
    tracemalloc.start()
    try:
        assert read_grey(draw_mask(bomb, edited=0)) == (2, 1, [b"\0\0"])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 9), (9, 0), (0, 2**32 - 1), (1, 16_385), (16_385, 1)])
def test_a_size_that_no_image_has_is_refused_before_anything_is_unpacked(width: int, height: int) -> None:
    bomb = write_png(width, height, 6, [bytes(20_000_000)])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="must have at most"):
            draw_mask(bomb, edited=0)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


OTHERS = """
from gevent import monkey
monkey.patch_all()
import gevent
from bedrock_flask.protocol.drawn_images import write_png
from bedrock_flask.protocol.masks import draw_mask

turns = 0

def take_turns():
    global turns
    while True:
        turns += 1
        gevent.sleep(0)

gevent.spawn(take_turns)
# The filter is Paeth, and no sample is the one above.
draw_mask(write_png(2000, 1000, 6, [b"\\4" + bytes((0, 0, 0, 1)) * 2000] * 1000), edited=0)
print(turns >= 32)
"""


def test_other_greenlets_have_their_turns_while_a_mask_is_drawn() -> None:
    done = subprocess.run([sys.executable, "-c", OTHERS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
