"""An answer that has not begun: botocore signs and sends, and what comes back is read by us alone.

Its connections, made by `deferring`, answer each request at once with a stand-in. Whoever called then decides how long
to wait for the true answer, and may look after other things meanwhile (`wait.py`).
"""

import http.client
import socket
import ssl
from typing import Any

import urllib3
from urllib3._collections import HTTPHeaderDict

_CHUNK_END = b"\r\n"
_MOST_HEADS = 10


class _Answer(http.client.HTTPResponse):
    """An answer with a bound on what may come before it: 100 Continue, which was not asked for."""

    _heads = 0

    def _read_status(self) -> Any:
        self._heads += 1
        if self._heads > _MOST_HEADS:
            raise http.client.HTTPException("too many interim answers")
        return super()._read_status()  # type: ignore[misc]  # http.client's own way to read the first line


class Deferred:
    """What urllib3 and botocore take for a response: the request is sent, `begin` reads the head of the answer."""

    # What they ask of it; urllib3 sets the last three.
    status, reason, version, version_string, length_remaining = 200, "OK", 11, "HTTP/1.1", None
    retries: Any = None
    _connection: Any = None
    _pool: Any = None
    _begun = False

    def __init__(self, connection: Any, begin: Any) -> None:
        self.headers = HTTPHeaderDict()
        self.sock: socket.socket = connection.sock
        self._sent_on, self._begin = connection, begin
        self._response = _Answer(self.sock, method="POST")

    def has_something(self, readable: bool) -> bool:
        """Whether a read would not wait; `readable` says that the socket has something, be it the end.

        What TLS has received may hold no byte of the answer (a session ticket), which only an attempt tells.
        """
        before = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            held = self._response.fp.peek(1)
        except ssl.SSLWantReadError:
            return False
        except (OSError, ValueError, AttributeError):
            # Broken or closed: the read will say how.
            return True
        finally:
            if self.sock.fileno() >= 0:
                self.sock.settimeout(before)
        if self._response.chunk_left == 0 and _CHUNK_END.startswith(held):
            # The end of a chunk is nothing yet, and hides what is behind it.
            return readable or bool(getattr(self.sock, "pending", int)())
        return bool(held) or readable

    def get_redirect_location(self) -> bool:
        """None that would be followed."""
        return False

    def begin(self, seconds: float) -> urllib3.HTTPResponse:
        """The true response, its head read; each read may take so many seconds."""
        connection = self._sent_on
        # The one whose reader has been waited for, in place of one that would begin with another.
        connection.response_class = lambda *_, **__: self._response
        connection.timeout = seconds
        try:
            response: urllib3.HTTPResponse = self._begin()
        finally:
            # The connection would hold this answer, and this answer the connection.
            connection.response_class = http.client.HTTPResponse
        response._connection, response._pool = connection, self._pool
        self._begun = True
        return response

    def shutdown(self) -> None:
        """Let whoever waits for the answer see its end."""
        self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give up an answer that has not begun, and the connection with it."""
        if not self._begun:
            self._response.close()
            self._sent_on.close()


def defer_responses(client: Any) -> Any:
    """The same botocore client, whose calls come back as soon as they are sent, with a Deferred as the raw body."""
    # No setting of botocore reaches these; tests/transport would see answers come whole.
    classes = client._endpoint.http_session._pool_classes_by_scheme
    for scheme, pool in classes.items():
        classes[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": _deferring(pool.ConnectionCls)})
    return client


def _deferring(kind: type[Any]) -> type[Any]:
    class Connection(kind):  # type: ignore[misc]  # either of botocore's, for http and https
        def getresponse(self) -> Any:
            return Deferred(self, super().getresponse)

    return Connection
