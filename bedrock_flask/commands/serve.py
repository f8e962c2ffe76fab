"""`bedrock-flask serve` runs the gateway under gunicorn, with the shipped configuration."""

import importlib.metadata
import os
import sys

import click

from bedrock_flask.config import PREFIX, settings
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import StartupError
from bedrock_flask.server.ports import is_free


@click.command()
@click.option("--host", help="Address to bind. Addresses other than loopback require API keys.")
@click.option("--port", type=int, help="Port to bind.")
@click.option("--workers", type=int, help="Number of worker processes.")
@click.option("--threads", type=int, help="Threads per gthread worker, one for each call or open stream.")
@click.option("--plugins-dir", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--lenient", is_flag=True, default=None, help="Start without broken plugins and log them.")
@click.option("--models-file", help="TOML file with your own aliases.")
def serve(**options: str | int | None) -> None:
    """Start the gateway. It calls the Bedrock endpoint that botocore is configured for."""
    for name, value in options.items():
        if value is not None:
            os.environ[PREFIX + name.upper()] = str(value)
    config = settings.read_settings(os.environ)
    report_broken_plugins(config)
    check_prices(config)
    if not is_free(config.host, config.port):
        raise StartupError(
            f"port {config.port} is in use: stop the process that uses it, or choose another with --port"
        )
    # Otherwise glibc keeps large bodies in the heap of each thread and never returns the memory.
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", "262144")
    path = "python:bedrock_flask.gunicorn_conf"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", path, "bedrock_flask.app:wsgi_app()"])  # noqa: S606


def report_broken_plugins(config: Settings) -> None:
    """Report a fault in the operator's own plugins and models file once, and not once per worker.

    What ships with the gateway needs no second look: each worker loads it anyway.
    """
    if not (config.plugins_dir or config.models_file or importlib.metadata.entry_points(group="bedrock_flask")):
        return
    from bedrock_flask import models

    for broken in models.load(config).registry.broken:
        more = f" (and {len(broken.faults) - 1} more)" if len(broken.faults) > 1 else ""
        print(f"bedrock-flask: starting without {broken.lines()[0]}{more}", file=sys.stderr, flush=True)


def check_prices(config: Settings) -> None:
    """Read the operator's price file once, so that a fault in it is reported before any worker begins."""
    if config.prices_file:
        from bedrock_flask.prices.table import read_file

        read_file(config.prices_file)
