"""The emulator under gunicorn: a process of its own, one worker, many threads."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.workers import gthread

from bedrock_flask.emulator import engines
from bedrock_flask.emulator.app import create_emulator
from bedrock_flask.emulator.engines.replies import Replies, Reply
from bedrock_flask.emulator.faults import Fault, Orders
from bedrock_flask.emulator.request_log import Journal, Write
from bedrock_flask.models import loading
from bedrock_flask.server.workers import http2

THREADS = 32

_SECONDS_FOR_PREFACE, _LOOK_EVERY = 1.0, 0.01


class _Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threads, with HTTP/2 beside them. It stops at once: whoever is served then is hung up on."""

    def init_process(self) -> None:
        self.serving: set[Any] = set()
        self.bridge = http2.Bridge(via="2.0 emulator")
        super().init_process()

    def run(self) -> None:
        super().run()
        self.bridge.close()

    def handle(self, conn: Any) -> Any:
        self.serving.add(conn)
        try:
            return self._handle(conn) if self.alive else False
        finally:
            self.serving.discard(conn)

    def _handle(self, conn: Any) -> Any:
        if not conn.initialized and not conn.wait_for_data(gthread.DEFAULT_WORKER_DATA_TIMEOUT):
            return gthread._DEFER
        if not conn.initialized and _begins_as_http2(conn.sock):
            self.bridge.adopt(_taken(conn), partial(self._dial, conn.client, conn.server))
            return False
        return super().handle(conn)

    def _dial(self, client: Any, server: Any) -> socket.socket:
        """A new connection to this worker, as if that client had opened it."""
        ours, theirs = socket.socketpair()
        self.method_queue.defer(self._arrived, gthread.TConn(self.cfg, theirs, client, server))
        return ours

    def _arrived(self, conn: Any) -> None:
        self.nr_conns += 1
        self.enqueue_req(conn)

    def handle_exit(self, sig: Any, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self.method_queue.defer(self._hang_up)

    # gunicorn would lock its pool here, a second time if Ctrl-C has reached this process too, and hang.
    handle_quit = handle_exit

    def _hang_up(self) -> None:
        for conn in [*self.serving, *self.pending_conns]:
            with contextlib.suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)
        self.murder_keepalived(force=True)


def _begins_as_http2(connection: socket.socket) -> bool:
    """Whether a connection begins as HTTP/2 does; its first bytes stay where they are."""
    until = time.monotonic() + _SECONDS_FOR_PREFACE
    while True:
        try:
            seen = connection.recv(len(http2.PREFACE), socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return False
        # A request of HTTP/1.1 differs early; what is a part of the preface may yet become the whole.
        if not seen or not http2.can_have_preface(seen) or http2.has_preface(seen) or time.monotonic() > until:
            return http2.has_preface(seen)
        time.sleep(_LOOK_EVERY)


def _taken(conn: Any) -> socket.socket:
    """The socket of a connection, which gets a stand-in that may be closed in its place."""
    taken: socket.socket = conn.sock
    conn.sock, other = socket.socketpair()
    other.close()
    return taken


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with settings of ours; neither its files, its environment nor its command line are looked at."""

    def __init__(self, settings: dict[str, Any], make_app: Callable[[], Any]) -> None:
        self.settings, self.make_app = settings, make_app
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.make_app()


def serve(
    host: str,
    port: int,
    engine: str,
    plugins_dir: str | None,
    *,
    faults: Sequence[Fault] = (),
    replies: Sequence[Reply] = (),
    replies_only: bool = False,
    log: Write | None = None,
    stop_on_eof: bool = False,
    secrets: Mapping[str, str] | None = None,
    async_dir: Path | None = None,
    blocked_words: tuple[str, ...] = (),
) -> None:
    """Serve until stopped. The plugins are loaded here, so that a fault of theirs is told once, before the start."""
    loaded = loading.load_registry(plugins_dir)
    arbiter = os.getpid()
    worker: list[Any] = []

    def make_app() -> Any:
        # In the worker: a model that is loaded before the fork hangs in the child.
        chosen, orders = engines.choose(engine), Orders()
        orders.add(list(faults))
        return create_emulator(
            loaded,
            chosen,
            stopping=lambda: bool(worker) and not worker[0].alive,
            journal=Journal(log) if log else None,
            orders=orders,
            replies=Replies(chosen, replies, only=replies_only),
            secrets=secrets,
            async_dir=async_dir,
            blocked_words=blocked_words,
        )

    def started(arrived: Any) -> None:
        worker.append(arrived)
        chosen = arrived.wsgi.extensions["bedrock_flask.engine"]
        bound = arrived.sockets[0].getsockname()[1]
        print(f"bedrock-flask emulator on http://{_bracketed(host)}:{bound} ({chosen.description})", flush=True)
        if stop_on_eof:
            threading.Thread(target=_stop_on_eof, args=(arbiter,), daemon=True).start()

    settings = {
        "bind": [f"{_bracketed(host)}:{port}"],
        "worker_class": _Worker,
        "workers": 1,
        "threads": THREADS,
        # The heartbeat is the main thread's, so that only loading a model on a slow machine could take so long.
        "timeout": 300,
        "graceful_timeout": 5,
        "keepalive": 75,
        "loglevel": "error",
        "control_socket_disable": True,
        # Heartbeat files belong into memory; a disk can stall.
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108 - gunicorn makes its own file
        "post_worker_init": started,
    }
    sys.stdout.flush()
    _Server(settings, make_app).run()


def _stop_on_eof(arbiter: int) -> None:
    while os.read(0, 1024):
        pass
    os.kill(arbiter, signal.SIGTERM)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
