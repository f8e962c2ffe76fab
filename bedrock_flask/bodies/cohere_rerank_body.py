"""The bodies of Cohere's Rerank, in both versions of its API.

Source: Cohere's API reference, Rerank (v1 and v2). Version 2 has texts only; an object with a text is taken in both.
"""

from bedrock_flask import fields
from bedrock_flask.fields import Open, Schema


class Document(Open):
    """A document as an object; its other members are returned with it."""

    text = fields.String(required=True, description="The text to rank.")


class RerankBody(Schema):
    """A request to rank documents."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    query = fields.String(required=True, min_length=1, description="What the documents are compared with.")
    documents = fields.List(
        fields.Either(fields.String(), fields.Nested(Document)),
        required=True,
        min_items=1,
        max_items=10_000,
        description="The texts to rank, or objects with a text.",
    )
    top_n = fields.Integer(min=1, allow_none=True, description="How many documents to return; default all.")
    max_tokens_per_doc = fields.Integer(
        min=1, allow_none=True, description="Tokens of a document that count, for a model that takes a limit."
    )
    return_documents = fields.Boolean(allow_none=True, description="Whether to return the documents too.")
    priority = fields.Integer(min=0, max=999, allow_none=True, description="Not supported.")


class RerankV1Body(RerankBody):
    """The same in version 1 of the API."""

    rank_fields = fields.List(fields.String(), allow_none=True, description="Only `text`, which is the default.")
    max_chunks_per_doc = fields.Integer(min=1, allow_none=True, description="Not supported.")
