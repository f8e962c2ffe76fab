"""The settings of a webhook: together or not at all, and never shown."""

from pathlib import Path

import pytest

from bedrock_flask.commands.config import _format_value
from bedrock_flask.config.settings import read_settings
from bedrock_flask.errors import SettingsError

OWN = {
    "BEDROCK_FLASK_DATABASE_URL": "sqlite:///x.db",
    "BEDROCK_FLASK_KEY_PEPPER": "canary-pepper-0123456789abcdef-and-more",
    "BEDROCK_FLASK_WEBHOOK_URL": "https://hooks.example.com/canary",
    "BEDROCK_FLASK_WEBHOOK_SECRET": "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTAxMjM0NTY3ODk=",
}


def test_neither_address_nor_secret_is_shown(tmp_path: Path) -> None:
    settings = read_settings(OWN)
    assert _format_value(settings.webhook_url) == "https://hooks.example.com/…"
    assert _format_value(settings.webhook_secret) == "***"
    assert "hooks" not in repr(settings)
    assert "Y2FuYXJ5" not in repr(settings)
    (file := tmp_path / "url").write_text(f"{OWN['BEDROCK_FLASK_WEBHOOK_URL']}\n")
    rest = {name: value for name, value in OWN.items() if name != "BEDROCK_FLASK_WEBHOOK_URL"}
    assert read_settings(rest | {"BEDROCK_FLASK_WEBHOOK_URL_FILE": str(file)}).webhook_url == settings.webhook_url


@pytest.mark.parametrize("missing", ["BEDROCK_FLASK_DATABASE_URL", "BEDROCK_FLASK_WEBHOOK_SECRET"])
def test_a_webhook_needs_a_secret_and_a_database(missing: str) -> None:
    with pytest.raises(SettingsError, match=f"{missing}: is needed") as refusal:
        read_settings({name: value for name, value in OWN.items() if name != missing})
    assert "hooks.example.com" not in str(refusal.value)
