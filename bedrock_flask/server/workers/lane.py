"""The lane of plain requests: from the client's bytes to the app and back, without gunicorn's parser and response.

A request that is not plain stays in the connection's buffer, and gunicorn serves it and all that follow it.
"""

import io
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from gunicorn.config import Config
from gunicorn.http.message import HeaderPolicy
from gunicorn.http.wsgi import base_environ

from bedrock_flask.server.workers.pace import RateLimited
from bedrock_flask.server.workers.plain_requests import PlainRequest, parse_plain_request
from bedrock_flask.server.workers.plain_responses import ResponseWriter

# What is answered before the calls that wait.
PROBES = (b"GET /livez ", b"GET /healthz ", b"GET /readyz ")
HEAD_END = b"\r\n\r\n"
# A head larger than this goes to gunicorn's parser incomplete, and is refused there.
MAX_HEAD = 128 * 1024
# Bytes of a body that are received at a time.
_CHUNK = 256 * 1024
# Settings of gunicorn that the lane does not know: with another value than the default, gunicorn serves everything.
_UNKNOWN_SETTINGS = (
    *("pre_request", "post_request", "accesslog", "proxy_protocol", "http_protocols", "protocol", "header_map"),
    *("limit_request_line", "limit_request_fields", "limit_request_field_size", "casefold_http_method"),
    *("permit_obsolete_folding", "strip_header_spaces"),
    *("permit_unconventional_http_method", "permit_unconventional_http_version"),
)


def _is_usable(cfg: Any) -> bool:
    """Whether gunicorn's configuration leaves plain requests as they are."""
    defaults = Config()
    are_default = all(cfg.settings[name].get() == defaults.settings[name].get() for name in _UNKNOWN_SETTINGS)
    return are_default and not cfg.is_ssl and "SCRIPT_NAME" not in os.environ


class Lane:
    """Answers the plain requests of one worker."""

    def __init__(self, worker: Any) -> None:
        self._worker, self._is_usable = worker, _is_usable(worker.cfg)
        self._takes_another = bool(worker.cfg.keepalive)
        self._environ = {**base_environ(worker.cfg), "wsgi.multithread": True, "SERVER_PROTOCOL": "HTTP/1.1"}
        self._environ |= {"SCRIPT_NAME": ""}
        self._scheme_headers = lru_cache(64)(self._find_scheme_headers)

    def answer(self, connection: RateLimited, peer: Any, server: Any) -> bool | None:
        """Answer the request whose head is in the connection's buffer; whether the connection takes another one.

        `peer` and `server` are the addresses of its two ends. None if the request is not plain: nothing was read of it.
        Raises what the app raises before its response has begun.
        """
        if not self._is_usable or not isinstance(peer, tuple) or not isinstance(server, tuple):
            return None
        request = parse_plain_request(connection.buffered, self._scheme_headers(peer[0]))
        if request is None:
            return None
        connection.buffered = connection.buffered[request.head_size :]
        _count_request(self._worker)
        body = _PlainBody(connection, request.body_size)

        def may_keep_alive() -> bool:
            return request.keeps_alive and self._takes_another and self._worker.alive and body.is_read()

        writer = ResponseWriter(connection, request.method, may_keep_alive)
        connection.active_requests += 1
        connection.request = None
        try:
            is_whole = self._run_app(self._make_environ(request, body.stream, connection, peer, server), writer)
        finally:
            connection.active_requests -= 1
        return is_whole and writer.keeps_alive

    def _run_app(self, environ: dict[str, Any], writer: ResponseWriter) -> bool:
        """Whether the whole response was written."""
        try:
            response = self._worker.wsgi(environ, writer.start_response)
            try:
                for piece in response:
                    writer.write(piece)
                writer.finish()
            finally:
                if hasattr(response, "close"):
                    response.close()
        except OSError:
            # The client has left or is too slow.
            raise
        except Exception:
            if not writer.is_begun:
                raise
            # The status is sent: only the broken connection can say that the response is not complete.
            self._worker.log.exception("Error handling request")
            return False
        return True

    def _make_environ(
        self, request: PlainRequest, stream: Any, connection: Any, peer: Any, server: Any
    ) -> dict[str, Any]:
        path, _, query = request.target.partition("?")
        return {
            **self._environ,
            **request.headers,
            "wsgi.input": stream,
            "wsgi.url_scheme": request.scheme,
            "gunicorn.socket": connection,
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": query,
            "RAW_URI": request.target,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if "%" in path else path,
            "REMOTE_ADDR": peer[0],
            "REMOTE_PORT": str(peer[1]),
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
        }

    def _find_scheme_headers(self, host: str) -> Mapping[str, str]:
        """The headers by which a peer may say that its client speaks TLS; none if the peer is not a trusted proxy."""
        policy = HeaderPolicy()
        policy.cfg, policy.peer_addr = self._worker.cfg, (host, 0)
        # A private method of gunicorn: tests/server/test_plain_requests.py compares the results.
        headers, _ = policy._peer_trusted_for_forwarded()
        return {f"HTTP_{name.replace('-', '_')}": value for name, value in headers.items()}


def _count_request(worker: Any) -> None:
    """Count a request; a worker that has answered its number of them takes no more."""
    worker.nr += 1
    if worker.nr >= worker.max_requests and worker.alive:
        worker.log.info("Autorestarting worker after current request.")
        worker.alive = False


class _PlainBody:
    """The body of a plain request: in memory if it has arrived together with the head, else read from the client."""

    def __init__(self, connection: RateLimited, size: int) -> None:
        self._rest: _Rest | None = None
        if len(connection.buffered) >= size:
            self.stream: io.BufferedIOBase = io.BytesIO(connection.buffered[:size])
            connection.buffered = connection.buffered[size:]
        else:
            self._rest = _Rest(connection, size)
            self.stream = io.BufferedReader(self._rest, _CHUNK)

    def is_read(self) -> bool:
        """Whether all of it has been taken from the connection, so that the next request begins there."""
        return self._rest is None or not self._rest.left


class _Rest(io.RawIOBase):
    """What is left of a body; nothing behind it is read."""

    def __init__(self, connection: RateLimited, size: int) -> None:
        self._connection, self.left = connection, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive into the buffer as much as has arrived; 0 at the end."""
        size = min(len(buffer), self.left)
        received = self._connection.receive_into(memoryview(buffer)[:size]) if size else 0
        self.left -= received
        return received
