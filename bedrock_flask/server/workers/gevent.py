"""gunicorn's gevent worker with the same limits: a greenlet is cheap, but a slow client must not keep it forever."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event
from gevent.selectors import GeventSelector
from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from bedrock_flask.server.workers import http2
from bedrock_flask.server.workers.graceful_stop import GracefulStop
from bedrock_flask.server.workers.pace import Addresses, BridgedSocket, Limits, RateLimited, track_request

_CHUNK = 8192


class _RateLimitedSocket(RateLimited, socket.socket):
    """A rate-limited plain socket, for greenlets."""


class _CallSocket(BridgedSocket, _RateLimitedSocket):
    """The rate-limited connection of one HTTP/2 call."""


class _Selector(GeventSelector):
    """A selector that lets an asyncio loop run in a greenlet.

    asyncio allows one running loop per thread. While this loop waits, other greenlets may run theirs, so the thread's
    running loop is swapped for the time of the wait.
    """

    _others_loop: Any = None

    def select(self, timeout: Any = None) -> Any:
        ours = asyncio._get_running_loop()
        asyncio._set_running_loop(self._others_loop)
        try:
            return super().select(timeout)
        finally:
            self._others_loop = asyncio._get_running_loop()
            asyncio._set_running_loop(ours)


@dataclass(frozen=True)
class _Listener:
    """The address of a listener, which may be closed before its connections are."""

    name: Any

    def getsockname(self) -> Any:
        return self.name


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker of greenlets for slow clients and long streams; `limits` comes from the gunicorn configuration."""

    limits = Limits()

    def init_process(self) -> None:
        self.bridge = http2.Bridge(http2.read_bounds(self), make_loop=lambda: asyncio.SelectorEventLoop(_Selector()))
        self.graceful_stop = GracefulStop(self, self.limits)
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        if self.cfg.is_ssl:
            super().handle(listener, client, addr)
            return
        connection = _RateLimitedSocket(client.family, client.type, client.proto, fileno=client.detach())
        connection.patience = self.limits.client
        self.graceful_stop.connections.add(connection)
        try:
            is_http2 = self._detect_http2(connection)
        except OSError:
            # The client sent nothing in time, or has left.
            util.close(connection)
            return
        if is_http2:
            self._hand_to_bridge(listener, connection, addr)
        else:
            super().handle(listener, connection, addr)

    def _hand_to_bridge(self, listener: Any, client: Any, addr: Any) -> None:
        """Give the connection to the HTTP/2 greenlet, and wait until it is closed."""
        self.graceful_stop.connections.discard(client)
        addresses = Addresses(client.family, client.getsockname(), addr)
        plain = socket.socket(client.family, client.type, client.proto, fileno=client.detach())
        closed = Event()
        dial = partial(self._open_call, _Listener(listener.getsockname()), addresses)
        self.bridge.adopt(plain, dial, client.buffered, closed.set)
        closed.wait()

    def _detect_http2(self, client: Any) -> bool:
        """Whether a connection begins with the HTTP/2 preface; what was read stays in its buffer."""
        received = b""
        with gevent.Timeout(self.limits.client, TimeoutError):
            while http2.can_have_preface(received) and not http2.has_preface(received):
                if not (chunk := client.recv(_CHUNK)):
                    break
                received += chunk
        client.buffered = received
        return http2.has_preface(received)

    def _open_call(self, listener: Any, addresses: Addresses) -> Any:
        """Open a connection for one HTTP/2 call."""
        ours, theirs = socket.socketpair()
        call = _CallSocket(theirs.family, theirs.type, theirs.proto, fileno=theirs.detach())
        call.patience, call.addresses = self.limits.client, addresses
        gevent.spawn(super().handle, listener, call, addresses.peer)
        return ours

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        with track_request(sock):
            super().handle_request(listener_name, req, sock, addr)

    def handle_http2_request(self, listener_name: Any, req: Any, sock: Any, addr: Any, h2_conn: Any) -> None:
        with track_request(sock):
            super().handle_http2_request(listener_name, req, sock, addr, h2_conn)

    def notify(self) -> None:
        """Called once a second."""
        super().notify()
        self.graceful_stop.advance()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """On SIGTERM: let open requests finish."""
        self.graceful_stop.begin()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """On SIGINT and SIGQUIT: stop now."""
        gevent.spawn(self.graceful_stop.end)
        super().handle_quit(sig, frame)
