"""Stability AI's models that make an image of a text: Stable Diffusion 3.5 Large, Stable Image Ultra and Core.

AWS's pages have no `style_preset` of these, and no WebP of the last two; the notebook of both in
aws-samples/stabilityai-sample-notebooks has them, so they are accepted.
"""

from collections.abc import Callable, Iterator

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    Capabilities,
    Engine,
    Json,
    KnownModel,
    Schema,
    Source,
    fields,
    hookimpl,
    image_body,
    own_fields,
    stability_body,
)

_MOST_SEED = 4_294_967_295


class Diffusion35Body(Schema):
    """A request to Stable Diffusion 3.5 Large."""

    prompt = stability_body.make_prompt()
    negative_prompt = stability_body.make_negative_prompt()
    mode = fields.String(
        one_of=("text-to-image", "image-to-image"),
        description="Whether the image is made of the text alone; default text-to-image.",
    )
    image = image_body.Image(description="The image to start from, with sides of 64 pixels or more.")
    strength = fields.Number(min=0, max=1, description="How far to depart from the image: 0 keeps it, 1 ignores it.")
    aspect_ratio = stability_body.make_aspect_ratio()
    seed = stability_body.make_seed()
    output_format = stability_body.make_output_format()
    style_preset = stability_body.make_style_preset()


class UltraBody(Schema):
    """A request to Stable Image Ultra."""

    prompt = stability_body.make_prompt()
    negative_prompt = stability_body.make_negative_prompt()
    mode = fields.String(one_of=("text-to-image",), description="Only text-to-image, which is the default.")
    image = image_body.Image(description="The image to start from.")
    strength = fields.Number(min=0, max=1, description="How much the image counts; default 0.35.")
    aspect_ratio = stability_body.make_aspect_ratio()
    seed = stability_body.make_seed(_MOST_SEED)
    output_format = stability_body.make_output_format()
    style_preset = stability_body.make_style_preset()


class CoreBody(Schema):
    """A request to Stable Image Core."""

    prompt = stability_body.make_prompt()
    negative_prompt = stability_body.make_negative_prompt()
    aspect_ratio = stability_body.make_aspect_ratio()
    seed = stability_body.make_seed(_MOST_SEED)
    output_format = stability_body.make_output_format()
    style_preset = stability_body.make_style_preset()


def require_image(body: Json) -> Iterator[tuple[str, str]]:
    """The mode image-to-image needs an image and its strength."""
    if body.get("mode") == "image-to-image":
        yield from (
            (name, "is required with mode image-to-image") for name in ("image", "strength") if name not in body
        )


def emulate(body: Json, engine: Engine) -> Json:
    """An image of the aspect ratio, or of the size of the one that it starts from."""
    size = image_body.find_size(body.get("image")) or image_body.make_size(body.get("aspect_ratio", "1:1"))
    return stability_body.make_reply(body, size)


# OpenAI's parameters, and the models' own.
EXTRAS: own_fields.Extras = {
    "n": own_fields.accept_only(1, why="the model makes one image in a call"),
    "size": image_body.place_aspect_ratio(stability_body.RATIOS),
    "background": own_fields.accept_only("opaque", why="the model makes opaque images"),
    **own_fields.place_own_of(CoreBody, besides=("prompt",)),
}
WITH_IMAGE: own_fields.Extras = {**EXTRAS, **own_fields.place_own("mode", "strength")}

TEXT = Capabilities(output="image", streaming=False)
_REGIONS = ("us-west-2",)


def _cite(page: str) -> dict[str, list[Source]]:
    source = Source(f"AWS user guide, {page} (November 2026)", DOCUMENTED)
    return {"images": [source], "output": [source], "streaming": [source]}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="sd3-5-large",
            description="Stable Diffusion 3.5 Large by Stability AI: images of a megapixel from a text or an image.",
            provider="Stability AI",
            body=Diffusion35Body,
            answer=stability_body.Answer,
            rules=[require_image],
            speaks={"stability": "InvokeModel"},
            models={"stability.sd3-5-large-*": TEXT.but(images=True), "stability.sd3-large-*": TEXT.but(images=True)},
            default="stability.sd3-5-large-v1:0",
            known_models={
                "stability.sd3-5-large-v1:0": KnownModel(name="Stable Diffusion 3.5 Large", regions=_REGIONS),
                "stability.sd3-large-v1:0": KnownModel(
                    name="SD3 Large 1.0", active=False, successor="stability.sd3-5-large-v1:0"
                ),
            },
            sources=_cite("Stable Diffusion 3.5 Large"),
            extras=WITH_IMAGE,
            encode=stability_body.encode,
            decode=stability_body.decode,
            emulate=emulate,
            count_billed=image_body.count_images,
            sample={"prompt": "A door between two roads.", "aspect_ratio": "16:9", "seed": 7},
        )
    )
    register(
        Adapter(
            name="stable-image-ultra",
            description="Stable Image Ultra by Stability AI: images of a text, for print.",
            provider="Stability AI",
            body=UltraBody,
            answer=stability_body.Answer,
            speaks={"stability": "InvokeModel"},
            models={"stability.stable-image-ultra-*": TEXT.but(images=True)},
            default="stability.stable-image-ultra-v1:1",
            known_models={
                "stability.stable-image-ultra-v1:1": KnownModel(name="Stable Image Ultra 1.1", regions=_REGIONS)
            },
            sources=_cite("Stable Image Ultra request and response"),
            extras=WITH_IMAGE,
            encode=stability_body.encode,
            decode=stability_body.decode,
            emulate=emulate,
            count_billed=image_body.count_images,
            sample={"prompt": "A door between two roads.", "mode": "text-to-image", "output_format": "jpeg"},
        )
    )
    register(
        Adapter(
            name="stable-image-core",
            description="Stable Image Core by Stability AI: images of a text, fast.",
            provider="Stability AI",
            body=CoreBody,
            answer=stability_body.Answer,
            speaks={"stability": "InvokeModel"},
            models={"stability.stable-image-core-*": TEXT},
            default="stability.stable-image-core-v1:1",
            known_models={
                "stability.stable-image-core-v1:1": KnownModel(name="Stable Image Core 1.1", regions=_REGIONS)
            },
            sources=_cite("Stable Image Core request and response"),
            extras=EXTRAS,
            encode=stability_body.encode,
            decode=stability_body.decode,
            emulate=emulate,
            count_billed=image_body.count_images,
            sample={"prompt": "A door between two roads.", "negative_prompt": "people", "seed": 7},
        )
    )
