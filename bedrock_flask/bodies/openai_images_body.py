"""The bodies of OpenAI's Images: to make images of a text, and to edit images.

Source: OpenAI's API reference, Images; the types of the `openai` package 3.57. `seed` is not OpenAI's, but every model
on Bedrock has it. Members that a schema does not have are the model's own.
"""

from bedrock_flask import fields
from bedrock_flask.fields import Schema


class GenerationBody(Schema):
    """A request to make images."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    prompt = fields.String(required=True, min_length=1, max_length=32_000, description="What the images show.")
    n = fields.Integer(min=1, max=10, allow_none=True, description="The number of images; default 1.")
    size = fields.String(allow_none=True, description="Width and height, as 1024x1024, or auto.")
    quality = fields.String(allow_none=True, description="The quality, or auto; each model has its own names.")
    style = fields.String(allow_none=True, description="The style; each model has its own names.")
    background = fields.String(
        one_of=("auto", "opaque", "transparent"), allow_none=True, description="The background of the images."
    )
    output_format = fields.String(allow_none=True, description="The format of the files: png, jpeg or webp.")
    output_compression = fields.Integer(min=0, max=100, allow_none=True, description="How much the files are packed.")
    moderation = fields.String(one_of=("auto", "low"), allow_none=True, description="How strictly to filter.")
    response_format = fields.String(
        one_of=("b64_json", "url"), allow_none=True, description="b64_json; the gateway stores no images for a url."
    )
    seed = fields.Integer(min=0, allow_none=True, description="The seed of the randomness.")
    stream = fields.Boolean(allow_none=True, description="Images are not streamed.")
    partial_images = fields.Integer(min=0, max=3, allow_none=True, description="Images to stream before the last.")
    user = fields.String(allow_none=True, description="An opaque id of the end user.")
    safety_identifier = fields.String(allow_none=True, description="The same.")


class ImageReference(Schema):
    """An image of a request in JSON."""

    image_url = fields.String(description="A data: URI, or an https URL where the gateway fetches images.")
    file_id = fields.String(description="Not supported: the gateway stores no files.")


class EditBody(GenerationBody):
    """A request to edit images. As a form, `image` and `mask` are files; in JSON they are base64 or data: URIs."""

    prompt = fields.String(max_length=32_000, description="What the images show, for a model that takes a text.")
    image = fields.Either(
        fields.String(),
        fields.List(fields.String(), min_items=1, max_items=16),
        description="The image to edit, or several.",
    )
    images = fields.List(
        fields.Nested(ImageReference), min_items=1, max_items=16, description="The same, as OpenAI has it in JSON."
    )
    mask = fields.Either(
        fields.String(),
        fields.Nested(ImageReference),
        description="A PNG with the size of the image, transparent where it is edited.",
    )
    input_fidelity = fields.String(
        one_of=("high", "low"), allow_none=True, description="How close to stay to the image."
    )
