"""The process that starts and stops the workers: what it needs to start, and by which clock it waits."""

import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn import arbiter

from bedrock_flask.errors import StartupError
from bedrock_flask.server.memory import MASTER, MIB, WORKER, check_memory, find_memory_limit
from bedrock_flask.server.steady_clock import use_steady_clock
from bedrock_flask.server.workers.graceful_stop import STATE, GracefulStop
from bedrock_flask.server.workers.pace import Limits
from bedrock_flask.server.workers.reloads import Reloads
from bedrock_flask.transport.shutdown import Shutdown


def test_a_container_that_is_too_small_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{64 * MIB}\n")
    with pytest.raises(StartupError, match="64 MiB") as refused:
        check_memory(1, [tmp_path / "absent", tmp_path / "memory.max"])
    assert "\n" not in str(refused.value)
    with pytest.raises(StartupError, match="2 workers"):
        check_memory(2, [tmp_path / "memory.max"])


@pytest.mark.parametrize("text", [str(MASTER + WORKER), "max", "9223372036854771712"])
def test_a_container_that_is_large_enough_is_accepted(tmp_path: Path, text: str) -> None:
    (tmp_path / "memory.max").write_text(text)
    check_memory(1, [tmp_path / "memory.max"])


def test_a_machine_without_such_files_has_no_limit(tmp_path: Path) -> None:
    assert find_memory_limit([tmp_path / "memory.max"]) is None


class Master:
    """As much of gunicorn's master as its `stop` needs, with one worker that ends after some looks at it."""

    reexec_pid = master_pid = dirty_arbiter_pid = 0
    LISTENERS: tuple[()] = ()
    systemd = False
    SIG_QUEUE = SimpleNamespace(get_nowait=lambda: None)
    cfg = SimpleNamespace(graceful_timeout=60, reuse_port=False)

    def __init__(self) -> None:
        self.WORKERS, self.looks, self.killed = {1: None}, 0, False

    def kill_workers(self, sig: int) -> None:
        self.killed = self.killed or (sig == signal.SIGKILL and bool(self.WORKERS))

    def reap_workers(self) -> None:
        self.looks += 1
        if self.looks == 3:
            self.WORKERS.clear()

    def reap_dirty_arbiter(self) -> None:
        pass


def test_a_wall_clock_that_jumps_cuts_no_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbiter, "time", arbiter.time)
    use_steady_clock()
    began = time.time()
    jumping = iter(range(0, 10**9, 7200))
    monkeypatch.setattr(time, "time", lambda: began + next(jumping))
    master: Any = Master()
    arbiter.Arbiter.stop(master)
    assert not master.killed


def test_a_worker_knows_that_another_has_taken_its_place() -> None:
    reloads = Reloads()
    before = reloads.count
    reloads.advance()
    assert reloads.count == before + 1


@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_worker_that_is_replaced_stays_ready_and_stops_accepting_at_once(is_replaced: bool) -> None:
    shutdown = Shutdown()
    worker = SimpleNamespace(
        wsgi=SimpleNamespace(extensions={STATE: SimpleNamespace(shutdown=shutdown)}),
        cfg=SimpleNamespace(set=lambda *_: None),
        bridge=SimpleNamespace(refuse_new_calls=lambda: None),
        is_replaced=lambda: is_replaced,
        alive=True,
    )
    stop = GracefulStop(worker, Limits(delay=30.0))
    stop.begin()
    stop.advance()
    assert shutdown.begun is not is_replaced
    assert worker.alive is not is_replaced
