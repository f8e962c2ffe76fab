"""The rows of kept answers: a claim of an idempotency key, and what it ends with."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from bedrock_flask.governance.principal import Principal


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that claims its idempotency key.

    id           a digest of the caller and the key
    token        tells this claim from others of the same id
    fingerprint  a digest of all that the answer depends on
    """

    id: bytes
    token: bytes
    key: str
    fingerprint: bytes
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer that is kept; its body is None if it is too large. The content type is one of the headers."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds an id after a claim of it: the claim itself, or an earlier one.

    lost    the id of an earlier request whose worker died before it answered; empty without one
    answer  None while the request is served
    """

    token: bytes
    fingerprint: bytes
    request_id: str
    lost: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a claim: the answer that is kept, or None, which frees its id."""

    id: bytes
    token: bytes
    answer: Answer | None


def make_claim(principal: Principal, idempotency_key: str, fingerprint: bytes, request_id: str) -> Claim:
    """The claim of a key by a caller: the same key of another caller is another id."""
    owner = "\0".join((principal.team, principal.key, idempotency_key))
    return Claim(hashlib.sha256(owner.encode()).digest(), os.urandom(16), principal.key, fingerprint, request_id)
