"""`bedrock-flask emulate`: a Bedrock on this machine, for development, tests and demonstrations."""

from pathlib import Path
from typing import Any

import click

from bedrock_flask.config import EMULATOR_SECRETS, PREFIX
from bedrock_flask.emulator import engines, server
from bedrock_flask.emulator.calls.signatures import read_secrets
from bedrock_flask.emulator.faults.inject import Fault
from bedrock_flask.emulator.faults.queue import InvalidFault, parse_argument
from bedrock_flask.emulator.replies.reply import read_replies
from bedrock_flask.emulator.settings import EmulatorSettings
from bedrock_flask.errors import StartupError
from bedrock_flask.server.ports import is_free


@click.command()
@click.option("--host", default=EmulatorSettings.host, show_default=True, help="Address to bind.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=EmulatorSettings.port,
    show_default=True,
    help="Port to bind; 0 for any free port.",
)
@click.option(
    "--engine",
    type=click.Choice(list(engines.ENGINES)),
    default=EmulatorSettings.engine,
    show_default=True,
    help="What answers: a small language model, or the deterministic engine for tests.",
)
@click.option("--plugins-dir", envvar=f"{PREFIX}PLUGINS_DIR", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--fault", "faults", multiple=True, help="A fault for the first calls: its name or JSON. Repeatable.")
@click.option("--replies", type=click.Path(path_type=Path), help="Scripted replies by prompt: a TOML or .json file.")
@click.option("--replies-only", is_flag=True, help="Refuse prompts that no scripted reply matches.")
@click.option(
    "--lenient",
    is_flag=True,
    help="Accept requests that the model's capabilities exclude, and fields and values that its schema does not know.",
)
@click.option("--log", type=click.Path(path_type=Path), help="File to which the request log is appended as JSON lines.")
@click.option(
    "--log-bodies",
    type=click.IntRange(min=0),
    default=EmulatorSettings.log_bodies,
    show_default=True,
    help="Bytes of a body that the request log keeps.",
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    envvar=EMULATOR_SECRETS,
    help="KEYID:SECRET: calls must then be signed. Repeatable. Others can see arguments, but not the environment.",
)
@click.option("--secrets-file", type=click.Path(path_type=Path), help="A file with one KEYID:SECRET pair per line.")
@click.option(
    "--async-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
    help="Folder in place of S3, for StartAsyncInvoke.",
)
@click.option("--blocked-word", "blocked_words", multiple=True, help="A word that guardrails block. Repeatable.")
@click.option("--stop-on-eof", is_flag=True, help="Stop when standard input ends, as it does with the parent process.")
def emulate(
    plugins_dir: str | None,
    faults: tuple[str, ...],
    replies: Path | None,
    secrets: tuple[str, ...],
    secrets_file: Path | None,
    **options: Any,
) -> None:
    """Serve Bedrock's own protocol, without AWS.

    Point any AWS SDK at it with endpoint_url.
    """
    settings = EmulatorSettings(
        plugins_dir=Path(plugins_dir) if plugins_dir else None,
        faults=_parse_faults(faults),
        replies=read_replies(replies) if replies else (),
        secrets=[f"{key_id}:{secret}" for key_id, secret in read_secrets(secrets, secrets_file).items()],
        **options,
    )
    if not all(word.strip() for word in settings.blocked_words):
        raise StartupError("--blocked-word: an empty word would block everything")
    if not is_free(settings.host, settings.port):
        raise StartupError(
            f"port {settings.port} is in use: stop the process that listens there, or choose another with --port"
        )
    server.serve(settings)


def _parse_faults(arguments: tuple[str, ...]) -> list[Fault]:
    try:
        return [fault for argument in arguments for fault in parse_argument(argument)]
    except InvalidFault as error:
        raise StartupError(f"--fault: {error}") from None
