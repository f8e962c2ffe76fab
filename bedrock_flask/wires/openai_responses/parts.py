"""The parts of messages and of tools' outputs, to and from Converse's content blocks."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.protocol import data_uri
from bedrock_flask.wires.reading import media_types
from bedrock_flask.wires.reading.cursor import Cursor

# --- read ------------------------------------------------------------------------------------------------------------

_DOCUMENT = "document"


def read_parts(content: str | list[Json], place: Cursor) -> Iterator[Json]:
    """Text, or parts, as content blocks."""
    if isinstance(content, str):
        yield from _text(content)
        return
    for index, part in enumerate(content):
        here = place.item(index)
        if part["type"] not in _PARTS:
            raise here.at("type").wrong(f"must be one of: {', '.join(_PARTS)}")
        blocks = [*_PARTS[part["type"]](part, here)]
        yield from blocks
        if blocks and part.get("prompt_cache_breakpoint"):
            yield _read_breakpoint(part["prompt_cache_breakpoint"], here.at("prompt_cache_breakpoint"))


def _text(text: str) -> Iterator[Json]:
    # Bedrock refuses blank texts, and they say nothing.
    if text and not text.isspace():
        yield {"text": text}


def _read_text(part: Json, place: Cursor) -> Iterator[Json]:
    place.leave_rest(part, *_COMMON, "text")
    return _text(part["text"])


def _read_output(part: Json, place: Cursor) -> Iterator[Json]:
    # Annotations and likelihoods tell again of what the text is.
    place.leave_rest(part, *_COMMON, "text", "annotations", "logprobs")
    return _text(part["text"])


def _read_refusal(part: Json, place: Cursor) -> Iterator[Json]:
    place.leave_rest(part, *_COMMON, "refusal")
    return _text(part["refusal"])


def _read_image(part: Json, place: Cursor) -> Iterator[Json]:
    place.leave_rest(part, *_COMMON, "image_url", "file_id", "detail")
    _refuse(part, place, file_id="names an uploaded file, and the gateway keeps none; send it in image_url")
    _mention_detail(part, place)
    form, data = media_types.read_uri(_needed(part, "image_url", place), media_types.IMAGES, place.at("image_url"))
    yield {"image": {"format": form, "source": {"bytes": data}}}


def _read_file(part: Json, place: Cursor) -> Iterator[Json]:
    place.leave_rest(part, *_COMMON, "file_data", "filename", "file_url", "file_id", "detail")
    _refuse(
        part,
        place,
        file_id="names an uploaded file, and the gateway keeps none; send it in file_data",
        file_url="is an address, and the gateway fetches none; send the file in file_data",
    )
    _mention_detail(part, place)
    name = part.get("filename") or _DOCUMENT
    form, data = media_types.read_document(_needed(part, "file_data", place), name, place.at("file_data"))
    yield {"document": {"format": form, "name": name, "source": {"bytes": data}}}


def _needed(part: Json, name: str, place: Cursor) -> str:
    value: str | None = part.get(name)
    if not value:
        raise place.at(name).wrong("is required")
    return value


def _refuse(part: Json, place: Cursor, **reasons: str) -> None:
    for name, reason in reasons.items():
        if part.get(name):
            raise place.at(name).wrong(reason)


def _mention_detail(part: Json, place: Cursor) -> None:
    # Every model on Bedrock looks at an image in its own way only.
    if part.get("detail") not in (None, "auto"):
        place.at("detail").mention("input.detail", part["detail"])


def _read_breakpoint(mark: Json, place: Cursor) -> Json:
    # Bedrock knows 5 minutes and an hour: the hour is the one that keeps the promise, or comes nearest to it.
    if mark.get("ttl") == "12h":
        place.mention("input.prompt_cache_breakpoint", mark)
    return {"cachePoint": {"type": "default", **({"ttl": "1h"} if mark.get("ttl") else {})}}


_COMMON = ("type", "prompt_cache_breakpoint")
_PARTS: dict[str, Callable[[Json, Cursor], Iterator[Json]]] = {
    "input_text": _read_text,
    "output_text": _read_output,
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
}


# --- written ---------------------------------------------------------------------------------------------------------

Marked = tuple[Cursor, Json, Json | None]


def marked(blocks: Iterable[Json], place: Cursor) -> Iterator[Marked]:
    """The blocks with their places, each with the cache point that stands behind it; a first one marks nothing."""
    held: Marked | None = None
    for index, block in enumerate(blocks):
        if "cachePoint" not in block:
            if held:
                yield held
            held = (place.item(index), block, None)
        elif held:
            held = (held[0], held[1], block["cachePoint"])
    if held:
        yield held


def write_parts(blocks: Iterable[Marked], *, output: bool = False) -> list[Json]:
    """Content blocks as parts, of what the model has said or of what it was told; raises InvalidBody."""
    return [{**_write_part(block, place, output), **_mark(mark)} for place, block, mark in blocks]


def is_part(block: Json) -> bool:
    """Whether a block is a part of a message, rather than an item of its own."""
    return not block.keys() & {"toolUse", "toolResult", "reasoningContent"}


def _write_part(block: Json, place: Cursor, output: bool) -> Json:
    [(kind, value)] = block.items()
    if kind not in _WRITERS:
        raise place.at(kind).wrong("has no like in the format of OpenAI's Responses")
    written = _WRITERS[kind](value, place.at(kind))
    return _written(written, output) if isinstance(written, str) else written


def _written(text: str, output: bool) -> Json:
    return {"type": "output_text", "text": text, "annotations": []} if output else {"type": "input_text", "text": text}


def _mark(mark: Json | None) -> Json:
    return {"prompt_cache_breakpoint": {"mode": "explicit", **_TTL.get(mark.get("ttl"), {})}} if mark else {}


_TTL: dict[str | None, Json] = {"1h": {"ttl": "30m"}}


def _write_image(image: Json, place: Cursor) -> Json:
    kind = media_types.media_type(media_types.IMAGES, image["format"])
    return {"type": "input_image", "image_url": data_uri.write(str(kind), _bytes(image, place)), "detail": "auto"}


def _write_document(document: Json, place: Cursor) -> Json:
    kind = media_types.media_type(media_types.DOCUMENTS, document.get("format", "txt"))
    data = data_uri.write(str(kind), _bytes(document, place))
    return {"type": "input_file", "filename": document["name"], "file_data": data}


def _bytes(medium: Json, place: Cursor) -> str:
    match medium["source"]:
        case {"bytes": data}:
            return str(data)
        case {"text": text}:
            return base64.b64encode(text.encode()).decode()
    raise place.at("source").wrong("must be the medium itself")


# What a block is written as: a text, or a part.
_WRITERS: dict[str, Callable[[Any, Cursor], str | Json]] = {
    "text": lambda text, place: str(text),
    "json": lambda value, place: json.dumps(value),
    "citationsContent": lambda cited, place: "".join(piece.get("text", "") for piece in cited.get("content", ())),
    "image": _write_image,
    "document": _write_document,
}
