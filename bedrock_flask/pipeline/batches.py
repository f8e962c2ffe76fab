"""What arrives together leaves together: each batch of a stream is written in one piece, and none waits for a later."""

from collections.abc import Callable, Generator
from contextlib import closing

from bedrock_flask.call import Batch, Chunk


def write_batches(
    batches: Generator[Batch], write: Callable[[Chunk], bytes], write_end: Callable[[], bytes] = bytes
) -> Generator[bytes]:
    """What each batch is written as, and at the end what `write_end` writes; an empty piece is a silence of Bedrock's.

    A batch of which nothing is written has no piece. The next batch is read when this piece has been sent.
    """
    with closing(batches):
        for batch in batches:
            if not batch:
                yield b""
                continue
            written, error = _write(batch, write)
            if written:
                yield written
            if error is not None:
                raise error
    if end := write_end():
        yield end


def _write(batch: Batch, write: Callable[[Chunk], bytes]) -> tuple[bytes, Exception | None]:
    """What was written of a batch, and the error that comes after it."""
    parts: list[bytes] = []
    try:
        for chunk in batch:
            parts.append(write(chunk))
    except Exception as error:  # noqa: BLE001 - raised again when that is sent
        return b"".join(parts), error
    return b"".join(parts), None
