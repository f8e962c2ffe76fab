"""Connections that wait to be used again."""

import os
import time
from collections import deque
from contextlib import suppress

from bedrock_flask.transport.signed.channel import Channel

# NAT gateways and load balancers forget a silent connection after 350 seconds, and do not always say so.
_MAX_IDLE_SECONDS = 300


class Pool:
    """The idle connections of one process to one endpoint, at most `most`; the last one that was used is taken first.

    Only a connection whose last answer was read to its end comes here. `deque` is safe under threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._process = os.getpid()
        self._idle: deque[tuple[float, Channel]] = deque()

    def take(self) -> Channel | None:
        """A connection that is open and silent, or None."""
        if self._process != os.getpid():
            # They are the parent's: closing them here closes only this process's copy.
            self._process = os.getpid()
            self._close_idle()
        # Another thread may take the last one at any time.
        with suppress(IndexError):
            while self._idle:
                since, channel = self._idle.pop()
                if time.monotonic() - since < _MAX_IDLE_SECONDS and is_silent(channel):
                    return channel
                channel.sock.close()
        return None

    def keep(self, channel: Channel) -> None:
        """Keep a connection, and close those that are too many or too old."""
        now = time.monotonic()
        self._idle.append((now, channel))
        with suppress(IndexError):
            while len(self._idle) > self._most or self._idle[0][0] < now - _MAX_IDLE_SECONDS:
                self._idle.popleft()[1].sock.close()

    def close(self) -> None:
        """Close all, also those that are still to come."""
        self._most = 0
        self._close_idle()

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while self._idle:
                self._idle.pop()[1].sock.close()


def is_silent(channel: Channel) -> bool:
    """Whether a connection is still open and nothing has arrived on it that nobody asked for."""
    try:
        return channel.receive() is None
    except OSError:
        return False
