"""The text of a key, and what is computed from it: `bf_ID_SECRET_CHECK`, its digest, its AWS secret."""

import base64
import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from bedrock_flask.config.server_secret import ServerSecret

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
# 43 characters of 62 have 256 bits; six hold a CRC-32.
_ID_LENGTH, _SECRET_LENGTH, _CHECK_LENGTH = 12, 43, 6
PREFIX = "bf_"
# Bytes that SHA-256 works on at a time.
_BLOCK = 64
_ID = re.compile(rf"[0-9A-Za-z]{{{_ID_LENGTH}}}")
_FORM = re.compile(
    rf"({PREFIX}([0-9A-Za-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}}_)([0-9A-Za-z]{{{_CHECK_LENGTH}}})"
)


@dataclass(frozen=True)
class NewKey:
    """A key that was just drawn: its text is shown once."""

    id: str
    text: str = field(repr=False)


def draw_key() -> NewKey:
    """A new random key."""
    key_id = _draw(_ID_LENGTH)
    start = f"{PREFIX}{key_id}_{_draw(_SECRET_LENGTH)}_"
    return NewKey(key_id, start + _compute_check(start))


def is_mistyped(text: str) -> bool:
    """Whether a text begins as a key does and cannot be one; keys of another form have no checksum."""
    if not text.startswith(PREFIX):
        return False
    form = _FORM.fullmatch(text)
    return form is None or _compute_check(form[1]) != form[3]


def is_key_id(text: str) -> bool:
    """Whether a text can be the id of a key."""
    return _ID.fullmatch(text) is not None


def compute_digest(pepper: ServerSecret, text: str) -> bytes:
    """What the database has of a key."""
    return pepper_hash(pepper, hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest())


def pepper_hash(pepper: ServerSecret, key_hash: bytes) -> bytes:
    """The digest of a key of which only the SHA-256 is known, as of one that LiteLLM has stored."""
    inner, outer = (each.copy() for each in _begin_hmac(pepper.text))
    inner.update(key_hash)
    outer.update(inner.digest())
    return bytes(outer.digest())


@lru_cache(maxsize=4)
def _begin_hmac(secret: str) -> tuple[Any, Any]:
    """Both hashes of HMAC-SHA-256 after the block that has the secret: to begin anew for each key costs most of it."""
    block = secret.encode() if len(secret) <= _BLOCK else hashlib.sha256(secret.encode()).digest()
    padded = block.ljust(_BLOCK, b"\0")
    return tuple(hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))  # type: ignore[return-value]


def derive_aws_secret(pepper: ServerSecret, key_id: str, digest: bytes) -> str:
    """The AWS secret access key that belongs to the access key id `key_id`."""
    text = b"\0".join((b"aws-key", key_id.encode(), digest))
    return base64.urlsafe_b64encode(hmac.digest(pepper.text.encode(), text, "sha256")).rstrip(b"=").decode()


def compute_pepper_check(pepper: ServerSecret) -> bytes:
    """A value by which a gateway notices that it has another pepper than the one that made the digests."""
    return hmac.digest(pepper.text.encode(), b"pepper-check", "sha256")


def _draw(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _compute_check(start: str) -> str:
    number, digits = zlib.crc32(start.encode()), ""
    for _ in range(_CHECK_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[rest] + digits
    return digits
