"""A clock that does not jump, for gunicorn's process that starts and stops the workers.

It waits for the end of a drain by the wall clock (`Arbiter.stop`), and a clock that is set forward meanwhile, as after
a suspension, would cut every open stream. gunicorn has no setting for that, so its module gets another `time`.
"""

import time
from types import SimpleNamespace

from gunicorn import arbiter


def use_steady_clock() -> None:
    """Have gunicorn's master wait by the monotonic clock."""
    arbiter.time = SimpleNamespace(time=time.monotonic, monotonic=time.monotonic, sleep=time.sleep)
