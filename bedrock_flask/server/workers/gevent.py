"""gunicorn's gevent worker with the same limits: a greenlet is cheap, but a slow client must not keep it forever."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event
from gevent.pool import Pool
from gevent.selectors import GeventSelector
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.sock import ssl_context
from gunicorn.workers.ggevent import GeventWorker

from bedrock_flask.server.workers import http2
from bedrock_flask.server.workers.graceful_stop import GracefulStop
from bedrock_flask.server.workers.lane import HEAD_END, MAX_HEAD, PROBES, Lane
from bedrock_flask.server.workers.pace import Addresses, BridgedSocket, Limits, RateLimited, track_request
from bedrock_flask.server.workers.turns import Turns
from bedrock_flask.server.workers.unread_request import AnswersUnread

_CHUNK = 65536
# Connections that are accepted in one turn of the loop: of several workers the others get some, too.
_ACCEPTED_AT_ONCE = 64
# Connections beyond the limit while the longest waiting one is being closed.
_SPARE_CONNECTIONS = 64
# Seconds between two measurements of the loop's turns, and the calls from which on a long turn is an overload.
_LAG_STEP, _MANY_CALLS = 0.1, 32
# Seconds between two looks for room in a full pool.
_ROOM_STEP = 0.05
# Seconds between the steps of a worker that has stopped accepting.
_STOP_STEP = 0.2
# Seconds for a client to read the last response and close, while what it still sends is discarded.
_LINGER = 5.0
_DISCARDED = bytearray(256 * 1024)


class _RateLimitedSocket(RateLimited, socket.socket):
    """A rate-limited plain socket, for greenlets."""

    lingers = True
    # How many bytes a client may still send while it is closed.
    discards = Limits.body
    # The worker's connections that wait, the longest waiting first; None for one that is not closed for another.
    waiting: "dict[Any, None] | None" = None

    @contextmanager
    def listed_as_waiting(self) -> Iterator[None]:
        """List the connection while it waits for its client."""
        if self.waiting is None:
            yield
            return
        self.waiting[self] = None
        try:
            yield
        finally:
            self.waiting.pop(self, None)

    def close(self) -> None:
        """Half-close, and let the client finish: closing with unread bytes would lose the response."""
        left = self.discards if self.fileno() >= 0 else 0
        with self.listed_as_waiting(), suppress(OSError), gevent.Timeout(_LINGER, TimeoutError):
            if left:
                self.shutdown(socket.SHUT_WR)
            while left > 0 and (received := self.recv_into(_DISCARDED)):
                left -= received
        super().close()

    def _send_at_once(self, data: Any) -> int:
        try:
            sent: int = super().send(data, 0, 0.0)  # type: ignore[call-arg]  # gevent's takes a timeout
        except BlockingIOError:
            return 0
        return sent


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


class Worker(AnswersUnread, GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker of greenlets for slow clients and long streams; `limits` comes from the gunicorn configuration."""

    limits = Limits()
    alive: bool
    # Seconds that a turn of the loop takes.
    lag = 0.0

    def init_process(self) -> None:
        self.bridge = http2.Bridge(http2.read_bounds(self), make_loop=lambda: asyncio.SelectorEventLoop(_Selector()))
        self.graceful_stop = GracefulStop(self, self.limits)
        self.lane = Lane(self)
        self.turns = Turns(gevent.get_hub().loop)
        # Connections without a request, the longest waiting first; and the number of all.
        self.waiting: dict[Any, None] = {}
        self.open_connections = 0
        super().init_process()

    def run(self) -> None:
        """Accept until the worker stops, then wait for the connections that are open.

        gunicorn's own method accepts one connection in each turn of a busy loop where there are several workers, and
        measures the end by the wall clock.
        """
        tls = {"ssl_context": ssl_context(self.cfg)} if self.cfg.is_ssl else {}
        # Beyond the limit the longest waiting connection is closed, so that the pool is full only of open calls.
        pool = Pool(self.worker_connections + _SPARE_CONNECTIONS)
        servers = [StreamServer(each, partial(self.handle, each), spawn=pool, **tls) for each in self.sockets]
        for listener, server in zip(self.sockets, servers, strict=True):
            listener.setblocking(True)
            server.max_accept = _ACCEPTED_AT_ONCE
            server.start()
        gevent.spawn(self._measure_lag)
        gevent.spawn(self._keep_room, pool)
        while self.alive:
            self.notify()
            gevent.sleep(1.0)
        for server in servers:
            server.close()
        until = time.monotonic() + self.cfg.graceful_timeout
        while len(pool) and time.monotonic() < until:
            self.notify()
            gevent.sleep(_STOP_STEP)

    def _measure_lag(self) -> None:
        """Measure how late a turn of the loop comes: so long a request has waited before its greenlet runs."""
        while True:
            before = time.monotonic()
            gevent.sleep(_LAG_STEP)
            self.lag = time.monotonic() - before - _LAG_STEP

    def _keep_room(self, pool: Pool) -> None:
        """Close a connection that waits whenever the pool is full: nothing is accepted then, which would close one."""
        while True:
            gevent.sleep(_ROOM_STEP)
            if not pool.free_count():
                self._close_longest_waiting()

    def _await_turn(self, client: Any) -> float:
        """Wait until a request may begin, where many calls are open; the seconds that it has waited in the worker."""
        open_calls = self.open_connections - len(self.waiting) + self.bridge.open_calls
        if open_calls <= _MANY_CALLS or client.buffered.startswith(PROBES):
            return 0.0
        return max(self.lag, self.turns.wait())

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        if self.cfg.is_ssl:
            super().handle(listener, client, addr)
            return
        connection = _RateLimitedSocket(client.family, client.type, client.proto, fileno=client.detach())
        connection.patience, connection.discards = self.limits.client, self.limits.body
        connection.waiting = self.waiting
        self.graceful_stop.connections.add(connection)
        self.open_connections += 1
        try:
            if self.open_connections > self.worker_connections:
                self._close_longest_waiting()
            self._serve(listener, connection, addr)
        finally:
            self.open_connections -= 1

    def _close_longest_waiting(self) -> None:
        """Close the connection that has waited longest for a request, or for the end of its client."""
        if longest := next(iter(self.waiting), None):
            del self.waiting[longest]
            with suppress(OSError):
                # Its greenlet sees the end of the client.
                longest.shutdown(socket.SHUT_RDWR)
        else:
            self.bridge.close_longest_idle()

    def _serve(self, listener: Any, connection: Any, addr: Any) -> None:
        try:
            is_http2 = self._detect_http2(connection)
        except OSError:
            # The client sent nothing in time, or has left.
            util.close(connection)
            return
        if is_http2:
            self._hand_to_bridge(listener, connection, addr)
        else:
            self._serve_http1(listener, connection, addr)

    def _serve_http1(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve plain requests in the lane, and leave the connection to gunicorn from the first other one on."""
        client.setblocking(True)
        try:
            is_done = self._serve_plain(listener.getsockname(), client, addr)
        except OSError as error:
            self.log.debug("a client has left or is too slow: %s", error)
            is_done = True
        except BaseException as error:  # noqa: BLE001 - as gunicorn does: the client gets a 500, the log the traceback
            self.handle_error(None, client, addr, error)
            is_done = True
        if is_done:
            util.close(client)
        else:
            super().handle(listener, client, addr)

    def _serve_plain(self, server: Any, client: Any, addr: Any) -> bool:
        """Serve one plain request after another; False if gunicorn must read the next one."""
        seconds, later = self.limits.client, self.cfg.keepalive
        while self._await_head(client, seconds):
            client.waited = self._await_turn(client)
            keeps_alive = self.lane.answer(client, addr, server)
            if keeps_alive is None:
                return False
            if not keeps_alive:
                break
            seconds = later
        return True

    def _await_head(self, client: Any, seconds: float) -> bool:
        """Wait for a head, or for more bytes than one may have; False if the client sends nothing in time or leaves."""
        if HEAD_END in client.buffered:
            return True
        with client.listed_as_waiting(), gevent.Timeout(seconds, TimeoutError):
            while HEAD_END not in client.buffered and len(client.buffered) <= MAX_HEAD:
                if not client.read_ahead(_CHUNK):
                    # gunicorn decides about half a request.
                    return bool(client.buffered)
        return True

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
        with client.listed_as_waiting(), gevent.Timeout(self.limits.client, TimeoutError):
            while http2.can_have_preface(client.buffered) and not http2.has_preface(client.buffered):
                if not client.read_ahead(_CHUNK):
                    break
        return http2.has_preface(client.buffered)

    def _open_call(self, listener: Any, addresses: Addresses) -> Any:
        """Open a connection for one HTTP/2 call."""
        ours, theirs = socket.socketpair()
        call = _CallSocket(theirs.family, theirs.type, theirs.proto, fileno=theirs.detach())
        call.patience, call.addresses = self.limits.client, addresses
        gevent.spawn(self._serve_http1, listener, call, addresses.peer)
        return ours

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        if isinstance(sock, RateLimited):
            sock.waited = self._await_turn(sock)
        with track_request(sock, req):
            super().handle_request(listener_name, req, sock, addr)

    def handle_http2_request(self, listener_name: Any, req: Any, sock: Any, addr: Any, h2_conn: Any) -> None:
        with track_request(sock):
            super().handle_http2_request(listener_name, req, sock, addr, h2_conn)

    def notify(self) -> None:
        """Called about once a second."""
        # gunicorn's own method exits at once when the arbiter has died, and cuts every open call.
        self.tmp.notify()
        if self.alive and self.ppid != os.getppid():
            self.log.info("Parent changed, shutting down: %s", self)
            self.alive = False
        self.graceful_stop.advance()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """On SIGTERM: let open requests finish."""
        self.graceful_stop.begin()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """On SIGINT and SIGQUIT: stop now."""
        gevent.spawn(self.graceful_stop.end)
        super().handle_quit(sig, frame)
