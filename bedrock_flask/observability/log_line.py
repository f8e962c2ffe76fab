"""The log line of a request, written at once where the gateway's own logging is in place.

`logging` builds a record of twenty members for each line, of which five are written. Its result and this one's are the
same JSON.
"""

import functools
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import orjson


class LineHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """The handler of the gateway's own logging: a stream to which whole lines can also be written directly."""

    def write_line(self, line: str) -> None:
        """Write a line in one piece. Raises OSError and ValueError for a stream that cannot be written."""
        self.acquire()
        try:
            self.stream.write(f"{line}\n")
            self.stream.flush()
        finally:
            self.release()


def log_fields(logger: logging.Logger, message: str, fields: Mapping[str, Any]) -> None:
    """Log a message with these fields at level INFO, also where a host has configured `logging`."""
    if not logger.isEnabledFor(logging.INFO):
        return
    handler = _find_own_handler(logger)
    if handler is not None:
        try:
            handler.write_line(format_line(time.time(), "INFO", logger.name, message, fields))
            return
        except (OSError, ValueError):
            # A broken stream is for `logging` to report.
            pass
    logger.info(message, extra=fields)


def format_line(created: float, level: str, logger: str, message: str, fields: Mapping[str, Any]) -> str:
    """The line as `logs.make_config` has python-json-logger write it."""
    document = {"time": _format_time(created), "level": level, "logger": logger, "message": message, **fields}
    try:
        line = orjson.dumps(document)
    except TypeError:
        return json.dumps(document)
    # A reader that splits lines by the rules of Unicode would split one that holds U+2028.
    return line.decode("ascii") if line.isascii() else json.dumps(document)


def _find_own_handler(logger: logging.Logger) -> LineHandler | None:
    """The handler that alone receives what is logged here, if it is the gateway's own and nothing filters."""
    found: list[logging.Handler] = []
    at: logging.Logger | None = logger
    while at is not None:
        found += at.handlers
        at = at.parent if at.propagate else None
    if len(found) != 1 or logger.filters:
        return None
    [handler] = found
    is_own = isinstance(handler, LineHandler) and not handler.filters and handler.level <= logging.INFO
    return handler if is_own else None  # type: ignore[return-value]


def _format_time(created: float) -> str:
    return f"{_format_second(int(created))},{int(created % 1 * 1000):03d}"


@functools.lru_cache(maxsize=2)
def _format_second(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
