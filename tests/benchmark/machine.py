"""What was measured, on what: without this a figure says nothing."""

import datetime
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.benchmark.processes import ROOT

_PACKAGES = ("boto3", "gunicorn", "gevent", "flask", "httptools", "orjson")


@dataclass(frozen=True)
class Machine:
    """The machine, the versions, and how busy the machine was before the run."""

    processor: str
    processors: int
    kernel: str
    python: str
    packages: dict[str, str]
    load: float
    date: str
    commit: str


def describe_machine() -> Machine:
    """Describe this machine now."""
    return Machine(
        processor=_find_processor(),
        processors=len(os.sched_getaffinity(0)),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: version(name) for name in _PACKAGES},
        load=round(os.getloadavg()[0], 1),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        commit=_find_commit(),
    )


def _find_processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _find_commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
