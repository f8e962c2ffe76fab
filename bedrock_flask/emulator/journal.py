"""The request log: what arrived and how it ended, in memory, for tests to read."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

MOST = 1000
MOST_BODY = 64 * 1024

# A signature proves possession of a secret, and a bearer token is one.
_SECRETS = (
    (re.compile(r"(Signature=)[^,\s]+"), r"\1***"),
    (re.compile(r"^(Bearer\s+).+$", re.IGNORECASE), r"\1***"),
)
_SECRET_HEADERS = frozenset({"x-amz-security-token", "x-api-key", "cookie"})


class Journal:
    """The last calls, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=MOST)

    def begin(
        self, operation: str, model: str, request_id: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> Any:
        """Write down a call; the function that is given back writes down how it ended, once."""
        began = time.monotonic()
        entry: dict[str, Any] = {
            "at": datetime.now(UTC).isoformat(),
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

        def note(**told: Any) -> None:
            with self._lock:
                entry.update(told)
                if "ended" in told:
                    entry["seconds"] = round(time.monotonic() - began, 4)

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


def _without_secret(name: str, value: str) -> str:
    if name.lower() in _SECRET_HEADERS:
        return "***"
    if name.lower() == "authorization":
        for pattern, put in _SECRETS:
            value = pattern.sub(put, value)
    return value
