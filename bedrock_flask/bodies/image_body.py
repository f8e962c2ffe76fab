"""What image models share: base64 images, reading a request for images, writing an answer, and OpenAI's parameters.

A request for images is a Converse request with one message: the prompt as its text, and the images to start from. Other
parameters are extras. An answer is a Converse response whose content is images.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from marshmallow import ValidationError

from bedrock_flask import fields
from bedrock_flask.bodies.own_fields import Place, place_fields
from bedrock_flask.converse import Json, Request, Response
from bedrock_flask.prices.billed import Billed
from bedrock_flask.protocol.image_files import (
    find_base64_format,
    find_base64_size,
    is_base64,
    measure_base64,
)
from bedrock_flask.protocol.masks import draw_base64_mask

MEGABYTE = 1024 * 1024
# As many programs write it, base64 has line breaks.
_BASE64 = r"^[A-Za-z0-9+/\r\n]+(={1,2}[\r\n]*)?$"
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)

# Raises ValueError for a width and a height that a model does not make.
SizeCheck = Callable[[int, int], None]


class Image(fields.String):
    """An image file in base64."""

    checks_alone = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pattern=_BASE64, **kwargs)

    def check(self, value: Any) -> None:
        try:
            super().check(value)
        except ValidationError as error:
            if not isinstance(value, str):
                raise
            begins = " without 'data:' and a media type before it" if value.startswith("data:") else ""
            raise ValidationError(f"must be an image file in base64{begins}") from error

    def json_schema(self, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {**super().json_schema(convert), "contentEncoding": "base64"}


def needs_image(schema: fields.Schema) -> bool:
    """Whether a body must have an image: its model changes images, and makes none of a text alone."""
    return any(isinstance(field, Image) and field.required for field in schema.fields.values())


def find_image_faults(
    path: str, data: str, *, declared: str = "", most_bytes: int | None = None
) -> Iterator[tuple[str, str]]:
    """The faults of a file in base64: it is too large, not base64, or an image of another format than `declared`.

    Content of no known format is left to the model.
    """
    if not is_base64(data):
        yield path, "must be a file in base64"
    elif most_bytes is not None and measure_base64(data) > most_bytes:
        yield path, f"must have at most {most_bytes // MEGABYTE} MB"
    found = find_base64_format(data)
    if declared and found and found != declared:
        yield path, f"is declared as {declared}, but its content is {found}"


# --- requests ---------------------------------------------------------------------------------------------------------


def read_prompt(request: Request) -> str:
    """The text of a request for images."""
    texts = [block["text"] for each in request["messages"] for block in each["content"] if block.get("text")]
    # A text that is joined has lost its place in the caller's body.
    return texts[0] if len(texts) == 1 else "\n".join(texts)


def list_images(request: Request) -> list[str]:
    """The images of a request for images, as base64."""
    blocks = [block["image"] for message in request["messages"] for block in message["content"] if "image" in block]
    return [image["source"]["bytes"] for image in blocks]


def take_one(images: Sequence[str]) -> Any:
    """The only image; of several all, which the schema of a model that takes one refuses."""
    return images[0] if len(images) == 1 else [*images]


# --- answers ----------------------------------------------------------------------------------------------------------


def write_images(images: Sequence[str], **more: Any) -> Response:
    """A Converse response of images in base64; `more` are additional fields of the model's answer."""
    content = [{"image": {"format": find_base64_format(each) or "png", "source": {"bytes": each}}} for each in images]
    response: Response = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn"}
    return {**response, **({"additionalModelResponseFields": more} if more else {})}


def write_filtered(reason: str) -> Response:
    """What an answer says in place of images that a filter has withheld."""
    return {"error": {"type": "content_filter", "message": reason}}


def find_size(image: Any) -> tuple[int, int] | None:
    """The width and height of an image in base64; None without one that can be read."""
    return find_base64_size(image) if isinstance(image, str) else None


def count_images(body: Json, reply: Json) -> Billed:
    """Each image of an answer is billed."""
    return Billed({"image": len(reply.get("images") or ())})


# --- OpenAI's parameters ----------------------------------------------------------------------------------------------


def read_size(size: str) -> tuple[int, int]:
    """The width and height that `1024x1536` names; ValueError for any other text."""
    parts = _SIZE.fullmatch(size)
    if parts is None:
        raise ValueError("must be WIDTHxHEIGHT in pixels, such as 1024x1024, or auto")
    return int(parts[1]), int(parts[2])


def limit_sizes(sizes: Sequence[tuple[int, int]]) -> SizeCheck:
    """A check for a model that makes these sizes alone."""

    def check(width: int, height: int) -> None:
        if (width, height) not in sizes:
            raise ValueError(f"must be one of: {', '.join(f'{across}x{down}' for across, down in sizes)}")

    return check


def place_aspect_ratio(ratios: Sequence[str]) -> Place:
    """A size for a model that takes an aspect ratio: accepted if the size has exactly one of these ratios."""
    known = {Fraction(*map(int, ratio.split(":"))): ratio for ratio in ratios}

    def place(value: str, request: Request) -> Json:
        ratio = known.get(Fraction(*read_size(value)))
        if ratio is None:
            fitting = ", ".join(f"{width}x{height}" for width, height in map(_find_exact_size, known))
            raise ValueError(
                f"must have one of the model's aspect ratios, {', '.join(ratios)}, as these have: {fitting}; or send "
                "aspect_ratio"
            )
        return place_fields(aspect_ratio=ratio)

    return place


def _find_exact_size(ratio: Fraction) -> tuple[int, int]:
    """The size of this ratio, in multiples of 64, that has about a million pixels."""
    step = 64 * max(1, round(math.sqrt(1024 * 1024 / (ratio.numerator * ratio.denominator)) / 64))
    return ratio.numerator * step, ratio.denominator * step


def make_size(ratio: str) -> tuple[int, int]:
    """About the size of a million pixels that an image of this aspect ratio (`16:9`) has, in multiples of 64."""
    across, down = map(int, ratio.split(":"))
    scale = math.sqrt(1024 * 1024 / (across * down))
    return 64 * round(across * scale / 64), 64 * round(down * scale / 64)


def place_mask(*, edited: int) -> Place:
    """OpenAI's mask, which is transparent where the image is edited, as one that is black (0) or white (255) there."""

    def place(value: str, request: Request) -> Json:
        return place_fields(mask=draw_base64_mask(value, edited=edited))

    return place
