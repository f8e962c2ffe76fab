"""What is to be embedded, as messages: one for each input, which gets one vector.

An input is a text, an image as a `data:` URI (as for LiteLLM), or an object whose `content` has parts: texts and images
(as for OpenRouter, and for Cohere's own API).
"""

import re
from collections.abc import Iterator
from typing import Any

from bedrock_flask.converse import Json, is_blank
from bedrock_flask.protocol.image_files import find_base64_format
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.reading import media_types
from bedrock_flask.wires.reading.cursor import Cursor

_TYPES = ("text", "image_url")
# A text that begins so is an image: to embed its base64 as words helps nobody.
_IMAGE_URI = re.compile(r"data:image/[\w.+-]+[;,]", re.IGNORECASE)


def read_inputs(given: Any, cursor: Cursor) -> list[Json]:
    """A message for each input; the faults are noted at the cursor."""
    inputs = [(each, cursor.item(index)) for index, each in enumerate(given)] if isinstance(given, list) else ()
    return [_read_input(each, here) for each, here in inputs or [(given, cursor)]]


def _read_input(given: Any, cursor: Cursor) -> Json:
    parts = _read_text(given, cursor) if isinstance(given, str) else _read_parts(given["content"], cursor.at("content"))
    blocks = list(cursor.gather(parts))
    # Parts of unknown types are refused by their names.
    if not blocks and all(part["type"] in _TYPES for part in given["content"]):
        cursor.reject("must have a text that is not blank, or an image")
    return place_at({"role": "user", "content": blocks}, given)


def _read_text(text: str, cursor: Cursor) -> Iterator[Json]:
    if _IMAGE_URI.match(text):
        yield _read_image(text, cursor)
    elif is_blank(text):
        raise cursor.error("must not be blank")
    else:
        yield {"text": text}


def _read_parts(parts: list[Json], cursor: Cursor) -> Iterator[Json]:
    for index, part in enumerate(parts):
        here = cursor.item(index)
        if part["type"] == "text" and not is_blank(part["text"]):
            yield place_at({"text": part["text"]}, part)
        elif part["type"] == "image_url":
            image = part["image_url"]
            here = here.at("image_url")
            yield _read_image(image, here) if isinstance(image, str) else _read_image(image["url"], here.at("url"))


def _read_image(uri: str, cursor: Cursor) -> Json:
    form, data = media_types.read_uri(uri, media_types.IMAGES, cursor)
    found = find_base64_format(data)
    if not found:
        raise cursor.error("must be a PNG, JPEG, GIF or WebP image")
    if found != form:
        raise cursor.error(f"is declared as {form}, but its content is {found}")
    return place_at({"image": {"format": form, "source": {"bytes": data}}}, uri)
