"""Text in columns, for terminals."""

from collections.abc import Iterable, Iterator, Sequence


def format_table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """One line per row; each column except the last is as wide as its widest text."""
    lines = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for row in lines:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
