"""The filters of PNG, undone in one channel of an image, for many rows at once.

A sample depends on those to its left, above, and above on the left, so all samples on a diagonal can be found together.
An integer has them side by side, in lanes of 16 bits: one addition is that of all rows, where a loop over the samples
would take many times as long. Source: PNG (W3C, third edition), §9 filtering.
"""

import time
from collections.abc import Callable, Iterator, Sequence

# Rows that are read together, and diagonals after which others have their turn: a small file can have many pixels.
_BAND, _TURN = 256, 256
_SUB, _UP, _AVERAGE, _PAETH = range(1, 5)


def undo_filters(rows: Sequence[bytes], step: int) -> Iterator[bytes]:
    """The last of the `step` samples of each pixel, for rows of 8 bits a sample; ValueError for an unknown filter."""
    above = bytes((len(rows[0]) - 1) // step)
    for start in range(0, len(rows), _BAND):
        band = rows[start : start + _BAND]
        found = _undo_band([row[0] for row in band], [row[step::step] for row in band], above)
        above = found[-1]
        yield from found


def _undo_band(kinds: list[int], lines: list[bytes], above: bytes) -> list[bytes]:
    """The samples of lines with these filters, which follow the row `above`."""
    if max(kinds) > _PAETH:
        raise ValueError("cannot be read as a PNG")
    count, width = len(lines), len(above)
    every = _fill_lanes([True] * count)
    sub, up, average, paeth = (_fill_lanes([kind == each for kind in kinds]) for each in (_SUB, _UP, _AVERAGE, _PAETH))
    predict = _make_paeth(count)
    # After each line is room for as many samples as there are lines: a step of one sample less follows a diagonal.
    length = width + count
    samples = bytearray(b"".join(line + bytes(count) for line in lines))
    wide, first = bytearray(2 * count), above + bytes(count)
    left = upper = 0
    for place in range(length - 1):
        diagonal = slice(place, place + (count - 1) * (length - 1) + 1, length - 1)
        wide[::2] = samples[diagonal]
        # What is above of a diagonal is on the left of the one before, a line higher.
        corner, upper = upper, (left << 16 & every) | first[place]
        predicted = (left & sub) + (upper & up) + ((left + upper) >> 1 & average)
        if paeth:
            predicted += predict(left, upper, corner) & paeth
        left = int.from_bytes(wide, "little") + predicted & every
        samples[diagonal] = left.to_bytes(2 * count, "little")[::2]
        if place % _TURN == 0:
            time.sleep(0)
    return [bytes(samples[start : start + width]) for start in range(0, count * length, length)]


def _make_paeth(count: int) -> Callable[[int, int, int], int]:
    """Make the predictor of Paeth's filter for this number of lanes."""
    ones = int.from_bytes(b"\1\0" * count, "little")
    tops, rest = ones << 15, (ones << 15) - ones

    def measure(one: int, other: int) -> int:
        """The distance of two numbers, in each lane."""
        difference = (one | tops) - other
        is_negative = (difference >> 15 & ones) ^ ones
        return (difference & rest ^ (is_negative << 15) - is_negative) + is_negative

    def predict(left: int, upper: int, corner: int) -> int:
        """Whichever is nearest to `left + upper - corner`, in each lane: `left`, or `upper`, or `corner`."""
        far_left, far_upper = measure(upper, corner), measure(left, corner)
        far_corner = measure(left + upper, corner << 1)
        is_upper = (far_corner | tops) - far_upper >> 15 & ones
        is_left = ((far_upper | tops) - far_left & (far_corner | tops) - far_left) >> 15 & ones
        nearest = corner ^ (corner ^ upper) & (is_upper << 8) - is_upper
        return nearest ^ (nearest ^ left) & (is_left << 8) - is_left

    return predict


def _fill_lanes(flags: list[bool]) -> int:
    """All bits of a sample in each lane that is flagged."""
    return int.from_bytes(b"".join(b"\xff\0" if flag else b"\0\0" for flag in flags), "little")
