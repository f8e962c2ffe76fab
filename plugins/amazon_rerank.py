"""Amazon Rerank 1.0: ranks texts by how relevant they are to a query."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    Capabilities,
    KnownModel,
    Schema,
    Source,
    hookimpl,
    rerank_body,
)

PAGE = [Source("AWS user guide, Supported Regions and models for reranking (November 2026)", DOCUMENTED)]


class AmazonRerankBody(Schema):
    """A request to rank documents."""

    query = rerank_body.make_query()
    documents = rerank_body.make_documents()
    top_n = rerank_body.make_top_n()


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="amazon-rerank",
            description="Amazon Rerank 1.0: ranks texts by how relevant they are to a query.",
            body=AmazonRerankBody,
            answer=rerank_body.Answer,
            speaks={"amazon_rerank": "InvokeModel"},
            models={"amazon.rerank-*": Capabilities(output="ranking", streaming=False)},
            default="amazon.rerank-v1:0",
            known_models={
                "amazon.rerank-v1:0": KnownModel(
                    name="Rerank 1.0", regions=("us-west-2", "ca-central-1", "eu-central-1", "ap-northeast-1")
                )
            },
            sources={"output": PAGE, "streaming": PAGE},
            extras={"top_n": "additionalModelRequestFields.top_n"},
            encode=rerank_body.encode,
            decode=rerank_body.decode,
            emulate=rerank_body.emulate,
            count_billed=rerank_body.count_queries,
            sample={
                "query": "Where do the roads meet?",
                "documents": ["The roads meet at the door.", "Rain is likely."],
                "top_n": 1,
            },
        )
    )
