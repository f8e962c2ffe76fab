"""Samples what the workers of a server do: the Python of a server that has this folder on its path imports this file.

Each millisecond of processor time the stack of the main thread is noted: the innermost function of the gateway, or the
library that runs while none of the gateway's does. On SIGVTALRM the counts are written to `BENCHMARK_SAMPLES`.

A signal's handler runs when the interpreter is next in Python, so time in the kernel counts where it was entered.
"""

import collections
import json
import os
import pathlib
import signal
from types import FrameType

_INTERVAL = 0.001
_OURS = ("/bedrock_flask/", "/plugins/")
_INSTALLED = "/site-packages/"

counts: collections.Counter[tuple[str, str]] = collections.Counter()


def note(_: int, frame: FrameType | None) -> None:
    """Count the place where the process is."""
    library = ""
    while frame:
        file = frame.f_code.co_filename
        place = next((file.rpartition(part)[2] for part in _OURS if part in file), "")
        if place and _INSTALLED not in file:
            counts[place, frame.f_code.co_name] += 1
            return
        if not library and _INSTALLED in file:
            library = file.rpartition(_INSTALLED)[2].partition("/")[0]
        frame = frame.f_back
    counts[library or "Python", ""] += 1


def write(*_: object) -> None:
    """Write the counts, and begin anew."""
    rows = [[place, function, count] for (place, function), count in counts.most_common()]
    counts.clear()
    target = pathlib.Path(os.environ["BENCHMARK_SAMPLES"])
    unfinished = target.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(rows))
    unfinished.rename(target)


def start() -> None:
    """Sample this process, a worker that was just forked."""
    signal.signal(signal.SIGPROF, note)
    signal.signal(signal.SIGVTALRM, write)
    signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)


os.register_at_fork(after_in_child=start)
