"""The public keys of an issuer, as it publishes them: a JSON Web Key Set (RFC 7517)."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

# An issuer has a few; what is beyond is not read.
_MOST_KEYS = 100
# Characters in base64 of a modulus of 2048 bits, which is the least (RFC 7518, section 3.3), and of 8192 bits: with a
# longer one a signature takes long.
_LEAST_MODULUS, _MOST_MODULUS = 341, 1366
_KINDS = ("RSA", "EC", "OKP")


@dataclass(frozen=True, eq=False)
class SigningKeys:
    """The keys that can verify a signature, and the document that they were read from."""

    document: bytes
    keys: Sequence[Key]

    def find(self, kid: str | None, algorithm: str) -> Sequence[Key]:
        """The keys with this id that an algorithm can use; without an id the only one there is."""
        found = [key for key in self.keys if kid in (None, key.kid) and _fits(key, algorithm)]
        return found if kid is not None or len(found) == 1 else []


def parse_keys(document: bytes) -> SigningKeys:
    """The keys of a document; ValueError if it has none."""
    listed = json.loads(document)
    rows = listed.get("keys") if isinstance(listed, Mapping) else None
    keys = [key for row in rows[:_MOST_KEYS] if (key := _read_key(row))] if isinstance(rows, list) else []
    if not keys:
        raise ValueError("its document of keys has none that verify a signature")
    return SigningKeys(document, keys)


def _read_key(row: Any) -> Key | None:
    """A key, unless it is for something else, cannot be read, or is too short."""
    if not isinstance(row, dict) or row.get("kty") not in _KINDS or row.get("use", "sig") != "sig":
        return None
    if row["kty"] == "RSA" and not _LEAST_MODULUS <= len(str(row.get("n"))) <= _MOST_MODULUS:
        return None
    with contextlib.suppress(JoseError, ValueError, TypeError, KeyError):
        return JWKRegistry.import_key(row)
    return None


def _fits(key: Key, algorithm: str) -> bool:
    kind, curve = _NEEDS[algorithm]
    return key.key_type == kind and key.get("alg", algorithm) == algorithm and curve in (None, key.get("crv"))


# What a key must be for each algorithm.
_NEEDS: Mapping[str, tuple[str, str | None]] = {
    **{f"{family}{size}": ("RSA", None) for family in ("RS", "PS") for size in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
