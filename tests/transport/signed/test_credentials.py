"""Credentials: what each of botocore's providers finds, and that no call waits for a renewal it does not need."""

import os
from pathlib import Path

import pytest

from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import CredentialsError
from bedrock_flask.transport.signed.credentials import Frozen, make_credentials

PATIENCE = 30


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment in which botocore finds nothing but `config` and `credentials` in the test's folder."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


def test_keys_of_the_environment_are_used(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("AWS_ACCESS_KEY_ID", "AKID")
    environ.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert make_credentials(Settings()).current() == Frozen("AKID", "secret")
    environ.setenv("AWS_SESSION_TOKEN", "token")
    assert make_credentials(Settings()).current() == Frozen("AKID", "secret", "token")


def test_no_credentials_are_an_error_and_later_ones_are_found(environ: pytest.MonkeyPatch) -> None:
    found = make_credentials(Settings())
    with pytest.raises(CredentialsError):
        found.current()
    environ.setenv("AWS_ACCESS_KEY_ID", "AKID")
    environ.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert found.current() == Frozen("AKID", "secret")


def test_refused_keys_are_read_again_and_others_are_kept(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = A\naws_secret_access_key = s\n")
    found = make_credentials(Settings())
    first = found.current()
    file.write_text("[default]\naws_access_key_id = B\naws_secret_access_key = s\n")
    found.forget(Frozen("other", "s"))
    assert found.current() is first
    found.forget(first)
    assert found.current() == Frozen("B", "s")
    found.forget(first)
    assert found.current() == Frozen("B", "s")
