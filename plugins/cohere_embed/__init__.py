"""Cohere Embed: texts, images or both in, a vector for each out."""

from collections.abc import Callable
from typing import Any

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    Billed,
    Capabilities,
    Json,
    KnownModel,
    Source,
    embedding_body,
    hookimpl,
    own_fields,
)
from bedrock_flask_plugins.cohere_embed.cohere_embed_body import (
    BATCH,
    PURPOSES,
    V3_DIMENSIONS,
    V4_DIMENSIONS,
    CohereEmbedAnswer,
    CohereEmbedV3Body,
    CohereEmbedV4Body,
    check_v3_images,
    check_v3_input,
    check_v4_images,
    check_v4_input,
)
from bedrock_flask_plugins.cohere_embed.emulation import emulate_v3, emulate_v4

IN_REGIONS = (
    "us-east-1",
    "us-west-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "sa-east-1",
)
VECTORS = Capabilities(output="embedding", streaming=False, images=True, batch=BATCH, surfaces=("invoke",))
V3_PAGE = Source("AWS user guide, Cohere Embed v3", DOCUMENTED)
V4_PAGE = Source("AWS user guide, Cohere Embed v4", DOCUMENTED)
EXTRAS: dict[str, Any] = {
    "input_type": "additionalModelRequestFields.input_type",
    "truncate": "additionalModelRequestFields.truncate",
    "embedding_types": embedding_body.place_one_type("embedding_types"),
}


def encode_v3(request: Json) -> Json:
    """Encode a Converse request: a text for each message, or the image of the only one."""
    inputs = [embedding_body.split_input(message) for message in request["messages"]]
    images = [embedding_body.write_data_uri(image) for _, each in inputs for image in each]
    if images:
        return {**own_fields.read_fields(request), "input_type": "image", "images": images}
    return {"input_type": PURPOSES[0], **own_fields.read_fields(request), "texts": [text for text, _ in inputs]}


def encode_v4(request: Json) -> Json:
    """Encode a Converse request: a text for each message, or with images the parts of each."""
    messages = request["messages"]
    inputs = [embedding_body.split_input(message) for message in messages]
    body = {"input_type": PURPOSES[0], **own_fields.read_fields(request)}
    if any(images for _, images in inputs):
        return {**body, "inputs": [{"content": [*map(encode_part, each["content"])]} for each in messages]}
    return {**body, "texts": [text for text, _ in inputs]}


def encode_part(block: Json) -> Json:
    """Encode a text or an image of a Converse message."""
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    return {"type": "image_url", "image_url": {"url": embedding_body.write_data_uri(block["image"])}}


def decode(reply: Json) -> Json:
    """Decode Cohere's reply: a list of vectors, or lists by type, of which the floats are preferred."""
    vectors = reply["embeddings"]
    if isinstance(vectors, dict):
        vectors = vectors["float"] if "float" in vectors else next(iter(vectors.values()), [])
    return {"embeddings": vectors}


def count_images(body: Json, reply: Json) -> Billed:
    """Images have a price of their own, and not that of the tokens of a text."""
    mixed = sum(part["type"] == "image_url" for each in body.get("inputs", ()) for part in each["content"])
    images = len(body.get("images", ())) + mixed
    return Billed({"image_input": images} if images else {})


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="cohere-embed",
            description="Cohere Embed v4: vectors of 256 to 1536 numbers for texts, images and pages of both.",
            body=CohereEmbedV4Body,
            answer=CohereEmbedAnswer,
            rules=[check_v4_input, check_v4_images],
            speaks={"cohere_embed_v4": "InvokeModel"},
            models={"cohere.embed-v4*": VECTORS.but(mixed_inputs="any", dimensions=V4_DIMENSIONS)},
            default="cohere.embed-v4:0",
            known_models={
                "cohere.embed-v4:0": KnownModel(
                    name="Embed v4",
                    profiles=("us", "eu", "global"),
                    # AWS's announcement of October 2025; its page of regions has profiles for many others.
                    regions=("us-east-1", "eu-west-1", "ap-northeast-1"),
                    names=("embed-v4.0",),
                    context=128_000,
                )
            },
            sources={"images": [V4_PAGE], "mixed_inputs": [V4_PAGE], "batch": [V4_PAGE], "dimensions": [V4_PAGE]},
            encode=encode_v4,
            decode=decode,
            emulate=emulate_v4,
            count_billed=count_images,
            extras={
                **EXTRAS,
                "dimensions": "additionalModelRequestFields.output_dimension",
                "max_tokens": "additionalModelRequestFields.max_tokens",
            },
            sample={
                "input_type": "search_document",
                "texts": ["A gateway is a door between two roads.", "A door is closed or open."],
                "embedding_types": ["float"],
                "output_dimension": 256,
            },
        )
    )
    register(
        Adapter(
            name="cohere-embed-v3",
            description="Cohere Embed v3, English and multilingual: vectors of 1024 numbers for texts and images.",
            body=CohereEmbedV3Body,
            answer=CohereEmbedAnswer,
            rules=[check_v3_input, check_v3_images],
            speaks={"cohere_embed_v3": "InvokeModel"},
            models={"cohere.embed-*-v3*": VECTORS.but(dimensions=(V3_DIMENSIONS,))},
            default="cohere.embed-multilingual-v3",
            known_models={
                "cohere.embed-english-v3": KnownModel(
                    name="Embed English", regions=IN_REGIONS, names=("embed-english-v3.0",), context=512
                ),
                "cohere.embed-multilingual-v3": KnownModel(
                    name="Embed Multilingual", regions=IN_REGIONS, names=("embed-multilingual-v3.0",), context=512
                ),
            },
            sources={
                "images": [V3_PAGE],
                "mixed_inputs": [V3_PAGE],
                "batch": [V3_PAGE],
                "dimensions": [V3_PAGE],
            },
            encode=encode_v3,
            decode=decode,
            emulate=emulate_v3,
            count_billed=count_images,
            extras={**EXTRAS, "dimensions": embedding_body.fix_dimensions(V3_DIMENSIONS)},
            sample={
                "input_type": "search_document",
                "texts": ["A gateway is a door between two roads.", "A door is closed or open."],
                "truncate": "END",
            },
        )
    )
