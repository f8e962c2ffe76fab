"""API keys: kept as digests and compared in constant time. With a signing secret, each key is an AWS key pair too."""

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bedrock_flask.config.server_secret import ServerSecret

LOG = logging.getLogger("bedrock_flask.keys")
MIN_SECRET_LENGTH = 16


@dataclass(frozen=True)
class Keys:
    """The digest of each key's secret by the key's name; the secrets themselves are not kept."""

    digests: Mapping[str, bytes] = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.digests)

    def find_owner(self, secret: str) -> str | None:
        """The name of the key with this secret, or None. Takes the same time for every key."""
        presented = _digest(secret)
        owner = None
        for name, digest in self.digests.items():
            if hmac.compare_digest(presented, digest):
                owner = name
        return owner

    def find_key(self, key_id: str) -> str | None:
        """The name of the key with this AWS access key id, or None. Takes the same time for every key."""
        found = None
        for name in self.digests:
            if hmac.compare_digest(_encode(name), _encode(key_id)):
                found = name
        return found

    def derive_aws_secret(self, name: str, signing: ServerSecret) -> str:
        """The AWS secret access key of a key, which changes with the signing secret and with the key's own secret."""
        text = b"\0".join((b"aws-key", name.encode(), self.digests[name]))
        digest = hmac.digest(signing.text.encode(), text, "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def parse_keys(pairs: Iterable[str]) -> Keys:
    """Parse `name:secret` pairs. Raises ValueError, whose message never contains a secret."""
    digests: dict[str, bytes] = {}
    for number, pair in enumerate(pairs, 1):
        name, colon, secret = pair.partition(":")
        if not colon or not re.fullmatch(r"[\w.-]{1,64}", name):
            raise ValueError(f"key {number} is not a name:secret pair (names have letters, digits, '.', '_' and '-')")
        if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
            raise ValueError(f"the secret of key '{name}' must be printable ASCII characters without spaces")
        if len(secret) < MIN_SECRET_LENGTH:
            LOG.warning(
                "the secret of key '%s' has fewer than %d characters and can be guessed", name, MIN_SECRET_LENGTH
            )
        if name in digests:
            raise ValueError(f"there are two keys named '{name}'")
        digests[name] = _digest(secret)
    if len(set(digests.values())) != len(digests):
        raise ValueError("two keys have the same secret")
    if not digests:
        raise ValueError("it contains no keys")
    return Keys(digests)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(_encode(secret)).digest()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
