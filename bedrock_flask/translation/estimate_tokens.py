"""An estimate of a request's input tokens, for models that Bedrock does not count for.

The rule: four bytes of UTF-8 are a token, of every text, name, description, schema, input and result; an image is 1,600
tokens; a document whose format is text is its text, and any other one token for 32 bytes. What has no rule (audio,
video, a file in S3) cannot be estimated. Sources: other gateways count four bytes (maximhq/bifrost#2169); Anthropic's
Vision guide (at most about 1,600 tokens an image) and PDF guide (1,500 to 3,000 tokens a page).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody

IMAGE_TOKENS = 1600
BYTES_PER_TOKEN, DOCUMENT_BYTES_PER_TOKEN = 4, 32
# The formats of documents that are text.
_TEXTS = frozenset({"txt", "md", "csv", "html"})


def estimate_tokens(request: Request) -> int:
    """The estimate for a Converse request; InvalidBody for content that has no rule."""
    weights = [*_weigh_blocks(request)]
    return -(-sum(weights) // BYTES_PER_TOKEN)


def _weigh_blocks(request: Request) -> Iterator[int]:
    """The bytes of each part of a request, or what counts as its bytes."""
    yield from (_weigh_json(tool) for tool in member(request, "toolConfig", "tools") or () if "cachePoint" not in tool)
    yield from _weigh_content(request.get("system") or (), "system")
    for index, message in enumerate(request.get("messages") or ()):
        yield from _weigh_content(message["content"], f"messages[{index}].content")


def _weigh_content(content: Iterable[Json], path: str) -> Iterator[int]:
    for index, block in enumerate(content):
        for kind, value in block.items():
            yield from _WEIGHTS.get(kind, _refuse)(value, f"{path}[{index}].{kind}")


def _weigh_text(value: Any, path: str) -> Iterator[int]:
    yield len(_encode(value)) if isinstance(value, str) else _weigh_json(value)


def _weigh_image(value: Any, path: str) -> Iterator[int]:
    yield IMAGE_TOKENS * BYTES_PER_TOKEN


def _weigh_document(document: Json, path: str) -> Iterator[int]:
    source = document.get("source") or {}
    yield len(_encode(document.get("context") or ""))
    yield from (len(_encode(piece.get("text") or "")) for piece in source.get("content") or ())
    if "text" in source:
        yield len(_encode(source["text"]))
    elif "bytes" in source:
        size = len(source["bytes"]) * 3 // 4
        yield size if document.get("format") in _TEXTS else size * BYTES_PER_TOKEN // DOCUMENT_BYTES_PER_TOKEN
    elif "content" not in source:
        yield from _refuse(source, path)


def _weigh_result(result: Json, path: str) -> Iterator[int]:
    yield from _weigh_content(result.get("content") or (), f"{path}.content")


def _weigh_guarded(guarded: Json, path: str) -> Iterator[int]:
    if "image" in guarded:
        yield from _weigh_image(guarded["image"], path)
    else:
        yield from _weigh_text(member(guarded, "text", "text") or "", path)


def _weigh_nothing(value: Any, path: str) -> Iterator[int]:
    return iter(())


def _refuse(value: Any, path: str) -> Iterator[int]:
    raise InvalidBody([FieldError(path, "cannot be estimated: its tokens do not follow from its size")])


_WEIGHTS: Mapping[str, Callable[[Any, str], Iterator[int]]] = MappingProxyType(
    {
        "text": _weigh_text,
        "json": _weigh_text,
        "toolUse": _weigh_text,
        "reasoningContent": _weigh_text,
        "citationsContent": _weigh_text,
        "searchResult": _weigh_text,
        "toolResult": _weigh_result,
        "guardContent": _weigh_guarded,
        "image": _weigh_image,
        "document": _weigh_document,
        "cachePoint": _weigh_nothing,
    }
)


def _weigh_json(value: Any) -> int:
    return len(_encode(json.dumps(value, ensure_ascii=False, separators=(",", ":"))))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
