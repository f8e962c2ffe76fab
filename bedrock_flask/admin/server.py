"""The admin API under gunicorn: one process with a few threads, on an address of its own.

The gateway's processes serve every address on each of their listeners, and need neither the operators' credentials
nor this code. One process is enough, because changes come one after another all the same.
"""

import os
import socket
import struct
from typing import Any

from bedrock_flask.admin.app import create_admin
from bedrock_flask.config.hosts import bracket_host
from bedrock_flask.config.settings import Settings
from bedrock_flask.observability import logs
from bedrock_flask.server.application import Application
from bedrock_flask.server.workers.gthread import Worker
from bedrock_flask.server.workers.pace import Limits

_THREADS, _GRACE = 16, 10.0


def serve(settings: Settings) -> None:
    """Serve until stopped."""
    limits = Limits(client=settings.client_timeout, grace=_GRACE, recycle=_GRACE)

    def begin_worker(server: Any, worker: Any) -> None:
        worker.limits = limits

    def limit_silence(server: Any) -> None:
        """A client that sends nothing of its body holds a thread for that long."""
        pause = struct.pack("ll", int(settings.client_timeout), int(settings.client_timeout % 1 * 1e6))
        for listener in server.LISTENERS:
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, pause)

    options = {
        "bind": [f"{bracket_host(settings.admin_host)}:{settings.admin_port}"],
        "worker_class": Worker,
        "workers": 1,
        "threads": _THREADS,
        "timeout": 60,
        "graceful_timeout": int(_GRACE) + 6,
        "keepalive": 75,
        "control_socket_disable": True,
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None,  # noqa: S108
        "logger_class": "bedrock_flask.server.gunicorn_logger.Logger",
        "logconfig_dict": logs.make_gunicorn_config(settings.log_level),
        "post_fork": begin_worker,
        "when_ready": limit_silence,
    }
    Application(options, lambda: create_admin(settings)).run()
