"""gunicorn's gevent worker with the same limits: a greenlet is cheap, but not for ever."""

from typing import Any

import gevent
from gevent import socket
from gunicorn.workers.ggevent import GeventWorker

from bedrock_flask.workers.drain import Drain
from bedrock_flask.workers.pace import Limits, Pacing, serving


class _Paced(Pacing, socket.socket):
    """A plain connection with a pace, for greenlets."""


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker of greenlets for slow clients and long streams; `limits` comes from the gunicorn configuration."""

    limits = Limits()

    def init_process(self) -> None:
        self.drain = Drain(self, self.limits)
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        if not self.cfg.is_ssl:
            made = _Paced(client.family, client.type, client.proto, fileno=client.detach())
            made.patience = self.limits.client
            self.drain.connections.add(made)
            client = made
        super().handle(listener, client, addr)

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
