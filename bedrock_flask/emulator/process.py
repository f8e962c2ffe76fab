"""The emulator's process: it starts on a free port, says where, and does not outlive the tests."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bedrock_flask.emulator.client import EmulatedBedrock

# A small language model takes its time to load.
_PATIENCE = 120.0
_LOOK_EVERY = 0.05
_GRACE = 10.0
_MOST_SHOWN = 4000
_SECRETS = "BEDROCK_FLASK_EMULATOR_SECRETS"
_READY = re.compile(r"^bedrock-flask emulator on (http://\S+) \((.*)\)$", re.MULTILINE)


class NotStarted(Exception):
    """The emulator did not start; the text tells what it said."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which emulator: `port` 0 is any free one."""

    engine: str
    plugins_dir: Path | None
    port: int
    async_dir: Path | None = None
    blocked_words: Sequence[str] = ()
    secrets: Sequence[str] = ()

    def command(self) -> list[str]:
        """What starts it. -P: a file of the project must not stand in for a module of the same name."""
        options = ["--port", str(self.port), "--engine", self.engine, "--stop-on-eof"]
        options += ["--plugins-dir", str(self.plugins_dir)] if self.plugins_dir else []
        options += ["--async-dir", str(self.async_dir)] if self.async_dir else []
        options += [f"--blocked-word={word}" for word in self.blocked_words]
        return [sys.executable, "-P", "-m", "bedrock_flask", "emulate", *options]

    def environ(self) -> dict[str, str]:
        """Its environment, without what would be another emulator's: the project's .env file, the shell's secrets."""
        kept = {name: value for name, value in os.environ.items() if name != _SECRETS}
        # Others can see a command's arguments, but not its environment.
        secrets = {_SECRETS: " ".join(self.secrets)} if self.secrets else {}
        return kept | {"BEDROCK_FLASK_ENV_FILE": ""} | secrets


@contextlib.contextmanager
def running(wanted: Wanted) -> Iterator[EmulatedBedrock]:
    """A running emulator. NotStarted if it does not start."""
    with tempfile.TemporaryFile() as log:
        # A session of its own: Ctrl-C reaches pytest only. Its standard input ends with pytest, even if that is killed.
        process = subprocess.Popen(  # noqa: S603 - our own command
            wanted.command(),
            env=wanted.environ(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield _ready(process, log.fileno())
        finally:
            _stop(process)


def _ready(process: "subprocess.Popen[bytes]", log: int) -> EmulatedBedrock:
    for _ in range(round(_PATIENCE / _LOOK_EVERY)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY)
            raise NotStarted(f"the emulator did not start (exit code {process.returncode}): {_said(log)}")
        if ready := _READY.search(_said(log)):
            return EmulatedBedrock(ready[1], ready[2])
    raise NotStarted(f"the emulator was not ready after {_PATIENCE:.0f} s: {_said(log)}")


def _said(log: int) -> str:
    """What it has written, without moving to where it writes next."""
    size = os.fstat(log).st_size
    text = os.pread(log, _MOST_SHOWN, max(0, size - _MOST_SHOWN)).decode("utf-8", "replace")
    return text.strip() or "(it said nothing)"


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdin:
        process.stdin.close()
