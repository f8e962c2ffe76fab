"""The body of OpenAI's Embeddings.

Source: OpenAI's API reference, Create embeddings. `input_type` is not OpenAI's: some models need to know what a text is
for, and clients send it so.
"""

from bedrock_flask import fields
from bedrock_flask.fields import Schema


class Body(Schema):
    """An Embeddings request."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    input = fields.Either(
        fields.String(),
        fields.List(fields.String(), min_items=1, max_items=2048),
        required=True,
        description="One text, or several; tokens are another model's, and are not taken.",
    )
    dimensions = fields.Integer(min=1, allow_none=True, description="Numbers in each vector.")
    encoding_format = fields.String(
        one_of=("float", "base64"), allow_none=True, description="Numbers, or 32-bit floats in base64."
    )
    input_type = fields.String(allow_none=True, description="What the texts are for, where a model asks for that.")
    user = fields.String(allow_none=True, description="An opaque name of the end user.")
