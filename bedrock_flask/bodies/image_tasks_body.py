"""The body of Amazon's image models: `taskType`, the parameters of that task, and a configuration that tasks share.

Sources: Amazon Nova user guide, "Request and response structure for image generation", "Image generation and editing";
AWS user guide, "Amazon Titan Image Generator G1 models" (November 2026).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask import fields
from bedrock_flask.adapter import Engine
from bedrock_flask.bodies import image_body, own_fields
from bedrock_flask.converse import Json, Request, Response, merge
from bedrock_flask.fields import Open, Schema
from bedrock_flask.protocol.drawn_images import draw_image
from bedrock_flask.protocol.masks import draw_base64_mask

# The width and height of an image whose request names none.
_SIZE = (1024, 1024)


@dataclass(frozen=True)
class Task:
    """One value of `taskType`: the member with its parameters, and their members for text and images.

    text    its member for the prompt; empty if it takes none
    images  its members for images, in the order of a request's; one that ends with `[]` takes all of them
    """

    params: str
    text: str = "text"
    images: tuple[str, ...] = ()


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "TEXT_IMAGE": Task("textToImageParams", images=("conditionImage",)),
        "COLOR_GUIDED_GENERATION": Task("colorGuidedGenerationParams", images=("referenceImage",)),
        "IMAGE_VARIATION": Task("imageVariationParams", images=("images[]",)),
        "INPAINTING": Task("inPaintingParams", images=("image",)),
        "OUTPAINTING": Task("outPaintingParams", images=("image",)),
        "BACKGROUND_REMOVAL": Task("backgroundRemovalParams", text="", images=("image",)),
        "VIRTUAL_TRY_ON": Task("virtualTryOnParams", text="", images=("sourceImage", "referenceImage")),
    }
)
# The tasks that change an image of the request, whose size the answer has.
_EDITS = ("INPAINTING", "OUTPAINTING", "BACKGROUND_REMOVAL", "VIRTUAL_TRY_ON")


# --- fields -----------------------------------------------------------------------------------------------------------


def make_image(description: str, *, required: bool = False) -> image_body.Image:
    """A field for an image."""
    return image_body.Image(required=required, description=f"{description} JPEG or PNG.")


def make_task(tasks: Sequence[str] = tuple(TASKS)) -> fields.String:
    """The field `taskType`."""
    return fields.String(required=True, one_of=tuple(tasks), description="What to do; it has parameters of its own.")


class ImageParams(Schema):
    """The parameters of BACKGROUND_REMOVAL."""

    image = make_image("The image to cut out from.", required=True)


def make_control_mode() -> fields.String:
    """The field `controlMode`."""
    about = "What of the image is kept: its edges, or the shapes of its areas; default CANNY_EDGE."
    return fields.String(one_of=("CANNY_EDGE", "SEGMENTATION"), description=about)


def make_control_strength() -> fields.Number:
    """The field `controlStrength`."""
    return fields.Number(min=0, max=1, description="How close to stay to that image; default 0.7.")


def make_colors() -> fields.List:
    """The field `colors`."""
    return fields.List(
        fields.String(pattern="^#[0-9A-Fa-f]{6}$"),
        required=True,
        min_items=1,
        max_items=10,
        description="Colours of the image, as #RRGGBB.",
    )


def make_variation_images() -> fields.List:
    """The field `images`."""
    return fields.List(
        image_body.Image(), required=True, min_items=1, max_items=5, description="The images to vary, JPEG or PNG."
    )


def make_similarity() -> fields.Number:
    """The field `similarityStrength`."""
    return fields.Number(min=0.2, max=1, description="How similar the image is to those; default 0.7.")


def make_painting_mode() -> fields.String:
    """The field `outPaintingMode`."""
    about = "Whether the mask's edge is smoothed (DEFAULT) or strict (PRECISE)."
    return fields.String(one_of=("DEFAULT", "PRECISE"), description=about)


def make_return_mask() -> fields.Boolean:
    """The field `returnMask`."""
    return fields.Boolean(description="Whether the answer has the mask too; default false.")


def make_quality() -> fields.String:
    """The field `quality`."""
    return fields.String(one_of=("standard", "premium"), description="The quality of the image; default standard.")


def make_count() -> fields.Integer:
    """The field `numberOfImages`."""
    return fields.Integer(min=1, max=5, description="The number of images; default 1.")


class Answer(Open):
    """What the models answer: images, or an error where a filter has withheld some or all of them."""

    images = fields.List(image_body.Image(), allow_none=True, description="The images, in base64.")
    maskImage = image_body.Image(description="The mask, if the request asked for it.")
    error = fields.String(allow_none=True, description="Why images are missing.")


# --- rules ------------------------------------------------------------------------------------------------------------


def require_params(body: Json) -> Iterator[tuple[str, str]]:
    """A task has its own parameters and no other's."""
    own = TASKS[body["taskType"]].params
    if own not in body:
        yield own, f"is required with taskType {body['taskType']}"
    for task in TASKS.values():
        if task.params != own and task.params in body:
            yield task.params, f"does not go with taskType {body['taskType']}"


def require_mask(body: Json) -> Iterator[tuple[str, str]]:
    """Inpainting and outpainting have a mask as a text or as an image."""
    for name in ("inPaintingParams", "outPaintingParams"):
        params = body.get(name)
        if params is not None and ("maskPrompt" in params) is ("maskImage" in params):
            both = "maskPrompt" in params
            yield (
                f"{name}.maskPrompt",
                "does not go with maskImage" if both else "is required, or maskImage in its place",
            )


def require_condition(body: Json) -> Iterator[tuple[str, str]]:
    """How an image conditions the answer needs that image."""
    params = body.get("textToImageParams", {})
    if "conditionImage" not in params:
        for name in ("controlMode", "controlStrength"):
            if name in params:
                yield "textToImageParams.conditionImage", f"is required with {name}"


# --- requests ---------------------------------------------------------------------------------------------------------


def encode(request: Request) -> Json:
    """The task that a request for images is: the one that it names, or else the one that its images and mask make."""
    placed = own_fields.read_fields(request)
    images = image_body.list_images(request)
    mask = placed.pop("maskImage", None)
    name = placed.pop("taskType", None) or _find_task(bool(images), mask is not None)
    task = TASKS.get(name, TASKS["TEXT_IMAGE"])
    params: Json = {}
    if prompt := image_body.read_prompt(request):
        params[task.text or "text"] = prompt
    params |= _place_images(task, images)
    params |= {"maskImage": mask} if mask is not None else {}
    # What the request says itself counts.
    body: Json = merge({"taskType": name, **({task.params: params} if params else {})}, placed)
    return body


def _find_task(has_images: bool, has_mask: bool) -> str:
    if has_mask:
        return "INPAINTING"
    return "IMAGE_VARIATION" if has_images else "TEXT_IMAGE"


def _place_images(task: Task, images: Sequence[str]) -> Json:
    """The images at the task's members for them; what is too many is left to its schema to refuse."""
    if not images:
        return {}
    first, *others = task.images or ("image",)
    if first.endswith("[]"):
        return {first.removesuffix("[]"): [*images]}
    if not others or len(images) > 1 + len(others):
        return {first: image_body.take_one(images)}
    return dict(zip(task.images, images, strict=False))


def place_mask(value: str, request: Request) -> Json:
    """OpenAI's mask, which is transparent where the image is edited: black there for inpainting, else white."""
    is_outpainting = own_fields.read_fields(request).get("taskType") == "OUTPAINTING"
    return own_fields.place_fields(maskImage=draw_base64_mask(value, edited=255 if is_outpainting else 0))


def place_config(name: str) -> str:
    """Where a member of the shared configuration goes."""
    return f"additionalModelRequestFields.imageGenerationConfig.{name}"


def place_quality(value: str, request: Request) -> Json:
    """OpenAI's quality: `standard`, or `hd` and `high` for the better one."""
    known = {"standard": "standard", "premium": "premium", "hd": "premium", "high": "premium"}
    if value not in known:
        raise ValueError(f"must be one of: {', '.join(known)}, auto")
    return own_fields.place_fields(imageGenerationConfig={"quality": known[value]})


def place_size(check: image_body.SizeCheck) -> own_fields.Place:
    """A size as width and height; `check` raises ValueError for one that the model does not have."""

    def place(value: str, request: Request) -> Json:
        width, height = image_body.read_size(value)
        check(width, height)
        return own_fields.place_fields(imageGenerationConfig={"width": width, "height": height})

    return place


def make_extras(check_size: image_body.SizeCheck) -> own_fields.Extras:
    """Where OpenAI's parameters and the models' own go."""
    return {
        "n": place_config("numberOfImages"),
        "size": place_size(check_size),
        "quality": place_quality,
        "seed": place_config("seed"),
        "output_format": own_fields.accept_only("png", why="the model makes PNG files"),
        "background": own_fields.accept_only("opaque", why="only taskType BACKGROUND_REMOVAL makes another"),
        "mask": place_mask,
        **own_fields.place_own("taskType", "imageGenerationConfig", *(task.params for task in TASKS.values())),
    }


# --- answers ----------------------------------------------------------------------------------------------------------


def decode(reply: Json) -> Response:
    """The images; where a filter has withheld some, its message is beside them, and where all, it is the error."""
    message = reply.get("error")
    if message and not reply.get("images"):
        return image_body.write_filtered(str(message))
    more = {name: reply[name] for name in ("maskImage", "error") if reply.get(name)}
    return image_body.write_images(reply["images"], **more)


def emulate(body: Json, engine: Engine) -> Json:
    """The emulator's reply: as many PNG files as the body asks for, in its size."""
    task, config = TASKS[body["taskType"]], body.get("imageGenerationConfig", {})
    params = body[task.params]
    size = int(config.get("width", _SIZE[0])), int(config.get("height", _SIZE[1]))
    if body["taskType"] in _EDITS:
        size = image_body.find_size(params.get(task.images[0])) or size
    is_transparent = body["taskType"] == "BACKGROUND_REMOVAL"
    text = f"{params.get('text', '')} {params.get('negativeText', '')} {config.get('seed', '')}"
    count = int(config.get("numberOfImages", 1))
    images = [draw_image(f"{text} {number}", *size, transparent=is_transparent) for number in range(count)]
    mask = {"maskImage": draw_image("mask", *size)} if params.get("returnMask") else {}
    return {"images": images, **mask}
