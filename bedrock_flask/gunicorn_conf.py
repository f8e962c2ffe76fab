"""The shipped gunicorn configuration: `gunicorn -c python:bedrock_flask.gunicorn_conf 'bedrock_flask.app:wsgi_app()'`.

Nothing here imports boto3 or the app: with gevent, TLS breaks in modules that are imported before the worker patches
the sockets.
"""

import os
import signal
import socket
import struct
import sys
from typing import Any

from bedrock_flask.config.hosts import bracket_host, is_loopback
from bedrock_flask.config.last_valid_text import MODELS_FILE
from bedrock_flask.config.settings import NO_KEYS, Settings, has_keys, has_limits, read_settings
from bedrock_flask.errors import SettingsError, StartupError
from bedrock_flask.governance.counters.shared_memory import BOX
from bedrock_flask.observability import logs
from bedrock_flask.server.files import raise_file_limit
from bedrock_flask.server.memory import check_memory
from bedrock_flask.server.steady_clock import use_steady_clock
from bedrock_flask.server.workers.pace import Limits
from bedrock_flask.server.workers.reloads import Reloads

try:
    _settings: Settings = read_settings(os.environ)
except SettingsError as error:
    sys.exit(f"bedrock-flask: {error}")

bind = f"{bracket_host(_settings.host)}:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
worker_class = f"bedrock_flask.server.workers.{_settings.worker}.Worker"
# A connection without a request costs a file descriptor, not a thread; half of the descriptors are left for calls.
worker_connections = max(threads + 100, min(10_000, raise_file_limit() // 2))
# Each worker creates its own clients, because connections and locks do not survive a fork.
preload_app = False
# A busy worker is not killed for being busy: its main thread, or under gevent a greenlet, sends the heartbeat.
timeout = 60
# Must be later than the worker's own end of its streams (server/workers/graceful_stop.py).
graceful_timeout = int(_settings.graceful_timeout) + 6
max_requests = _settings.max_requests
# So that not all workers are replaced at once.
max_requests_jitter = max_requests // 10
# Longer than a load balancer keeps idle connections: 60 s is the default of AWS's.
keepalive = 75
# Heartbeat files belong in memory, because a disk can stall.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None  # noqa: S108 - in a file of its own
# The control socket would be in the home folder, which a container may not have.
control_socket_disable = True
logger_class = "bedrock_flask.server.gunicorn_logger.Logger"
logconfig_dict = logs.make_gunicorn_config(_settings.log_level)


_limits = Limits(
    client=_settings.client_timeout,
    delay=min(_settings.drain_delay, _settings.graceful_timeout),
    grace=_settings.graceful_timeout,
    recycle=_settings.deadline,
    # Of a body that is refused for its size: some clients read the answer only when they have sent all of it.
    body=8 * _settings.max_body_bytes,
)


_reloads = Reloads()
# Before a worker starts, so that all of them share it.
MODELS_FILE.share()
if has_limits(_settings):
    BOX.share(_settings.workers)


def on_reload(server: Any) -> None:
    """Let the workers know that others take their places."""
    _reloads.advance()


# The signals that stop a worker.
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def pre_fork(server: Any, worker: Any) -> None:
    """Hold a stop back until the new worker can follow it: the arbiter's handlers, which it inherits, would lose it."""
    worker.column = BOX.take_column()
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)


os.register_at_fork(after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS))


def post_fork(server: Any, worker: Any) -> None:
    """Give the worker its limits, and make it stoppable before it installs its own signal handlers."""
    worker.limits, generation = _limits, _reloads.count
    worker.is_replaced = lambda: _reloads.count > generation
    BOX.use_column(worker.column)
    for number in _STOPS:
        signal.signal(number, lambda *_: sys.exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


def child_exit(server: Any, worker: Any) -> None:
    """Forget the calls that a worker has not ended."""
    BOX.free_column(worker.column)


def when_ready(server: Any) -> None:
    """Set a receive timeout for gunicorn's own workers and for TLS: accepted connections inherit it."""
    seconds, rest = divmod(_settings.client_timeout, 1)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), int(rest * 1e6))
        )


def on_starting(server: Any) -> None:
    """Refuse to start with too little memory, and without API keys on an address that other machines can reach."""
    use_steady_clock()
    try:
        check_memory(server.cfg.workers)
    except StartupError as error:
        sys.exit(f"bedrock-flask: {error}")
    if has_keys(_settings):
        return
    for address in server.cfg.address:
        if isinstance(address, tuple) and not is_loopback(address[0]):
            sys.exit("bedrock-flask: " + NO_KEYS.format(host=address[0]))
