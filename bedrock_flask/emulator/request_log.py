"""The request log: what arrived and how it ended, in memory and optionally in a file, for tests to read."""

import json
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bedrock_flask.emulator.settings import EmulatorSettings
from bedrock_flask.errors import StartupError

MAX_ENTRIES = 1000

# A signature proves possession of a secret, and a bearer token is one.
_SECRET_PATTERNS = (
    (re.compile(r"(Signature=)[^,\s]+"), r"\1***"),
    (re.compile(r"^(Bearer\s+).+$", re.IGNORECASE), r"\1***"),
)
_SECRET_HEADERS = frozenset({"x-amz-security-token", "x-api-key", "cookie"})
# The members of the file's line about the end of a call, besides the event and the time.
_END_MEMBERS = ("request_id", "operation", "model", "caller", "fault", "unknown", "status", "ended", "seconds")

WriteLine = Callable[[dict[str, Any]], None]
UpdateEntry = Callable[..., None]


def _discard(line: dict[str, Any]) -> None:
    pass


def open_log(path: Path) -> WriteLine:
    """Open a file for JSON lines, and return the function that appends one. StartupError if it cannot be written."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartupError(f"the log {path} cannot be written: {error.strerror}") from None

    def write(line: dict[str, Any]) -> None:
        # One unbuffered write, so that a reader sees calls in progress and never half a line.
        os.write(file, json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    return write


class RequestLog:
    """The last calls, oldest first. `write` gets two lines for each: when it arrives and when it ends.

    Of a body, the first `body_bytes` are kept.
    """

    def __init__(self, write: WriteLine = _discard, body_bytes: int = EmulatorSettings.log_bodies) -> None:
        self._lock, self._write, self._body_bytes = threading.Lock(), write, body_bytes
        self._entries: deque[dict[str, Any]] = deque(maxlen=MAX_ENTRIES)

    def begin(
        self, operation: str, model: str, request_id: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> UpdateEntry:
        """Add a call, and return the function that updates its entry; with `ended` it records the end of the call."""
        began = time.monotonic()
        entry: dict[str, Any] = {
            "at": _format_now(),
            "request_id": request_id,
            "operation": operation,
            "model": model,
            "caller": None,
            "headers": {name.lower(): _redact(name, value) for name, value in headers},
            "body": body[: self._body_bytes].decode("utf-8", "replace"),
            "bytes": len(body),
            "fault": None,
            "unknown": None,
            "status": None,
            "ended": None,
            "seconds": None,
        }
        with self._lock:
            self._entries.append(entry)
            self._write({"event": "arrived", **{name: value for name, value in entry.items() if value is not None}})

        def update(**members: Any) -> None:
            with self._lock:
                entry.update(members)
                if "ended" in members:
                    entry["seconds"] = round(time.monotonic() - began, 4)
                    end = {name: entry[name] for name in _END_MEMBERS}
                    self._write({"event": "ended", "at": _format_now(), **end})

        return update

    def list_entries(self) -> list[dict[str, Any]]:
        """The entries; `ended` is None while the call is in progress."""
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries.clear()


def _format_now() -> str:
    return datetime.now(UTC).isoformat()


def _redact(name: str, value: str) -> str:
    if name.lower() in _SECRET_HEADERS:
        return "***"
    if name.lower() == "authorization":
        for pattern, replacement in _SECRET_PATTERNS:
            value = pattern.sub(replacement, value)
    return value
