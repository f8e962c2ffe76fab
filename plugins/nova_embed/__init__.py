"""Amazon Nova Multimodal Embeddings: a text, an image, a video or audio in, a vector out.

InvokeModel makes one vector (SINGLE_EMBEDDING); StartAsyncInvoke cuts long content into segments with a vector each
(SEGMENTED_EMBEDDING).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    AsyncInvoke,
    Billed,
    Capabilities,
    Engine,
    Json,
    KnownModel,
    Source,
    embedding_body,
    hookimpl,
    own_fields,
)
from bedrock_flask_plugins.nova_embed.nova_embed_body import (
    DIMENSIONS,
    KINDS,
    PURPOSES,
    SEGMENTED,
    SINGLE,
    NovaEmbedAnswer,
    NovaEmbedBody,
    check_media,
    check_parameters,
    find_parameters,
    require_segmented,
    require_single,
)

# Cohere's names for the purpose of a vector, which clients of several providers send.
COHERE_PURPOSES: Mapping[str, str] = {
    "search_document": "GENERIC_INDEX",
    "search_query": "GENERIC_RETRIEVAL",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
SCHEMA_PAGE = Source("Amazon Nova user guide, Complete embeddings request and response schema", DOCUMENTED)


def encode(request: Json) -> Json:
    """Encode a Converse request: the text or the image of its message."""
    text, images = embedding_body.split_input(request["messages"][-1])
    own = own_fields.read_fields(request)
    # A member of the other kind of content makes a body that does not fit, so that it is refused by its name.
    options = {name: own.pop(name) for name in ("truncationMode", "detailLevel") if name in own}
    content: Json = {}
    if text is not None:
        content["text"] = {"truncationMode": "END", "value": text, **options}
    for image in images[:1]:
        source = {"bytes": embedding_body.read_bytes(image)}
        content["image"] = {"format": image["format"], "source": source, **options}
    return {
        "schemaVersion": "nova-multimodal-embed-v1",
        "taskType": SINGLE,
        "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX", **own, **content},
    }


def place_purpose(value: Any, request: Json) -> Json:
    """Put the purpose of the texts into the model's own member, translated if it is Cohere's name."""
    purpose = COHERE_PURPOSES.get(value, value)
    if purpose not in PURPOSES:
        raise ValueError(f"must be one of: {', '.join((*COHERE_PURPOSES, *PURPOSES))}")
    return own_fields.place_fields(embeddingPurpose=purpose)


def decode(reply: Json) -> Json:
    """Decode Nova's reply; Bedrock reports its tokens in a header."""
    return {"embeddings": [each["embedding"] for each in reply["embeddings"]]}


def emulate(body: Json, engine: Engine) -> Json:
    """Compute Nova's reply with the engine's vectors; for segments, the summary that Nova writes to S3."""
    _, found = find_parameters(body)
    parameters: Json = found or {}
    size = int(parameters.get("embeddingDimension", DIMENSIONS[0]))
    [kind] = [kind for kind in KINDS if kind in parameters]
    content = parameters[kind]
    names = (
        ("VIDEO", "AUDIO")
        if content.get("embeddingMode") == "AUDIO_VIDEO_SEPARATE"
        else (content.get("embeddingMode", kind.upper()),)
    )
    if body["taskType"] == SEGMENTED:
        uri = content.get("source", {}).get("s3Location", {}).get("uri", "")
        results = [{"embeddingType": name, "status": "SUCCESS"} for name in names]
        return {"sourceFileUri": uri, "embeddingDimension": size, "embeddingResults": results}
    text = content.get("value")
    if text is None:
        text = hashlib.sha256(json.dumps(content["source"]).encode()).hexdigest()
    return {
        "embeddings": [
            {"embeddingType": name, "embedding": engine.embed(text if len(names) == 1 else f"{name} {text}", size)}
            for name in names
        ]
    }


def count_billed(body: Json, reply: Json) -> Billed:
    """A text is billed by its tokens, an image as such, and sound and video by their seconds, which nobody reports."""
    _, found = find_parameters(body)
    parameters: Json = found or {}
    counts = {
        "image_input": int("image" in parameters),
        "video_input_second": None if "video" in parameters else 0,
        "audio_input_second": None if "audio" in parameters else 0,
    }
    is_page = parameters.get("image", {}).get("detailLevel") == "DOCUMENT_IMAGE"
    return Billed(
        counts if "text" in parameters else {**counts, "input": 0}, variant="document image" if is_page else ""
    )


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="nova-embed",
            description="Amazon Nova Multimodal Embeddings: vectors of 256 to 3072 numbers for texts and media.",
            body=NovaEmbedBody,
            answer=NovaEmbedAnswer,
            rules=[check_parameters, check_media],
            surface_rules={"invoke": [require_single], "async-invoke": [require_segmented]},
            speaks={"nova_embed": "InvokeModel"},
            models={
                "amazon.nova-2-multimodal-embeddings-*": Capabilities(
                    output="embedding",
                    streaming=False,
                    images=True,
                    dimensions=DIMENSIONS,
                    surfaces=("invoke", "async-invoke"),
                )
            },
            default="amazon.nova-2-multimodal-embeddings-v1:0",
            known_models={
                "amazon.nova-2-multimodal-embeddings-v1:0": KnownModel(
                    name="Nova Multimodal Embeddings", regions=("us-east-1", "us-gov-west-1"), context=8192
                )
            },
            sources={
                "images": [SCHEMA_PAGE],
                "mixed_inputs": [SCHEMA_PAGE],
                "dimensions": [SCHEMA_PAGE],
                "surfaces": [SCHEMA_PAGE],
            },
            encode=encode,
            decode=decode,
            emulate=emulate,
            count_billed=count_billed,
            async_invoke=AsyncInvoke(
                sample={
                    "taskType": SEGMENTED,
                    "segmentedEmbeddingParams": {
                        "embeddingPurpose": "GENERIC_INDEX",
                        "embeddingDimension": 1024,
                        "video": {
                            "format": "mp4",
                            "embeddingMode": "AUDIO_VIDEO_COMBINED",
                            "source": {"s3Location": {"uri": "s3://amzn-s3-demo-bucket/door.mp4"}},
                            "segmentationConfig": {"durationSeconds": 5},
                        },
                    },
                },
                outputs=("segmented-embedding-result.json",),
            ),
            extras={
                "dimensions": "additionalModelRequestFields.embeddingDimension",
                "input_type": place_purpose,
                "embeddingPurpose": "additionalModelRequestFields.embeddingPurpose",
                "truncationMode": "additionalModelRequestFields.truncationMode",
                "detailLevel": "additionalModelRequestFields.detailLevel",
            },
            sample={
                "taskType": SINGLE,
                "singleEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX",
                    "embeddingDimension": 256,
                    "text": {"truncationMode": "END", "value": "A door between two roads."},
                },
            },
        )
    )
