"""The keys of an issuer: read in the background, kept for a bounded time, and read again for a new one."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import islice

import pytest
from joserfc.jwk import RSAKey

from bedrock_flask.errors import IssuerUnavailable
from bedrock_flask.governance.workloads.issuer_keys import IssuerKeys
from bedrock_flask.governance.workloads.signing_keys import SigningKeys, parse_keys
from tests.doubles import PATIENCE

KEY = RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Issuer:
    """What an issuer publishes, how often that was read, and a clock."""

    document: bytes = b'{"keys": []}'
    is_away: bool = False
    now: float = 1000.0
    readings: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.released.set()
        self.publish("one")

    def publish(self, *names: str) -> None:
        rows = [{**KEY.as_dict(private=False), "kid": name} for name in names]
        self.document = json.dumps({"keys": rows}).encode()

    def read(self) -> SigningKeys:
        self.readings += 1
        self.released.wait(PATIENCE)
        if self.is_away:
            raise ConnectionRefusedError
        return parse_keys(self.document)

    def open(self) -> IssuerKeys:
        return IssuerKeys("own", self.read, 120, lambda: self.now)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def await_reading(keys: IssuerKeys) -> None:
    """Wait for the reading that is under way."""
    reading = keys.begin(float("inf"))
    assert reading is None or reading.wait(PATIENCE)


def test_keys_are_read_once_and_again_in_the_background(issuer: Issuer) -> None:
    keys = issuer.open()
    found = keys.find()
    issuer.now += 9
    assert keys.find() is found
    assert issuer.readings == 1
    issuer.publish("two")
    issuer.released.clear()
    issuer.now += 2
    # Nobody waits for the new ones.
    assert keys.find() is found
    issuer.released.set()
    await_reading(keys)
    assert [key.kid for key in keys.find().keys] == ["two"]
    assert issuer.readings == 2


def test_the_same_keys_are_the_same_object(issuer: Issuer) -> None:
    keys = issuer.open()
    found = keys.find()
    issuer.now += 11
    keys.find()
    await_reading(keys)
    assert issuer.readings == 2
    assert keys.find() is found


def test_keys_serve_until_their_age_and_then_nobody_knows(issuer: Issuer) -> None:
    keys = issuer.open()
    found = keys.find()
    issuer.is_away = True
    issuer.now += 119
    assert keys.find() is found
    await_reading(keys)
    issuer.now += 1
    with pytest.raises(IssuerUnavailable):
        keys.find()
    issuer.is_away = False
    # A second later it is tried again.
    with pytest.raises(IssuerUnavailable):
        keys.find()
    issuer.now += 1
    assert keys.find() is found


def test_an_issuer_without_keys_is_away(issuer: Issuer) -> None:
    issuer.document = b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'
    with pytest.raises(IssuerUnavailable):
        issuer.open().find()


def test_an_unknown_key_has_the_keys_read_again_six_times_a_minute(issuer: Issuer) -> None:
    keys = issuer.open()
    found = keys.find()
    for _ in range(100):
        # Time goes on, so that only the number of readings is the bound.
        issuer.now += 0.3
        assert keys.find_newer(found) is found
        await_reading(keys)
    assert issuer.readings == 6
    issuer.publish("one", "two")
    issuer.now += 60
    assert keys.find_newer(found).find("two", "RS256")


def test_while_an_issuer_is_away_an_unknown_key_is_not_refused(issuer: Issuer) -> None:
    keys = issuer.open()
    found = keys.find()
    issuer.is_away = True
    for _ in range(20):
        issuer.now += 1
        with pytest.raises(IssuerUnavailable):
            keys.find_newer(found)


def test_many_that_come_at_once_wait_for_one_reading_and_only_a_few_wait(issuer: Issuer) -> None:
    keys = issuer.open()
    issuer.released.clear()
    with ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(keys.find) for _ in range(40)]
        refused = list(islice(as_completed(waiting, PATIENCE), 32))
        issuer.released.set()
        assert {type(each.exception()) for each in refused} == {IssuerUnavailable}
        assert len({id(each.result(PATIENCE)) for each in waiting if each not in refused}) == 1
    assert issuer.readings == 1


def test_a_reading_that_does_not_end_is_given_up(issuer: Issuer) -> None:
    keys = issuer.open()
    issuer.released.clear()
    first = keys.begin()
    issuer.now += 29
    assert keys.begin() is first
    issuer.now += 1
    second = keys.begin()
    assert second is not None
    assert second is not first
    issuer.released.set()
    assert second.wait(PATIENCE)
    assert keys.find()
