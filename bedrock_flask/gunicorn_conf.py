"""The shipped gunicorn configuration: `gunicorn -c python:bedrock_flask.gunicorn_conf 'bedrock_flask.app:wsgi_app()'`.

Nothing here imports boto3 or the app: with gevent, what is imported before the workers patch the sockets breaks TLS.
"""

import os
import socket
import struct
import sys
from typing import Any

from bedrock_flask import log
from bedrock_flask.errors import SettingsError
from bedrock_flask.loopback import is_loopback
from bedrock_flask.settings import NO_KEYS, Settings, read

try:
    _settings: Settings = read(os.environ)
except SettingsError as error:
    sys.exit(f"bedrock-flask: {error}")

_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
worker_class = "gthread"
# Each worker makes its own clients: connections and locks do not survive a fork.
preload_app = False
# A worker that is at work is never killed for it: the heartbeat is the main thread's.
timeout = 60
graceful_timeout = 60
keepalive = 75
# Heartbeat files belong into memory; a disk can stall.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - gunicorn makes its own file there
# It would write into the home folder, which a container may not have.
control_socket_disable = True
logconfig_dict = log.config_with_gunicorn(_settings.log_level)


def when_ready(server: Any) -> None:
    """Let no client hold a thread with half a request: what a listener accepts inherits its receive timeout."""
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
