"""Normalize the bytes of media: plain base64, and images labelled by what they are."""

from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol import data_uri
from bedrock_flask.protocol.image_files import find_base64_format
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

# Images are decoded by `detect_image_formats`.
_ENCODED = ("document", "video", "audio")
# An image that is not in the request cannot be read, but a common wrong label can be corrected.
_LABELS = {"jpg": "jpeg"}


def normalize_base64(request: Request, capabilities: Capabilities) -> RepairResult:
    """Remove the line breaks that some clients write into base64, and reject what is not base64."""
    replacements, faults = {}, []
    for path, block in walk_blocks(request):
        for kind in _ENCODED:
            data = member(block, kind, "source", "bytes")
            if not isinstance(data, str):
                continue
            try:
                normalized = data_uri.normalize_base64(data)
            except ValueError as error:
                faults.append(FieldError(f"{path}.{kind}.source.bytes", str(error)))
            else:
                if normalized != data:
                    medium = {**block[kind], "source": {**block[kind]["source"], "bytes": normalized}}
                    replacements[path] = [{**block, kind: medium}]
    if faults:
        raise InvalidBody(faults)
    return RepairResult(replace_blocks(request, replacements))


def detect_image_formats(request: Request, capabilities: Capabilities) -> RepairResult:
    """Set each image's format to that of its bytes, which Bedrock compares; reject bytes of other formats."""
    replacements, faults = {}, []
    for path, block in walk_blocks(request):
        image = block.get("image")
        if image is None:
            continue
        try:
            form = _detect_format(image)
        except ValueError as error:
            faults.append(FieldError(f"{path}.image.source.bytes", str(error)))
        else:
            if form != image.get("format"):
                replacements[path] = [{**block, "image": {**image, "format": form}}]
    if faults:
        raise InvalidBody(faults)
    return RepairResult(replace_blocks(request, replacements))


def _detect_format(image: Json) -> Any:
    data = member(image, "source", "bytes")
    if not isinstance(data, str):
        return _LABELS.get(image.get("format", ""), image.get("format"))
    # Whole groups of four characters, enough for the beginning of each format.
    if not data_uri.is_base64(data[:64].encode()):
        raise ValueError("is not base64")
    form = find_base64_format(data)
    if not form:
        raise ValueError("must be a PNG, JPEG, GIF or WebP image")
    return form
