"""Times as RFC 3339 writes them, and as the database has them: milliseconds since 1970 in UTC."""

import re
from datetime import UTC, datetime

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")


def write_time(milliseconds: int | None) -> str | None:
    """A time such as `2027-01-31T12:00:00.000Z`; None for none."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def write_second(milliseconds: int) -> str:
    """The second of a time: `2027-01-31T12:00:00Z`."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def write_day(milliseconds: int) -> str:
    """The day of a time: `2027-01-31`."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"


def parse_time(text: str) -> int:
    """The milliseconds of a time. Raises ValueError."""
    try:
        if _FORM.fullmatch(text):
            return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"'{text[:50]}' is not a time such as 2027-01-31T12:00:00Z")
