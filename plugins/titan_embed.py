"""Amazon Titan Text Embeddings: one text in, one vector out.

Source: AWS user guide, Amazon Titan Embeddings G1 - Text (V2 and G1 request and response), as of November 2026.
"""

from collections.abc import Callable

from bedrock_flask.plugin import (
    DOCUMENTED,
    MEASURED,
    Adapter,
    Capabilities,
    Engine,
    Json,
    KnownModel,
    Open,
    Schema,
    Source,
    embedding_body,
    fields,
    hookimpl,
    own_fields,
)

DIMENSIONS = (1024, 512, 256)
G1_DIMENSIONS = 1536
# Without normalisation the vectors of the model have other lengths than 1; which ones, no page says.
UNNORMALISED = 16.0
VECTORS = Capabilities(output="embedding", streaming=False, surfaces=("invoke",))
PARAMETERS = Source("AWS user guide, Amazon Titan Embeddings G1 - Text", DOCUMENTED)


class TitanEmbedBody(Schema):
    """An embedding request."""

    # Source of the length: AWS user guide, Amazon Titan Text Embeddings models. Bedrock's errors have it too.
    inputText = fields.String(
        required=True, max_length=50_000, description="The text, of up to 8,192 tokens; one per call."
    )
    dimensions = fields.Integer(one_of=DIMENSIONS, description="The number of dimensions; default 1024.")
    normalize = fields.Boolean(description="Whether the vector is normalised; default true.")
    embeddingTypes = fields.List(
        fields.String(one_of=("float", "binary")), description="The types of the vector's numbers; default float."
    )


class TitanEmbedG1Body(Schema):
    """An embedding request of the first generation."""

    inputText = fields.String(required=True, description="The text, of up to 8,192 tokens; one per call.")


class VectorsByType(Open):
    """The vector once for each type."""

    float = fields.List(fields.Number(), description="The vector as numbers.")
    binary = fields.List(fields.Integer(), description="The vector as bits.")


class TitanEmbedG1Answer(Open):
    """A vector."""

    embedding = fields.List(fields.Number(), description="The vector; missing if only binary was requested.")
    inputTextTokenCount = fields.Integer(required=True, min=0, description="The number of tokens of the text.")


class TitanEmbedAnswer(TitanEmbedG1Answer):
    """A vector, also by its types."""

    embeddingsByType = fields.Nested(VectorsByType, description="The vector by each requested type.")


def encode(request: Json) -> Json:
    """Encode a Converse request: the text of its message, and the additional fields unchanged."""
    text, _ = embedding_body.split_input(request["messages"][-1])
    return {"inputText": text, **own_fields.read_fields(request)}


def decode(reply: Json) -> Json:
    """Decode Titan's reply; `embedding` is missing if only binary was requested."""
    vector = reply["embedding"] if "embedding" in reply else reply["embeddingsByType"]["binary"]
    return {"embeddings": [vector], "usage": {"inputTokens": reply["inputTextTokenCount"]}}


def emulate(body: Json, engine: Engine) -> Json:
    """Compute the reply of the second generation with the engine's vector."""
    vector = engine.embed(body["inputText"], int(body.get("dimensions", DIMENSIONS[0])))
    if not body.get("normalize", True):
        vector = [number * UNNORMALISED for number in vector]
    forms = {"float": vector, "binary": [int(number > 0) for number in vector]}
    by_type = {kind: forms[kind] for kind in body.get("embeddingTypes") or ["float"]}
    plain = {"embedding": vector} if "float" in by_type else {}
    return {**plain, "embeddingsByType": by_type, "inputTextTokenCount": engine.count(body["inputText"])}


def emulate_g1(body: Json, engine: Engine) -> Json:
    """Compute the reply of the first generation with the engine's vector."""
    text = body["inputText"]
    return {"embedding": engine.embed(text, G1_DIMENSIONS), "inputTextTokenCount": engine.count(text)}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="titan-embed",
            description="Amazon Titan Text Embeddings v2: vectors of 256, 512 or 1024 numbers, as floats or bits.",
            body=TitanEmbedBody,
            answer=TitanEmbedAnswer,
            speaks={"titan_embed": "InvokeModel"},
            models={"amazon.titan-embed-text-v2*": VECTORS.but(dimensions=DIMENSIONS)},
            default="amazon.titan-embed-text-v2:0",
            is_common=True,
            known_models={"amazon.titan-embed-text-v2:0": KnownModel(name="Titan Text Embeddings V2", context=8192)},
            sources={
                "dimensions": [PARAMETERS],
                "batch": [PARAMETERS],
                "surfaces": [Source("AWS user guide, the card of the model: APIs supported", DOCUMENTED)],
            },
            encode=encode,
            decode=decode,
            emulate=emulate,
            extras={
                "dimensions": "additionalModelRequestFields.dimensions",
                "normalize": "additionalModelRequestFields.normalize",
                "embeddingTypes": embedding_body.place_one_type("embeddingTypes"),
            },
            sample={"inputText": "A gateway is a door between two roads.", "dimensions": 256, "normalize": True},
        )
    )
    register(
        Adapter(
            name="titan-embed-g1",
            description="Amazon Titan Text Embeddings G1: vectors of 1536 numbers.",
            body=TitanEmbedG1Body,
            answer=TitanEmbedG1Answer,
            speaks={"titan_embed_g1": "InvokeModel"},
            models={
                "amazon.titan-embed-text-v1*": VECTORS.but(dimensions=(G1_DIMENSIONS,)),
                "amazon.titan-embed-g1-text-02*": VECTORS.but(dimensions=(G1_DIMENSIONS,)),
            },
            default="amazon.titan-embed-text-v1",
            known_models={
                "amazon.titan-embed-text-v1": KnownModel(
                    name="Titan Embeddings G1 - Text",
                    regions=("us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1"),
                    context=8192,
                ),
                "amazon.titan-embed-g1-text-02": KnownModel(
                    name="Titan Embeddings G1 - Text v2", regions=("us-east-1", "us-west-2"), context=8192
                ),
            },
            sources={
                "dimensions": [
                    Source(
                        "AWS user guide, Supported models and Regions for knowledge bases: the dimensions of embedding "
                        "models",
                        DOCUMENTED,
                        "amazon.titan-embed-text-v1*",
                    ),
                    Source(
                        "Several programs store its vectors as 1536 numbers, and send G1's body; no page of AWS has it",
                        MEASURED,
                        "amazon.titan-embed-g1-text-02*",
                    ),
                ],
                "batch": [PARAMETERS],
            },
            encode=encode,
            decode=decode,
            emulate=emulate_g1,
            extras={"dimensions": embedding_body.fix_dimensions(G1_DIMENSIONS)},
            sample={"inputText": "A gateway is a door between two roads."},
        )
    )
