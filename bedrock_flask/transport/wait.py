"""The one way to wait for data from Bedrock while the client may disconnect.

It works the same under threads and greenlets, plain and TLS. `POLLRDHUP` would be simpler, but never fires under
gevent: a client has disconnected when its connection is ready to read and has no data.
"""

import select
import socket
import time
from collections.abc import Callable
from enum import Enum

from bedrock_flask.protocol.sockets import has_disconnected


class Outcome(Enum):
    """How a wait ended."""

    READY = "there is data to read"
    GONE = "the client has disconnected"
    IDLE = "no data arrived"


READY, GONE, IDLE = Outcome


def wait(
    upstream: socket.socket, has_data: Callable[[bool], bool], client: socket.socket | None, seconds: float
) -> Outcome:
    """READY when a read would return at once; GONE when the client disconnected; IDLE after `seconds`.

    `has_data` receives whether `upstream` is ready to read, and knows what has been read of it already. A client
    that has sent more data (its next request) is not watched any longer by this wait.
    """
    until = time.monotonic() + seconds
    if has_data(False):
        return READY
    poll = select.poll()
    poll.register(upstream, select.POLLIN)
    if client is not None:
        poll.register(client, select.POLLIN)
    while True:
        left = until - time.monotonic()
        if left <= 0:
            return IDLE
        ready = {number for number, _ in poll.poll(left * 1000)}
        if upstream.fileno() in ready and has_data(True):
            return READY
        if client is not None and client.fileno() in ready:
            if has_disconnected(client):
                return GONE
            poll.unregister(client)
