"""The emulator under gunicorn: a process of its own, one worker, many threads."""

import os
import sys
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from bedrock_flask import registry
from bedrock_flask.emulator import engines
from bedrock_flask.emulator.app import create_emulator

THREADS = 32


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


def serve(host: str, port: int, engine: str, plugins_dir: str | None) -> None:
    """Serve until stopped. The plugins are loaded here, so that a fault of theirs is told once, before the start."""
    loaded = registry.load(plugins_dir)
    worker: list[Any] = []

    def make_app() -> Any:
        # In the worker: a model that is loaded before the fork hangs in the child.
        return create_emulator(loaded, engines.choose(engine), stopping=lambda: bool(worker) and not worker[0].alive)

    def started(arrived: Any) -> None:
        worker.append(arrived)
        chosen = arrived.wsgi.extensions["bedrock_flask.engine"]
        print(f"bedrock-flask emulator on http://{_bracketed(host)}:{port} ({chosen.description})", flush=True)

    settings = {
        "bind": [f"{_bracketed(host)}:{port}"],
        "worker_class": "gthread",
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


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
