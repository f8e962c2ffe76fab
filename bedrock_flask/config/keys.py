"""API keys: kept as digests, compared in constant time; each is an AWS key pair too where there is a signing secret."""

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LOG = logging.getLogger("bedrock_flask.keys")
STRONG = 16
# Of the signing secret: whoever overhears one signed request can try guesses at leisure.
LEAST_TO_SIGN = 32


@dataclass(frozen=True)
class SigningSecret:
    """What the AWS secrets of all keys are derived from; false where there is none."""

    text: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.text)


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

    def named(self, key_id: str) -> str | None:
        """The key with this name, which is its AWS access key id, after the same work for every key, or None."""
        named = None
        for name in self.digests:
            if hmac.compare_digest(_encoded(name), _encoded(key_id)):
                named = name
        return named

    def aws_secret(self, name: str, signing: SigningSecret) -> str:
        """The AWS secret access key of a key: another one as soon as the signing secret or the key's own changes."""
        text = b"\0".join((b"aws-key", name.encode(), self.digests[name]))
        made = hmac.digest(signing.text.encode(), text, "sha256")
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def parse_keys(pairs: Iterable[str]) -> Keys:
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


def parse_signing_secret(text: str) -> SigningSecret:
    """A signing secret; ValueError does not repeat it."""
    if len(text) < LEAST_TO_SIGN:
        raise ValueError(f"a signing secret has at least {LEAST_TO_SIGN} characters")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a signing secret is one line of printable ASCII characters without spaces")
    return SigningSecret(text)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(_encoded(secret)).digest()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
