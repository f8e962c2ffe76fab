"""The proof of a token: the signature of its issuer, and its times, its issuer and its audience."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from bedrock_flask.errors import Unauthenticated
from bedrock_flask.governance.workloads.issuers_file import Issuer

# Seconds by which the clocks of issuer and gateway may differ.
LEEWAY = 30


def prove(text: str, keys: Sequence[Key], issuer: Issuer) -> Mapping[str, Any]:
    """The claims of a token; Unauthenticated says what is wrong, of claims only where the signature is valid."""
    # A header may have more than the library knows, unless the token says that it must be understood (`crit`).
    registry = JWSRegistry(algorithms=issuer.algorithms, strict_check_header=False)
    claims = next((claims for key in keys if (claims := _decode(text, key, registry)) is not None), None)
    if claims is None:
        raise Unauthenticated(f"The token is not signed by a key of the issuer '{issuer.id}'.")
    expected = jwt.JWTClaimsRegistry(
        now=int(time.time()),
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "values": list(issuer.audience)},
        exp={"essential": True},
    )
    try:
        expected.validate(claims)
    except ExpiredTokenError:
        raise Unauthenticated("The token has expired.") from None
    except ClaimError as error:
        raise Unauthenticated(
            f"The token's claim '{error.claim}' is missing, or not what the issuers file and the time demand."
        ) from None
    return claims


def _decode(text: str, key: Key, registry: JWSRegistry) -> dict[str, Any] | None:
    try:
        return jwt.decode(text, key, registry=registry).claims
    except (JoseError, ValueError, RecursionError):
        return None
