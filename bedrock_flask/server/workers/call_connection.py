"""Connections that the HTTP/2 bridge opens to a worker of threads, one for each call."""

import socket
import time
from collections.abc import Callable
from typing import Any

from gunicorn.workers.gthread import TConn


def open_call(
    worker: Any, client: Any, server: Any, make_socket: Callable[[socket.socket], socket.socket] = lambda plain: plain
) -> socket.socket:
    """Open a connection to a `ThreadWorker`, as if the client at that address had opened it; return the client's end.

    Runs in the HTTP/2 thread. `make_socket` wraps the worker's end.
    """
    ours, theirs = socket.socketpair()
    connection = TConn(worker.cfg, make_socket(theirs), client, server)
    # The bridge is not a slow client: the header follows at once.
    connection.data_ready = True
    connection.queued_at = time.monotonic()
    worker.method_queue.defer(_count_connection, worker)
    worker.enqueue_req(connection)
    return ours


def _count_connection(worker: Any) -> None:
    worker.nr_conns += 1
