"""gunicorn's gevent worker with the same limits: a greenlet is cheap, but not for ever."""

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
from bedrock_flask.server.workers.graceful_stop import Drain
from bedrock_flask.server.workers.pace import Bridged, Ends, Limits, Pacing, serving

_PIECE = 8192


class _Paced(Pacing, socket.socket):
    """A plain connection with a pace, for greenlets."""


class _Call(Bridged, _Paced):
    """A call of HTTP/2, with a pace as any other."""


class _Selector(GeventSelector):
    """Lets a loop of asyncio run in a greenlet: what is told of the thread holds only while that greenlet runs.

    asyncio knows one running loop for each thread. While ours waits, other greenlets may run loops of their own.
    """

    _theirs: Any = None

    def select(self, timeout: Any = None) -> Any:
        ours = asyncio._get_running_loop()
        asyncio._set_running_loop(self._theirs)
        try:
            return super().select(timeout)
        finally:
            self._theirs = asyncio._get_running_loop()
            asyncio._set_running_loop(ours)


@dataclass(frozen=True)
class _Listener:
    """Where a connection was accepted, though nothing may be accepted there any more."""

    name: Any

    def getsockname(self) -> Any:
        return self.name


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker of greenlets for slow clients and long streams; `limits` comes from the gunicorn configuration."""

    limits = Limits()

    def init_process(self) -> None:
        self.bridge = http2.Bridge(http2.bounds(self), make_loop=lambda: asyncio.SelectorEventLoop(_Selector()))
        self.drain = Drain(self, self.limits)
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        if self.cfg.is_ssl:
            super().handle(listener, client, addr)
            return
        made = _Paced(client.family, client.type, client.proto, fileno=client.detach())
        made.patience = self.limits.client
        self.drain.connections.add(made)
        try:
            speaks_http2 = self._speaks_http2(made)
        except OSError:
            # It said nothing in time, or has gone.
            util.close(made)
            return
        if speaks_http2:
            self._bridge(listener, made, addr)
        else:
            super().handle(listener, made, addr)

    def _bridge(self, listener: Any, client: Any, addr: Any) -> None:
        """Have the connection served by the greenlet of HTTP/2, and wait until that has done with it."""
        self.drain.connections.discard(client)
        ends = Ends(client.family, client.getsockname(), addr)
        plain = socket.socket(client.family, client.type, client.proto, fileno=client.detach())
        over = Event()
        dial = partial(self._dial, _Listener(listener.getsockname()), ends)
        self.bridge.adopt(plain, dial, client.held, over.set)
        over.wait()

    def _speaks_http2(self, client: Any) -> bool:
        """Whether a connection begins as HTTP/2 does; what was read of it is held."""
        seen = b""
        with gevent.Timeout(self.limits.client, TimeoutError):
            while http2.may_begin(seen) and not http2.begins(seen) and (piece := client.recv(_PIECE)):
                seen += piece
        client.held = seen
        return http2.begins(seen)

    def _dial(self, listener: Any, ends: Ends) -> Any:
        """A connection for one call of HTTP/2."""
        ours, theirs = socket.socketpair()
        call = _Call(theirs.family, theirs.type, theirs.proto, fileno=theirs.detach())
        call.patience, call.ends = self.limits.client, ends
        gevent.spawn(super().handle, listener, call, ends.there)
        return ours

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        with serving(sock):
            super().handle_request(listener_name, req, sock, addr)

    def handle_http2_request(self, listener_name: Any, req: Any, sock: Any, addr: Any, h2_conn: Any) -> None:
        with serving(sock):
            super().handle_http2_request(listener_name, req, sock, addr, h2_conn)

    def notify(self) -> None:
        """Once a second."""
        super().notify()
        self.drain.look()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: let what is open finish."""
        self.drain.ask()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT and SIGQUIT: now."""
        gevent.spawn(self.drain.end)
        super().handle_quit(sig, frame)
