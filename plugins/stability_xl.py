"""Stable Diffusion XL 1.0 by Stability AI: makes and edits images. AWS has retired it; some accounts still call it.

Sources: AWS user guide, "Stability.ai Diffusion 1.0 text to image", "image to image", "image to image (masking)".
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    Capabilities,
    Engine,
    Json,
    KnownModel,
    Open,
    Schema,
    Source,
    fields,
    hookimpl,
    image_body,
    own_fields,
    stability_body,
)

PAGE = [Source("AWS user guide, Stability.ai Diffusion 1.0 text to image (2026)", DOCUMENTED)]
# Width and height.
SIZES = (
    (1024, 1024),
    (1152, 896),
    (1216, 832),
    (1344, 768),
    (1536, 640),
    (640, 1536),
    (768, 1344),
    (832, 1216),
    (896, 1152),
)
PRESETS = ("FAST_BLUE", "FAST_GREEN", "NONE", "SIMPLE", "SLOW", "SLOWER", "SLOWEST")
SAMPLERS = (
    "DDIM",
    "DDPM",
    "K_DPMPP_2M",
    "K_DPMPP_2S_ANCESTRAL",
    "K_DPMPP_SDE",
    "K_DPM_2",
    "K_DPM_2_ANCESTRAL",
    "K_EULER",
    "K_EULER_ANCESTRAL",
    "K_HEUN",
    "K_LMS",
)
ALPHA = "INIT_IMAGE_ALPHA"
_SIDES = tuple(sorted({side for size in SIZES for side in size}))


def _make_part(description: str) -> fields.Number:
    return fields.Number(unverified_min=0, unverified_max=1, description=description)


class Prompt(Schema):
    """One text of a request."""

    text = fields.String(required=True, max_length=2000, description="What the image shows.")
    weight = fields.Number(description="How much the text counts; below 0 what the image should not show; default 1.")


class XlBody(Schema):
    """A request to Stable Diffusion XL."""

    text_prompts = fields.List(
        fields.Nested(Prompt), required=True, min_items=1, description="The texts, each with its weight."
    )
    width = fields.Integer(one_of=_SIDES, description="The width in pixels; a size together with the height.")
    height = fields.Integer(one_of=_SIDES, description="The height in pixels, which goes with the width.")
    cfg_scale = fields.Number(min=0, max=35, description="How close to stay to the text; default 7.")
    clip_guidance_preset = fields.String(one_of=PRESETS, description="How the model is guided by CLIP.")
    sampler = fields.String(one_of=SAMPLERS, description="The sampler of the diffusion; without it the model chooses.")
    samples = fields.Integer(min=1, max=1, description="The number of images, which is 1.")
    seed = stability_body.make_seed(4_294_967_295)
    # Source: aws-samples/amazon-bedrock-workshop, the notebook of Stable Diffusion XL.
    steps = fields.Integer(min=10, max=150, description="How often the image is sampled.")
    style_preset = stability_body.make_style_preset()
    extras = fields.Object(description="What Stability AI tries out.")
    init_image = image_body.Image(description="The image to start from.")
    init_image_mode = fields.String(
        one_of=("IMAGE_STRENGTH", "STEP_SCHEDULE"),
        description="Which members say how much the image counts; default IMAGE_STRENGTH.",
    )
    image_strength = fields.Number(min=0, max=1, description="How much the image counts; default 0.35.")
    step_schedule_start = _make_part("The part of the steps to leave out before the image counts.")
    # Of AWS's workshop, amazon-bedrock-workshop; no page has it.
    start_schedule = _make_part("The same as step_schedule_start, by its older name.")
    step_schedule_end = _make_part("The part of the steps to leave out at the end.")
    mask_source = fields.String(
        one_of=("MASK_IMAGE_WHITE", "MASK_IMAGE_BLACK", ALPHA),
        description="Where to edit the image: where the mask is white, or black, or where the image is transparent.",
    )
    mask_image = image_body.Image(description="The mask, of the size of the image.")


class Artifact(Open):
    """One image of an answer."""

    seed = fields.Integer(description="The seed of the image.")
    base64 = image_body.Image(description="The image, in base64; blurred if a filter has found something in it.")
    finishReason = fields.String(
        one_of=("SUCCESS", "ERROR", "CONTENT_FILTERED"), required=True, description="How the image came out."
    )


class Answer(Open):
    """What the model answers."""

    result = fields.String(description="Whether the call succeeded: success.")
    artifacts = fields.List(fields.Nested(Artifact), required=True, description="The images.")


check_size = image_body.limit_sizes(SIZES)


def limit_size(body: Json) -> Iterator[tuple[str, str]]:
    """A width and a height together are one of the sizes."""
    if "width" in body and "height" in body:
        try:
            check_size(body["width"], body["height"])
        except ValueError as error:
            yield "width", f"with height {body['height']} {error}"


def require_images(body: Json) -> Iterator[tuple[str, str]]:
    """What says how an image is changed needs that image, and a mask needs its source."""
    for name in ("init_image_mode", "image_strength", "step_schedule_start", "step_schedule_end", "mask_source"):
        if name in body and "init_image" not in body:
            yield "init_image", f"is required with {name}"
    source = body.get("mask_source")
    if "mask_image" in body and source is None:
        yield "mask_source", "is required with mask_image"
    if source not in {None, ALPHA} and "mask_image" not in body:
        yield "mask_image", f"is required with mask_source {source}"


def encode(request: Json) -> Json:
    """The prompt, an image to start from, and the members that extras have placed."""
    images = image_body.list_images(request)
    image = {"init_image": image_body.take_one(images)} if images else {}
    return {"text_prompts": [{"text": image_body.read_prompt(request)}], **image, **own_fields.read_fields(request)}


def decode(reply: Json) -> Json:
    """The images, or the reason for which there are none; one that a filter has blurred is none."""
    reasons = {each.get("finishReason") for each in reply["artifacts"]}
    if "ERROR" in reasons:
        return {"error": {"type": "server_error", "message": "The model could not make the image: ERROR"}}
    if "CONTENT_FILTERED" in reasons:
        return image_body.write_filtered("The model's filter has withheld the image: CONTENT_FILTERED")
    artifacts = reply["artifacts"]
    return image_body.write_images(
        [each["base64"] for each in artifacts], seeds=[each["seed"] for each in artifacts if "seed" in each]
    )


def place_size(value: str, request: Json) -> Json:
    """OpenAI's size as width and height."""
    width, height = image_body.read_size(value)
    check_size(width, height)
    return own_fields.place_fields(width=width, height=height)


def place_mask(value: str, request: Json) -> Json:
    """OpenAI's mask, which is transparent where the image is edited: white there."""
    drawn = own_fields.read_fields(image_body.place_mask(edited=255)(value, request))["mask"]
    return own_fields.place_fields(mask_source="MASK_IMAGE_WHITE", mask_image=drawn)


def emulate(body: Mapping[str, Any], engine: Engine) -> Json:
    """An image of the size that the body asks for, or of the one that it starts from."""
    size = int(body.get("width", 1024)), int(body.get("height", 1024))
    reply = stability_body.make_reply(
        {"prompt": body["text_prompts"][0]["text"], "seed": body.get("seed")},
        image_body.find_size(body.get("init_image")) or size,
    )
    artifact = {"seed": reply["seeds"][0], "base64": reply["images"][0], "finishReason": "SUCCESS"}
    return {"result": "success", "artifacts": [artifact]}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="stable-diffusion-xl",
            description="Stable Diffusion XL 1.0 by Stability AI: makes and edits images (retired).",
            provider="Stability AI",
            body=XlBody,
            answer=Answer,
            rules=[limit_size, require_images],
            speaks={"stability_xl": "InvokeModel"},
            models={"stability.stable-diffusion-xl*": Capabilities(output="image", images=True, streaming=False)},
            default="stability.stable-diffusion-xl-v1",
            known_models={
                "stability.stable-diffusion-xl-v1": KnownModel(
                    name="SDXL 1.0", active=False, successor="stability.sd3-5-large-v1:0"
                )
            },
            sources={"images": PAGE, "output": PAGE, "streaming": PAGE},
            extras={
                "n": own_fields.accept_only(1, why="the model makes one image in a call"),
                "size": place_size,
                "output_format": own_fields.accept_only("png", why="the model makes PNG files"),
                "background": own_fields.accept_only("opaque", why="the model makes opaque images"),
                "mask": place_mask,
                **own_fields.place_own_of(XlBody, besides=("text_prompts", "init_image", "samples")),
            },
            encode=encode,
            decode=decode,
            emulate=emulate,
            sample={"text_prompts": [{"text": "A door between two roads.", "weight": 1}], "cfg_scale": 7, "steps": 30},
        )
    )
