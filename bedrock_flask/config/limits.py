"""Limits of static keys, as the settings have them: `NAME:requests=60,tokens=100000; *:calls=5`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

KINDS = REQUESTS, TOKENS, CALLS = "requests", "tokens", "calls"
# The largest limit: counters of shared memory have 32 bits.
MOST = 1_000_000_000
# Each key without limits of its own, and callers where there are no keys.
OTHERS = "*"
_NONE = "none"
_EXAMPLE = "write NAME:requests=60,tokens=100000,calls=5; *:requests=10"


# It is compared by identity, so that principals can be cached by it.
@dataclass(frozen=True, eq=False)
class StaticLimits:
    """The limits of each key by its name, as rows of the database have them; `*` has those of all others."""

    rows: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        return any(self.rows.values())

    def __str__(self) -> str:
        return "; ".join(
            f"{name}:{','.join(f'{kind}={limit}' for kind, limit in row.items()) or _NONE}"
            for name, row in self.rows.items()
        )

    def find(self, name: str) -> Mapping[str, int]:
        """The limits of a key."""
        return self.rows.get(name, self.rows.get(OTHERS, {}))


def parse_static_limits(text: str) -> StaticLimits:
    """Parse the setting. Raises ValueError for the first part that is not a key's limits."""
    rows: dict[str, Mapping[str, int]] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, colon, limits = map(str.strip, part.partition(":"))
        if not name or not colon:
            raise ValueError(f"{part[:100]!r} is not a key's limits: {_EXAMPLE}")
        if name in rows:
            raise ValueError(f"it has two rows for {name[:100]!r}")
        rows[name] = MappingProxyType({} if limits == _NONE else _parse_row(limits))
    return StaticLimits(MappingProxyType(rows))


def _parse_row(text: str) -> dict[str, int]:
    row: dict[str, int] = {}
    for part in text.split(","):
        kind, _, limit = map(str.strip, part.partition("="))
        if kind not in KINDS or kind in row or not re.fullmatch(r"[0-9]{1,10}", limit) or int(limit) > MOST:
            raise ValueError(f"{part[:100]!r} is not a limit up to {MOST:,}: {_EXAMPLE}")
        row[kind] = int(limit)
    return row
