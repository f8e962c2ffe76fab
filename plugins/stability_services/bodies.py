"""The bodies of Stability AI's image services."""

from collections.abc import Iterator

from bedrock_flask.plugin import Json, Schema, fields, image_body, stability_body

SIDES = ("left", "right", "up", "down")


def _make_image(about: str) -> image_body.Image:
    return image_body.Image(required=True, description=f"{about} Sides of 64 pixels or more; JPEG, PNG or WebP.")


def _make_creativity(least: float, most: float, default: float) -> fields.Number:
    return fields.Number(min=least, max=most, description=f"How much the model invents; default {default}.")


def _make_control_strength() -> fields.Number:
    return fields.Number(min=0, max=1, description="How much the image counts: 1 the most; default 0.7.")


def _make_mask() -> image_body.Image:
    return image_body.Image(
        description="Where the image is changed: white the most, black not at all. Default: where it is transparent."
    )


def _make_grow_mask() -> fields.Integer:
    return fields.Integer(min=0, max=20, description="Pixels by which the mask grows in all directions; default 5.")


def _make_side(side: str) -> fields.Integer:
    return fields.Integer(min=0, max=2000, description=f"Pixels to add {side}; default 0.")


class OutputBody(Schema):
    """What all services share."""

    output_format = stability_body.make_output_format()


class SeededBody(OutputBody):
    """What the services share whose result depends on chance."""

    seed = stability_body.make_seed()


class PromptBody(SeededBody):
    """What the services share that need a text."""

    prompt = stability_body.make_prompt()
    negative_prompt = stability_body.make_negative_prompt()


class StyledBody(PromptBody):
    """What the services share that need a text and know Stability's styles."""

    style_preset = stability_body.make_style_preset()


class CreativeUpscaleBody(StyledBody):
    """A request to enlarge an image, with new details."""

    image = _make_image("The image to enlarge, of a megapixel at most.")
    creativity = _make_creativity(0.1, 0.5, 0.3)


class ConservativeUpscaleBody(PromptBody):
    """A request to enlarge an image as it is."""

    image = _make_image("The image to enlarge.")
    creativity = _make_creativity(0.1, 0.5, 0.35)


class FastUpscaleBody(OutputBody):
    """A request to enlarge an image four times."""

    image = image_body.Image(required=True, description="The image to enlarge; sides of 32 to 1536 pixels.")


class InpaintBody(StyledBody):
    """A request to fill a masked area."""

    image = _make_image("The image to change.")
    mask = _make_mask()
    grow_mask = _make_grow_mask()


class OutpaintBody(SeededBody):
    """A request to extend an image beyond its sides."""

    image = _make_image("The image to extend.")
    left = _make_side("on the left")
    right = _make_side("on the right")
    up = _make_side("at the top")
    down = _make_side("at the bottom")
    prompt = stability_body.make_prompt(required=False)
    creativity = _make_creativity(0.1, 1, 0.5)
    style_preset = stability_body.make_style_preset()


class SearchRecolorBody(StyledBody):
    """A request to recolour an object that a text names."""

    image = _make_image("The image to change.")
    select_prompt = stability_body.make_text("What to recolour.", required=True)
    grow_mask = _make_grow_mask()


class SearchReplaceBody(StyledBody):
    """A request to replace an object that a text names."""

    image = _make_image("The image to change.")
    search_prompt = stability_body.make_text("What to replace.", required=True)
    grow_mask = _make_grow_mask()


class EraseBody(SeededBody):
    """A request to remove what is in a masked area."""

    # AWS's own example sends an array with the image in it, by a comma after the value.
    image = fields.Either(
        _make_image("The image to erase from."),
        fields.List(_make_image("The image to erase from."), min_items=1, max_items=1),
        required=True,
        description="The image to erase from, alone or in an array.",
    )
    mask = _make_mask()
    grow_mask = _make_grow_mask()


class RemoveBackgroundBody(OutputBody):
    """A request to cut out what is in the foreground."""

    image = _make_image("The image to cut out from.")


class ControlBody(StyledBody):
    """A request for an image with the lines of a sketch, or the structure of an image."""

    image = _make_image("The sketch, or the image with the structure.")
    control_strength = _make_control_strength()


class StyleGuideBody(StyledBody):
    """A request for an image in the style of another."""

    image = _make_image("The image with the style.")
    aspect_ratio = stability_body.make_aspect_ratio()
    fidelity = fields.Number(min=0, max=1, description="How close to stay to the style; default 0.5.")


class StyleTransferBody(PromptBody):
    """A request to give an image the style of another."""

    init_image = _make_image("The image to change.")
    style_image = _make_image("The image with the style.")
    prompt = stability_body.make_prompt(required=False)
    composition_fidelity = fields.Number(min=0, max=1, description="How close to stay to the composition; default 0.9.")
    style_strength = fields.Number(min=0, max=1, description="How much the style counts; default 1.")
    change_strength = fields.Number(min=0.1, max=1, description="How much the image changes; default 0.9.")


def require_direction(body: Json) -> Iterator[tuple[str, str]]:
    """An image is extended in at least one direction."""
    if not any(body.get(side) for side in SIDES):
        yield "left", f"must be greater than 0, or another of {', '.join(SIDES)} must be"
