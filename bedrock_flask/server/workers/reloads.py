"""How often the configuration was reloaded, in memory that the workers share with the process that starts them.

By it a worker that has to stop knows whether another has taken its place.
"""

import mmap
from struct import Struct

_COUNT = Struct("Q")


class Reloads:
    """The count. Only gunicorn's master advances it."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, _COUNT.size)

    @property
    def count(self) -> int:
        """How often the configuration was reloaded."""
        count: int = _COUNT.unpack_from(self._shared)[0]
        return count

    def advance(self) -> None:
        """Count one more."""
        _COUNT.pack_into(self._shared, 0, self.count + 1)
