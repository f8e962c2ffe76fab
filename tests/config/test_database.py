"""The address of the database: what is one, and that its password shows nowhere."""

from pathlib import Path

import pytest

from bedrock_flask.config.database import parse_database_url
from bedrock_flask.config.settings import read_settings
from bedrock_flask.errors import SettingsError

PEPPER = "pepper-0123456789abcdef-and-more-of-it"


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        ("sqlite:///gateway.db", "sqlite", "sqlite:///gateway.db"),
        ("sqlite:////var/lib/gateway.db", "sqlite", "sqlite:////var/lib/gateway.db"),
        ("postgres://h/d", "postgresql", "postgresql://h/d"),
        ("postgresql://u:canary@h:5433/d?sslmode=require", "postgresql", "postgresql://u@h:5433/d"),
        ("postgresql://u:can%40ary@[::1]/d", "postgresql", "postgresql://u@::1/d"),
    ],
)
def test_an_address_is_shown_without_its_password(text: str, kind: str, shown: str) -> None:
    url = parse_database_url(text)
    assert (url.kind, url.describe()) == (kind, shown)
    assert "canary" not in repr(url)


@pytest.mark.parametrize(
    "text",
    [
        "canary",
        "mysql://u:canary@h/d",
        "sqlite://canary.db",
        "sqlite:///",
        "sqlite:///a.db?canary=1",
        "postgresql://u:canary@h",
        "postgresql://u:canary@h:port/d",
        "postgresql://u:canary@[h/d",
    ],
)
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///FILE|postgresql://") as caught:
        parse_database_url(text)
    assert "canary" not in str(caught.value)


def test_address_and_pepper_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:p@h/d\n")
    (tmp_path / "pepper").write_text(f"{PEPPER}\n")
    environ = {
        "BEDROCK_FLASK_DATABASE_URL_FILE": str(tmp_path / "url"),
        "BEDROCK_FLASK_KEY_PEPPER_FILE": str(tmp_path / "pepper"),
    }
    settings = read_settings(environ)
    assert (settings.database_url.text, settings.key_pepper.text) == ("postgresql://u:p@h/d", PEPPER)
    with pytest.raises(SettingsError, match="BEDROCK_FLASK_KEY_PEPPER is set too"):
        read_settings(environ | {"BEDROCK_FLASK_KEY_PEPPER": PEPPER})


def test_a_database_needs_a_pepper() -> None:
    with pytest.raises(SettingsError, match="BEDROCK_FLASK_KEY_PEPPER: is needed with a database"):
        read_settings({"BEDROCK_FLASK_DATABASE_URL": "sqlite:///a.db"})
    assert read_settings({"BEDROCK_FLASK_KEY_PEPPER": PEPPER}).database_url.text == ""
