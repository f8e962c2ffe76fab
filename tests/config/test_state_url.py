"""The address of Redis, whose password nothing repeats."""

import pytest

from bedrock_flask.config.settings import read_settings
from bedrock_flask.config.state_url import parse_state_url
from bedrock_flask.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "parsed", "described"),
    [
        ("redis://h", "redis://h", "redis://h"),
        ("redis://u:canary@h:6380/3", "redis://u:canary@h:6380/3", "redis://h:6380/3"),
        ("rediss://:canary@[::1]:6379/0", "rediss://:canary@[::1]:6379/0", "rediss://[::1]:6379/0"),
        ("valkey://h", "redis://h", "redis://h"),
        ("valkeys://h", "rediss://h", "rediss://h"),
    ],
)
def test_redis_and_valkey_are_addressed_alike(text: str, parsed: str, described: str) -> None:
    url = parse_state_url(text)
    assert (url.text, url.describe()) == (parsed, described)
    assert "canary" not in repr(url)


@pytest.mark.parametrize(
    "text",
    ["canary", "http://canary", "redis://", "redis:///0", "redis://canary:x", "redis://h/canary", "redis://h?canary=1"],
)
def test_what_is_not_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="BEDROCK_FLASK_STATE_URL") as refusal:
        read_settings({"BEDROCK_FLASK_STATE_URL": text})
    assert "canary" not in str(refusal.value)
