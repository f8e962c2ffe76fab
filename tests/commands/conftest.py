"""`run_command` runs the command line in this process, because a new one takes a second to import it."""

import contextlib
import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from bedrock_flask.__main__ import main

Completed = subprocess.CompletedProcess[str]


def run_in_process(environ: dict[str, str], *arguments: str) -> Completed:
    """The outcome of a command in that environment."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.dict(os.environ, environ, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(args=list(arguments))
        except SystemExit as end:
            code = end.code or 0
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Completed]:
    """`run_command(environ, "config", "--json")`, in that environment and the folder `cwd`, restored afterwards."""

    def run(environ: dict[str, str], *arguments: str, cwd: Path | None = None) -> Completed:
        if cwd is not None:
            monkeypatch.chdir(cwd)
        return run_in_process(environ, *arguments)

    return run
