"""Questions about a socket that do not read from it."""

import select
import socket


def has_disconnected(peer: socket.socket) -> bool:
    """Whether the peer has closed its side, which for an HTTP client means that it has gone; nothing is read."""
    poll = select.poll()
    try:
        poll.register(peer, select.POLLIN)
        # Reading an empty socket would wait, whatever its flags: for its timeout, or under gevent for ever.
        if not poll.poll(0):
            return False
        # The plain socket's method, because a TLS socket cannot peek.
        return socket.socket.recv(peer, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except (OSError, ValueError):
        return True
