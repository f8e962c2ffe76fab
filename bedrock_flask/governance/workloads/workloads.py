"""Who shows a token: proven once, and then found by its digest until it ends or the keys of its issuer change."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bedrock_flask.errors import Unauthenticated
from bedrock_flask.governance.principal import NOBODY, Principal
from bedrock_flask.governance.workloads.fetching import read_keys
from bedrock_flask.governance.workloads.identity import Identity, find_identity, make_principal
from bedrock_flask.governance.workloads.issuer_keys import IssuerKeys
from bedrock_flask.governance.workloads.issuers_file import Issuer, read_issuers
from bedrock_flask.governance.workloads.proof import LEEWAY, prove
from bedrock_flask.governance.workloads.signing_keys import SigningKeys
from bedrock_flask.governance.workloads.token_text import Unproven, is_token, read_unproven

# Tokens that a worker keeps: each is one that an issuer has signed.
_MOST_TOKENS = 10_000
# Seconds that the start waits for the first keys.
_PATIENCE = 2.0

# The principal of a team or a key by its name.
FindOwner = Callable[[str], Principal | None]


@dataclass(frozen=True, slots=True)
class _Proven:
    """A token that was proven with these keys, and the caller that it made of its owner."""

    identity: Identity
    source: IssuerKeys
    keys: SigningKeys
    owner: Principal = NOBODY
    principal: Principal = NOBODY


class Workloads:
    """The callers that show tokens of these issuers."""

    def __init__(self, issuers: Sequence[tuple[Issuer, IssuerKeys]], find_owner: FindOwner) -> None:
        self._issuers = {issuer.url: (issuer, keys) for issuer, keys in issuers}
        self._find_owner = find_owner
        self._proven: dict[bytes, _Proven] = {}

    def recognises(self, text: str) -> bool:
        """Whether a text is a token, and no key."""
        return is_token(text)

    def find(self, text: str) -> Principal:
        """The caller that shows a token; Unauthenticated if it is not valid, IssuerUnavailable if nobody knows."""
        digest = hashlib.sha256(text.encode()).digest()
        proven = self._proven.get(digest)
        if proven is None or proven.source.find() is not proven.keys or _has_ended(proven.identity):
            proven = self._prove(text)
        owner = self._find_owner(proven.identity.owner)
        if owner is None:
            raise Unauthenticated("The team or key that the token stands for is not valid.")
        if owner is not proven.owner:
            proven = replace(proven, owner=owner, principal=make_principal(proven.identity, owner))
            self._keep(digest, proven)
        return proven.principal

    def _prove(self, text: str) -> _Proven:
        unproven = read_unproven(text)
        trusted = self._issuers.get(unproven.issuer) if unproven else None
        if unproven is None or trusted is None:
            raise Unauthenticated("The token is of no issuer that this gateway trusts.")
        issuer, source = trusted
        if unproven.algorithm not in issuer.algorithms:
            raise Unauthenticated(f"Tokens of the issuer '{issuer.id}' are signed with {', '.join(issuer.algorithms)}.")
        keys = _find_keys(source, unproven)
        claims = prove(text, keys.find(unproven.key, unproven.algorithm), issuer)
        identity = find_identity(issuer, claims, (int(claims["exp"]) + LEEWAY) * 1000)
        if identity is None:
            raise Unauthenticated(f"The token matches none of the rules of the issuer '{issuer.id}'.")
        return _Proven(identity, source, keys)

    def _keep(self, digest: bytes, proven: _Proven) -> None:
        if len(self._proven) >= _MOST_TOKENS:
            self._proven.clear()
        self._proven[digest] = proven


def open_workloads(path: str, find_owner: FindOwner) -> Workloads:
    """The workloads of an issuers file; the keys of its issuers are read first, if they answer soon."""
    issuers = [
        (issuer, IssuerKeys(issuer.id, partial(read_keys, issuer), issuer.max_age)) for issuer in read_issuers(path)
    ]
    until = time.monotonic() + _PATIENCE
    for reading in [keys.begin() for _, keys in issuers]:
        if reading is not None:
            reading.wait(max(0, until - time.monotonic()))
    return Workloads(issuers, find_owner)


def _find_keys(source: IssuerKeys, unproven: Unproven) -> SigningKeys:
    """The keys of an issuer, read again if the one that the token names is not among them."""
    keys = source.find()
    return keys if keys.find(unproven.key, unproven.algorithm) else source.find_newer(keys)


def _has_ended(identity: Identity) -> bool:
    return time.time() * 1000 >= identity.expires
