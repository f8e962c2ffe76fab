"""The last valid text of a file that is read again while the gateway serves, in memory that all its workers share.

A worker that starts while the file is invalid begins with what the others have in force. Only gunicorn's master shares
the memory, before it starts a worker; in any other process nothing is kept.
"""

import mmap
import zlib
from struct import Struct

# The length of the text and its checksum: another worker may be writing.
_HEAD = Struct("II")
# Bytes for one text. A longer one is not kept. Memory that is not written to costs nothing.
_MOST_BYTES = 4 * 1024 * 1024


class LastValidText:
    """The last valid text of one file."""

    def __init__(self) -> None:
        self._shared: mmap.mmap | None = None

    def share(self) -> None:
        """Begin to keep the text, for this process and those that it starts."""
        self._shared = mmap.mmap(-1, _MOST_BYTES)

    def keep(self, text: str) -> None:
        """Keep a valid text in the place of the last one."""
        if self._shared is None:
            return
        data = text.encode()
        if len(data) > _MOST_BYTES - _HEAD.size:
            data = b""
        self._shared[: _HEAD.size + len(data)] = _HEAD.pack(len(data), zlib.crc32(data)) + data

    def find(self) -> str:
        """The last valid text; empty if there is none."""
        if self._shared is None:
            return ""
        size, checksum = _HEAD.unpack_from(self._shared)
        data = self._shared[_HEAD.size : _HEAD.size + size]
        return data.decode() if zlib.crc32(data) == checksum else ""


MODELS_FILE = LastValidText()
