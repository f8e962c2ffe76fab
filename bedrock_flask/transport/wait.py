"""The one way to wait for data from Bedrock while the client may disconnect.

It works the same under threads and greenlets, plain and TLS. `POLLRDHUP` would be simpler, but never fires under
gevent: a client has disconnected when its connection is ready to read and has no data.
"""

import select
import socket
import sys
import time
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from bedrock_flask.protocol.sockets import has_disconnected


class Outcome(Enum):
    """How a wait ended."""

    READY = "there is data to read"
    GONE = "the client has disconnected"
    IDLE = "no data arrived"


READY, GONE, IDLE = Outcome


class Watch(Protocol):
    """The two sockets of one call: that of Bedrock's answer and, for a stream, the client's."""

    def wait(self, has_data: Callable[[bool], bool], seconds: float) -> Outcome:
        """READY when a read would return at once; GONE when the client disconnected; IDLE after `seconds`.

        `has_data` receives whether the upstream is ready to read, and knows what has been read of it already. A client
        that has sent more data (its next request) is not watched any longer.
        """

    def forget_client(self) -> None:
        """Watch only Bedrock's answer from now on."""

    def close(self) -> None:
        """End the watch; a call's last step, before its sockets are closed."""


def open_watch(upstream: socket.socket, client: socket.socket | None) -> Watch:
    """A watch for the kind of worker that runs."""
    if "gevent" in sys.modules:
        # Imported late: with threads gevent is not needed at all.
        from bedrock_flask.transport import wait_in_greenlet

        if wait_in_greenlet.is_patched():
            return wait_in_greenlet.GreenletWatch(upstream, client)
    return ThreadWatch(upstream, client)


class ThreadWatch:
    """A watch of a thread: both sockets are registered once."""

    def __init__(self, upstream: socket.socket, client: socket.socket | None) -> None:
        self._poll, self._client = select.poll(), client
        self._upstream_number = upstream.fileno()
        self._client_number = -1 if client is None else client.fileno()
        self._poll.register(self._upstream_number, select.POLLIN)
        if client is not None:
            self._poll.register(self._client_number, select.POLLIN)

    def wait(self, has_data: Callable[[bool], bool], seconds: float) -> Outcome:
        """See `Watch.wait`."""
        if has_data(False):
            return READY
        until, left = time.monotonic() + seconds, seconds
        while left > 0:
            ready = {number for number, _ in self._poll.poll(left * 1000)}
            if self._upstream_number in ready and has_data(True):
                return READY
            if self._client is not None and self._client_number in ready:
                if has_disconnected(self._client):
                    return GONE
                self.forget_client()
            left = until - time.monotonic()
        return IDLE

    def forget_client(self) -> None:
        """See `Watch.forget_client`."""
        if self._client is not None:
            self._poll.unregister(self._client_number)
            self._client = None

    def close(self) -> None:
        """See `Watch.close`; a poll object holds nothing open."""
