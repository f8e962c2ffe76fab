"""Amazon Titan Image Generator G1: makes and edits images. AWS has retired it; some accounts still call it."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    DOCUMENTED,
    ONE_REPORT,
    Adapter,
    Capabilities,
    KnownModel,
    Schema,
    Source,
    fields,
    hookimpl,
    image_body,
    image_tasks_body,
)

PAGE = [Source("AWS user guide, Amazon Titan Image Generator G1 models (2026)", DOCUMENTED)]
# Width and height, as several programs copy the table of AWS's page; InvokeModel's bodies are not held to it.
SIZES = (
    (1024, 1024),
    (768, 768),
    (512, 512),
    (768, 1152),
    (384, 576),
    (1152, 768),
    (576, 384),
    (768, 1280),
    (384, 640),
    (1280, 768),
    (640, 384),
    (896, 1152),
    (448, 576),
    (1152, 896),
    (576, 448),
    (768, 1408),
    (384, 704),
    (1408, 768),
    (704, 384),
    (640, 1408),
    (320, 704),
    (1408, 640),
    (704, 320),
    (1152, 640),
    (1173, 640),
)
TASKS = tuple(name for name in image_tasks_body.TASKS if name != "VIRTUAL_TRY_ON")


def _make_text(about: str, *, required: bool = False) -> fields.String:
    return fields.String(required=required, max_length=512, description=about)


def _make_negative() -> fields.String:
    return _make_text("What the image should not show.")


class TextToImageParams(Schema):
    """The parameters of TEXT_IMAGE; only version 2 takes an image."""

    text = _make_text("What the image shows.", required=True)
    negativeText = _make_negative()
    conditionImage = image_tasks_body.make_image("The image whose layout to follow.")
    controlMode = image_tasks_body.make_control_mode()
    controlStrength = image_tasks_body.make_control_strength()


class ColorParams(Schema):
    """The parameters of COLOR_GUIDED_GENERATION, which only version 2 has."""

    text = _make_text("What the image shows.", required=True)
    negativeText = _make_negative()
    colors = image_tasks_body.make_colors()
    referenceImage = image_tasks_body.make_image("The image whose colours to follow.")


class VariationParams(Schema):
    """The parameters of IMAGE_VARIATION."""

    images = image_tasks_body.make_variation_images()
    similarityStrength = image_tasks_body.make_similarity()
    text = _make_text("What to keep and what to change.")
    negativeText = _make_negative()


class InPaintingParams(Schema):
    """The parameters of INPAINTING."""

    image = image_tasks_body.make_image("The image to change.", required=True)
    maskPrompt = _make_text("What to change; or a maskImage.")
    maskImage = image_tasks_body.make_image("Where to change it, in black; the rest is white.")
    text = _make_text("What to put there; without it the background.")
    negativeText = _make_negative()
    returnMask = image_tasks_body.make_return_mask()


class OutPaintingParams(Schema):
    """The parameters of OUTPAINTING."""

    image = image_tasks_body.make_image("The image to change.", required=True)
    maskPrompt = _make_text("What to keep; or a maskImage.")
    maskImage = image_tasks_body.make_image("What to keep, in black; the rest is white.")
    text = _make_text("What to put around it.", required=True)
    negativeText = _make_negative()
    outPaintingMode = image_tasks_body.make_painting_mode()
    returnMask = image_tasks_body.make_return_mask()


class ImageConfig(Schema):
    """What all tasks but BACKGROUND_REMOVAL share. Where programs differ in a limit, it is not enforced."""

    width = fields.Integer(
        min=1, unverified_max=1408, description="The width in pixels; one of the sizes together with the height."
    )
    height = fields.Integer(min=1, unverified_max=1408, description="The height in pixels, which goes with the width.")
    quality = image_tasks_body.make_quality()
    # Source: aws-samples/amazon-bedrock-workshop, the notebook of Titan Image Generator.
    cfgScale = fields.Number(above=1, max=10, description="How close to stay to the text; default 8.")
    seed = fields.Integer(min=0, unverified_max=2_147_483_646, description="The seed of the randomness; default 42.")
    numberOfImages = image_tasks_body.make_count()


class TitanImageBody(Schema):
    """A request to Titan Image Generator."""

    taskType = image_tasks_body.make_task(TASKS)
    textToImageParams = fields.Nested(TextToImageParams, description="For TEXT_IMAGE.")
    colorGuidedGenerationParams = fields.Nested(ColorParams, description="For COLOR_GUIDED_GENERATION.")
    imageVariationParams = fields.Nested(VariationParams, description="For IMAGE_VARIATION.")
    inPaintingParams = fields.Nested(InPaintingParams, description="For INPAINTING.")
    outPaintingParams = fields.Nested(OutPaintingParams, description="For OUTPAINTING.")
    backgroundRemovalParams = fields.Nested(image_tasks_body.ImageParams, description="For BACKGROUND_REMOVAL.")
    imageGenerationConfig = fields.Nested(ImageConfig, description="What tasks share.")


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="titan-image",
            description="Amazon Titan Image Generator G1: makes and edits images (retired on 2026-06-30).",
            body=TitanImageBody,
            answer=image_tasks_body.Answer,
            rules=[
                image_tasks_body.require_params,
                image_tasks_body.require_mask,
                image_tasks_body.require_condition,
            ],
            speaks={"image_tasks": "InvokeModel"},
            models={"amazon.titan-image-generator-*": Capabilities(output="image", images=True, streaming=False)},
            default="amazon.titan-image-generator-v2:0",
            known_models={
                "amazon.titan-image-generator-v1": KnownModel(
                    name="Titan Image Generator G1", active=False, successor="amazon.titan-image-generator-v2:0"
                ),
                "amazon.titan-image-generator-v2:0": KnownModel(
                    name="Titan Image Generator G1 v2",
                    regions=("us-east-1", "us-west-2"),
                    active=False,
                    legacy_on="2025-12-30",
                    ends_on="2026-06-30",
                    successor="amazon.nova-canvas-v1:0",
                ),
            },
            sources={
                "images": PAGE,
                "output": PAGE,
                "streaming": [Source("AWS user guide, Supported foundation models: no streaming", ONE_REPORT)],
            },
            extras=image_tasks_body.make_extras(image_body.limit_sizes(SIZES)),
            encode=image_tasks_body.encode,
            decode=image_tasks_body.decode,
            emulate=image_tasks_body.emulate,
            sample={
                "taskType": "TEXT_IMAGE",
                "textToImageParams": {"text": "A door between two roads."},
                "imageGenerationConfig": {"width": 512, "height": 512, "numberOfImages": 1, "cfgScale": 8},
            },
        )
    )
