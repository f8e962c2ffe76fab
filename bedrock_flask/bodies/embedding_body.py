"""What the bodies of embedding models share: the parts of one input, a fixed length of vectors, rules for images."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bedrock_flask.bodies import image_body
from bedrock_flask.bodies.own_fields import Place, accept_only, place_fields
from bedrock_flask.converse import Json, Request
from bedrock_flask.protocol.json_places import place_at

# The formats of images by their media types; `image/jpg` is not registered, but AWS's own examples have it.
IMAGE_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "image/png": "png",
        "image/jpeg": "jpeg",
        "image/jpg": "jpeg",
        "image/gif": "gif",
        "image/webp": "webp",
    }
)


def split_input(message: Json) -> tuple[str | None, list[Json]]:
    """The text of one input, its parts joined by line breaks, and its images; None for an input without a text."""
    content = message["content"]
    texts = [block["text"] for block in content if "text" in block]
    images = [block["image"] for block in content if "image" in block]
    if not texts:
        return None, images
    return (texts[0] if len(texts) == 1 else place_at("\n".join(texts), message)), images


def read_bytes(image: Json) -> str:
    """The base64 of an image."""
    data: str = image["source"]["bytes"]
    return data


def write_data_uri(image: Json) -> str:
    """An image as a `data:` URI."""
    data = read_bytes(image)
    return place_at(f"data:image/{image['format']};base64,{data}", data)


def fix_dimensions(size: int) -> Place:
    """A target of `extras` for `dimensions` of a model whose vectors have one length: no other is accepted."""
    return accept_only(size, why="the vectors of this model have no other length")


def place_one_type(member: str) -> Place:
    """A target of `extras` for the types of a vector's numbers: an answer has room for one type."""

    def place(value: Any, request: Request) -> Json:
        if isinstance(value, list) and len(value) != 1:
            raise ValueError("must have one type: an answer of this API has one vector for each input")
        return place_fields(**{member: value})

    return place


def find_uri_format(uri: str) -> str | None:
    """The format that a `data:` URI declares; None for any other media type, and for any other URI."""
    head, comma, _ = uri.partition(",")
    scheme, _, rest = head.partition(":")
    return IMAGE_TYPES.get(rest.partition(";")[0].strip().lower()) if comma and scheme.lower() == "data" else None


def find_uri_faults(path: str, uri: str, *, formats: Sequence[str], most_bytes: int) -> Iterator[tuple[str, str]]:
    """The faults of an image in a `data:` URI."""
    head, comma, data = uri.partition(",")
    form = find_uri_format(uri)
    if not comma or head[:5].lower() != "data:":
        yield path, "must be an image in a data: URI (data:image/png;base64,…)"
    elif form not in formats:
        yield path, f"must have one of the media types {', '.join(f'image/{each}' for each in formats)}"
    else:
        yield from image_body.find_image_faults(path, data, declared=form or "", most_bytes=most_bytes)
