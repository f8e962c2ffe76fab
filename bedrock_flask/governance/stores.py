"""What the stores do for the gateway while it serves, as records of functions."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from bedrock_flask.governance.principal import Principal

# What a secret is looked up by: its digest, or its id.
SecretName = bytes | str


@dataclass(frozen=True)
class StoredSecret:
    """A secret that may be used, and who presents it."""

    id: str
    digest: bytes = field(repr=False)
    principal: Principal


@dataclass(frozen=True)
class KeyStore:
    """Reads keys; each function raises StoreUnavailable.

    read_version  a number that changes with every change of teams, keys and secrets
    find_secrets  the secrets of these names that are not revoked
    """

    read_version: Callable[[], int]
    find_secrets: Callable[[Collection[SecretName]], Sequence[StoredSecret]]
