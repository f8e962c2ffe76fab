"""Stop sequences, which end a text wherever they are split between its pieces."""

from collections.abc import Iterable, Iterator, Sequence


def cut_at_stop_sequence(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str | None]:
    """The pieces up to the first stop sequence, then, if there was one, None.

    Text that may be the beginning of a stop sequence is held back until it is known not to be.
    """
    stops = [stop for stop in stops if stop]
    buffer = ""
    for piece in pieces:
        buffer += piece
        found = [(at, stop) for stop in stops if (at := buffer.find(stop)) >= 0]
        if found:
            if before := buffer[: min(found)[0]]:
                yield before
            yield None
            return
        kept = max((_count_overlap(buffer, stop) for stop in stops), default=0)
        if ready := buffer[: len(buffer) - kept]:
            yield ready
        buffer = buffer[len(buffer) - kept :]
    if buffer:
        yield buffer


def _count_overlap(text: str, stop: str) -> int:
    """The number of characters at the end of the text that begin the stop sequence."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
