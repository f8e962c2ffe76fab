"""The body of CountTokens. Source: botocore's service model of bedrock-runtime."""

from bedrock_flask import fields


class NativeInput(fields.Schema):
    """A request in the model's own format."""

    body = fields.String(required=True, description="The request, in base64.")


class ConverseInput(fields.Schema):
    """A Converse request; the members are checked by Converse's own schema."""

    messages = fields.Anything(allow_none=False, description="The conversation.")
    system = fields.Anything(allow_none=False, description="The system prompt.")
    toolConfig = fields.Anything(allow_none=False, description="The tools.")
    additionalModelRequestFields = fields.Anything(allow_none=False, description="What Converse has no member for.")


class Body(fields.Schema):
    """A request whose tokens are counted."""

    input = fields.OneKey(
        {"invokeModel": fields.Nested(NativeInput), "converse": fields.Nested(ConverseInput)},
        required=True,
        description="The request.",
    )
