"""gunicorn's worker of threads, in which a slow client holds none.

A connection waits for its header in the poller of the main thread and gets a thread when the header is whole; while a
body comes and while an answer goes, `pace.py` bounds it; afterwards it lingers in the poller until the client has
closed. gunicorn's own worker gives a thread to each of these, or, for the last, its main thread.

One that begins as HTTP/2 goes to the bridge (`http2.py`), from which each of its calls comes back as a connection.
"""

import errno
import io
import selectors
import socket
import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from bedrock_flask.server.workers import http2
from bedrock_flask.server.workers.graceful_stop import Drain
from bedrock_flask.server.workers.pace import Bridged, Ends, Limits, Paced, paced, serving

# A header larger than this is not waited for: the parser gets it, and refuses it.
_LARGEST_HEAD = 128 * 1024
_PIECE = 16 * 1024
_HEAD_ENDS = b"\r\n\r\n"
# Seconds for a client to take the last answer and close, while what it still sends is read and forgotten.
_LINGER = 5.0
# Seconds for what is open to end in its error, when there is no more time.
_GOODBYE = 1.0
_FORGOTTEN = bytearray(256 * 1024)
_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE)


class _Call(Bridged, Paced):
    """A call of HTTP/2, with a pace as any other."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker of threads for slow clients and long streams; `limits` comes from the gunicorn configuration."""

    limits = Limits()

    def init_process(self) -> None:
        self.lingering: deque[Any] = deque()
        self.bridge = http2.Bridge(http2.bounds(self))
        self.drain = Drain(self, self.limits)
        super().init_process()

    def accept(self, listener: Any) -> None:
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_MORE_FILES:
                # The connection waits in the backlog until one of ours is closed.
                time.sleep(0.01)
                return
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        sock = paced(client, self.limits.client)
        self.drain.connections.add(sock)
        conn = TConn(self.cfg, sock, address, listener.getsockname())
        if self.cfg.is_ssl:
            self.enqueue_req(conn)
        else:
            self._await_head(conn)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        if not isinstance(conn.sock, Paced):
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def _await_head(self, conn: Any) -> None:
        """Give the connection a thread if its header is there; else let it wait where it costs none."""
        conn.sock.setblocking(False)
        if self._head_is_there(conn):
            self._serve(conn)
            return
        conn.timeout = time.monotonic() + self.limits.client
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._more_of_head, conn))

    def _more_of_head(self, conn: Any, client: Any) -> None:
        if self._head_is_there(conn):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._serve(conn)

    def _serve(self, conn: Any) -> None:
        if not conn.initialized and http2.begins(conn.sock.held):
            self._bridge(conn)
            return
        conn.data_ready = True
        self.enqueue_req(conn)

    def _bridge(self, conn: Any) -> None:
        """Give the connection to the thread of HTTP/2. It counts as one until that has done with it."""
        sock = conn.sock
        self.drain.connections.discard(sock)
        ends = Ends(sock.family, sock.getsockname(), conn.client)
        plain = socket.socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        over = partial(self.method_queue.defer, self._count, -1)
        self.bridge.adopt(plain, partial(self._dial, conn.server, ends), sock.held, over)

    def _dial(self, server: Any, ends: Ends) -> socket.socket:
        """A connection for one call of HTTP/2, made in that thread."""
        ours, theirs = socket.socketpair()
        call = _Call(theirs.family, theirs.type, theirs.proto, fileno=theirs.detach())
        call.patience, call.ends = self.limits.client, ends
        conn = TConn(self.cfg, call, ends.there, server)
        # The bridge is no slow client: the header follows at once.
        conn.data_ready = True
        self.method_queue.defer(self._count, 1)
        self.enqueue_req(conn)
        return ours

    def _count(self, more: int) -> None:
        self.nr_conns += more

    def _head_is_there(self, conn: Any) -> bool:
        """Whether a thread has something to do: a whole header, one that is too large, or a client that has gone."""
        sock = conn.sock
        if self._is_whole(sock.held):
            return True
        try:
            # Past the pace and past what is held: the next bytes of the wire, if there are any.
            piece = socket.socket.recv(sock, _PIECE)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        if not piece:
            return True
        sock.hold(piece)
        return self._is_whole(sock.held)

    @staticmethod
    def _is_whole(held: bytes) -> bool:
        if http2.may_begin(held):
            # The beginning of HTTP/2 looks like a header after three quarters.
            return http2.begins(held)
        return _HEAD_ENDS in held or len(held) > _LARGEST_HEAD

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection takes another request: not when a body is still coming, for that may take long."""
        return bool(keepalive and conn.parser.finish_body(deadline=time.monotonic() + 0.01))

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        kept = not fs.cancelled() and fs.exception() is None and fs.result()
        if not kept:
            self._linger(conn)
        elif isinstance(conn.sock, Paced) and self._gave_back(conn):
            # The next request, or its beginning, came together with this one.
            self._await_head(conn)
        else:
            super().finish_request(conn, fs)

    @staticmethod
    def _gave_back(conn: Any) -> bool:
        """Whether something came behind the request; what gunicorn has read of it waits in the poller as well."""
        behind = conn.parser.unreader.buf.getvalue()
        if behind:
            conn.parser.unreader.buf = io.BytesIO()
            conn.sock.held = behind + conn.sock.held
        return bool(conn.sock.held)

    def _linger(self, conn: Any) -> None:
        """Say that nothing more comes, and let the client finish: closed on unread bytes, the answer would be lost."""
        conn.timeout, conn.forgotten = time.monotonic() + _LINGER, 0
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._forget, conn))
        except (OSError, ValueError, KeyError):
            self._drop(conn)
            return
        self.lingering.append(conn)

    def _forget(self, conn: Any, client: Any) -> None:
        try:
            got = conn.sock.recv_into(_FORGOTTEN)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            got = 0
        conn.forgotten += got
        if not got or conn.forgotten > self.limits.body:
            self.poller.unregister(client)
            self.lingering.remove(conn)
            self._drop(conn)

    def _drop(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Once a second at least: what has waited too long, and the way to the end."""
        super().murder_pending()
        now = time.monotonic()
        while self.lingering and self.lingering[0].timeout <= now:
            conn = self.lingering.popleft()
            self.poller.unregister(conn.sock)
            self._drop(conn)
        self.drain.look()
        if not self.alive and not self._accepting:
            # gunicorn would keep its share of the listener to the end, and who connects meanwhile would wait in vain.
            for listener in self.sockets:
                listener.close()

    def handle_request(self, req: Any, conn: Any) -> Any:
        with serving(conn.sock, req):
            return super().handle_request(req, conn)

    def handle_http2_request(self, req: Any, conn: Any, h2_conn: Any) -> None:
        with serving(conn.sock):
            super().handle_http2_request(req, conn, h2_conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: let what is open finish."""
        self.drain.ask()
        self.method_queue.defer(lambda: None)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT and SIGQUIT: now."""
        # Not here: a signal may come while the lock is held that the end of the threads needs.
        self.method_queue.defer(self._quit, sig, frame)

    def _quit(self, sig: int, frame: Any) -> None:
        self.drain.end()
        self.bridge.close(_GOODBYE)
        super().handle_quit(sig, frame)
