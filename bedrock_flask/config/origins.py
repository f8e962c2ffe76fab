"""Origins of web pages: `scheme://host[:port]`, each written exactly as a browser sends it."""

import re
from collections.abc import Iterable

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?"
)
# A browser leaves a scheme's own port out.
_OWN = {"http": "80", "https": "443"}


def parse_origins(origins: Iterable[str]) -> tuple[str, ...]:
    """The origins, each once; ValueError says what is wrong with the first that no browser would send."""
    found = tuple(dict.fromkeys(origins))
    for origin in found:
        if fault := _fault(origin):
            raise ValueError(f"{origin[:200]!r} is no exact origin: {fault}")
    return found


def _fault(origin: str) -> str:
    if "*" in origin:
        return "there are no wildcards, name each origin"
    if origin != origin.lower():
        return "browsers send it in lower case"
    told = _ORIGIN.fullmatch(origin)
    if told is None:
        return "it is scheme://host or scheme://host:port, without a path and without a slash at its end"
    if told["port"] and int(told["port"]) > 65535:
        return "there is no such port"
    if told["port"] and told["port"] == _OWN.get(told["scheme"]):
        return f"browsers leave {told['scheme']}'s own port out"
    return ""
