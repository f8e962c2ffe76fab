"""Names that Bedrock takes, for names that it does not: short, readable, and no two alike."""

import re
from collections.abc import Iterable
from hashlib import sha256

_FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_STRANGE = re.compile(r"[^a-zA-Z0-9_-]+")
# An alias is as much of a name as there is room for beside `_` and a hash of all of it.
_HASH = 16
_READABLE = 64 - 1 - _HASH


def aliases(names: Iterable[str], otherwise: str) -> dict[str, str]:
    """An alias for each name that does not fit, by the name; `otherwise` begins one that has no letter to show.

    It depends on the name alone, so that the same tool has the same alias in every turn and a cached prefix stays;
    but it gives way to a name that happens to be the same.
    """
    said = dict.fromkeys(names)
    taken = {name for name in said if _FITS.fullmatch(name)}
    found: dict[str, str] = {}
    for name in said:
        if name not in taken:
            found[name] = next(alias for alias in _candidates(name, otherwise) if alias not in taken)
            taken.add(found[name])
    return found


def _candidates(name: str, otherwise: str) -> Iterable[str]:
    readable = _STRANGE.sub("_", name).strip("_")[:_READABLE] or otherwise
    salt = ""
    while True:
        yield f"{readable}_{sha256((salt + name).encode()).hexdigest()[:_HASH]}"
        salt += "\0"
