"""The processor time of a process and of its children, by Linux's clocks of processes, which count nanoseconds.

What a child used that has ended is not counted: the servers that are measured keep theirs.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

IS_SUPPORTED = sys.platform == "linux"

# The kernel's CPUCLOCK_SCHED: include/linux/posix-timers.h.
_SCHEDULED = 2


def measure_tree(process: int) -> float:
    """Seconds of processor time, in user mode and in the kernel, that a process and its children have used."""
    return sum(time.clock_gettime((~each << 3) | _SCHEDULED) for each in find_tree(process))


def find_tree(process: int) -> Iterator[int]:
    """The ids of a process and of its children, and of theirs."""
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        # A thread may end meanwhile.
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                yield from find_tree(int(child))
