"""Origins of web pages, `scheme://host[:port]`, written exactly as browsers send them."""

import re
from collections.abc import Iterable

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?"
)
# Browsers omit a scheme's default port.
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def parse_origins(origins: Iterable[str]) -> tuple[str, ...]:
    """The origins without duplicates. Raises ValueError for the first one that a browser would not send."""
    unique = tuple(dict.fromkeys(origins))
    for origin in unique:
        if fault := _find_fault(origin):
            raise ValueError(f"{origin[:200]!r} is not an exact origin: {fault}")
    return unique


def _find_fault(origin: str) -> str:
    if "*" in origin:
        return "wildcards are not supported: list each origin"
    if origin != origin.lower():
        return "browsers send it in lower case"
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:
        return "it must be scheme://host or scheme://host:port, without a path or a trailing slash"
    if parts["port"] and int(parts["port"]) > 65535:
        return "the port is out of range"
    if parts["port"] and parts["port"] == _DEFAULT_PORTS.get(parts["scheme"]):
        return f"browsers omit {parts['scheme']}'s default port"
    return ""
