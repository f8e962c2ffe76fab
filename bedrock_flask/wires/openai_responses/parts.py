"""The parts of messages and of tool outputs, to and from Converse's content blocks."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bedrock_flask.converse import Json, build_cache_point, is_blank
from bedrock_flask.protocol import data_uri
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.reading import media_types
from bedrock_flask.wires.reading.breakpoints import read_breakpoint
from bedrock_flask.wires.reading.cursor import STAND_IN, Cursor

# --- read ------------------------------------------------------------------------------------------------------------

_DOCUMENT = "document"


def read_parts(content: str | list[Json], cursor: Cursor) -> Iterator[Json]:
    """Read a text, or parts, as content blocks."""
    if isinstance(content, str):
        yield from _read_plain_text(content)
        return
    for index, part in enumerate(content):
        here = cursor.item(index)
        if part["type"] not in _PARTS:
            here.at("type").reject(f"must be one of: {', '.join(_PARTS)}")
            yield STAND_IN
            continue
        blocks = [place_at(block, part) for block in here.gather(_PARTS[part["type"]](part, here))]
        yield from blocks
        if blocks and part.get("prompt_cache_breakpoint"):
            yield read_breakpoint(
                part["prompt_cache_breakpoint"],
                here.at("prompt_cache_breakpoint"),
                "input.prompt_cache_breakpoint",
            )
        elif blocks and part.get("cache_control"):
            yield build_cache_point(part["cache_control"].get("ttl"))


def _read_plain_text(text: str) -> Iterator[Json]:
    # Bedrock refuses blank texts.
    if not is_blank(text):
        yield {"text": text}


def _read_text(part: Json, cursor: Cursor) -> Iterator[Json]:
    cursor.add_unread(part, *_COMMON, "text")
    return _read_plain_text(part["text"])


def _read_output(part: Json, cursor: Cursor) -> Iterator[Json]:
    # Annotations and log probabilities describe the text, which the model has.
    cursor.add_unread(part, *_COMMON, "text", "annotations", "logprobs")
    return _read_plain_text(part["text"])


def _read_refusal(part: Json, cursor: Cursor) -> Iterator[Json]:
    cursor.add_unread(part, *_COMMON, "refusal")
    return _read_plain_text(part["refusal"])


def _read_image(part: Json, cursor: Cursor) -> Iterator[Json]:
    cursor.add_unread(part, *_COMMON, "image_url", "file_id", "detail")
    _reject(part, cursor, file_id="is not supported: the gateway stores no files. Send the image in image_url.")
    _add_detail_hint(part, cursor)
    form, data = media_types.read_uri(_require(part, "image_url", cursor), media_types.IMAGES, cursor.at("image_url"))
    yield {"image": {"format": form, "source": {"bytes": data}}}


def _read_file(part: Json, cursor: Cursor) -> Iterator[Json]:
    cursor.add_unread(part, *_COMMON, "file_data", "filename", "file_url", "file_id", "detail")
    _reject(
        part,
        cursor,
        file_id="is not supported: the gateway stores no files. Send the file in file_data.",
        file_url="is not supported: the gateway fetches no URLs. Send the file in file_data.",
    )
    _add_detail_hint(part, cursor)
    name = part.get("filename") or _DOCUMENT
    form, data = media_types.read_document(_require(part, "file_data", cursor), name, cursor.at("file_data"))
    yield {"document": {"format": form, "name": name, "source": {"bytes": data}}}


def _require(part: Json, name: str, cursor: Cursor) -> str:
    value: str | None = part.get(name)
    if not value:
        raise cursor.at(name).error("is required")
    return value


def _reject(part: Json, cursor: Cursor, **reasons: str) -> None:
    for name, reason in reasons.items():
        if part.get(name):
            raise cursor.at(name).error(reason)


def _add_detail_hint(part: Json, cursor: Cursor) -> None:
    # Models on Bedrock do not offer a choice of detail.
    if part.get("detail") not in (None, "auto"):
        cursor.at("detail").add_hint("input.detail", part["detail"])


_COMMON = ("type", "prompt_cache_breakpoint", "cache_control")
_PARTS: dict[str, Callable[[Json, Cursor], Iterator[Json]]] = {
    "input_text": _read_text,
    "output_text": _read_output,
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
}


# --- write -----------------------------------------------------------------------------------------------------------

MarkedBlock = tuple[Cursor, Json, Json | None]


def pair_with_marks(blocks: Iterable[Json], cursor: Cursor) -> Iterator[MarkedBlock]:
    """Pair each block with its cursor and the cache point behind it; a cache point before all blocks marks nothing."""
    held: MarkedBlock | None = None
    for index, block in enumerate(blocks):
        if "cachePoint" not in block:
            if held:
                yield held
            held = (cursor.item(index), block, None)
        elif held:
            held = (held[0], held[1], block["cachePoint"])
    if held:
        yield held


def write_parts(blocks: Iterable[MarkedBlock], *, output: bool = False) -> list[Json]:
    """Write content blocks as parts of the model's output or of its input; raises InvalidBody for other blocks."""
    return [{**_write_part(block, cursor, output), **_write_mark(mark)} for cursor, block, mark in blocks]


def is_part(block: Json) -> bool:
    """Whether a block is a part of a message, rather than an item beside messages."""
    return not block.keys() & {"toolUse", "toolResult", "reasoningContent"}


def _write_part(block: Json, cursor: Cursor, output: bool) -> Json:
    [(kind, value)] = block.items()
    if kind not in _WRITERS:
        raise cursor.at(kind).error("is not supported by the Responses format")
    part = _WRITERS[kind](value, cursor.at(kind))
    return _build_text(part, output) if isinstance(part, str) else part


def _build_text(text: str, output: bool) -> Json:
    return {"type": "output_text", "text": text, "annotations": []} if output else {"type": "input_text", "text": text}


def _write_mark(mark: Json | None) -> Json:
    return {"prompt_cache_breakpoint": {"mode": "explicit", **_TTL.get(mark.get("ttl"), {})}} if mark else {}


_TTL: dict[str | None, Json] = {"1h": {"ttl": "30m"}}


def _write_image(image: Json, cursor: Cursor) -> Json:
    kind = media_types.find_media_type(media_types.IMAGES, image["format"])
    return {"type": "input_image", "image_url": data_uri.write(str(kind), _read_bytes(image, cursor)), "detail": "auto"}


def _write_document(document: Json, cursor: Cursor) -> Json:
    kind = media_types.find_media_type(media_types.DOCUMENTS, document.get("format", "txt"))
    data = data_uri.write(str(kind), _read_bytes(document, cursor))
    return {"type": "input_file", "filename": document["name"], "file_data": data}


def _read_bytes(medium: Json, cursor: Cursor) -> str:
    match medium["source"]:
        case {"bytes": data}:
            return str(data)
        case {"text": text}:
            return base64.b64encode(text.encode()).decode()
    raise cursor.at("source").error("must contain the bytes themselves")


# How each kind of block is written: as a text, or as a part.
_WRITERS: dict[str, Callable[[Any, Cursor], str | Json]] = {
    "text": lambda text, cursor: str(text),
    "json": lambda value, cursor: json.dumps(value),
    "citationsContent": lambda cited, cursor: "".join(piece.get("text", "") for piece in cited.get("content", ())),
    "image": _write_image,
    "document": _write_document,
}
