"""The one way to wait: for Bedrock to say something, while the client that waits for it may leave.

Works alike under threads and greenlets, plain and TLS. `POLLRDHUP` would be simpler and never fires under gevent; a
client that has gone is one whose connection is ready to read and has nothing.
"""

import select
import socket
import time
from collections.abc import Callable
from enum import Enum


class Outcome(Enum):
    """How a wait ended."""

    READY = "there is something to read"
    GONE = "the client has left"
    IDLE = "nothing came"


READY, GONE, IDLE = Outcome


def wait(
    upstream: socket.socket, has_something: Callable[[bool], bool], client: socket.socket | None, seconds: float
) -> Outcome:
    """READY when a read would not wait; GONE when the client left; IDLE after so many seconds.

    `has_something` is told whether there is anything to read from `upstream`, and knows what of it was read already. A
    client that has sent more than was asked of it (the next request) is looked at no longer by this wait.
    """
    until = time.monotonic() + seconds
    if has_something(False):
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
        if upstream.fileno() in ready and has_something(True):
            return READY
        if client is not None and client.fileno() in ready:
            if has_disconnected(client):
                return GONE
            poll.unregister(client)


def has_disconnected(client: socket.socket) -> bool:
    """Whether the client has closed its side, which for a client of HTTP means that it has gone; nothing is read."""
    poll = select.poll()
    try:
        poll.register(client, select.POLLIN)
        # A read of what has nothing would wait, whatever its flags say: for its timeout, or under gevent for ever.
        if not poll.poll(0):
            return False
        # Past what TLS makes of it, which cannot peek.
        return socket.socket.recv(client, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except (OSError, ValueError):
        return True
