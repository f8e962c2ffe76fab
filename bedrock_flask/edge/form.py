"""A body that is a form with files (multipart/form-data, RFC 7578), as a JSON object: files become `data:` URIs."""

import base64
import io
import re
from collections.abc import Iterable
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import BodyTooLarge, MalformedBody
from bedrock_flask.protocol import data_uri
from bedrock_flask.protocol import json as strict

MEDIA_TYPE = "multipart/form-data"
# What a form may have at most, and the levels of a name.
_MOST_PARTS, _MOST_LEVELS = 200, 8
# `image`, `image[]`, `image[0]`, `params[text]`.
_NAME = re.compile(r"(?P<name>[^\[\]]+)(?P<path>(\[[^\[\]]*\])*)")
_UNKNOWN_TYPE = "application/octet-stream"


def is_form(exchange: Exchange) -> bool:
    """Whether the body of the request is a form."""
    return parse_options_header(exchange.header("content-type"))[0].lower() == MEDIA_TYPE


def find_boundary(exchange: Exchange) -> bytes:
    """What parts the fields of a form; empty for another body."""
    if not is_form(exchange):
        return b""
    return parse_options_header(exchange.header("content-type"))[1].get("boundary", "").encode("utf-8", "replace")


def parse_form(exchange: Exchange, data: bytes, texts: Iterable[str]) -> dict[str, Any]:
    """The form as a JSON object; members in `texts` are strings, others what their text is as JSON, if it is JSON.

    Raises MalformedBody for what is not a form, and BodyTooLarge for too many parts.
    """
    boundary = parse_options_header(exchange.header("content-type"))[1].get("boundary", "")
    parser = MultiPartParser(
        stream_factory=lambda *args, **kwargs: io.BytesIO(), max_form_memory_size=None, max_form_parts=_MOST_PARTS
    )
    try:
        form, files = parser.parse(io.BytesIO(data), boundary.encode("ascii"), len(data))
    except RequestEntityTooLarge:
        raise BodyTooLarge(f"A form has at most {_MOST_PARTS} parts.") from None
    except (ValueError, RecursionError):
        raise MalformedBody("The body is not a form in multipart/form-data.") from None
    names = frozenset(texts)
    body: dict[str, Any] = {}
    for name, value in form.items(multi=True):
        _put(body, name, value if name in names else _read_value(value))
    for name, file in files.items(multi=True):
        content = base64.b64encode(file.stream.read()).decode()
        _put(body, name, data_uri.write(file.mimetype or _UNKNOWN_TYPE, content))
    return body


def _read_value(text: str) -> Any:
    """A form has texts only: a number, a boolean or an object is written as JSON."""
    try:
        return strict.parse(text.encode())
    except strict.MalformedJSON:
        return text


def _put(body: dict[str, Any], name: str | None, value: Any) -> None:
    """Add a part: a name that comes again, or ends with `[]`, makes an array, and `a[b]` an object."""
    if name is None:
        raise MalformedBody("The form has a part without a name.")
    parts = _NAME.fullmatch(name)
    steps = re.findall(r"\[([^\[\]]*)\]", parts["path"]) if parts else []
    if parts is None or len(steps) > _MOST_LEVELS:
        raise MalformedBody(f"The form has a part with the name {name[:100]!r}.")
    key, holder = parts["name"], body
    # A number in brackets is a place in an array, and parts come in their order.
    steps = ["" if step.isdecimal() else step for step in steps]
    for step in steps:
        if step == "":
            break
        inner = holder.setdefault(key, {})
        if not isinstance(inner, dict):
            raise MalformedBody(f"The form has {key[:100]!r} as a value and as an object.")
        holder, key = inner, step
    is_array = "" in steps
    if key not in holder:
        holder[key] = [value] if is_array else value
    elif isinstance(holder[key], list):
        holder[key].append(value)
    else:
        holder[key] = [holder[key], value]
