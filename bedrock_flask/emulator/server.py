"""The emulator under gunicorn: one worker with many threads."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from gunicorn.workers import gthread

from bedrock_flask.config.hosts import bracket_host
from bedrock_flask.emulator import engines
from bedrock_flask.emulator.app import MAX_CALLS, create_emulator
from bedrock_flask.emulator.environ import make_client_environ, make_compatible_environ
from bedrock_flask.emulator.request_log import RequestLog, open_log
from bedrock_flask.emulator.settings import EmulatorSettings
from bedrock_flask.models.loading import load_registry
from bedrock_flask.server.application import Application
from bedrock_flask.server.workers import http2
from bedrock_flask.server.workers.call_connection import open_call
from bedrock_flask.server.workers.pace import RateLimitedSocket, limit_rate

# A thread for each call, and some for tests that ask how it is and for heads that are still arriving.
THREADS = MAX_CALLS + 16
# Seconds for a client to begin and to go on with its request.
_PATIENCE = 10.0

_PREFACE_SECONDS, _POLL_SECONDS = 1.0, 0.01


class _Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threaded worker, with HTTP/2. It stops at once and hangs up on the callers that it is serving."""

    def init_process(self) -> None:
        self.serving: set[Any] = set()
        self.bridge = http2.Bridge(via="2.0 emulator")
        super().init_process()

    def run(self) -> None:
        super().run()
        self.bridge.close()

    def enqueue_req(self, conn: Any) -> None:
        if not isinstance(conn.sock, RateLimitedSocket):
            conn.sock = limit_rate(conn.sock, _PATIENCE)
        super().enqueue_req(conn)

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
            self.bridge.adopt(_take_socket(conn), partial(open_call, self, conn.client, conn.server))
            return False
        return super().handle(conn)

    def handle_exit(self, sig: Any, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self.method_queue.defer(self._hang_up)

    # gunicorn would lock its pool here, for a second time if Ctrl-C has reached this process too, and hang.
    handle_quit = handle_exit

    def _hang_up(self) -> None:
        for conn in [*self.serving, *self.pending_conns]:
            with contextlib.suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)
        self.murder_keepalived(force=True)


def _begins_as_http2(connection: socket.socket) -> bool:
    """Whether a connection begins with the HTTP/2 preface, which is peeked at and not read."""
    deadline = time.monotonic() + _PREFACE_SECONDS
    while True:
        try:
            first = connection.recv(len(http2.PREFACE), socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return False
        # An HTTP/1.1 request differs early; a part of the preface may still become the whole.
        if not first or not http2.can_have_preface(first) or http2.has_preface(first) or time.monotonic() > deadline:
            return http2.has_preface(first)
        time.sleep(_POLL_SECONDS)


def _take_socket(conn: Any) -> socket.socket:
    """Take the socket of a connection, and leave a substitute that gunicorn may close."""
    limited = conn.sock
    conn.sock, other = socket.socketpair()
    other.close()
    return socket.socket(limited.family, limited.type, limited.proto, fileno=limited.detach())


def serve(settings: EmulatorSettings) -> None:
    """Serve until stopped. The log and the plugins are opened here, so that an error is reported once, at the start."""
    write = open_log(settings.log) if settings.log else None
    registry = load_registry(settings.plugins_dir)
    arbiter = os.getpid()
    worker: list[Any] = []

    def make_app() -> Any:
        # In the worker: a model that is loaded before the fork hangs in the child.
        return create_emulator(
            registry,
            engines.choose_engine(settings.engine),
            settings,
            log=RequestLog(write, settings.log_bodies) if write else None,
            is_stopping=lambda: bool(worker) and not worker[0].alive,
        )

    def report_ready(started: Any) -> None:
        worker.append(started)
        engine = started.wsgi.extensions["bedrock_flask.engine"]
        port = started.sockets[0].getsockname()[1]
        address = f"http://{bracket_host(settings.host)}:{port}"
        print(f"bedrock-flask emulator on {address} ({engine.description})")
        for name, value in _list_variables(address):
            print(f"  {name}={value}")
        sys.stdout.flush()
        if settings.stop_on_eof:
            threading.Thread(target=_stop_on_eof, args=(arbiter,), daemon=True).start()

    options = {
        "bind": [f"{bracket_host(settings.host)}:{settings.port}"],
        "worker_class": _Worker,
        "workers": 1,
        "threads": THREADS,
        # The main thread sends the heartbeat, so only loading a model on a slow machine could take this long.
        "timeout": 300,
        "graceful_timeout": 5,
        "keepalive": 75,
        "loglevel": "error",
        "control_socket_disable": True,
        # Heartbeat files belong in memory, because a disk can stall.
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108 - gunicorn makes its own file
        "post_worker_init": report_ready,
    }
    sys.stdout.flush()
    Application(options, make_app).run()


# What `emulate` shows of an environment in which clients talk to the emulator.
_SHOWN = (
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_ENDPOINT_URL_BEDROCK_MANTLE",
    "AWS_ENDPOINT_URL_STS",
    "OPENAI_BASE_URL",
    "ANTHROPIC_BASE_URL",
)


def _list_variables(address: str) -> Iterator[tuple[str, str]]:
    """The variables that point clients at the emulator, without any secret."""
    variables = make_client_environ(address, {}) | make_compatible_environ(address)
    return ((name, variables[name]) for name in _SHOWN)


def _stop_on_eof(arbiter: int) -> None:
    while os.read(0, 1024):
        pass
    os.kill(arbiter, signal.SIGTERM)
