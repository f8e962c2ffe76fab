"""What files of settings in TOML have in common: fields of their schemas, and how their faults are named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import marshmallow
from marshmallow import fields

from bedrock_flask.config.hosts import is_loopback


def is_secure_url(url: str) -> bool:
    """Whether an address can be trusted to be the one that is meant: over TLS, or of this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(host) and "@" not in parts.netloc and (parts.scheme == "https" or _is_plain(parts.scheme, host))


def _is_plain(scheme: str, host: str) -> bool:
    return scheme == "http" and is_loopback(host)


class Texts(fields.Field[tuple[str, ...]]):
    """A text, or a list of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise marshmallow.ValidationError("is not a text or a list of them")
        return tuple(texts)


class Url(fields.String):
    """An address over TLS, or of this machine."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_secure_url(text):
            raise marshmallow.ValidationError("is not an https address, or an http one of this machine")
        return text


class File(fields.String):
    """The path of a file that exists."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not Path(text).is_file():
            raise marshmallow.ValidationError(f"{text} is not a file")
        return text


def list_messages(messages: Any, place: str = "") -> list[str]:
    """The faults with their places: `rules[0].team: …`."""
    if isinstance(messages, Mapping):
        return [words for key, each in messages.items() for words in list_messages(each, _extend(place, key))]
    return [f"{place}{': ' if place else ''}{words}" for words in messages]


def _extend(place: str, key: Any) -> str:
    if key == "_schema":
        return place
    return f"{place}[{key}]" if isinstance(key, int) else f"{place}{'.' if place else ''}{key}"
