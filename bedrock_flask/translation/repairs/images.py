"""Images: their format is what their bytes say, whatever the label says; Bedrock compares the two."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.blocks import blocks, edited
from bedrock_flask.translation.repairs.record import Repaired

# How the files begin that Bedrock takes as images.
_FORMATS: dict[str, Callable[[bytes], bool]] = {
    "png": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
    "jpeg": lambda head: head.startswith(b"\xff\xd8\xff"),
    "gif": lambda head: head.startswith((b"GIF87a", b"GIF89a")),
    "webp": lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
}
# An image that lies elsewhere cannot be looked at; a common misnomer of its label can be put right.
_MISNAMED = {"jpg": "jpeg"}
# The first characters of base64 that are decoded: whole groups of four, enough for every format above.
_HEAD = 64


def labelled(request: Request, capabilities: Capabilities) -> Repaired:
    """With each image called what it is; bytes that are none of Bedrock's formats are refused."""
    edits, faults = {}, []
    for path, block in blocks(request):
        image = block.get("image")
        if image is None:
            continue
        try:
            form = _format(image)
        except ValueError as wrong:
            faults.append(FieldError(f"{path}.image.source.bytes", str(wrong)))
        else:
            if form != image.get("format"):
                edits[path] = [{**block, "image": {**image, "format": form}}]
    if faults:
        raise InvalidBody(faults)
    return Repaired(edited(request, edits))


def _format(image: Json) -> Any:
    data = member(image, "source", "bytes")
    if not isinstance(data, str):
        return _MISNAMED.get(image.get("format", ""), image.get("format"))
    try:
        head = base64.b64decode(data[:_HEAD], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    found = next((form for form, fits in _FORMATS.items() if fits(head)), None)
    if found is None:
        raise ValueError("must be a PNG, JPEG, GIF or WebP image")
    return found
