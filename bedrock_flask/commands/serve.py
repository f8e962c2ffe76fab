"""`bedrock-flask serve`: the gateway under gunicorn, with the shipped configuration."""

import os
import sys

import click

from bedrock_flask import models
from bedrock_flask.config import PREFIX, settings
from bedrock_flask.errors import StartupError
from bedrock_flask.server.ports import is_free


@click.command()
@click.option("--host", help="Address to bind; anything but loopback needs API keys.")
@click.option("--port", type=int, help="Port to bind.")
@click.option("--workers", type=int, help="Worker processes.")
@click.option("--threads", type=int, help="Threads a worker: calls and open streams at one time.")
@click.option("--plugins-dir", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--lenient", is_flag=True, default=None, help="Start without a broken plugin, and say so.")
@click.option("--models-file", help="TOML file with aliases of your own.")
def serve(**options: str | int | None) -> None:
    """Serve the gateway, against whatever Bedrock endpoint botocore would use."""
    for name, value in options.items():
        if value is not None:
            os.environ[PREFIX + name.upper()] = str(value)
    # All of it is read once here, so that a fault is one line of this process and not of each worker.
    told = settings.read_settings(os.environ)
    for broken in models.load(told).registry.broken:
        more = f" (and {len(broken.faults) - 1} more)" if len(broken.faults) > 1 else ""
        print(f"bedrock-flask: starting without {broken.lines()[0]}{more}", file=sys.stderr, flush=True)
    if not is_free(told.host, told.port):
        raise StartupError(f"port {told.port} is in use: stop what listens there, or choose another with --port")
    # glibc would keep large bodies in each thread's own heap and never give them back; so they are mapped and unmapped.
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", "262144")
    config = "python:bedrock_flask.gunicorn_conf"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", config, "bedrock_flask.app:wsgi_app()"])  # noqa: S606
