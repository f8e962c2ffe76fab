"""The parts of messages and the marks on what should be cached, to and from Converse's content blocks."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bedrock_flask.converse import Json, build_cache_point, is_blank, member, omit_null
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol import data_uri
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.reading import media_types
from bedrock_flask.wires.reading.breakpoints import read_breakpoint
from bedrock_flask.wires.reading.cursor import Cursor

# --- read ------------------------------------------------------------------------------------------------------------


def read_parts(content: str | list[Json] | None, cursor: Cursor) -> Iterator[Json]:
    """Read a text, or parts, as content blocks."""
    if isinstance(content, str):
        yield from read_text(content, cursor)
        return
    for index, part in enumerate(content or ()):
        here, kind = cursor.item(index), part["type"]
        if kind not in _READERS:
            here.add_extra(part)
        else:
            here.add_unread(part, "type", kind, "cache_control", "prompt_cache_breakpoint")
            yield from (place_at(block, part) for block in here.gather(_READERS[kind](part[kind], here.at(kind))))
            yield from read_mark(part)
            yield from _read_breakpoint(part, here.at("prompt_cache_breakpoint"))


def _read_breakpoint(part: Json, cursor: Cursor) -> Iterator[Json]:
    """OpenAI's own mark; beside a `cache_control` it marks the same prefix."""
    mark, hint = part.get("prompt_cache_breakpoint"), "messages.prompt_cache_breakpoint"
    if mark and part.get("cache_control"):
        cursor.add_hint(hint, mark)
    elif mark:
        yield read_breakpoint(mark, cursor, hint)


def read_text(text: str | None, cursor: Cursor) -> Iterator[Json]:
    """A text as a content block; nothing for a blank text, which Bedrock refuses."""
    if not is_blank(text):
        yield {"text": text}


def _read_image(image: Json, cursor: Cursor) -> Iterator[Json]:
    cursor.add_unread(image, "url", "detail")
    # Models on Bedrock do not offer a choice of detail.
    if image.get("detail") not in (None, "auto"):
        cursor.at("detail").add_hint("messages.detail", image["detail"])
    form, data = media_types.read_uri(image["url"], media_types.IMAGES, cursor.at("url"))
    yield {"image": {"format": form, "source": {"bytes": data}}}


def _read_audio(audio: Json, cursor: Cursor) -> Iterator[Json]:
    cursor.add_unread(audio, "data", "format")
    data = cursor.at("data").parse(data_uri.normalize_base64, audio["data"])
    yield {"audio": {"format": audio["format"], "source": {"bytes": data}}}


def _read_file(file: Json, cursor: Cursor) -> Iterator[Json]:
    cursor.add_unread(file, "file_data", "filename", "file_id")
    if file.get("file_id") is not None:
        raise cursor.at("file_id").error("is not supported: the gateway stores no files. Send the file in file_data.")
    if not file.get("file_data"):
        raise cursor.at("file_data").error("is required")
    name = file.get("filename") or "document"
    form, data = media_types.read_document(file["file_data"], name, cursor.at("file_data"))
    yield {"document": {"format": form, "name": name, "source": {"bytes": data}}}


_READERS: dict[str, Callable[[Any, Cursor], Iterator[Json]]] = {
    "text": read_text,
    "refusal": read_text,
    "image_url": _read_image,
    "input_audio": _read_audio,
    "file": _read_file,
}


def read_mark(holder: Json) -> Iterator[Json]:
    """The cache point of a part, a message or a tool that has a `cache_control`."""
    mark = holder.get("cache_control")
    if mark:
        yield place_at(build_cache_point(mark.get("ttl")), mark)


# --- write -----------------------------------------------------------------------------------------------------------


def write_mark(block: Json) -> Json:
    """The member `cache_control` for a cache point."""
    return {"cache_control": {"type": "ephemeral", **omit_null(ttl=block["cachePoint"].get("ttl"))}}


def write_parts(blocks: Iterable[Json]) -> list[Json]:
    """Write content blocks as parts; raises InvalidBody for blocks that the format does not have."""
    parts: list[Json] = []
    for block in blocks:
        [(kind, value)] = block.items()
        if kind == "cachePoint":
            if not parts or "cache_control" in parts[-1]:
                parts.append({"type": "text", "text": ""})
            parts[-1] |= write_mark(block)
        elif kind in _WRITERS:
            parts += _WRITERS[kind](value)
        else:
            raise make_unsupported_error(f"a {kind} block")
    return parts


def unwrap_text(parts: list[Json]) -> str | list[Json]:
    """A single text without its part, because not every server of this format accepts parts."""
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def _write_text(text: str) -> Iterator[Json]:
    yield {"type": "text", "text": text}


def _write_image(image: Json) -> Iterator[Json]:
    yield {"type": "image_url", "image_url": {"url": _build_uri(image, media_types.IMAGES, "an image")}}


def _write_audio(audio: Json) -> Iterator[Json]:
    if audio["format"] not in ("wav", "mp3"):
        raise make_unsupported_error(f"audio in the format {audio['format']}")
    yield {"type": "input_audio", "input_audio": {"format": audio["format"], "data": _read_bytes(audio, "audio")}}


def _write_document(document: Json) -> Iterator[Json]:
    if member(document, "citations", "enabled"):
        raise make_unsupported_error("a document with citations enabled")
    if "context" in document:
        yield from _write_text(document["context"])
    pieces = document["source"].get("content") or [{"text": document["source"].get("text")}]
    texts = [piece["text"] for piece in pieces if piece["text"] is not None]
    if texts:
        uri = data_uri.write("text/plain", base64.b64encode("\n".join(texts).encode()).decode())
    else:
        uri = _build_uri(document, media_types.DOCUMENTS, "a document")
    yield {"type": "file", "file": {"filename": document["name"], "file_data": uri}}


def _write_search_result(result: Json) -> Iterator[Json]:
    yield from _write_text(
        "\n".join([result["title"], result["source"], *(each["text"] for each in result["content"])])
    )


def _write_citations(cited: Json) -> Iterator[Json]:
    yield from _write_text("".join(piece["text"] for piece in cited.get("content", ())))


def _write_guarded(guarded: Json) -> Iterator[Json]:
    return _write_text(guarded["text"]["text"]) if "text" in guarded else _write_image(guarded["image"])


_WRITERS: dict[str, Callable[[Any], Iterator[Json]]] = {
    "text": _write_text,
    "image": _write_image,
    "audio": _write_audio,
    "document": _write_document,
    "searchResult": _write_search_result,
    "citationsContent": _write_citations,
    "guardContent": _write_guarded,
}


def _build_uri(block: Json, formats: Mapping[str, str], what: str) -> str:
    kind = media_types.find_media_type(formats, block.get("format", ""))
    if kind is None:
        raise make_unsupported_error(f"{what} without a known format")
    return data_uri.write(kind, _read_bytes(block, what))


def _read_bytes(block: Json, what: str) -> str:
    if "bytes" not in block["source"]:
        raise make_unsupported_error(f"{what} in Amazon S3")
    return str(block["source"]["bytes"])


def make_unsupported_error(what: str) -> InvalidBody:
    """The exception for content that the format does not have."""
    return InvalidBody([FieldError("messages", f"contains {what}, which the Chat Completions format does not support")])
