"""API keys: kept as digests, compared in constant time."""

import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LOG = logging.getLogger("bedrock_flask.keys")
STRONG = 16


@dataclass(frozen=True)
class Keys:
    """The digest of each key's secret, by the key's name; the secrets themselves are not kept."""

    digests: Mapping[str, bytes] = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.digests)

    def owner(self, secret: str) -> str | None:
        """The name of the key with this secret, after the same work for every key; None where there is none."""
        presented = _digest(secret)
        owner = None
        for name, digest in self.digests.items():
            if hmac.compare_digest(presented, digest):
                owner = name
        return owner


def parse(pairs: Iterable[str]) -> Keys:
    """Keys from `name:secret` pairs; ValueError names what is wrong without repeating a secret."""
    digests: dict[str, bytes] = {}
    for number, pair in enumerate(pairs, 1):
        name, colon, secret = pair.partition(":")
        if not colon or not re.fullmatch(r"[\w.-]{1,64}", name):
            raise ValueError(f"key {number} is no name:secret pair (names are letters, digits, '.', '_', '-')")
        if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
            raise ValueError(f"the secret of key '{name}' must be printable ASCII characters without spaces")
        if len(secret) < STRONG:
            LOG.warning("the secret of key '%s' has fewer than %d characters and may be guessed", name, STRONG)
        if name in digests:
            raise ValueError(f"there are two keys named '{name}'")
        digests[name] = _digest(secret)
    if len(set(digests.values())) != len(digests):
        raise ValueError("two keys have the same secret")
    if not digests:
        raise ValueError("there is no key in it")
    return Keys(digests)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
