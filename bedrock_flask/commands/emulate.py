"""`bedrock-flask emulate`: a Bedrock on this machine, for development, tests and demonstrations."""

import click

from bedrock_flask.emulator import engines, server
from bedrock_flask.errors import StartupError
from bedrock_flask.ports import is_free
from bedrock_flask.settings import PREFIX


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", type=click.IntRange(1, 65535), default=8001, show_default=True, help="Port to bind.")
@click.option(
    "--engine",
    type=click.Choice(list(engines.ENGINES)),
    default=engines.DEFAULT,
    show_default=True,
    help="What answers: a small language model, or the deterministic engine for tests.",
)
@click.option("--plugins-dir", envvar=f"{PREFIX}PLUGINS_DIR", help="Drop-in folder: each .py file in it is a plugin.")
def emulate(host: str, port: int, engine: str, plugins_dir: str | None) -> None:
    """Serve Bedrock's own protocol: point any AWS SDK at it with endpoint_url."""
    if not is_free(host, port):
        raise StartupError(f"port {port} is in use: stop what listens there, or choose another with --port")
    server.serve(host, port, engine, plugins_dir)
