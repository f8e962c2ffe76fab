"""Amazon Titan Multimodal Embeddings G1: a text, an image or both in, one vector out.

Sources: AWS user guide, Amazon Titan Multimodal Embeddings G1 (parameters) and Amazon Titan Multimodal Embeddings G1
model (limits), as of November 2026.
"""

import hashlib
from collections.abc import Callable, Iterator

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    Billed,
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
    image_body,
    own_fields,
)

DIMENSIONS = (1024, 384, 256)
MOST_BYTES = 25 * image_body.MEGABYTE
PARAMETERS = Source("AWS user guide, Amazon Titan Multimodal Embeddings G1: request and response", DOCUMENTED)


class EmbeddingConfig(Schema):
    """The settings of the vector."""

    outputEmbeddingLength = fields.Integer(one_of=DIMENSIONS, description="The number of dimensions; default 1024.")


class TitanEmbedImageBody(Schema):
    """An embedding request; of a text and an image, the vector is the mean of both."""

    inputText = fields.String(description="The text, of up to 256 tokens.")
    inputImage = image_body.Image(description="The image in base64, of up to 25 MB and 2048 by 2048 pixels.")
    embeddingConfig = fields.Nested(EmbeddingConfig, description="The settings of the vector.")


class TitanEmbedImageAnswer(Open):
    """A vector, or the reason why there is none."""

    embedding = fields.List(fields.Number(), allow_none=True, description="The vector.")
    inputTextTokenCount = fields.Integer(allow_none=True, min=0, description="The number of tokens of the text.")
    message = fields.String(allow_none=True, description="The error that occurred; missing or null without one.")


def check_input(body: Json) -> Iterator[tuple[str, str]]:
    """A text or an image is required."""
    if "inputText" not in body and "inputImage" not in body:
        yield "inputText", "is required, unless there is an inputImage"


def check_image(body: Json) -> Iterator[tuple[str, str]]:
    """An image has at most 25 MB."""
    if "inputImage" in body:
        yield from image_body.find_image_faults("inputImage", body["inputImage"], most_bytes=MOST_BYTES)


def encode(request: Json) -> Json:
    """Encode a Converse request: the text and the image of its message."""
    text, images = embedding_body.split_input(request["messages"][-1])
    body = own_fields.read_fields(request)
    if text is not None:
        body["inputText"] = text
    if images:
        body["inputImage"] = embedding_body.read_bytes(images[0])
    return body


def decode(reply: Json) -> Json:
    """Decode Titan's reply; a `message` is an error, whatever else there is."""
    if reply.get("message"):
        return {"error": {"type": "ModelErrorException", "message": reply["message"]}}
    usage = {"usage": {"inputTokens": reply["inputTextTokenCount"]}} if "inputTextTokenCount" in reply else {}
    return {"embeddings": [reply["embedding"]], **usage}


def emulate(body: Json, engine: Engine) -> Json:
    """Compute Titan's reply: the mean of the engine's vectors for the text and for the image."""
    size = int(body.get("embeddingConfig", {}).get("outputEmbeddingLength", DIMENSIONS[0]))
    texts = [body["inputText"]] if "inputText" in body else []
    if "inputImage" in body:
        texts.append(hashlib.sha256(body["inputImage"].encode()).hexdigest())
    vectors = [engine.embed(text, size) for text in texts]
    return {
        "embedding": [sum(numbers) / len(vectors) for numbers in zip(*vectors, strict=True)],
        "inputTextTokenCount": engine.count(body.get("inputText", "")),
        "message": None,
    }


def count_billed(body: Json, reply: Json) -> Billed:
    """An image is billed as such, a text by its tokens."""
    return Billed({"image_input": int("inputImage" in body), **({} if "inputText" in body else {"input": 0})})


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="titan-embed-image",
            description="Amazon Titan Multimodal Embeddings G1: vectors of 256, 384 or 1024 numbers.",
            body=TitanEmbedImageBody,
            answer=TitanEmbedImageAnswer,
            rules=[check_input, check_image],
            speaks={"titan_embed_image": "InvokeModel"},
            models={
                "amazon.titan-embed-image-v1*": Capabilities(
                    output="embedding",
                    streaming=False,
                    images=True,
                    mixed_inputs="pair",
                    dimensions=DIMENSIONS,
                    surfaces=("invoke",),
                )
            },
            default="amazon.titan-embed-image-v1",
            known_models={
                "amazon.titan-embed-image-v1": KnownModel(
                    name="Titan Multimodal Embeddings G1",
                    regions=(
                        "us-east-1",
                        "us-west-2",
                        "ca-central-1",
                        "eu-central-1",
                        "eu-west-1",
                        "eu-west-2",
                        "eu-west-3",
                        "ap-south-1",
                        "ap-southeast-2",
                        "sa-east-1",
                    ),
                    context=256,
                )
            },
            sources={"images": [PARAMETERS], "mixed_inputs": [PARAMETERS], "dimensions": [PARAMETERS]},
            encode=encode,
            decode=decode,
            emulate=emulate,
            count_billed=count_billed,
            extras={"dimensions": "additionalModelRequestFields.embeddingConfig.outputEmbeddingLength"},
            sample={"inputText": "A door between two roads.", "embeddingConfig": {"outputEmbeddingLength": 256}},
        )
    )
