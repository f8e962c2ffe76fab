"""Who presents a secret: what the store knows, kept in the worker until the store changes.

A change (a new key, a revocation) increments a number in the store, which each worker reads again two seconds after the
last time. An entry is used for four seconds at most without that, so that a revocation holds within five everywhere.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.grouping import Grouping
from bedrock_flask.governance.key_text import compute_digest, derive_aws_secret, is_key_id, is_mistyped
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.stores import KeyStore, SecretName, StoredSecret

# Seconds after which the number is read again, and for which entries are used without that.
_FRESH, _USABLE = 2.0, 4.0
# Entries of each kind that a worker keeps: strangers may present any number of secrets.
_MOST_ENTRIES = 10_000

# What stands for a team or a key that was not looked up since the last change.
_UNREAD = Principal()

Name = TypeVar("Name")
Value = TypeVar("Value")


@dataclass(slots=True)
class _Entries:
    """What was found since the last change, and what was not: secrets, and teams and keys by their names."""

    known: dict[SecretName, StoredSecret] = field(default_factory=dict)
    unknown: dict[SecretName, None] = field(default_factory=dict)
    owners: dict[str, Principal | None] = field(default_factory=dict)


class Principals:
    """The principals of a store; what is away raises StoreUnavailable, never the error for an unknown key."""

    def __init__(self, store: KeyStore, pepper: ServerSecret, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store, self._pepper, self._monotonic = store, pepper, monotonic
        self._entries = _Entries()
        self._version = -1
        self._checked = float("-inf")
        self._reading = threading.Lock()
        self._grouping = Grouping(self._read_group)
        self._owners = Grouping(self._read_owners)

    def find(self, text: str) -> Principal | None:
        """The principal that presents a key's text; None if it is unknown, revoked or expired."""
        if not text:
            return None
        digest = compute_digest(self._pepper, text)
        if digest not in self._entries.known and is_mistyped(text):
            return None
        found = self._look_up(digest)
        return found.principal if found else None

    def find_access_key(self, key_id: str) -> tuple[Principal, str] | None:
        """The principal of an AWS access key id, and its secret access key; None if it is unknown or not valid."""
        found = self._look_up(key_id) if is_key_id(key_id) else None
        return (found.principal, derive_aws_secret(self._pepper, found.id, found.digest)) if found else None

    def find_owner(self, name: str) -> Principal | None:
        """The principal of a team or a key, which the caller has proven otherwise; None if it is not valid."""
        self.refresh()
        kept = self._entries.owners.get(name, _UNREAD)
        found = self._owners.submit(name) if kept is _UNREAD else kept
        return found if found and _is_valid(found) else None

    def refresh(self) -> None:
        """Notice changes of the store, unless that was done a moment ago."""
        age = self._monotonic() - self._checked
        if age < _FRESH or not self._reading.acquire(blocking=age > _USABLE):
            return
        try:
            if self._monotonic() - self._checked >= _FRESH:
                self._read_version()
        except StoreUnavailable:
            if self._monotonic() - self._checked > _USABLE:
                raise
        finally:
            self._reading.release()

    def _read_version(self) -> None:
        began = self._monotonic()
        version = self._store.read_version()
        if version != self._version:
            # A lookup that is under way writes into the entries that it began with.
            self._version, self._entries = version, _Entries()
        self._checked = began

    def _look_up(self, name: SecretName) -> StoredSecret | None:
        self.refresh()
        entries = self._entries
        if name in entries.unknown:
            return None
        found = entries.known.get(name) or self._grouping.submit(name)
        return found if found and _is_valid(found.principal) else None

    def _read_group(self, names: Sequence[SecretName]) -> Sequence[StoredSecret | None]:
        entries = self._entries
        found: dict[SecretName, StoredSecret] = {}
        for secret in self._store.find_secrets(set(names)):
            found[secret.digest] = found[secret.id] = secret
        for name in names:
            if kept := found.get(name):
                _keep(entries.known, name, kept)
            else:
                _keep(entries.unknown, name, None)
        return [found.get(name) for name in names]

    def _read_owners(self, names: Sequence[str]) -> Sequence[Principal | None]:
        entries = self._entries
        found = self._store.find_owners(set(names))
        for name in names:
            _keep(entries.owners, name, found.get(name))
        return [found.get(name) for name in names]


def _keep(entries: dict[Name, Value], name: Name, value: Value) -> None:
    if len(entries) >= _MOST_ENTRIES:
        entries.clear()
    entries[name] = value


def _is_valid(principal: Principal) -> bool:
    return principal.expires is None or time.time() * 1000 < principal.expires
