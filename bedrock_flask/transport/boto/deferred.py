"""A response that has not begun: botocore signs and sends, and the gateway reads the answer itself.

The connections of `defer_responses` answer each request at once with a placeholder. The caller then decides how long to
wait for the real response, and can watch its own client meanwhile (`wait.py`).
"""

import http.client
import socket
import ssl
from typing import Any

import urllib3
from urllib3._collections import HTTPHeaderDict

_CHUNK_END = b"\r\n"
_MAX_HEADS = 10


class _Answer(http.client.HTTPResponse):
    """A response with a limit on interim responses (100 Continue), which were not requested."""

    _heads = 0

    def _read_status(self) -> Any:
        self._heads += 1
        if self._heads > _MAX_HEADS:
            raise http.client.HTTPException("too many interim responses")
        return super()._read_status()  # type: ignore[misc]  # http.client's own reader of the status line


class DeferredResponse:
    """What urllib3 and botocore take for a response: the request is sent, `begin` reads the head of the response."""

    # The members that they read; urllib3 sets the last three.
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

    def has_data(self, readable: bool) -> bool:
        """Whether a read would return at once; `readable` says that the socket has data, or its end.

        Data that TLS has received may hold no byte of the response (a session ticket): only an attempt shows it.
        """
        before = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            held = self._response.fp.peek(1)
        except ssl.SSLWantReadError:
            return False
        except (OSError, ValueError, AttributeError):
            # Broken or closed: the read will raise the error.
            return True
        finally:
            if self.sock.fileno() >= 0:
                self.sock.settimeout(before)
        if self._response.chunk_left == 0 and _CHUNK_END.startswith(held):
            # The end of a chunk is not data, and hides what is behind it.
            return readable or bool(getattr(self.sock, "pending", int)())
        return bool(held) or readable

    def get_redirect_location(self) -> bool:
        """No redirect is followed."""
        return False

    def begin(self, seconds: float) -> urllib3.HTTPResponse:
        """The real response, its head read; each read may take this many seconds."""
        connection = self._sent_on
        # Use the response whose reader `has_data` has peeked at, because a new one would have another reader.
        connection.response_class = lambda *_, **__: self._response
        connection.timeout = seconds
        try:
            response: urllib3.HTTPResponse = self._begin()
        finally:
            # Otherwise the connection would reference this response, and this response the connection.
            connection.response_class = http.client.HTTPResponse
        response._connection, response._pool = connection, self._pool
        self._begun = True
        return response

    def shutdown(self) -> None:
        """End the wait of the thread that reads the response."""
        self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Discard a response that has not begun, and its connection."""
        if not self._begun:
            self._response.close()
            self._sent_on.close()


def defer_responses(client: Any) -> Any:
    """The same botocore client, whose calls return as soon as they are sent, with a Deferred as the raw body."""
    # No setting of botocore reaches these; tests/transport would see answers come whole.
    classes = client._endpoint.http_session._pool_classes_by_scheme
    for scheme, pool in classes.items():
        classes[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": _defer_connection(pool.ConnectionCls)})
    return client


def _defer_connection(kind: type[Any]) -> type[Any]:
    class Connection(kind):  # type: ignore[misc]  # either of botocore's, for http and https
        def getresponse(self) -> Any:
            return DeferredResponse(self, super().getresponse)

    return Connection
