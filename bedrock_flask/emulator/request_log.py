"""The request log: what arrived and how it ended, in memory and, if wanted, in a file, for tests to read."""

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

from bedrock_flask.errors import StartupError

MOST = 1000
MOST_BODY = 64 * 1024

# A signature proves possession of a secret, and a bearer token is one.
_SECRETS = (
    (re.compile(r"(Signature=)[^,\s]+"), r"\1***"),
    (re.compile(r"^(Bearer\s+).+$", re.IGNORECASE), r"\1***"),
)
_SECRET_HEADERS = frozenset({"x-amz-security-token", "x-api-key", "cookie"})


# What the line about the end of a call in the file tells, beside the time.
_OF_THE_END = ("request_id", "operation", "model", "fault", "status", "ended", "seconds")

Write = Callable[[dict[str, Any]], None]


def _nowhere(line: dict[str, Any]) -> None:
    pass


def into(path: Path) -> Write:
    """A function that adds JSON lines to a file, which StartupError says cannot be written."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartupError(f"the log {path} cannot be written: {error.strerror}") from None

    def write(line: dict[str, Any]) -> None:
        # At once and in one piece, so that a reader sees calls that are under way, and no half lines.
        os.write(file, json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    return write


class Journal:
    """The last calls, oldest first. `write` gets two lines for each: when it has arrived and when it has ended."""

    def __init__(self, write: Write = _nowhere) -> None:
        self._lock, self._write = threading.Lock(), write
        self._entries: deque[dict[str, Any]] = deque(maxlen=MOST)

    def begin(
        self, operation: str, model: str, request_id: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> Any:
        """Write down a call; the function that is given back writes down how it ended, once."""
        began = time.monotonic()
        entry: dict[str, Any] = {
            "at": _now(),
            "request_id": request_id,
            "operation": operation,
            "model": model,
            "headers": {name.lower(): _without_secret(name, value) for name, value in headers},
            "body": body[:MOST_BODY].decode("utf-8", "replace"),
            "bytes": len(body),
            "fault": None,
            "status": None,
            "ended": None,
            "seconds": None,
        }
        with self._lock:
            self._entries.append(entry)
            self._write({"event": "arrived", **{name: told for name, told in entry.items() if told is not None}})

        def note(**told: Any) -> None:
            with self._lock:
                entry.update(told)
                if "ended" in told:
                    entry["seconds"] = round(time.monotonic() - began, 4)
                    self._write({"event": "ended", "at": _now(), **{name: entry[name] for name in _OF_THE_END}})

        return note

    def listed(self) -> list[dict[str, Any]]:
        """The entries; `ended` is null as long as the answer is under way."""
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()


Note = Callable[..., None]


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _without_secret(name: str, value: str) -> str:
    if name.lower() in _SECRET_HEADERS:
        return "***"
    if name.lower() == "authorization":
        for pattern, put in _SECRETS:
            value = pattern.sub(put, value)
    return value
