"""The bodies of Cohere Embed v3 and v4, and the rules between their members.

Sources: AWS user guide, Cohere Embed v3 and Cohere Embed v4, as of November 2026.
"""

from collections.abc import Iterator, Sequence

from bedrock_flask.plugin import Json, Open, Schema, embedding_body, fields, image_body

BATCH = 96
MOST_BYTES = 5 * image_body.MEGABYTE
V3_DIMENSIONS, V4_DIMENSIONS = 1024, (1536, 1024, 512, 256)
PURPOSES = ("search_document", "search_query", "classification", "clustering")
TYPES = ("float", "int8", "uint8", "binary", "ubinary")


def make_types() -> fields.List:
    """Make the member for the types of the vectors' numbers."""
    return fields.List(
        fields.String(one_of=TYPES),
        description="The types of the vectors' numbers: with it the answer has vectors by type, without it a list of "
        "vectors of floats.",
    )


class CohereEmbedV3Body(Schema):
    """An embedding request to version 3."""

    input_type = fields.String(required=True, one_of=(*PURPOSES, "image"), description="What the vectors are for.")
    # The length counts as the page has it: Bedrock's errors say `expected maxLength: 2048`, whatever `truncate` is.
    texts = fields.List(
        fields.String(max_length=2048), max_items=BATCH, description="The texts, of up to 512 tokens each."
    )
    images = fields.List(
        fields.String(), max_items=1, description="One image as a `data:` URI: PNG or JPEG of up to 5 MB."
    )
    truncate = fields.String(
        one_of=("NONE", "START", "END"), description="Where a text that is too long is cut; default END."
    )
    embedding_types = make_types()


class TextPart(Schema):
    """A text."""

    type = fields.String(required=True, one_of=("text",), description="The type of the part.")
    text = fields.String(required=True, description="The text.")


class ImageUrl(Schema):
    """An image by its URI."""

    url = fields.String(required=True, description="The image as a `data:` URI.")


class ImagePart(Schema):
    """An image."""

    type = fields.String(required=True, one_of=("image_url",), description="The type of the part.")
    # Older versions of the page have the URI alone.
    image_url = fields.Either(
        fields.Nested(ImageUrl), fields.String(), required=True, description="The image as a `data:` URI."
    )


class MixedInput(Schema):
    """An input of several parts, which gets one vector."""

    content = fields.List(
        fields.Tagged("type", {"text": TextPart, "image_url": ImagePart}),
        required=True,
        description="Texts and images.",
    )


class CohereEmbedV4Body(Schema):
    """An embedding request to version 4."""

    input_type = fields.String(required=True, one_of=PURPOSES, description="What the vectors are for.")
    texts = fields.List(fields.String(), max_items=BATCH, description="The texts; not beside images.")
    images = fields.List(
        fields.String(),
        max_items=BATCH,
        description="Images as `data:` URIs: PNG, JPEG, WebP or GIF of up to 5 MB each.",
    )
    inputs = fields.List(fields.Nested(MixedInput), max_items=BATCH, description="Inputs of texts and images.")
    embedding_types = make_types()
    output_dimension = fields.Integer(one_of=V4_DIMENSIONS, description="The number of dimensions; default 1536.")
    max_tokens = fields.Integer(
        unverified_min=1, unverified_max=128_000, description="The tokens of an input beyond which it is cut."
    )
    truncate = fields.String(
        one_of=("NONE", "LEFT", "RIGHT"), description="Where an input that is too long is cut; NONE is an error."
    )


class CohereEmbedAnswer(Open):
    """The vectors, in the order of the inputs."""

    id = fields.String(description="The id of the answer.")
    response_type = fields.String(description="`embeddings_floats` for a list, `embeddings_by_type` for an object.")
    embeddings = fields.Either(
        fields.List(fields.List(fields.Number())),
        fields.Object(fields.List(fields.List(fields.Number()))),
        required=True,
        description="The vectors: a list, or with `embedding_types` a list for each type.",
    )
    texts = fields.List(fields.String(), description="The texts.")
    images = fields.List(fields.Anything(), description="A description of each image.")
    inputs = fields.List(fields.Anything(), description="The inputs of texts and images.")


def check_v3_input(body: Json) -> Iterator[tuple[str, str]]:
    """Texts or an image, and not both."""
    if "texts" in body and "images" in body:
        yield "images", "must not be sent beside texts"
    if "texts" not in body and "images" not in body:
        yield "texts", "is required, unless there are images"


def check_v4_input(body: Json) -> Iterator[tuple[str, str]]:
    """Texts, images or mixed inputs, and no images beside texts."""
    if "texts" in body and "images" in body:
        yield "images", "must not be sent beside texts: use inputs for both"
    if body.keys().isdisjoint(("texts", "images", "inputs")):
        yield "texts", "is required, unless there are images or inputs"


def check_v3_images(body: Json) -> Iterator[tuple[str, str]]:
    """Each image is a data: URI of what it says, of up to 5 MB."""
    yield from find_image_faults(body, ("jpeg", "png"))


def check_v4_images(body: Json) -> Iterator[tuple[str, str]]:
    """Each image is a data: URI of what it says, of up to 5 MB."""
    formats = ("png", "jpeg", "webp", "gif")
    yield from find_image_faults(body, formats)
    for index, each in enumerate(body.get("inputs", ())):
        for number, part in enumerate(each["content"]):
            if part["type"] == "image_url":
                path, image = f"inputs[{index}].content[{number}].image_url", part["image_url"]
                path, uri = (path, image) if isinstance(image, str) else (f"{path}.url", image["url"])
                yield from embedding_body.find_uri_faults(path, uri, formats=formats, most_bytes=MOST_BYTES)


def find_image_faults(body: Json, formats: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The faults of the member `images`."""
    for index, uri in enumerate(body.get("images", ())):
        yield from embedding_body.find_uri_faults(f"images[{index}]", uri, formats=formats, most_bytes=MOST_BYTES)
