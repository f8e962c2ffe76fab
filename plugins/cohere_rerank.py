"""Cohere Rerank 3.5: ranks texts by how relevant they are to a query."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    Capabilities,
    Json,
    KnownModel,
    Schema,
    Source,
    fields,
    hookimpl,
    rerank_body,
)

CARD = [Source("AWS user guide, model card Rerank 3.5 (November 2026)", DOCUMENTED)]
_VERSION = 2


class CohereRerankBody(Schema):
    """A request to rank documents."""

    query = rerank_body.make_query()
    documents = rerank_body.make_documents()
    top_n = rerank_body.make_top_n()
    max_tokens_per_doc = fields.Integer(min=1, description="Tokens of a document that count; default 4096.")
    # Bedrock's words for 1: "#/api_version: 1 is not greater or equal to 2" (cohere-ai/cohere-python#613).
    api_version = fields.Integer(min=_VERSION, description="The version of Cohere's API: 2.")


def encode(request: Json) -> Json:
    """Encode a request for a ranking."""
    return {**rerank_body.encode(request), "api_version": _VERSION}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="cohere-rerank",
            description="Cohere Rerank 3.5: ranks texts by how relevant they are to a query.",
            body=CohereRerankBody,
            answer=rerank_body.Answer,
            speaks={"cohere_rerank": "InvokeModel"},
            models={"cohere.rerank-*": Capabilities(output="ranking", streaming=False)},
            default="cohere.rerank-v3-5:0",
            known_models={
                "cohere.rerank-v3-5:0": KnownModel(
                    name="Rerank 3.5",
                    regions=("us-east-1", "us-west-2", "ca-central-1", "eu-central-1", "ap-northeast-1"),
                    names=("rerank-v3.5",),
                    context=4096,
                )
            },
            sources={"output": CARD, "streaming": CARD},
            extras={
                "top_n": "additionalModelRequestFields.top_n",
                "max_tokens_per_doc": "additionalModelRequestFields.max_tokens_per_doc",
            },
            encode=encode,
            decode=rerank_body.decode,
            emulate=rerank_body.emulate,
            count_billed=rerank_body.count_queries,
            sample={
                "query": "Where do the roads meet?",
                "documents": ["The roads meet at the door.", "Rain is likely."],
                "top_n": 1,
                "api_version": 2,
            },
        )
    )
