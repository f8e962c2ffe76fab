"""The models file is read again when it changes, in every worker; a bad one leaves the old one in force, loudly."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from bedrock_flask.config.last_valid_text import LastValidText
from bedrock_flask.models import models_file_watch
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.models_file import read_text
from bedrock_flask.models.models_file_watch import ModelsFileWatch
from tests.doubles import Gateway, StartGateway

KEY = {"authorization": "Bearer s3cret"}
PATIENCE = 20.0


def write(path: Path, text: str) -> None:
    """Replace the file as an editor does; its time is one at which it is certainly not being written any more."""
    new = path.with_suffix(".new")
    new.write_text(text)
    settled = time.time() - 5
    os.utime(new, (settled, settled))
    new.replace(path)


def await_that(holds: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write(tmp_path / "models.toml", '[models.fast]\nid = "amazon.nova-lite-v1:0"\n')
    return tmp_path / "models.toml"


@pytest.fixture(params=["gevent", "gthread"])
def start(request: pytest.FixtureRequest, start_gateway: StartGateway, file: Path) -> Callable[[int], Gateway]:
    """A function that starts a gateway with the file and that many workers."""
    return lambda workers: start_gateway(
        BEDROCK_FLASK_MODELS_FILE=str(file),
        BEDROCK_FLASK_API_KEYS="alice:s3cret",
        BEDROCK_FLASK_WORKERS=str(workers),
        BEDROCK_FLASK_WORKER=request.param,
    )


@pytest.fixture
def watching(start: Callable[[int], Gateway]) -> Gateway:
    """A gateway that has the file; a second worker could still be about to read it first."""
    return start(1)


def list_ids(gateway: Gateway, name: str) -> set[str]:
    """The ids by which a name is called, in as many answers as reach both workers."""
    answers = [gateway.get(f"/v1/models/{name}", headers=KEY).json() for _ in range(12)]
    return {each.get("model", "") for each in answers}


def test_a_change_is_in_force_in_every_worker_without_a_restart(start: Callable[[int], Gateway], file: Path) -> None:
    watching = start(2)
    assert list_ids(watching, "fast") == {"amazon.nova-lite-v1:0"}
    write(file, '[models.fast]\nid = "amazon.nova-pro-v1:0"\n[models.new]\nid = "amazon.nova-lite-v1:0"\n')
    await_that(lambda: list_ids(watching, "fast") == {"amazon.nova-pro-v1:0"})
    assert list_ids(watching, "new") == {"amazon.nova-lite-v1:0"}
    assert "/v1/models/new/invoke" in watching.get("/openapi.json", headers=KEY).json()["paths"]


def test_a_bad_file_leaves_the_old_one_in_force_loudly(watching: Gateway, file: Path) -> None:
    write(file, "[models.fast\n")
    reports = await_that(lambda: _find_reports(watching, "degraded"))
    assert "cannot be read" in reports["models_file"]["problem"]
    assert reports["models_file"]["refused"] == 1
    assert list_ids(watching, "fast") == {"amazon.nova-lite-v1:0"}
    assert watching.get("/readyz").json() == {"status": "ok"}
    hidden = await_that(lambda: _find_reports(watching, "degraded", headers={}))
    assert hidden["models_file"]["problem"] is True
    [line, *_] = [each for each in watching.lines() if each["level"] == "ERROR"]
    assert "stay in force" in line["message"]
    write(file, '[models.fast]\nid = "amazon.nova-pro-v1:0"\n')
    await_that(lambda: list_ids(watching, "fast") == {"amazon.nova-pro-v1:0"})


BAD = {
    "deep arrays": "x = " + "[" * 10_000,
    "an integer of many digits": "x = " + "1" * 10_000,
    "a name that leads to itself": '[models.fast]\nid = "fast"\n',
    "successors that lead to each other": (
        '[models.a]\nid = "amazon.nova-lite-v1:0"\nsuccessor = "b"\n'
        '[models.b]\nid = "amazon.nova-lite-v1:0"\nsuccessor = "a"\n'
    ),
    "no table": "models = [1]\n",
    "entries that are no tables": "models = {fast = 5}\n",
}


@pytest.mark.parametrize("name", BAD)
def test_whatever_is_in_a_bad_file_the_requests_go_on(file: Path, name: str) -> None:
    watch = ModelsFileWatch(str(file), load_registry())
    write(file, BAD[name])
    assert await_that(lambda: watch.read_changed() or watch.report.refused) == 1
    assert "models file" in watch.report.problem


@pytest.mark.parametrize("text", ["", "# The models follow.\n", "[models]\n"])
def test_a_file_that_has_lost_all_its_models_leaves_the_old_ones_in_force(file: Path, text: str) -> None:
    watch = ModelsFileWatch(str(file), load_registry())
    write(file, text)
    assert await_that(lambda: watch.read_changed() or watch.report.refused) == 1
    assert "has no models any more" in watch.report.problem
    assert list(watch.aliases) == ["fast"]
    write(file, '[models.slow]\nid = "amazon.nova-pro-v1:0"\n')
    assert list(await_that(watch.read_changed)) == ["slow"]
    write(file, text)
    assert await_that(lambda: watch.read_changed() or watch.report.refused == 2) is True
    assert list(watch.aliases) == ["slow"]


def test_a_file_that_never_had_a_model_may_stay_without(file: Path) -> None:
    write(file, "")
    watch = ModelsFileWatch(str(file), load_registry())
    write(file, "# None.\n")
    assert await_that(lambda: watch.read_changed() is not None)
    assert (watch.report.refused, watch.report.problem) == (0, "")


def test_a_worker_that_starts_while_the_file_is_empty_has_the_models_of_the_others(file: Path) -> None:
    shared = LastValidText()
    shared.share()
    ModelsFileWatch(str(file), load_registry(), shared)
    write(file, "")
    watch = ModelsFileWatch(str(file), load_registry(), shared)
    assert (list(watch.aliases), watch.report.refused) == (["fast"], 1)


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to(path), lambda path: path.mkdir()], ids=["loop", "folder"]
)
def test_what_is_not_a_file_any_more_is_a_bad_one(file: Path, make: Callable[[Path], None]) -> None:
    watch = ModelsFileWatch(str(file), load_registry())
    file.unlink()
    make(file)
    assert await_that(lambda: watch.read_changed() or watch.report.refused) == 1


def test_a_file_that_is_not_utf_8_is_a_bad_one(file: Path) -> None:
    watch = ModelsFileWatch(str(file), load_registry())
    file.write_bytes(b'[models.fast]\nid = "\xff"\n')
    os.utime(file, (1, 1))
    assert await_that(lambda: watch.read_changed() or watch.report.refused) == 1


def test_a_file_that_is_gone_is_a_bad_one(watching: Gateway, file: Path) -> None:
    file.unlink()
    await_that(lambda: _find_reports(watching, "degraded"))
    assert list_ids(watching, "fast") == {"amazon.nova-lite-v1:0"}


def _find_reports(gateway: Gateway, status: str, headers: dict[str, str] = KEY) -> Any:
    report = gateway.get("/readyz?verbose", headers=headers).json()
    return report if report["status"] == status else None


def test_a_worker_that_starts_while_the_file_is_bad_has_the_aliases_of_the_others(
    watching: Gateway, file: Path
) -> None:
    write(file, '[models.fast]\nid = "amazon.nova-pro-v1:0"\n')
    await_that(lambda: list_ids(watching, "fast") == {"amazon.nova-pro-v1:0"})
    write(file, "[models.fast\n")
    [worker] = watching.list_workers()
    os.kill(worker, signal.SIGKILL)
    await_that(lambda: [each for each in watching.list_workers() if each != worker])
    await_that(lambda: is_ready(watching))
    reports = await_that(lambda: _find_reports(watching, "degraded"))
    assert (reports["models_file"]["read"], reports["models_file"]["refused"]) == (0, 1)
    assert list_ids(watching, "fast") == {"amazon.nova-pro-v1:0"}
    write(file, '[models.fast]\nid = "amazon.nova-lite-v1:0"\n')
    await_that(lambda: list_ids(watching, "fast") == {"amazon.nova-lite-v1:0"})


def is_ready(gateway: Gateway) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return gateway.get("/readyz").ok
    return False


def test_a_change_between_the_reading_and_the_first_look_is_seen(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_and_change(path: str) -> str:
        text = read_text(path)
        monkeypatch.undo()
        write(file, '[models.fast]\nid = "amazon.nova-pro-v1:0"\n')
        return text

    monkeypatch.setattr(models_file_watch, "read_text", read_and_change)
    watch = ModelsFileWatch(str(file), load_registry())
    assert watch.aliases["fast"].id == "amazon.nova-lite-v1:0"
    aliases = await_that(watch.read_changed)
    assert aliases["fast"].id == "amazon.nova-pro-v1:0"


def test_a_text_that_is_half_written_or_too_long_is_not_taken_for_valid() -> None:
    shared = LastValidText()
    shared.keep("before anybody shares it")
    assert shared.find() == ""
    shared.share()
    assert shared.find() == ""
    for text in ("a text", "", "short", "x" * 3_000_000):
        shared.keep(text)
        assert shared.find() == text
    shared._shared[20] ^= 1  # type: ignore[index]
    assert shared.find() == ""
    shared.keep("x" * 5_000_000)
    assert shared.find() == ""


def test_a_file_that_has_just_changed_is_read_later(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_file_watch, "_INTERVAL", 0.0)
    monkeypatch.setattr(models_file_watch, "_SETTLED", 3600.0)
    watch = ModelsFileWatch(str(file), load_registry())
    os.utime(file)
    assert watch.read_changed() is None
    # Long ago, or by another clock.
    for seconds in (-7200, 7200):
        os.utime(file, (time.time() + seconds,) * 2)
        assert watch.read_changed() is not None
        assert watch.read_changed() is None
