"""Settings: read once, strictly, with every fault reported at once."""

import logging
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from bedrock_flask.config.settings import Settings, read_settings
from bedrock_flask.errors import SettingsError


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_what_is_set_is_read_and_typed() -> None:
    settings = read_settings(
        {"BEDROCK_FLASK_PORT": "9000", "BEDROCK_FLASK_READ_TIMEOUT": "1.5", "BEDROCK_FLASK_MODELS": "listed"}
    )
    assert (settings.port, settings.read_timeout, settings.models) == (9000, 1.5, "listed")


def test_other_variables_are_not_ours() -> None:
    assert read_settings({"PORT": "x", "AWS_REGION": "eu-west-1", "FLASK_PORT": "y"}) == Settings()


def test_an_empty_value_is_an_unset_one() -> None:
    assert read_settings({"BEDROCK_FLASK_PORT": "", "BEDROCK_FLASK_MODELS_FILE": " "}) == Settings()


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        read_settings({}).port = 1  # type: ignore[misc]


def test_every_fault_is_told_at_once_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings(
            {
                "BEDROCK_FLASK_PORT": "0",
                "BEDROCK_FLASK_THREADS": "many",
                "BEDROCK_FLASK_MODLES": "any",
                "BEDROCK_FLASK_PLUGINS_DIR": "/no/such/folder",
            }
        )
    text = str(raised.value)
    for part in (
        "BEDROCK_FLASK_PORT:",
        "BEDROCK_FLASK_THREADS:",
        "did you mean BEDROCK_FLASK_MODELS?",
        "/no/such/folder",
    ):
        assert part in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "name",
    ["BEDROCK_FLASK_SERVICE_HOST", "BEDROCK_FLASK_SERVICE_PORT_HTTP", "BEDROCK_FLASK_PORT_8000_TCP_ADDR"],
)
def test_what_kubernetes_injects_is_ignored_with_a_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_settings({name: "10.0.0.1", "BEDROCK_FLASK_PORT": "tcp://10.0.0.1:8000"}) == Settings()
    assert name in caplog.text


def test_keys_are_kept_as_digests_only() -> None:
    settings = read_settings({"BEDROCK_FLASK_API_KEYS": "alice:0123456789abcdef, bob:fedcba9876543210"})
    assert settings.api_keys.find_owner("fedcba9876543210") == "bob"
    assert settings.api_keys.find_owner("fedcba987654321") is None
    assert "0123456789abcdef" not in repr(settings)


def test_keys_come_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# team keys\n\ncarol:a-secret,with-comma:and-colon\n")
    settings = read_settings(
        {"BEDROCK_FLASK_API_KEYS_FILE": str(file), "BEDROCK_FLASK_API_KEYS": "dave:0123456789abcdef"}
    )
    assert settings.api_keys.find_owner("a-secret,with-comma:and-colon") == "carol"
    assert settings.api_keys.find_owner("0123456789abcdef") == "dave"


@pytest.mark.parametrize(
    ("pairs", "fault"),
    [
        ("alice", "key 1 is not a name:secret pair"),
        ("alice:", "secret of key 'alice'"),
        ("a b:0123456789abcdef", "key 1 is not a name:secret pair"),
        ("alice:s3cret s3cret", "secret of key 'alice'"),
        ("alice:0123456789abcdef,alice:fedcba9876543210", "two keys named 'alice'"),
        ("alice:0123456789abcdef,bob:0123456789abcdef", "the same secret"),
        (",", "it contains no keys"),
    ],
)
def test_keys_that_do_not_hold_are_refused_without_their_secret(pairs: str, fault: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings({"BEDROCK_FLASK_API_KEYS": pairs})
    assert fault in str(raised.value)
    assert "0123456789abcdef" not in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_an_empty_keys_file_does_not_open_the_gateway(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# none yet\n")
    with pytest.raises(SettingsError, match="it contains no keys"):
        read_settings({"BEDROCK_FLASK_API_KEYS_FILE": str(file)})


def test_a_weak_secret_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read_settings({"BEDROCK_FLASK_API_KEYS": "alice:short"})
    assert "alice" in caplog.text
    assert "short" not in caplog.text


@pytest.mark.parametrize("given", ["\uff11\uff12", "1_0", "0x10", "1e3", "+5", "5.0", "\u0663", "1 0", "9" * 5000])
def test_a_whole_number_is_plain_digits(given: str) -> None:
    with pytest.raises(SettingsError, match=r"BEDROCK_FLASK_THREADS: Not a valid integer\."):
        read_settings({"BEDROCK_FLASK_THREADS": given})


@pytest.mark.parametrize("given", ["\uff11.5", "1_0.5", "1e3", "nan", "inf", "+5", ".5", "5.", "9" * 5000])
def test_a_number_of_seconds_is_plain_digits(given: str) -> None:
    with pytest.raises(SettingsError, match=r"BEDROCK_FLASK_DEADLINE: Not a valid number\."):
        read_settings({"BEDROCK_FLASK_DEADLINE": given})


def test_a_number_out_of_bounds_says_the_bounds() -> None:
    with pytest.raises(SettingsError, match="greater than or equal to 1"):
        read_settings({"BEDROCK_FLASK_THREADS": "-1"})


def test_a_fault_is_one_of_a_list_too() -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings({"BEDROCK_FLASK_THREADS": "x", "BEDROCK_FLASK_PORT": "y"})
    assert sorted(fault.partition(":")[0] for fault in raised.value.faults) == [
        "BEDROCK_FLASK_PORT",
        "BEDROCK_FLASK_THREADS",
    ]


def test_a_choice_for_a_key_is_one_of_those_that_there_are() -> None:
    settings = read_settings({"BEDROCK_FLASK_CACHE_KEYS": "alice:on, bob:off,"})
    assert settings.cache_keys == ("alice:on", "bob:off")
    for wrong in ("alice", "alice:maybe", ":on", "alice:"):
        with pytest.raises(SettingsError, match="use name:on or name:off"):
            read_settings({"BEDROCK_FLASK_CACHE_KEYS": wrong})
