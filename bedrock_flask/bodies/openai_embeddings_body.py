"""The body of OpenAI's Embeddings.

Source: OpenAI's API reference, Create embeddings. `input_type` is not OpenAI's: some models need the purpose of a text,
and clients send it in this member.
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
        description="One text or several; token ids are not accepted, since they depend on the model.",
    )
    dimensions = fields.Integer(min=1, allow_none=True, description="The number of dimensions of each vector.")
    encoding_format = fields.String(
        one_of=("float", "base64"), allow_none=True, description="JSON numbers, or base64-encoded 32-bit floats."
    )
    input_type = fields.String(allow_none=True, description="The purpose of the texts, for models that distinguish it.")
    user = fields.String(allow_none=True, description="An opaque id of the end user.")
