"""The fields, the answer and the functions that Stability AI's models share.

Sources: AWS user guide, "Stable Diffusion 3.5 Large", "Stable Image Ultra", "Stable Image Core", "Stability AI Image
Services" (November 2026).
"""

from collections.abc import Mapping
from typing import Any

from bedrock_flask import fields
from bedrock_flask.bodies import image_body, own_fields
from bedrock_flask.converse import Json, Request, Response
from bedrock_flask.fields import Open
from bedrock_flask.protocol.drawn_images import draw_image

RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
FORMATS = ("jpeg", "png", "webp")
STYLES = (
    "3d-model",
    "analog-film",
    "anime",
    "cinematic",
    "comic-book",
    "digital-art",
    "enhance",
    "fantasy-art",
    "isometric",
    "line-art",
    "low-poly",
    "modeling-compound",
    "neon-punk",
    "origami",
    "photographic",
    "pixel-art",
    "tile-texture",
)
_LONGEST_TEXT = 10_000
# The largest seed of SD3.5 and the image services; Ultra and Core take one more.
MOST_SEED = 4_294_967_294
# The reason that names a failure rather than a filter.
_FAILED = "Inference error"


def make_prompt(*, required: bool = True) -> fields.String:
    """The field `prompt`."""
    about = "What the image shows. `(word:weight)` changes the weight of a word: less below 1, more from 1.1 to 2."
    return fields.String(required=required, max_length=_LONGEST_TEXT, description=about)


def make_text(description: str, *, required: bool = False) -> fields.String:
    """A field for another text."""
    return fields.String(required=required, max_length=_LONGEST_TEXT, description=description)


def make_negative_prompt() -> fields.String:
    """The field `negative_prompt`."""
    return make_text("What the image should not show.")


def make_seed(most: int = MOST_SEED) -> fields.Integer:
    """The field `seed`."""
    return fields.Integer(min=0, max=most, description="The seed of the randomness; 0, the default, takes any.")


def make_output_format() -> fields.String:
    """The field `output_format`."""
    return fields.String(one_of=FORMATS, description="The format of the image file; default png.")


def make_aspect_ratio() -> fields.String:
    """The field `aspect_ratio`."""
    return fields.String(one_of=RATIOS, description="Width to height of the image; default 1:1.")


def make_style_preset() -> fields.String:
    """The field `style_preset`."""
    return fields.String(one_of=STYLES, description="The style that the model is guided to.")


class Answer(Open):
    """What the models answer, also if a filter has withheld the image: then `images` is missing."""

    seeds = fields.List(
        fields.Either(fields.Integer(), fields.String()), description="The seed of each image; AWS calls it a string."
    )
    finish_reasons = fields.List(
        fields.String(allow_none=True),
        required=True,
        description="Null for an image; else why there is none: a filter of prompt, input or output, or an error.",
    )
    images = fields.List(image_body.Image(), description="The images, in base64.")


def encode(request: Request) -> Json:
    """The prompt, an image to start from, and the members that extras have placed."""
    images = image_body.list_images(request)
    image = {"image": image_body.take_one(images)} if images else {}
    return {"prompt": image_body.read_prompt(request), **image, **own_fields.read_fields(request)}


def decode(reply: Json) -> Response:
    """The images, or the reason for which there are none."""
    reasons = [reason for reason in reply.get("finish_reasons") or () if reason]
    if reasons and _FAILED in reasons:
        return {"error": {"type": "server_error", "message": f"The model could not make the image: {_FAILED}"}}
    if reasons and not reply.get("images"):
        return image_body.write_filtered(f"The model's filter has withheld the image: {', '.join(reasons)}")
    return image_body.write_images(reply["images"], seeds=reply["seeds"])


def make_reply(body: Mapping[str, Any], size: tuple[int, int], *, transparent: bool = False) -> Json:
    """The emulator's reply: an image of this size, in the format that the body asks for."""
    seed = int(body.get("seed") or 0) or 2130420379
    text = " ".join(str(body.get(name, "")) for name in ("prompt", "search_prompt", "select_prompt"))
    image = draw_image(f"{text} {seed}", *size, body.get("output_format", "png"), transparent=transparent)
    return {"seeds": [seed], "finish_reasons": [None], "images": [image]}
