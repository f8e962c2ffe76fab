"""Where a model's text has to end: at a stop sequence, wherever it is cut by the pieces that the text comes in."""

from collections.abc import Iterable, Iterator, Sequence


def until_stop(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str | None]:
    """The pieces up to the first stop sequence, then, if there was one, None.

    What may yet become a stop sequence is held back until it is known not to.
    """
    stops = [stop for stop in stops if stop]
    held = ""
    for piece in pieces:
        held += piece
        found = [(at, stop) for stop in stops if (at := held.find(stop)) >= 0]
        if found:
            if before := held[: min(found)[0]]:
                yield before
            yield None
            return
        keep = max((_overlap(held, stop) for stop in stops), default=0)
        if ready := held[: len(held) - keep]:
            yield ready
        held = held[len(held) - keep :]
    if held:
        yield held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text begin the stop sequence."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
