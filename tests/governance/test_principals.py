"""Principals: a worker keeps what it knows of secrets, for four seconds at most without a look at the store."""

import threading
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.key_text import compute_digest, derive_aws_secret, draw_key
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.principals import Principals
from bedrock_flask.governance.stores import KeyStore, SecretName, StoredSecret

PEPPER = parse_server_secret("p" * 32)
PATIENCE = 30


@dataclass
class Keys:
    """A store in memory, which counts what it is asked, and a clock."""

    secrets: dict[str, StoredSecret] = field(default_factory=dict)
    version: int = 1
    now: float = 1000.0
    is_away: bool = False
    lookups: list[set[SecretName]] = field(default_factory=list)
    versions_read: int = 0

    def create(self, expires: int | None = None) -> str:
        new = draw_key()
        principal = Principal(key="a/b", team="a", secret=new.id, expires=expires)
        self.secrets[new.id] = StoredSecret(new.id, compute_digest(PEPPER, new.text), principal)
        self.version += 1
        return new.text

    def revoke(self, text: str) -> None:
        del self.secrets[text.split("_")[1]]
        self.version += 1

    def open(self) -> Principals:
        return Principals(KeyStore(self.read_version, self.find, lambda names: {}), PEPPER, lambda: self.now)

    def read_version(self) -> int:
        self.versions_read += 1
        if self.is_away:
            raise StoreUnavailable()
        return self.version

    def find(self, names: Collection[SecretName]) -> Sequence[StoredSecret]:
        self.lookups.append(set(names))
        if self.is_away:
            raise StoreUnavailable()
        return [each for each in self.secrets.values() if {each.id, each.digest} & set(names)]


@pytest.fixture
def keys() -> Keys:
    return Keys()


def test_a_secret_is_looked_up_once(keys: Keys) -> None:
    text, principals = keys.create(), keys.open()
    for _ in range(5):
        found = principals.find(text)
        assert found is not None
        assert found.key == "a/b"
    assert len(keys.lookups) == keys.versions_read == 1


def test_an_unknown_secret_takes_the_way_of_a_known_one_and_is_looked_up_once(keys: Keys) -> None:
    principals = keys.open()
    for _ in range(3):
        assert principals.find(draw_key().text) is None
        assert principals.find("sk-of-another-form") is None
    assert len(keys.lookups) == 4


@pytest.mark.parametrize("text", ["", "bf_", "bf_x_y_z", draw_key().text[:-1]], ids=["nothing", "start", "form", "end"])
def test_what_cannot_be_a_key_is_not_looked_up(keys: Keys, text: str) -> None:
    assert keys.open().find(text) is None
    assert keys.lookups == []


def test_the_digest_is_compared_whole(keys: Keys) -> None:
    text = keys.create()
    [secret] = keys.secrets.values()
    keys.secrets[secret.id] = StoredSecret(secret.id, secret.digest[:31] + b"x", secret.principal)
    principals = Principals(
        KeyStore(keys.read_version, lambda names: list(keys.secrets.values()), lambda names: {}), PEPPER
    )
    assert principals.find(text) is None


def test_an_access_key_has_the_secret_that_the_operator_was_shown(keys: Keys) -> None:
    text, principals = keys.create(), keys.open()
    key_id = text.split("_")[1]
    found = principals.find_access_key(key_id)
    assert found is not None
    assert found[1] == derive_aws_secret(PEPPER, key_id, compute_digest(PEPPER, text))
    assert principals.find_access_key("0" * 12) is None
    before = len(keys.lookups)
    for key_id in ("", "unknown", "0" * 8000):
        assert principals.find_access_key(key_id) is None
    assert len(keys.lookups) == before


def test_a_revocation_is_noticed_within_two_seconds(keys: Keys) -> None:
    text, principals = keys.create(), keys.open()
    assert principals.find(text)
    keys.revoke(text)
    keys.now += 1.9
    assert principals.find(text)
    keys.now += 0.2
    assert principals.find(text) is None


def test_a_new_key_is_known_although_it_was_unknown(keys: Keys) -> None:
    principals, text = keys.open(), keys.create()
    keys.secrets, kept = {}, keys.secrets
    assert principals.find(text) is None
    keys.secrets, keys.version, keys.now = kept, 9, keys.now + 2.1
    assert principals.find(text)


def test_a_key_expires_while_it_is_kept(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    end = time.time() + 60
    text, principals = keys.create(expires=int(end * 1000)), keys.open()
    assert principals.find(text)
    monkeypatch.setattr(time, "time", lambda: end)
    assert principals.find(text) is None


def test_a_store_that_is_away_is_never_an_unknown_key(keys: Keys) -> None:
    text, principals = keys.create(), keys.open()
    assert principals.find(text)
    keys.is_away = True
    # A known key is used for four seconds; an unknown one cannot be decided on.
    keys.now += 3.9
    assert principals.find(text)
    with pytest.raises(StoreUnavailable):
        principals.find("sk-unknown")
    keys.now += 0.2
    with pytest.raises(StoreUnavailable):
        principals.find(text)
    keys.is_away = False
    assert principals.find(text)


def test_a_lookup_that_a_change_overtakes_is_not_kept(keys: Keys) -> None:
    """A read that began before a revocation must not put the revoked key back."""
    text = keys.create()
    reading, revoked = threading.Event(), threading.Event()

    def find_slowly(names: Collection[SecretName]) -> Sequence[StoredSecret]:
        found = keys.find(names)
        reading.set()
        assert revoked.wait(PATIENCE)
        return found

    principals = Principals(KeyStore(keys.read_version, find_slowly, lambda names: {}), PEPPER, lambda: keys.now)
    with ThreadPoolExecutor() as pool:
        begun = pool.submit(principals.find, text)
        assert reading.wait(PATIENCE)
        keys.revoke(text)
        keys.now += 2.1
        principals.refresh()
        revoked.set()
        begun.result(PATIENCE)
    assert principals.find(text) is None


def test_strangers_fill_no_memory(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bedrock_flask.governance.principals._MOST_ENTRIES", 10)
    text, principals = keys.create(), keys.open()
    assert principals.find(text)
    for number in range(100):
        principals.find(f"sk-{number}")
    assert len(principals._entries.unknown) <= 10
    before = len(keys.lookups)
    assert principals.find(text)
    assert len(keys.lookups) == before
