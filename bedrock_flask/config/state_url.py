"""The address of the counters of limits: Redis or Valkey for many boxes; without one, each box has its own."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

# Valkey speaks Redis's protocol.
_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}


@dataclass(frozen=True)
class StateURL:
    """Where the counters are; false if none is set. Its text may have a password, so the repr has none of it."""

    text: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.text)

    def describe(self) -> str:
        """The address without user and password."""
        parts = urlsplit(self.text)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if self else ""


def parse_state_url(text: str) -> StateURL:
    """Parse an address. Raises ValueError, whose message never contains it, because it may have a password."""
    scheme, colon, rest = text.partition("://")
    kind = _SCHEMES.get(scheme) if colon else None
    try:
        parts = urlsplit(f"{kind}://{rest}")
        is_valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_valid = False
    if kind is None or not is_valid or parts.query or parts.path.strip("/") not in {"", *map(str, range(100))}:
        raise ValueError("is not redis://HOST:PORT/NUMBER, rediss://… or valkey://…")
    return StateURL(f"{kind}://{rest}")
