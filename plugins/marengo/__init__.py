"""TwelveLabs Marengo Embed: texts and images at once, video and audio asynchronously, in one space of vectors."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bedrock_flask.plugin import (
    DOCUMENTED,
    ONE_REPORT,
    Adapter,
    AsyncInvoke,
    Capabilities,
    Engine,
    Json,
    KnownModel,
    Source,
    embedding_body,
    hookimpl,
    own_fields,
)
from bedrock_flask_plugins.marengo.marengo_body import (
    DIMENSIONS_2,
    DIMENSIONS_3,
    OPTIONS_2,
    OPTIONS_3,
    Marengo2Body,
    Marengo3Body,
    MarengoAnswer,
    check_marengo_2,
    check_marengo_3,
    list_options,
    require_kind_at_once,
)

VECTORS = Capabilities(
    output="embedding", streaming=False, images=True, surfaces=("invoke", "async-invoke"), dimensions=(DIMENSIONS_2,)
)
REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-2")
# The seconds of the clips of the emulator's videos, and their number.
CLIP_SECONDS, CLIPS = 6, 2
VIDEO = {"s3Location": {"uri": "s3://amzn-s3-demo-bucket/door.mp4", "bucketOwner": "123456789012"}}
PAGE_2 = Source("AWS user guide, TwelveLabs Marengo Embed 2.7", DOCUMENTED)
PAGE_3 = Source("AWS user guide, TwelveLabs Marengo Embed 3.0", DOCUMENTED)


def encode_2(request: Json) -> Json:
    """Encode a Converse request: the text or the image of its message."""
    text, images = embedding_body.split_input(request["messages"][-1])
    own = own_fields.read_fields(request)
    if images:
        return {"inputType": "image", "mediaSource": encode_source(images[0]), **own}
    return {"inputType": "text", "inputText": text, **own}


def encode_3(request: Json) -> Json:
    """Encode a Converse request: its text, its image, both, or a text and several images."""
    text, images = embedding_body.split_input(request["messages"][-1])
    kind, content = "text", dict[str, Any]()
    if len(images) > 1:
        sources = [{"mediaType": "image", **encode_source(image)} for image in images]
        kind, content = "multi_input", {"mediaSources": sources}
    elif images:
        kind, content = ("text_image" if text is not None else "image"), {"mediaSource": encode_source(images[0])}
    if text is not None:
        content["inputText"] = text
    return {"inputType": kind, kind: content, **own_fields.read_fields(request)}


def encode_source(image: Json) -> Json:
    """Encode the content of an image."""
    return {"base64String": embedding_body.read_bytes(image)}


def decode(reply: Json) -> Json:
    """Decode Marengo's reply: one vector or a list, in `data` or, as the page of 2.7 has it, by itself."""
    data = reply.get("data", reply)
    return {"embeddings": [each["embedding"] for each in (data if isinstance(data, list) else [data])]}


def emulate_2(body: Json, engine: Engine) -> Json:
    """Compute the reply of version 2.7."""
    options = list_options(body, OPTIONS_2 if body["inputType"] == "video" else ("audio",))
    return {"data": [*list_vectors(body, body, options, ("clip",), DIMENSIONS_2, engine)]}


def emulate_3(body: Json, engine: Engine) -> Json:
    """Compute the reply of version 3.0."""
    content = body[body["inputType"]]
    options = list_options(content, OPTIONS_3 if body["inputType"] == "video" else OPTIONS_3[1:])
    types = content.get("embeddingType", ["separate_embedding"])
    kinds = [*(options if "separate_embedding" in types else ()), *(["fused"] if "fused_embedding" in types else ())]
    scopes = content.get("embeddingScope", ("clip", "asset"))
    return {"data": [*list_vectors(body, content, kinds, scopes, DIMENSIONS_3, engine)]}


def list_vectors(
    body: Json, content: Json, options: Sequence[str], scopes: Sequence[str], size: int, engine: Engine
) -> Iterator[Json]:
    """The vectors of an input: one of a text or images, several of clips."""
    if body["inputType"] == "text":
        yield {"embedding": engine.embed(content["inputText"], size)}
        return
    seed = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    if body["inputType"] not in ("video", "audio"):
        yield {"embedding": engine.embed(f"{content.get('inputText', '')} {seed}", size)}
        return
    spans = [("clip", index * CLIP_SECONDS, (index + 1) * CLIP_SECONDS) for index in range(CLIPS)]
    for scope, start, end in [*spans, ("asset", 0, CLIPS * CLIP_SECONDS)]:
        for option in options if scope in scopes else ():
            vector = engine.embed(f"{seed} {option} {scope} {start}", size)
            yield {
                "embedding": vector,
                "embeddingOption": option,
                "embeddingScope": scope,
                "startSec": start,
                "endSec": end,
            }


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="marengo",
            description="TwelveLabs Marengo Embed 3.0: vectors of 512 numbers for texts, images, video and audio.",
            body=Marengo3Body,
            answer=MarengoAnswer,
            rules=[check_marengo_3],
            surface_rules={"invoke": [require_kind_at_once]},
            speaks={"marengo_3": "InvokeModel"},
            models={"twelvelabs.marengo-embed-3-0*": VECTORS.but(mixed_inputs="any", dimensions=(DIMENSIONS_3,))},
            default="twelvelabs.marengo-embed-3-0-v1:0",
            provider="TwelveLabs",
            known_models={
                "twelvelabs.marengo-embed-3-0-v1:0": KnownModel(
                    name="Marengo Embed v3.0", profiles=("us", "eu"), regions=REGIONS, context=500
                )
            },
            sources={"images": [PAGE_3], "mixed_inputs": [PAGE_3], "dimensions": [PAGE_3], "surfaces": [PAGE_3]},
            encode=encode_3,
            decode=decode,
            emulate=emulate_3,
            async_invoke=AsyncInvoke(
                sample={"inputType": "video", "video": {"mediaSource": VIDEO, "embeddingScope": ["clip", "asset"]}}
            ),
            extras={
                "dimensions": embedding_body.fix_dimensions(DIMENSIONS_3),
                "inferenceId": "additionalModelRequestFields.inferenceId",
            },
            sample={"inputType": "text", "text": {"inputText": "a door between two roads"}},
        )
    )
    register(
        Adapter(
            name="marengo-2",
            description="TwelveLabs Marengo Embed 2.7 (legacy): vectors of 1024 numbers for texts, images, video and "
            "audio.",
            body=Marengo2Body,
            answer=MarengoAnswer,
            rules=[check_marengo_2],
            surface_rules={"invoke": [require_kind_at_once]},
            speaks={"marengo_2": "InvokeModel"},
            models={"twelvelabs.marengo-embed-2-7*": VECTORS},
            default="twelvelabs.marengo-embed-2-7-v1:0",
            provider="TwelveLabs",
            known_models={
                "twelvelabs.marengo-embed-2-7-v1:0": KnownModel(
                    name="Marengo Embed v2.7",
                    profiles=("us", "eu", "apac"),
                    # The base model is called asynchronously only.
                    on_demand=False,
                    active=False,
                    legacy_on="2026-05-29",
                    ends_on="2026-11-30",
                    successor="twelvelabs.marengo-embed-3-0-v1:0",
                    context=77,
                )
            },
            sources={
                "images": [PAGE_2],
                "mixed_inputs": [PAGE_2],
                "surfaces": [PAGE_2],
                "dimensions": [
                    Source(
                        "TwelveLabs's documentation, Amazon Bedrock: create embeddings, model specification", ONE_REPORT
                    )
                ],
            },
            encode=encode_2,
            decode=decode,
            emulate=emulate_2,
            async_invoke=AsyncInvoke(sample={"inputType": "video", "mediaSource": VIDEO, "useFixedLengthSec": 5}),
            extras={
                "dimensions": embedding_body.fix_dimensions(DIMENSIONS_2),
                "textTruncate": "additionalModelRequestFields.textTruncate",
            },
            sample={"inputType": "text", "inputText": "a door between two roads", "textTruncate": "end"},
        )
    )
