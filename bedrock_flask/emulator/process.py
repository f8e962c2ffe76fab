"""Servers as processes: how one is started and stopped, and the emulator of a pytest session."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from bedrock_flask.config import EMULATOR_SECRETS, ENV_FILE
from bedrock_flask.emulator.client import EmulatedBedrock
from bedrock_flask.emulator.settings import EmulatorSettings

# Loading a language model takes time.
_START_SECONDS = 120.0
_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0
_MAX_SHOWN = 4000
_READY = re.compile(r"^bedrock-flask emulator on (http://\S+) \((.*)\)$", re.MULTILINE)


class EmulatorNotStarted(Exception):
    """The emulator did not start; the text contains its output."""


@contextlib.contextmanager
def run_server(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    log: IO[bytes],
    *,
    stdin: int = subprocess.DEVNULL,
    stop_seconds: float = _STOP_SECONDS,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Python with these arguments, its output in `log`; at the end it is terminated, and killed if need be."""
    # In its own session: Ctrl-C reaches this process only, which then stops its servers in order.
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, *arguments],
        env=dict(environ),
        stdin=stdin,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(stop_seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdin:
            process.stdin.close()


@contextlib.contextmanager
def run_emulator(settings: EmulatorSettings) -> Iterator[EmulatedBedrock]:
    """Run an emulator that ends with this process, even if that is killed. Raises EmulatorNotStarted."""
    with tempfile.TemporaryFile() as log:
        arguments, environ = _make_arguments(settings), _make_environ(settings)
        with run_server(arguments, environ, log, stdin=subprocess.PIPE) as process:
            yield _await_ready(process, log.fileno())


def _make_arguments(settings: EmulatorSettings) -> list[str]:
    options = ["--port", str(settings.port), "--engine", settings.engine, "--stop-on-eof"]
    options += ["--plugins-dir", str(settings.plugins_dir)] if settings.plugins_dir else []
    options += ["--async-dir", str(settings.async_dir)] if settings.async_dir else []
    options += [f"--blocked-word={word}" for word in settings.blocked_words]
    # -P: a file of the project must not shadow a module of the same name.
    return ["-P", "-m", "bedrock_flask", "emulate", *options]


def _make_environ(settings: EmulatorSettings) -> dict[str, str]:
    """The environment without another emulator's settings: the project's .env file, the shell's secrets."""
    kept = {name: value for name, value in os.environ.items() if name != EMULATOR_SECRETS}
    # Others can see a command's arguments, but not its environment.
    secrets = {EMULATOR_SECRETS: " ".join(settings.secrets)} if settings.secrets else {}
    return kept | {ENV_FILE: ""} | secrets


def _await_ready(process: "subprocess.Popen[bytes]", log: int) -> EmulatedBedrock:
    for _ in range(round(_START_SECONDS / _POLL_SECONDS)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
            raise EmulatorNotStarted(f"the emulator did not start (exit code {process.returncode}): {_read_log(log)}")
        if ready := _READY.search(_read_log(log)):
            return EmulatedBedrock(ready[1], ready[2])
    raise EmulatorNotStarted(f"the emulator was not ready after {_START_SECONDS:.0f} s: {_read_log(log)}")


def _read_log(log: int) -> str:
    """The end of the output, without moving the position at which it is written."""
    size = os.fstat(log).st_size
    text = os.pread(log, _MAX_SHOWN, max(0, size - _MAX_SHOWN)).decode("utf-8", "replace")
    return text.strip() or "(no output)"
