"""The OpenMP runtime that a wheel brings along, as a machine without one gets it."""

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.emulator.engines import openmp, smollm

NAME = "libgomp.so.1"
MISSING = not all(importlib.util.find_spec(package) for package in ("treelite", "xllamacpp"))
needs_wheel = pytest.mark.skipif(
    sys.platform != "linux" or (MISSING and os.environ.get("CI") != "true"),
    reason="there is nothing to bring along here, or the wheel is not installed",
)

# A process of its own, for what is loaded stays loaded. ctypes alone is told that the machine has no such library.
ON_A_BARE_MACHINE = """
import ctypes, json, re, sys
from bedrock_flask.emulator.engines import openmp

def loaded():
    with open("/proc/self/maps") as maps:
        return sorted({line.split()[5] for line in maps if "libgomp" in line})

def bare(name, **options):
    if name == "libgomp.so.1":
        raise OSError(name)
    return load(name, **options)

load, ctypes.CDLL = ctypes.CDLL, bare
seen = [loaded()]
openmp.provide()
seen.append(loaded())
threads = load("libgomp.so.1").omp_get_max_threads()
import xllamacpp
seen.append(loaded())
print(json.dumps({"seen": seen, "threads": threads}))
"""


@needs_wheel
def test_the_loader_takes_the_wheels_library_for_the_one_that_the_engine_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ON_A_BARE_MACHINE], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # Whatever this machine has of its own, the engine came in without it.
    assert told["seen"] == [[], [f"/memfd:{NAME}"], [f"/memfd:{NAME}"]]
    assert told["threads"] >= 1


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no such library, and with no file in memory either."""

    class Library:
        def __init__(self, name: str | None, **options: Any) -> None:
            if name is not None:
                raise OSError(name)

        def memfd_create(self, name: bytes, flags: int) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", Library)


@pytest.mark.usefixtures("bare")
def test_without_the_wheel_it_is_left_to_the_engine_to_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", files)
    openmp.provide()


def test_without_ctypes_it_is_left_to_the_engine_to_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    openmp.provide()


@needs_wheel
@pytest.mark.usefixtures("bare")
def test_where_the_library_cannot_be_loaded_the_model_is_unusable() -> None:
    with pytest.raises(smollm.Unusable, match="cannot be held in memory"):
        smollm._load(Path("model.gguf"))
