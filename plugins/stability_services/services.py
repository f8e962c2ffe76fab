"""The thirteen services: what each does, its body, and the size of its images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bedrock_flask.plugin import Json, Schema, image_body, own_fields, stability_body
from bedrock_flask_plugins.stability_services import bodies

# --- requests ---------------------------------------------------------------------------------------------------------


def encode_image_alone(request: Json) -> Json:
    """For a model that takes no text: what a text says could not be kept."""
    prompt = image_body.read_prompt(request)
    return {
        **({"prompt": prompt} if prompt else {}),
        "image": image_body.take_one(image_body.list_images(request)),
        **own_fields.read_fields(request),
    }


def encode_two_images(request: Json) -> Json:
    """The image to change, and the one with the style."""
    images = image_body.list_images(request)
    names = ("init_image", "style_image") if len(images) <= 2 else ("init_image",)
    placed = dict(zip(names, images if len(names) == 2 else [images], strict=False))
    return {"prompt": image_body.read_prompt(request), **placed, **own_fields.read_fields(request)}


# --- the emulator -----------------------------------------------------------------------------------------------------

_LARGEST = 4_194_304


def keep_size(body: Json) -> tuple[int, int]:
    """The size of the image that is changed."""
    image = body.get("image", body.get("init_image"))
    return image_body.find_size(image[0] if isinstance(image, list) else image) or (1024, 1024)


def quadruple(body: Json) -> tuple[int, int]:
    """Twice the width and the height: four times the pixels."""
    width, height = keep_size(body)
    return 2 * width, 2 * height


def enlarge(body: Json) -> tuple[int, int]:
    """The largest size of the same proportions that has as many pixels as an image of 2048 by 2048."""
    width, height = keep_size(body)
    factor = max(1, int((_LARGEST / (width * height)) ** 0.5))
    return factor * width, factor * height


def extend(body: Json) -> tuple[int, int]:
    """The image with what is added at its sides."""
    width, height = keep_size(body)
    left, right, up, down = (int(body.get(side, 0)) for side in bodies.SIDES)
    return width + left + right, height + up + down


def take_ratio(body: Json) -> tuple[int, int]:
    """The size of an aspect ratio."""
    return image_body.make_size(body.get("aspect_ratio", "1:1"))


# --- the services -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Service:
    """One model: its id without `stability.` and the version, what it does, its body, and the size of its images."""

    name: str
    title: str
    about: str
    body: type[Schema]
    sample: Mapping[str, object]
    measure: Callable[[Json], tuple[int, int]] = keep_size
    rules: Sequence[Callable[[Json], Iterator[tuple[str, str]]]] = ()
    encode: Callable[[Json], Json] = stability_body.encode
    is_transparent: bool = False


# A grey PNG of a pixel.
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
_IMAGE = {"image": _PIXEL}
SERVICES = (
    Service(
        name="stable-creative-upscale",
        title="Stable Image Creative Upscale",
        about="enlarges small images to 4K, with new details",
        body=bodies.CreativeUpscaleBody,
        measure=enlarge,
        sample={**_IMAGE, "prompt": "A door between two roads.", "creativity": 0.3},
    ),
    Service(
        name="stable-conservative-upscale",
        title="Stable Image Conservative Upscale",
        about="enlarges images to 4K as they are",
        body=bodies.ConservativeUpscaleBody,
        measure=enlarge,
        sample={**_IMAGE, "prompt": "A door between two roads.", "creativity": 0.35},
    ),
    Service(
        name="stable-fast-upscale",
        title="Stable Image Fast Upscale",
        about="enlarges images four times",
        body=bodies.FastUpscaleBody,
        measure=quadruple,
        encode=encode_image_alone,
        sample={**_IMAGE, "output_format": "png"},
    ),
    Service(
        name="stable-image-inpaint",
        title="Stable Image Inpaint",
        about="fills a masked area of an image",
        body=bodies.InpaintBody,
        sample={**_IMAGE, "mask": _PIXEL, "prompt": "A door between two roads.", "grow_mask": 5},
    ),
    Service(
        name="stable-outpaint",
        title="Stable Image Outpaint",
        about="extends images beyond their sides",
        body=bodies.OutpaintBody,
        rules=(bodies.require_direction,),
        measure=extend,
        sample={**_IMAGE, "left": 64, "up": 64, "creativity": 0.5},
    ),
    Service(
        name="stable-image-search-recolor",
        title="Stable Image Search and Recolor",
        about="recolours an object that a text names",
        body=bodies.SearchRecolorBody,
        sample={**_IMAGE, "prompt": "A green door.", "select_prompt": "door"},
    ),
    Service(
        name="stable-image-search-replace",
        title="Stable Image Search and Replace",
        about="replaces an object that a text names",
        body=bodies.SearchReplaceBody,
        sample={**_IMAGE, "prompt": "A gate.", "search_prompt": "door"},
    ),
    Service(
        name="stable-image-erase-object",
        title="Stable Image Erase Object",
        about="removes what is in a masked area",
        body=bodies.EraseBody,
        encode=encode_image_alone,
        sample={**_IMAGE, "mask": _PIXEL, "grow_mask": 5},
    ),
    Service(
        name="stable-image-remove-background",
        title="Stable Image Remove Background",
        about="cuts out what is in the foreground",
        body=bodies.RemoveBackgroundBody,
        encode=encode_image_alone,
        is_transparent=True,
        sample={**_IMAGE, "output_format": "png"},
    ),
    Service(
        name="stable-image-control-sketch",
        title="Stable Image Control Sketch",
        about="makes images of sketches",
        body=bodies.ControlBody,
        sample={**_IMAGE, "prompt": "A door between two roads.", "control_strength": 0.7},
    ),
    Service(
        name="stable-image-control-structure",
        title="Stable Image Control Structure",
        about="makes images with the structure of others",
        body=bodies.ControlBody,
        sample={**_IMAGE, "prompt": "A door between two roads.", "control_strength": 0.7},
    ),
    Service(
        name="stable-image-style-guide",
        title="Stable Image Style Guide",
        about="makes images in the style of others",
        body=bodies.StyleGuideBody,
        measure=take_ratio,
        sample={**_IMAGE, "prompt": "A door between two roads.", "aspect_ratio": "16:9", "fidelity": 0.5},
    ),
    Service(
        name="stable-style-transfer",
        title="Stable Image Style Transfer",
        about="gives images the style of others",
        body=bodies.StyleTransferBody,
        encode=encode_two_images,
        sample={"init_image": _PIXEL, "style_image": _PIXEL, "prompt": "A statue.", "style_strength": 1},
    ),
)
