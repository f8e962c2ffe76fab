"""What Cohere Embed answers, with the vectors of the emulator's engine."""

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from bedrock_flask.plugin import Engine, Json, embedding_body, image_body
from bedrock_flask_plugins.cohere_embed.cohere_embed_body import V3_DIMENSIONS, V4_DIMENSIONS


def emulate_v3(body: Json, engine: Engine) -> Json:
    """Compute the reply of version 3."""
    echo: Json = {"texts": body.get("texts", [])}
    if "images" in body:
        echo["images"] = [describe_image(uri) for uri in body["images"]]
    return emulate(body, engine, [*echo["texts"], *body.get("images", ())], V3_DIMENSIONS, echo)


def emulate_v4(body: Json, engine: Engine) -> Json:
    """Compute the reply of version 4."""
    given = {name: body[name] for name in ("texts", "images", "inputs") if name in body}
    texts = [
        each if isinstance(each, str) else "\n".join(describe_part(part) for part in each["content"])
        for items in given.values()
        for each in items
    ]
    echo: Json = {name: given[name] for name in ("texts", "inputs") if name in given}
    return emulate(body, engine, texts, int(body.get("output_dimension", V4_DIMENSIONS[0])), echo)


def emulate(body: Json, engine: Engine, texts: Sequence[str], size: int, echo: Json) -> Json:
    """Compute a reply with the engine's vectors: a list of them, or with embedding_types lists by type."""
    vectors = [engine.embed(shorten_image(text), size) for text in texts]
    types = body.get("embedding_types")
    by_type = {kind: [CONVERT[kind](vector) for vector in vectors] for kind in types or ()}
    seed = json.dumps(body, sort_keys=True)
    return {
        "id": str(uuid.UUID(hashlib.sha256(seed.encode()).hexdigest()[:32])),
        "response_type": "embeddings_by_type" if types else "embeddings_floats",
        "embeddings": by_type if types else vectors,
        **echo,
    }


def describe_part(part: Json) -> str:
    """The text of a part, or its image as a short text."""
    if part["type"] == "text":
        return str(part["text"])
    image = part["image_url"]
    return shorten_image(image if isinstance(image, str) else image["url"])


def shorten_image(text: str) -> str:
    """A text, or the digest of an image, so that a large one costs no more than a word."""
    return hashlib.sha256(text.encode()).hexdigest() if text[:5].lower() == "data:" else text


def describe_image(uri: str) -> Json:
    """What version 3 says of an image."""
    width, height = image_body.find_size(uri.partition(",")[2]) or (0, 0)
    return {"width": width, "height": height, "format": embedding_body.find_uri_format(uri), "bit_depth": 8}


def scale(vector: Sequence[float]) -> list[int]:
    """A vector of signed bytes."""
    return [max(-128, min(127, round(number * 127))) for number in vector]


def pack(vector: Sequence[float]) -> list[int]:
    """The signs of a vector, eight in a byte."""
    bits = [int(number > 0) for number in vector]
    return [int("".join(map(str, bits[start : start + 8])), 2) for start in range(0, len(bits), 8)]


CONVERT: dict[str, Callable[[Sequence[float]], list[Any]]] = {
    "float": list,
    "int8": scale,
    "uint8": lambda vector: [number + 128 for number in scale(vector)],
    "binary": lambda vector: [number - 128 for number in pack(vector)],
    "ubinary": pack,
}
