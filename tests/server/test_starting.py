"""A worker that gets a stop signal while it starts stops too."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.doubles import GUNICORN, free_port


@pytest.mark.parametrize("after", [0, 0.1, 0.5])
@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_a_stop_is_heard_while_a_worker_starts(plain_environ: dict[str, str], worker: str, after: float) -> None:
    port = free_port()
    environ = plain_environ | {"BEDROCK_FLASK_WORKER": worker, "BEDROCK_FLASK_PORT": str(port)}
    command = [sys.executable, "-m", *GUNICORN]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout
            assert any("Booting worker" in line for line in process.stdout)
            time.sleep(after)
            process.terminate()
            assert process.wait(20) == 0
        finally:
            # The pipe is read to its end, which a worker that still runs would delay.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
