"""Text in columns, for terminals."""

from collections.abc import Iterable, Iterator, Sequence


def format_table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A line for each row; the columns are as wide as their widest text, except the last."""
    found = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*found, strict=True)]
    for row in found:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
