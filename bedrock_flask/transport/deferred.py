"""Let a wait for Bedrock be interrupted from outside: a silent or dripping head, or error body, has no other end.

botocore's timeouts hold for each read of a socket, so that a byte a second keeps a call alive for ever.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from bedrock_flask.stopping import Stopping


@dataclass
class _Wait:
    """The socket on which a call waits, as soon as there is one."""

    sock: socket.socket | None = None

    def interrupt(self) -> None:
        if self.sock is not None:
            self.sock.shutdown(socket.SHUT_RDWR)


_WAIT: ContextVar[_Wait] = ContextVar("wait")


@contextmanager
def interruptible(stopping: Stopping, deadline: float) -> Iterator[None]:
    """Let what a client from `watched` waits for within end at the deadline, or when the process stops."""
    wait = _Wait()
    token = _WAIT.set(wait)
    try:
        with stopping.interrupting(wait.interrupt, deadline):
            yield
    finally:
        _WAIT.reset(token)


def watched(client: Any, stopping: Stopping) -> Any:
    """The same botocore client, whose connections tell on which socket they wait."""
    # No setting of botocore reaches these; tests/hosting sees a waiting call end.
    classes = client._endpoint.http_session._pool_classes_by_scheme
    for scheme, pool in classes.items():
        classes[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": _telling(pool.ConnectionCls, stopping)})
    return client


def _telling(kind: type[Any], stopping: Stopping) -> type[Any]:
    class Connection(kind):  # type: ignore[misc]  # either of botocore's, for http and https
        def getresponse(self) -> Any:
            _WAIT.get().sock = self.sock
            # The end may have come while the connection was made.
            stopping.check()
            return super().getresponse()

    return Connection
