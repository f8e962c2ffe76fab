"""The models file is read again when it changes, without a restart; an invalid one leaves the old aliases in force."""

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bedrock_flask.errors import ModelsFileError
from bedrock_flask.models.models_file import Alias, read_models_file
from bedrock_flask.models.registry import Registry

LOG = logging.getLogger("bedrock_flask.gateway")
# Seconds between two looks at the file, and after its last change: an editor may still be writing it.
_INTERVAL, _SETTLED = 0.5, 0.5

Fingerprint = tuple[int, int, int] | None


@dataclass(frozen=True)
class WatchReport:
    """What became of the file in this process.

    read_at   when the aliases in force were read, as an ISO time
    read      how many times it was read since the start
    refused   how many times it was found invalid
    problem   what is wrong with the file as it is now; empty if its aliases are in force
    """

    read_at: str
    read: int = 1
    refused: int = 0
    problem: str = ""


class ModelsFileWatch:
    """Looks at the file while requests are served, at most twice a second.

    It was read when the process started; `seen` is what it was just before that.
    """

    def __init__(self, path: str, registry: Registry, seen: Fingerprint) -> None:
        self._path, self._registry, self._seen = path, registry, seen
        self._due = time.monotonic() + _INTERVAL
        self._lock = threading.Lock()
        self.report = WatchReport(_format_now())

    def read_changed(self) -> Mapping[str, Alias] | None:
        """The aliases of the file if it has changed since the last look and is valid; else None."""
        if time.monotonic() < self._due or not self._lock.acquire(blocking=False):
            return None
        try:
            self._due = time.monotonic() + _INTERVAL
            found = find_fingerprint(self._path)
            if found == self._seen or (found is not None and time.time() - found[0] / 1e9 < _SETTLED):
                return None
            self._seen = found
            return self._read()
        finally:
            self._lock.release()

    def _read(self) -> Mapping[str, Alias] | None:
        before = self.report
        try:
            aliases = read_models_file(self._path, self._registry)
        except ModelsFileError as error:
            self.report = WatchReport(before.read_at, before.read, before.refused + 1, error.detail)
            LOG.error("%s; the aliases that were read at %s stay in force", error.detail, before.read_at)
            return None
        self.report = WatchReport(_format_now(), before.read + 1, before.refused)
        LOG.info("the models file %s was read again: %d aliases", self._path, len(aliases))
        return aliases


def find_fingerprint(path: str) -> Fingerprint:
    """What changes with the file: its time, its size and its identity; None if it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _format_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
