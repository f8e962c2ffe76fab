"""The response to one request, before a door of the gateway sends it."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = "application/json"


@dataclass(slots=True)
class Response:
    """A status, headers and a body.

    `body` is bytes, or an iterable of bytes that is sent piece by piece. The names of `headers` are in lower case;
    `content-type` is not one of them. `on_close` is called in its order, when the last byte is sent or the client has
    disconnected.
    """

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    on_close: list[Callable[[], object]] = field(default_factory=list)


def make_json_response(document: Mapping[str, Any], status: int = 200, content_type: str = JSON) -> Response:
    """The response that is this document."""
    return Response(write_json(document), status, content_type)


def write_json(document: Mapping[str, Any]) -> bytes:
    """The document as a line of JSON.

    What orjson refuses (numbers above 64 bits, lone surrogates, deep nesting) is written by `json`, which is slower.
    """
    try:
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return (json.dumps(document, separators=(",", ":")) + "\n").encode()


def complete_type(media_type: str) -> str:
    """The media type as a content type: a text names its encoding."""
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
