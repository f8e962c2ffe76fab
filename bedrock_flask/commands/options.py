"""Values of the command line: durations, tags, and times as they are shown."""

import re
from collections.abc import Iterable

from bedrock_flask.errors import StartupError
from bedrock_flask.governance.times import write_second

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> int:
    """The seconds of a duration such as `90d`, `12h`, `30m` or `0s`."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if not found:
        raise StartupError(f"'{text[:50]}' is not a time such as 90d, 12h, 30m or 10s")
    return int(found[1]) * _SECONDS[found[2]]


def parse_tags(pairs: Iterable[str]) -> dict[str, str]:
    """The tags of `name=value` pairs."""
    tags: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise StartupError(f"'{pair[:100]}' is not a tag: NAME=VALUE")
        tags[name] = value
    return tags


def format_time(milliseconds: int | None) -> str:
    """A time as UTC in seconds, and a hyphen for none."""
    if milliseconds is None:
        return "-"
    return write_second(milliseconds)
