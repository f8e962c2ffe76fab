"""The setting of static keys' limits: strict, and shown as it is understood."""

import pytest

from bedrock_flask.config.limits import parse_static_limits
from bedrock_flask.config.settings import read_settings
from bedrock_flask.errors import SettingsError

KEYS = {"BEDROCK_FLASK_API_KEYS": "alice:0123456789abcdef,bob:fedcba9876543210"}


def test_each_key_has_its_own_limits_or_those_of_all_others() -> None:
    limits = parse_static_limits(" alice:requests=60, tokens=100000 ;bob:none; *:calls=5;")
    found = [limits.find(name) for name in ("alice", "bob", "carol", "")]
    assert found == [{"requests": 60, "tokens": 100_000}, {}, {"calls": 5}, {"calls": 5}]
    assert str(limits) == "alice:requests=60,tokens=100000; bob:none; *:calls=5"


def test_keys_that_are_not_named_have_none() -> None:
    assert parse_static_limits("alice:requests=60").find("bob") == {}


@pytest.mark.parametrize("text", ["", "alice:none", "*:none"])
def test_where_nobody_is_limited_there_are_no_limits(text: str) -> None:
    assert not read_settings({**KEYS, "BEDROCK_FLASK_LIMITS": text}).limits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("requests=60", "not a key's limits"),
        (":requests=60", "not a key's limits"),
        ("alice", "not a key's limits"),
        ("alice:", "not a limit"),
        ("alice:requests", "not a limit"),
        ("alice:requests=-1", "not a limit"),
        ("alice:requests=1_0", "not a limit"),
        ("alice:requests=1000000001", "not a limit"),
        ("alice:dollars=5", "not a limit"),
        ("alice:requests=1,requests=2", "not a limit"),
        ("alice:none,requests=1", "not a limit"),
        ("alice:requests=1;alice:requests=2", "two rows"),
        ("alcie:requests=1", "not an API key: alcie"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=f"BEDROCK_FLASK_LIMITS: .*{words}"):
        read_settings({**KEYS, "BEDROCK_FLASK_LIMITS": text})
