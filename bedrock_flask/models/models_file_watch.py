"""The models file is read again when it changes, without a restart; an invalid one leaves the old aliases in force."""

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bedrock_flask.config.last_valid_text import MODELS_FILE, LastValidText
from bedrock_flask.errors import ModelsFileError
from bedrock_flask.models.models_file import Alias, parse_models_file, read_text
from bedrock_flask.models.registry import Registry

LOG = logging.getLogger("bedrock_flask.gateway")
# Seconds between two looks at the file, and after its last change: an editor may still be writing it.
_INTERVAL, _SETTLED = 0.5, 0.5

Fingerprint = tuple[int, int, int] | None


@dataclass(frozen=True)
class WatchReport:
    """What became of the file in this process.

    read_at   when the aliases in force were read, as an ISO time
    read      how many times it was read and found valid since the start
    refused   how many times it was found invalid
    problem   what is wrong with the file as it is now; empty if its aliases are in force
    """

    read_at: str
    read: int = 1
    refused: int = 0
    problem: str = ""


class ModelsFileWatch:
    """Reads the file, and looks at it while requests are served, at most twice a second.

    `aliases` are those that are in force. Where the file is invalid at the start, other workers may have some:
    ModelsFileError if there are none.
    """

    def __init__(self, path: str, registry: Registry, last_valid: LastValidText = MODELS_FILE) -> None:
        self._path, self._registry, self._last_valid = path, registry, last_valid
        # Found before the file is read: a change in between is seen by the first look.
        self._seen = _find_fingerprint(path)
        self._due = time.monotonic() + _INTERVAL
        self._lock = threading.Lock()
        self.report = WatchReport(_format_now())
        self.aliases = self._read_first()

    def read_changed(self) -> Mapping[str, Alias] | None:
        """The aliases of the file if it has changed since the last look and is valid; else None."""
        if time.monotonic() < self._due or not self._lock.acquire(blocking=False):
            return None
        try:
            self._due = time.monotonic() + _INTERVAL
            found = _find_fingerprint(self._path)
            # A time that is yet to come is that of another clock, and says nothing.
            if found == self._seen or (found is not None and abs(time.time() - found[0] / 1e9) < _SETTLED):
                return None
            self._seen = found
            return self._read_again()
        finally:
            self._lock.release()

    def _read_first(self) -> Mapping[str, Alias]:
        text = self._last_valid.find()
        last = parse_models_file(text, self._path, self._registry) if text else {}
        try:
            return self._read_valid(last)
        except ModelsFileError as error:
            if not text:
                raise
            self.report = WatchReport(self.report.read_at, 0, 1, error.detail)
            LOG.error("%s; the aliases that were valid last are in force", error.detail)
            return last

    def _read_again(self) -> Mapping[str, Alias] | None:
        before = self.report
        try:
            aliases = self._read_valid(self.aliases)
        except ModelsFileError as error:
            self.report = WatchReport(before.read_at, before.read, before.refused + 1, error.detail)
            LOG.error("%s; the aliases that were read at %s stay in force", error.detail, before.read_at)
            return None
        self.report = WatchReport(_format_now(), before.read + 1, before.refused)
        self.aliases = aliases
        LOG.info("the models file %s was read again: %d aliases", self._path, len(aliases))
        return aliases

    def _read_valid(self, in_force: Mapping[str, Alias]) -> Mapping[str, Alias]:
        """The aliases of the file. ModelsFileError if it is invalid, or has none where some are in force.

        A file that is being written, or a volume that is not mounted any more, looks like one without models.
        """
        text = read_text(self._path)
        aliases = parse_models_file(text, self._path, self._registry)
        if in_force and not aliases:
            raise ModelsFileError(
                f"the models file {self._path} has no models any more, which only a restart brings into force"
            )
        self._last_valid.keep(text)
        return aliases


def _find_fingerprint(path: str) -> Fingerprint:
    """What changes with the file: its time, its size and its identity; None if it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _format_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
