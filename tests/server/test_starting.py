"""A worker that gets a stop signal while it starts stops too."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from bedrock_flask.server.workers import gthread
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


HELD_BACK = """
import os, signal
from types import SimpleNamespace
from bedrock_flask import gunicorn_conf


def list_blocked():
    return signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


ours = SimpleNamespace()
gunicorn_conf.pre_fork(None, ours)
worker = os.fork()
if not worker:
    os.kill(os.getpid(), signal.SIGTERM)
    print(len(list_blocked()), flush=True)
    # The worker ends here by the signal, with the status of its handler.
    gunicorn_conf.post_fork(None, ours)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]), len(list_blocked()))
"""


def test_a_stop_right_after_the_fork_is_held_back_until_it_can_be_followed() -> None:
    done = subprocess.run([sys.executable, "-c", HELD_BACK], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n0 0\n"


def test_a_stop_while_threads_start_leaves_none_of_them_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **more: Any) -> Any:
            if len(self._threads) == 2:
                raise SystemExit
            return super().submit(*arguments, **more)

    pool, barriers, make_barrier = Stopped(3), list[threading.Barrier](), threading.Barrier

    def keep(number: int) -> threading.Barrier:
        barriers.append(make_barrier(number))
        return barriers[0]

    monkeypatch.setattr(threading, "Barrier", keep)
    monkeypatch.setattr(ThreadWorker, "get_thread_pool", lambda self: pool)
    worker: Any = object.__new__(gthread.Worker)
    worker.cfg = SimpleNamespace(threads=3)
    with pytest.raises(SystemExit):
        worker.get_thread_pool()
    try:
        assert barriers[0].broken
    finally:
        barriers[0].abort()
        pool.shutdown()
