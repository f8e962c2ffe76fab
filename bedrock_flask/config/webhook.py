"""The webhook of the settings: its address, and the secret that signs what is sent to it."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bedrock_flask.config.server_secret import ServerSecret

_PREFIX = "whsec_"
# Bytes of a secret, by Standard Webhooks.
_LEAST, _MOST = 24, 64


@dataclass(frozen=True)
class WebhookURL:
    """An address; false if none is set. Its path may be a secret, so the repr has none of it."""

    text: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.text)

    def describe(self) -> str:
        """The address without its path."""
        parts = urlsplit(self.text)
        return f"{parts.scheme}://{parts.netloc}/…" if self else ""


def parse_webhook_url(text: str) -> WebhookURL:
    """Parse an address. Raises ValueError, whose message never contains it."""
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or "@" in parts.netloc or not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("is not an address such as https://hooks.example.com/budgets, without user and password")
    return WebhookURL(text)


def parse_webhook_secret(text: str) -> ServerSecret:
    """Parse a secret in the form of Standard Webhooks. Raises ValueError, whose message never contains it."""
    secret = ServerSecret(text)
    try:
        is_valid = text.startswith(_PREFIX) and _LEAST <= len(decode_webhook_secret(secret)) <= _MOST
    except binascii.Error:
        is_valid = False
    if not is_valid:
        raise ValueError(f"the secret must be {_PREFIX} and {_LEAST} to {_MOST} bytes in base64")
    return secret


def decode_webhook_secret(secret: ServerSecret) -> bytes:
    """The bytes with which the secret signs."""
    return base64.b64decode(secret.text.removeprefix(_PREFIX), validate=True)
