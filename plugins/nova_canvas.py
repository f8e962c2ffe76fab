"""Amazon Nova Canvas: makes and edits images. AWS has retired it; some accounts still call it."""

from collections.abc import Callable, Iterator

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    Billed,
    Capabilities,
    Json,
    KnownModel,
    Schema,
    Source,
    fields,
    hookimpl,
    image_body,
    image_tasks_body,
    own_fields,
)

PAGE = [Source("Amazon Nova user guide, Request and response structure for image generation (2026)", DOCUMENTED)]
STYLES = (
    "3D_ANIMATED_FAMILY_FILM",
    "DESIGN_SKETCH",
    "FLAT_VECTOR_ILLUSTRATION",
    "GRAPHIC_NOVEL_ILLUSTRATION",
    "MAXIMALISM",
    "MIDCENTURY_RETRO",
    "PHOTOREALISM",
    "SOFT_DIGITAL_PAINTING",
)
GARMENTS = (
    "UPPER_BODY",
    "LOWER_BODY",
    "FULL_BODY",
    "FOOTWEAR",
    "LONG_SLEEVE_SHIRT",
    "SHORT_SLEEVE_SHIRT",
    "NO_SLEEVE_SHIRT",
    "OTHER_UPPER_BODY",
    "LONG_PANTS",
    "SHORT_PANTS",
    "OTHER_LOWER_BODY",
    "LONG_DRESS",
    "SHORT_DRESS",
    "FULL_BODY_OUTFIT",
    "OTHER_FULL_BODY",
    "SHOES",
    "BOOTS",
    "OTHER_FOOTWEAR",
)
_SHAPES = ("BOUNDING_BOX", "CONTOUR", "DEFAULT")
# The guide has fewer pixels than these; AWS's samples have no more, "the equivalent of 2048 x 2048".
_LEAST_SIDE, _MOST_SIDE, _STEP, _MOST_PIXELS, _MOST_RATIO = 320, 4096, 16, 4_194_304, 4


def _make_text(about: str, *, required: bool = False) -> fields.String:
    return fields.String(required=required, min_length=1, max_length=1024, description=about)


def _make_prompt(*, required: bool = False) -> fields.String:
    return _make_text("What the image shows.", required=required)


def _make_negative() -> fields.String:
    # The guide has 1 to 1,024 characters; a program of AWS's own sends an empty text where there is nothing to avoid.
    return fields.String(max_length=1024, description="What the image should not show.")


class TextToImageParams(Schema):
    """The parameters of TEXT_IMAGE."""

    text = _make_prompt(required=True)
    negativeText = _make_negative()
    style = fields.String(one_of=STYLES, description="The style of the image.")
    conditionImage = image_tasks_body.make_image("The image whose layout to follow.")
    controlMode = image_tasks_body.make_control_mode()
    controlStrength = image_tasks_body.make_control_strength()


class ColorParams(Schema):
    """The parameters of COLOR_GUIDED_GENERATION."""

    text = _make_prompt(required=True)
    negativeText = _make_negative()
    colors = image_tasks_body.make_colors()
    referenceImage = image_tasks_body.make_image("The image whose subject and style to follow.")


class VariationParams(Schema):
    """The parameters of IMAGE_VARIATION."""

    images = image_tasks_body.make_variation_images()
    similarityStrength = image_tasks_body.make_similarity()
    text = _make_prompt()
    negativeText = _make_negative()


class InPaintingParams(Schema):
    """The parameters of INPAINTING."""

    image = image_tasks_body.make_image("The image to change.", required=True)
    maskPrompt = _make_text("What to change; or a maskImage.")
    maskImage = image_tasks_body.make_image("Where to change it, in black; the rest is white.")
    text = _make_text("What to put there; without it what is there is removed.")
    negativeText = _make_negative()


class OutPaintingParams(Schema):
    """The parameters of OUTPAINTING."""

    image = image_tasks_body.make_image("The image to change.", required=True)
    maskPrompt = _make_text("What to keep; or a maskImage.")
    maskImage = image_tasks_body.make_image("What to keep, in black; the rest is white.")
    outPaintingMode = image_tasks_body.make_painting_mode()
    text = _make_text("What to put around it.")
    negativeText = _make_negative()


class ImageMask(Schema):
    """A mask as an image."""

    maskImage = image_tasks_body.make_image("Where to change the image, in black.", required=True)


class GarmentStyling(Schema):
    """How a garment is worn."""

    longSleeveStyle = fields.String(one_of=("SLEEVE_DOWN", "SLEEVE_UP"), description="The sleeves.")
    tuckingStyle = fields.String(one_of=("UNTUCKED", "TUCKED"), description="Whether it is tucked in.")
    outerLayerStyle = fields.String(one_of=("CLOSED", "OPEN"), description="Whether it is closed.")


class GarmentMask(Schema):
    """A mask by what is worn."""

    garmentClass = fields.String(required=True, one_of=GARMENTS, description="What is put on.")
    maskShape = fields.String(one_of=_SHAPES, description="The shape of the mask.")
    garmentStyling = fields.Nested(GarmentStyling, description="How it is worn.")


class PromptMask(Schema):
    """A mask as a text."""

    maskPrompt = fields.String(required=True, description="What to change.")
    maskShape = fields.String(one_of=_SHAPES, description="The shape of the mask.")


class MaskExclusions(Schema):
    """What of a person is kept."""

    preserveBodyPose = fields.String(one_of=("ON", "OFF", "DEFAULT"), description="Whether the pose is kept.")
    preserveHands = fields.String(one_of=("ON", "OFF", "DEFAULT"), description="Whether the hands are kept.")
    preserveFace = fields.String(one_of=("ON", "OFF", "DEFAULT"), description="Whether the face is kept.")


class TryOnParams(Schema):
    """The parameters of VIRTUAL_TRY_ON."""

    sourceImage = image_tasks_body.make_image("The image to change.", required=True)
    referenceImage = image_tasks_body.make_image("The image with what is put on.", required=True)
    maskType = fields.String(required=True, one_of=("IMAGE", "GARMENT", "PROMPT"), description="What the mask is.")
    imageBasedMask = fields.Nested(ImageMask, description="The mask, with maskType IMAGE.")
    garmentBasedMask = fields.Nested(GarmentMask, description="The mask, with maskType GARMENT.")
    promptBasedMask = fields.Nested(PromptMask, description="The mask, with maskType PROMPT.")
    maskExclusions = fields.Nested(MaskExclusions, description="What of a person is kept.")
    mergeStyle = fields.String(
        one_of=("BALANCED", "SEAMLESS", "DETAILED"), description="How the two images are joined; default BALANCED."
    )
    returnMask = image_tasks_body.make_return_mask()


def _make_side(name: str) -> fields.Integer:
    about = f"The {name} in pixels, a multiple of {_STEP}; default 1024."
    return fields.Integer(min=_LEAST_SIDE, max=_MOST_SIDE, description=about)


class ImageConfig(Schema):
    """What all tasks but BACKGROUND_REMOVAL share."""

    width = _make_side("width")
    height = _make_side("height")
    quality = image_tasks_body.make_quality()
    cfgScale = fields.Number(min=1.1, max=10, description="How close to stay to the text; default 6.5.")
    seed = fields.Integer(min=0, max=2_147_483_646, description="The seed of the randomness; default 12.")
    numberOfImages = image_tasks_body.make_count()


class NovaCanvasBody(Schema):
    """A request to Nova Canvas."""

    taskType = image_tasks_body.make_task()
    textToImageParams = fields.Nested(TextToImageParams, description="For TEXT_IMAGE.")
    colorGuidedGenerationParams = fields.Nested(ColorParams, description="For COLOR_GUIDED_GENERATION.")
    imageVariationParams = fields.Nested(VariationParams, description="For IMAGE_VARIATION.")
    inPaintingParams = fields.Nested(InPaintingParams, description="For INPAINTING.")
    outPaintingParams = fields.Nested(OutPaintingParams, description="For OUTPAINTING.")
    backgroundRemovalParams = fields.Nested(image_tasks_body.ImageParams, description="For BACKGROUND_REMOVAL.")
    virtualTryOnParams = fields.Nested(TryOnParams, description="For VIRTUAL_TRY_ON.")
    imageGenerationConfig = fields.Nested(ImageConfig, description="What tasks share.")


# --- rules ------------------------------------------------------------------------------------------------------------


def check_size(width: int, height: int) -> None:
    """Raise ValueError for a size that the model does not make."""
    sides = (width, height)
    fits = (
        all(_LEAST_SIDE <= side <= _MOST_SIDE and side % _STEP == 0 for side in sides)
        and max(sides) <= _MOST_RATIO * min(sides)
        and width * height <= _MOST_PIXELS
    )
    if not fits:
        raise ValueError(
            f"must have sides of {_LEAST_SIDE} to {_MOST_SIDE} pixels that are multiples of {_STEP}, the longer "
            f"at most {_MOST_RATIO} times the other, and at most {_MOST_PIXELS} pixels"
        )


def limit_size(body: Json) -> Iterator[tuple[str, str]]:
    """The sides of the image are multiples of 16, in limits; one that is missing is 1024."""
    config = body.get("imageGenerationConfig", {})
    for name in ("width", "height"):
        if name in config:
            try:
                check_size(config.get("width", 1024), config.get("height", 1024))
            except ValueError as error:
                yield f"imageGenerationConfig.{name}", str(error)
            return


def require_try_on_mask(body: Json) -> Iterator[tuple[str, str]]:
    """The mask of VIRTUAL_TRY_ON is of its type."""
    params = body.get("virtualTryOnParams")
    if params is not None and (name := f"{params['maskType'].lower()}BasedMask") not in params:
        yield f"virtualTryOnParams.{name}", f"is required with maskType {params['maskType']}"


def place_style(value: str, request: Json) -> Json:
    """A style of the model's own; OpenAI's are others."""
    if value not in STYLES:
        raise ValueError(f"must be one of: {', '.join(STYLES)}")
    return own_fields.place_fields(textToImageParams={"style": value})


def count_images(body: Json, reply: Json) -> Billed:
    """Each image is billed, by the quality and by the longer side; AWS names no price for a removed background."""
    images = reply.get("images") or ()
    size = image_body.find_size(images[0]) if images else None
    if size is None or body["taskType"] == "BACKGROUND_REMOVAL":
        return Billed({"image": len(images)})
    side = 1024 if max(size) <= 1024 else 2048
    quality = body.get("imageGenerationConfig", {}).get("quality", "standard")
    return Billed({"image": len(images)}, variant=f"{quality} up to {side} x {side}")


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="nova-canvas",
            description="Amazon Nova Canvas: makes and edits images (retired on 2026-09-30).",
            body=NovaCanvasBody,
            answer=image_tasks_body.Answer,
            rules=[
                image_tasks_body.require_params,
                image_tasks_body.require_mask,
                image_tasks_body.require_condition,
                limit_size,
                require_try_on_mask,
            ],
            speaks={"image_tasks": "InvokeModel"},
            models={"amazon.nova-canvas-*": Capabilities(output="image", images=True, streaming=False)},
            default="amazon.nova-canvas-v1:0",
            known_models={
                "amazon.nova-canvas-v1:0": KnownModel(
                    name="Nova Canvas",
                    regions=("us-east-1", "eu-west-1", "ap-northeast-1"),
                    active=False,
                    ends_on="2026-09-30",
                )
            },
            sources={"images": PAGE, "output": PAGE, "streaming": PAGE},
            extras={**image_tasks_body.make_extras(check_size), "style": place_style},
            encode=image_tasks_body.encode,
            decode=image_tasks_body.decode,
            emulate=image_tasks_body.emulate,
            count_billed=count_images,
            sample={
                "taskType": "TEXT_IMAGE",
                "textToImageParams": {"text": "A door between two roads.", "negativeText": "people"},
                "imageGenerationConfig": {"width": 512, "height": 512, "numberOfImages": 1, "seed": 7},
            },
        )
    )
