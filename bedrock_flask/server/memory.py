"""The memory that this container may use, and whether it suffices.

A worker that does not fit is killed by the kernel at its first call, and again and again after that, while probes go on
to be answered: a refusal to start is clearer.
"""

from collections.abc import Iterable
from pathlib import Path

from bedrock_flask.errors import StartupError

MIB = 1 << 20
# The memory of the process that starts the workers, and of a worker after its first calls, measured with both
# transports and both workers (`make bench`); a part of each is shared.
MASTER, WORKER = 20 * MIB, 52 * MIB

# As a container sees its own limit: cgroup v2, then v1.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def check_memory(workers: int, files: Iterable[Path] = _LIMITS) -> None:
    """Raise StartupError if that many workers cannot fit into the limit of this container."""
    limit, needed = find_memory_limit(files), MASTER + workers * WORKER
    if limit is not None and limit < needed:
        number = f"{workers} workers" if workers > 1 else "one worker"
        raise StartupError(
            f"{number} cannot run in {limit // MIB} MiB of memory: give the container {needed // MIB} MiB or more, "
            "and what the bodies of concurrent requests need"
        )


def find_memory_limit(files: Iterable[Path] = _LIMITS) -> int | None:
    """The bytes that this container may use; None without a limit."""
    for file in files:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None
