"""gunicorn's worker of threads, changed so that a slow client occupies no thread.

A connection waits for its header in the main thread's poller and gets a thread when the header is complete. While the
body arrives and the response leaves, `pace.py` sets a minimum rate. Then the connection lingers in the poller until the
client has closed. gunicorn's own worker spends a thread on each of these phases, and its main thread on the last.

An HTTP/2 connection goes to the bridge (`http2.py`), which opens one connection to this worker for each call.
"""

import errno
import io
import os
import selectors
import socket
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from bedrock_flask.server.workers import http2
from bedrock_flask.server.workers.call_connection import open_call
from bedrock_flask.server.workers.graceful_stop import GracefulStop
from bedrock_flask.server.workers.lane import HEAD_END, MAX_HEAD, PROBES, Lane
from bedrock_flask.server.workers.pace import (
    Addresses,
    BridgedSocket,
    Limits,
    RateLimitedSocket,
    limit_rate,
    track_request,
)
from bedrock_flask.server.workers.unread_request import AnswersUnread

_CHUNK = 16 * 1024
# Connections that end between two times of accepting others.
_STEPS_BETWEEN = 4
# Connections that are accepted in one turn of the main loop.
_ACCEPTED_AT_ONCE = 64
# Seconds for a client to read the last response and close, while what it still sends is discarded.
_LINGER = 5.0
# Seconds for open calls to end with an error when the worker must stop at once.
_CLOSE_TIMEOUT = 1.0
# Seconds for the rest of a body that an app has not read, and that its client has sent already.
_DRAIN_TIMEOUT = 0.01
_DISCARDED = bytearray(256 * 1024)
# Seconds that a client has for the few bytes of the response that the main thread gives itself.
_PROBE_PATIENCE = 0.01
# Connections below gunicorn's limit from which on the longest waiting one is closed: at the limit nothing is accepted.
_SPARE_CONNECTIONS = 8
_TOO_MANY_THREADS = "{} threads cannot be started: set BEDROCK_FLASK_THREADS lower, or raise the limit of processes"
# gunicorn takes this exit code of a worker for "do not try again".
_CANNOT_START = 3
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE)


class _CallSocket(BridgedSocket, RateLimitedSocket):
    """The rate-limited connection of one HTTP/2 call."""


class Worker(AnswersUnread, ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker of threads for slow clients and long streams; `limits` comes from the gunicorn configuration."""

    limits = Limits()

    def init_process(self) -> None:
        self.lingering: deque[Any] = deque()
        self.bridge = http2.Bridge(http2.read_bounds(self))
        self.graceful_stop = GracefulStop(self, self.limits)
        self.lane = Lane(self)
        self._steps = 0
        # Each call of the system in the main thread costs a wait for the other threads.
        self._addresses = {listener: listener.getsockname() for listener in self.sockets}
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Accept the connections that wait, but not all of very many: other workers get some, too."""
        for _ in range(_ACCEPTED_AT_ONCE):
            if not self._accept_one(listener):
                break

    def _accept_between(self) -> None:
        """Accept after every few steps of a turn: a probe must not wait for all the connections that end in it."""
        self._steps += 1
        has_room = self._accepting and self.nr_conns < self.worker_connections
        if has_room and not self._steps % _STEPS_BETWEEN:
            for listener in self.sockets:
                self.accept(listener)

    def _accept_one(self, listener: Any) -> bool:
        """Whether there was a connection."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _OUT_OF_FILES:
                # The connection waits in the backlog until another is closed.
                time.sleep(0.01)
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return False
        self.nr_conns += 1
        sock = limit_rate(client, self.limits.client)
        self.graceful_stop.connections.add(sock)
        conn = TConn(self.cfg, sock, address, self._addresses[listener])
        if self.cfg.is_ssl:
            self.enqueue_req(conn)
        else:
            self._await_head(conn)
        return True

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One turn of the main loop; at the limit of connections it begins with making room for others."""
        while self.nr_conns > self.worker_connections - _SPARE_CONNECTIONS and self._close_longest_waiting():
            pass
        super().wait_for_and_dispatch_events(timeout)

    def _close_longest_waiting(self) -> bool:
        """Close the connection that has waited longest: for a request, for its client's end, or for another request."""
        patience = (self.limits.client, _LINGER, self.cfg.keepalive)
        waiting = zip((self.pending_conns, self.lingering, self.keepalived_conns), patience, strict=True)
        # Each of them is sorted by the end of its time.
        oldest = [
            (conns[0].timeout - seconds, number, conns) for number, (conns, seconds) in enumerate(waiting) if conns
        ]
        if not oldest:
            self.bridge.close_longest_idle()
            return False
        conn = min(oldest)[2].popleft()
        self.poller.unregister(conn.sock)
        self._drop(conn)
        return True

    def get_thread_pool(self) -> Any:
        """A pool whose threads run already: one that cannot be started later would end the worker and all its calls."""
        pool, all_started = super().get_thread_pool(), threading.Barrier(self.cfg.threads + 1)
        try:
            for _ in range(self.cfg.threads):
                pool.submit(all_started.wait)
            all_started.wait()
        except RuntimeError:
            print(f"bedrock-flask: {_TOO_MANY_THREADS.format(self.cfg.threads)}", file=sys.stderr, flush=True)
            # Threads that wait for the others would hold up the end of the process.
            os._exit(_CANNOT_START)
        except SystemExit:
            # A stop while they start.
            all_started.abort()
            raise
        return pool

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        if not isinstance(conn.sock, RateLimitedSocket):
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def _await_head(self, conn: Any) -> None:
        """Give the connection a thread if its header is complete; otherwise let it wait in the poller."""
        if conn.sock.gettimeout() != 0:
            conn.sock.setblocking(False)
        if self._has_head(conn):
            self._serve(conn)
            return
        conn.timeout = time.monotonic() + self.limits.client
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read_more_of_head, conn))

    def _read_more_of_head(self, conn: Any, client: Any) -> None:
        if self._has_head(conn):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._serve(conn)

    def _serve(self, conn: Any) -> None:
        if not conn.initialized and http2.has_preface(conn.sock.buffered):
            self._hand_to_bridge(conn)
            return
        if conn.sock.buffered.startswith(PROBES) and self._answer_probe(conn):
            return
        conn.data_ready = True
        conn.queued_at = time.monotonic()
        self.enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer a request; runs in a thread of the pool."""
        if isinstance(conn.sock, RateLimitedSocket):
            conn.sock.waited = time.monotonic() - getattr(conn, "queued_at", time.monotonic())
        return super().handle(conn)

    def _answer_probe(self, conn: Any) -> bool:
        """Answer a health probe here, in the main thread: it must not wait for calls. False if it is not plain."""
        sock = conn.sock
        if not self.graceful_stop.has_gateway or not sock.buffered.endswith(HEAD_END):
            return False
        patience, sock.patience = sock.patience, _PROBE_PATIENCE
        try:
            is_kept = self.lane.answer(sock, conn.client, conn.server)
        except OSError:
            # The client has left, or does not read.
            is_kept = False
        except Exception as error:  # noqa: BLE001 - in the main thread it would end the worker with all its calls
            self.handle_error(None, sock, conn.client, error)
            is_kept = False
        finally:
            sock.patience = patience
        if is_kept:
            self._await_head(conn)
        elif is_kept is not None:
            self._linger(conn)
        return is_kept is not None

    def _hand_to_bridge(self, conn: Any) -> None:
        """Give the connection to the HTTP/2 thread. It counts as a connection until that thread closes it."""
        sock = conn.sock
        self.graceful_stop.connections.discard(sock)
        addresses = Addresses(sock.family, sock.getsockname(), conn.client)
        plain = socket.socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        on_close = partial(self.method_queue.defer, self._forget_connection)
        self.bridge.adopt(plain, partial(self._open_call, conn.server, addresses), sock.buffered, on_close)

    def _open_call(self, server: Any, addresses: Addresses) -> socket.socket:
        """Open a connection for one HTTP/2 call, with the addresses and the rate limit of its client."""

        def limit_call(plain: socket.socket) -> _CallSocket:
            call = _CallSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
            call.patience, call.addresses = self.limits.client, addresses
            return call

        return open_call(self, addresses.peer, server, limit_call)

    def _forget_connection(self) -> None:
        self.nr_conns -= 1

    def _has_head(self, conn: Any) -> bool:
        """Whether a thread has work to do: a complete header, one that is too large, or a client that has left."""
        sock = conn.sock
        if self._is_whole_head(sock.buffered):
            return True
        try:
            # Bypasses the rate limit and the buffer: the next bytes of the connection, if any.
            chunk = socket.socket.recv(sock, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        if not chunk:
            return True
        sock.buffer(chunk)
        return self._is_whole_head(sock.buffered)

    @staticmethod
    def _is_whole_head(buffered: bytes) -> bool:
        if http2.can_have_preface(buffered):
            # After eighteen of its bytes, the preface of HTTP/2 looks like a complete header.
            return http2.has_preface(buffered)
        return HEAD_END in buffered or len(buffered) > MAX_HEAD

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection takes another request: not while a body is still arriving, which may take long.

        A body that was read is at its end at once, however late this thread runs: what was promised is kept.
        """
        if not keepalive:
            return False
        conn.sock.settimeout(_DRAIN_TIMEOUT)
        return bool(conn.parser.finish_body(max_bytes=_CHUNK))

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        self._accept_between()
        kept = not fs.cancelled() and fs.exception() is None and fs.result()
        if not kept:
            self._linger(conn)
        elif isinstance(conn.sock, RateLimitedSocket) and self._take_back_pipelined(conn):
            # The next request, or its beginning, arrived together with this one.
            self._await_head(conn)
        else:
            super().finish_request(conn, fs)

    @staticmethod
    def _take_back_pipelined(conn: Any) -> bool:
        """Move what gunicorn has read beyond the request back into the buffer; True if there is anything in it."""
        pipelined = conn.parser.unreader.buf.getvalue()
        if pipelined:
            conn.parser.unreader.buf = io.BytesIO()
            conn.sock.buffered = pipelined + conn.sock.buffered
        return bool(conn.sock.buffered)

    def _linger(self, conn: Any) -> None:
        """Half-close, and let the client finish: closing with unread bytes would lose the response."""
        conn.timeout, conn.discarded = time.monotonic() + _LINGER, 0
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            if conn.sock.gettimeout():
                conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))
        except (OSError, ValueError, KeyError):
            self._drop(conn)
            return
        self.lingering.append(conn)

    def _discard(self, conn: Any, client: Any) -> None:
        self._accept_between()
        try:
            received = conn.sock.recv_into(_DISCARDED, 0, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            received = 0
        conn.discarded += received
        if not received or conn.discarded > self.limits.body:
            self.poller.unregister(client)
            self.lingering.remove(conn)
            self._drop(conn)

    def _drop(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """At least once a second: close connections that have waited too long, and advance a graceful stop."""
        super().murder_pending()
        now = time.monotonic()
        while self.lingering and self.lingering[0].timeout <= now:
            conn = self.lingering.popleft()
            self.poller.unregister(conn.sock)
            self._drop(conn)
        self.graceful_stop.advance()
        if not self.alive and not self._accepting:
            # gunicorn would keep its listener open to the end, and clients that connect meanwhile would get no answer.
            for listener in self.sockets:
                listener.close()

    def handle_request(self, req: Any, conn: Any) -> Any:
        with track_request(conn.sock, req):
            return super().handle_request(req, conn)

    def handle_http2_request(self, req: Any, conn: Any, h2_conn: Any) -> None:
        with track_request(conn.sock):
            super().handle_http2_request(req, conn, h2_conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """On SIGTERM: let open requests finish."""
        self.graceful_stop.begin()
        self.method_queue.defer(lambda: None)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """On SIGINT and SIGQUIT: stop now."""
        # Deferred: a signal may arrive while the lock is taken that stopping the threads needs.
        self.method_queue.defer(self._quit, sig, frame)

    def _quit(self, sig: int, frame: Any) -> None:
        self.graceful_stop.end()
        self.bridge.close(_CLOSE_TIMEOUT)
        super().handle_quit(sig, frame)
