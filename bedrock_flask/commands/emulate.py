"""`bedrock-flask emulate`: a Bedrock on this machine, for development, tests and demonstrations."""

from pathlib import Path

import click

from bedrock_flask.config import EMULATOR_SECRETS as SECRETS
from bedrock_flask.config import PREFIX
from bedrock_flask.emulator import engines, request_log, server
from bedrock_flask.emulator.calls import signatures
from bedrock_flask.emulator.engines import replies
from bedrock_flask.emulator.faults import BadOrder, Fault, read_words
from bedrock_flask.errors import StartupError
from bedrock_flask.server.ports import is_free


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", type=click.IntRange(0, 65535), default=8001, show_default=True, help="Port to bind; 0 for any.")
@click.option(
    "--engine",
    type=click.Choice(list(engines.ENGINES)),
    default=engines.DEFAULT,
    show_default=True,
    help="What answers: a small language model, or the deterministic engine for tests.",
)
@click.option("--plugins-dir", envvar=f"{PREFIX}PLUGINS_DIR", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--fault", "faults", multiple=True, help="A fault for the first calls: its name or JSON. Repeatable.")
@click.option("--replies", "file", type=click.Path(path_type=Path), help="Scripted replies by prompt: TOML, or .json.")
@click.option("--replies-only", is_flag=True, help="Refuse a prompt that no scripted reply fits.")
@click.option("--log", type=click.Path(path_type=Path), help="File for the request log: JSON lines, added at its end.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    envvar=SECRETS,
    help="KEYID:SECRET: calls must then be signed. Repeatable. Others can see arguments, but not the environment.",
)
@click.option("--secrets-file", type=click.Path(path_type=Path), help="A file with one KEYID:SECRET pair a line.")
@click.option(
    "--async-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
    help="Folder in place of S3, for StartAsyncInvoke.",
)
@click.option("--blocked-word", "blocked_words", multiple=True, help="A word that guardrails block. Repeatable.")
@click.option("--stop-on-eof", is_flag=True, help="Stop when standard input ends: when who started it has gone.")
def emulate(
    host: str,
    port: int,
    engine: str,
    plugins_dir: str | None,
    faults: tuple[str, ...],
    file: Path | None,
    replies_only: bool,
    log: Path | None,
    secrets: tuple[str, ...],
    secrets_file: Path | None,
    async_dir: Path | None,
    blocked_words: tuple[str, ...],
    stop_on_eof: bool,
) -> None:
    """Serve Bedrock's own protocol: point any AWS SDK at it with endpoint_url."""
    ordered = _ordered(faults)
    scripted = replies.read(file) if file else []
    read_secrets = signatures.read_secrets(secrets, secrets_file)
    if not all(word.strip() for word in blocked_words):
        raise StartupError("--blocked-word: an empty word would block everything")
    if not is_free(host, port):
        raise StartupError(f"port {port} is in use: stop what listens there, or choose another with --port")
    server.serve(
        host,
        port,
        engine,
        plugins_dir,
        faults=ordered,
        replies=scripted,
        replies_only=replies_only,
        log=request_log.into(log) if log else None,
        stop_on_eof=stop_on_eof,
        secrets=read_secrets,
        async_dir=async_dir,
        blocked_words=blocked_words,
    )


def _ordered(faults: tuple[str, ...]) -> list[Fault]:
    try:
        return [order for text in faults for order in read_words(text)]
    except BadOrder as fault:
        raise StartupError(f"--fault: {fault}") from None
