"""The body of OpenAI's Embeddings.

Source: OpenAI's API reference, Create embeddings. `input_type` and inputs with images are not OpenAI's. Some models
need the purpose of a text, and clients send it in that member. An input with several parts has the form of OpenRouter's
API (the type `EmbeddingInput` of openrouter-rs 0.11), and its parts are those of Chat Completions.
"""

from bedrock_flask import fields
from bedrock_flask.fields import Schema


class ImageUrl(Schema):
    """An image by its URI."""

    url = fields.String(required=True, description="The image as a `data:` URI: `data:image/png;base64,…`.")


class TextPart(Schema):
    """A text."""

    type = fields.String(required=True, one_of=("text",), description="The type of the part.")
    text = fields.String(required=True, description="The text.")


class ImagePart(Schema):
    """An image."""

    type = fields.String(required=True, one_of=("image_url",), description="The type of the part.")
    image_url = fields.Either(
        fields.Nested(ImageUrl), fields.String(), required=True, description="The image, or its `data:` URI alone."
    )


class Parts(Schema):
    """An input of several parts, which gets one vector."""

    content = fields.List(
        fields.Tagged("type", {"text": TextPart, "image_url": ImagePart}),
        required=True,
        min_items=1,
        description="Texts and images, for models that take them.",
    )


class Body(Schema):
    """An Embeddings request; other members are those of the model's own body, such as `truncate` or `normalize`."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    input = fields.Either(
        fields.String(),
        fields.List(fields.Either(fields.String(), fields.Nested(Parts)), min_items=1, max_items=2048),
        fields.Nested(Parts),
        required=True,
        description="One input or several: a text, an image as a `data:` URI, or an object with `content`, a list of "
        "parts. Token ids are not accepted, since they depend on the model.",
    )
    dimensions = fields.Integer(min=1, allow_none=True, description="The number of dimensions of each vector.")
    encoding_format = fields.String(
        one_of=("float", "base64"), allow_none=True, description="JSON numbers, or base64-encoded 32-bit floats."
    )
    input_type = fields.String(allow_none=True, description="The purpose of the texts, for models that distinguish it.")
    user = fields.String(allow_none=True, description="An opaque id of the end user.")
