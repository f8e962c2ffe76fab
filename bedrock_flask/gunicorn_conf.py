"""The shipped gunicorn configuration: `gunicorn -c python:bedrock_flask.gunicorn_conf 'bedrock_flask.app:wsgi_app()'`.

Nothing here imports boto3 or the app: with gevent, what is imported before the workers patch the sockets breaks TLS.
"""

import os
import resource
import signal
import socket
import struct
import sys
from typing import Any

from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.config.settings import NO_KEYS, Settings, read_settings
from bedrock_flask.errors import SettingsError
from bedrock_flask.observability import logs
from bedrock_flask.server.workers.pace import Limits

try:
    _settings: Settings = read_settings(os.environ)
except SettingsError as error:
    sys.exit(f"bedrock-flask: {error}")

_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
worker_class = f"bedrock_flask.server.workers.{_settings.worker}.Worker"
# A connection without a call costs a file, not a thread; half of the files are for the calls.
worker_connections = max(threads + 100, min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))
# Each worker makes its own clients: connections and locks do not survive a fork.
preload_app = False
# A worker that is at work is never killed for it: the heartbeat is the main thread's.
timeout = 60
# The worker ends its streams itself (workers/drain.py); this is for one that does not, and must come later.
graceful_timeout = int(_settings.graceful_timeout) + 6
max_requests = _settings.max_requests
# Not all workers at once.
max_requests_jitter = max_requests // 10
# Longer than a load balancer keeps its side open: 60 s is what AWS's do by default.
keepalive = 75
# Heartbeat files belong into memory; a disk can stall.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - gunicorn makes its own file there
# It would write into the home folder, which a container may not have.
control_socket_disable = True
logconfig_dict = logs.make_gunicorn_config(_settings.log_level)


_limits = Limits(
    client=_settings.client_timeout,
    delay=min(_settings.drain_delay, _settings.graceful_timeout),
    grace=_settings.graceful_timeout,
    recycle=_settings.deadline,
    body=_settings.max_body_bytes,
)


def post_fork(server: Any, worker: Any) -> None:
    """Tell the worker its limits, and let it be stopped before it has signals of its own.

    Until then it has those of the process above, which only note what they are told, and the stop would be lost.
    """
    worker.limits = _limits
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: sys.exit(0))


def when_ready(server: Any) -> None:
    """Bound a silent client in gunicorn's own workers and within TLS, too: what a listener accepts inherits this."""
    seconds, rest = divmod(_settings.client_timeout, 1)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), int(rest * 1e6))
        )


def on_starting(server: Any) -> None:
    """Refuse to listen where strangers are when there are no keys."""
    if _settings.api_keys:
        return
    for address in server.cfg.address:
        if isinstance(address, tuple) and not is_loopback(address[0]):
            sys.exit("bedrock-flask: " + NO_KEYS.format(host=address[0]))
