"""The bodies of TwelveLabs Marengo Embed 2.7 and 3.0, and the rules between their members.

Sources: AWS user guide, TwelveLabs Marengo Embed 2.7 and TwelveLabs Marengo Embed 3.0, as of November 2026. Where the
pages contradict themselves, both are accepted: `embeddingOption` as a list and as one name, also beside the input in
3.0, and an object in S3 by `uri` and by `bucketName` and `objectKey`.
"""

import re
from collections.abc import Iterator, Sequence

from bedrock_flask.plugin import Json, Open, Schema, fields, image_body

DIMENSIONS_2, DIMENSIONS_3 = 1024, 512
MOST_IMAGE_BYTES = 5 * image_body.MEGABYTE
KINDS_2 = ("text", "image", "video", "audio")
KINDS_3 = ("text", "image", "text_image", "audio", "video", "multi_input")
# What InvokeModel takes.
AT_ONCE = ("text", "image", "text_image", "multi_input")
OPTIONS_2 = ("visual-text", "visual-image", "audio")
OPTIONS_3 = ("visual", "audio", "transcription")
_PLACEHOLDER = re.compile(r"<@([^<>@]+)>")


def make_options(names: tuple[str, ...], description: str) -> fields.Either:
    """Make a member for one or several kinds of vectors."""
    return fields.Either(fields.List(fields.String(one_of=names)), fields.String(one_of=names), description=description)


def list_options(content: Json, default: Sequence[str]) -> list[str]:
    """The kinds of vectors that a body asks for."""
    options = content.get("embeddingOption", default)
    return [options] if isinstance(options, str) else [*options]


class S3Location(Schema):
    """An object in S3."""

    uri = fields.String(description="The URI: `s3://bucket/key`.")
    bucketOwner = fields.String(description="The AWS account that owns the bucket.")
    bucketName = fields.String(description="The bucket, where there is no `uri`.")
    objectKey = fields.String(description="The key, where there is no `uri`.")


BASE64 = fields.String(description="The content in base64; an image has up to 5 MB.")
S3_LOCATION = fields.Nested(S3Location, description="An object in S3.")


def make_source(*, required: bool = False) -> fields.OneKey:
    """Make a member for the content of a medium."""
    return fields.OneKey(
        {"base64String": BASE64, "s3Location": S3_LOCATION}, required=required, description="The content."
    )


# --- 2.7 -------------------------------------------------------------------------------------------------------------


class Marengo2Body(Schema):
    """An embedding request to version 2.7."""

    inputType = fields.String(required=True, one_of=KINDS_2, description="What is embedded.")
    inputText = fields.String(description="The text, of up to 77 tokens.")
    textTruncate = fields.String(
        one_of=("end", "none"),
        description="Whether a text that is too long is cut at its end, the default, or refused.",
    )
    mediaSource = make_source()
    embeddingOption = make_options(OPTIONS_2, "The kinds of vectors of a video; default all.")
    startSec = fields.Number(min=0, description="Where a video or audio begins; default 0.")
    lengthSec = fields.Number(min=0, description="How long a part of it is embedded; default to its end.")
    useFixedLengthSec = fields.Number(
        min=2, max=10, description="The seconds of each clip; by default a video is cut where its picture changes."
    )
    minClipSec = fields.Integer(min=1, max=5, description="The least seconds of a clip; default 4.")


def check_marengo_2(body: Json) -> Iterator[tuple[str, str]]:
    """The content of the input's type, and a length of clips that is not below the least one."""
    needed = "inputText" if body["inputType"] == "text" else "mediaSource"
    if needed not in body:
        yield needed, f"is required for {body['inputType']}"
    if "useFixedLengthSec" in body and body["useFixedLengthSec"] < body.get("minClipSec", 0):
        yield "useFixedLengthSec", "must not be less than minClipSec"
    yield from check_source("mediaSource", body.get("mediaSource", {}), is_image=body["inputType"] == "image")


# --- 3.0 -------------------------------------------------------------------------------------------------------------


class Text(Schema):
    """A text."""

    inputText = fields.String(required=True, description="The text, of up to 500 tokens.")


class Image(Schema):
    """An image."""

    mediaSource = make_source(required=True)


class TextImage(Schema):
    """A text and an image, which get one vector."""

    inputText = fields.String(required=True, description="The text, of up to 500 tokens.")
    mediaSource = make_source(required=True)


class DynamicSegments(Schema):
    """Segments between changes of the picture."""

    minDurationSec = fields.Integer(min=1, max=5, description="The least seconds of a segment; default 4.")


class FixedSegments(Schema):
    """Segments of one length."""

    durationSec = fields.Integer(min=1, max=10, description="The seconds of a segment; default 6.")


class Segmentation(Schema):
    """How a video or audio is cut."""

    method = fields.String(one_of=("dynamic", "fixed"), description="The method.")
    dynamic = fields.Nested(DynamicSegments, description="The settings of the method `dynamic`.")
    fixed = fields.Nested(FixedSegments, description="The settings of the method `fixed`.")


class Audio(Schema):
    """Audio."""

    mediaSource = make_source(required=True)
    startSec = fields.Number(min=0, description="Where it begins; default 0.")
    endSec = fields.Number(min=0, description="Where it ends; default its end.")
    segmentation = fields.Nested(Segmentation, description="How it is cut; by default into equal parts of about 10 s.")
    embeddingOption = make_options(OPTIONS_3, "The kinds of vectors; default all that there are.")
    embeddingType = fields.List(
        fields.String(one_of=("separate_embedding", "fused_embedding")),
        description="A vector for each kind, or one of several kinds; default separate_embedding.",
    )
    embeddingScope = fields.List(
        fields.String(one_of=("clip", "asset")), description="Vectors of each clip, of the whole, or both."
    )


class Video(Audio):
    """A video."""


class NamedSource(Schema):
    """One of several images."""

    name = fields.String(description="The name by which the text refers to it.")
    mediaType = fields.String(required=True, one_of=("image",), description="The type.")
    base64String = BASE64
    s3Location = S3_LOCATION


class MultiInput(Schema):
    """A text and images, which get one vector."""

    inputText = fields.String(description="The text; `<@name>` refers to an image.")
    mediaSources = fields.List(
        fields.Nested(NamedSource), required=True, min_items=1, description="The images, in their order."
    )


class Marengo3Body(Schema):
    """An embedding request to version 3.0; its content is in the member that `inputType` names."""

    inputType = fields.String(required=True, one_of=KINDS_3, description="What is embedded.")
    text = fields.Nested(Text, description="A text.")
    image = fields.Nested(Image, description="An image.")
    text_image = fields.Nested(TextImage, description="A text and an image.")
    audio = fields.Nested(Audio, description="Audio.")
    video = fields.Nested(Video, description="A video.")
    multi_input = fields.Nested(MultiInput, description="A text and images.")
    embeddingOption = make_options(OPTIONS_3, "The kinds of vectors.")
    inferenceId = fields.String(description="An id of the request.")


def check_marengo_3(body: Json) -> Iterator[tuple[str, str]]:
    """The content of the input's type, and what its members require of each other."""
    kind = body["inputType"]
    content = body.get(kind)
    if content is None:
        yield kind, f"is required, because inputType is {kind}"
        return
    yield from check_source(
        f"{kind}.mediaSource", content.get("mediaSource", {}), is_image=kind in ("image", "text_image")
    )
    if kind == "multi_input":
        yield from check_multi_input(content)
    if "fused_embedding" in content.get("embeddingType", ()) and "embeddingOption" in content:
        options = set(list_options(content, ()))
        if kind == "video" and len(options) < 2:
            yield "video.embeddingOption", "must have at least two kinds for fused_embedding"
        if kind == "audio" and not {"audio", "transcription"} <= options:
            yield "audio.embeddingOption", "must have audio and transcription for fused_embedding"


def check_multi_input(content: Json) -> Iterator[tuple[str, str]]:
    """Each image has one content, and each name in the text is that of an image."""
    sources = content["mediaSources"]
    for index, source in enumerate(sources):
        path = f"multi_input.mediaSources[{index}]"
        if ("base64String" in source) is ("s3Location" in source):
            yield path, "must have exactly one of: base64String, s3Location"
        yield from check_source(path, source, is_image=True)
    known = {source.get("name") for source in sources}
    if unknown := [name for name in _PLACEHOLDER.findall(content.get("inputText", "")) if name not in known]:
        yield "multi_input.inputText", f"refers to {unknown[0]!r}, which is the name of none of the mediaSources"


def check_source(path: str, source: Json, *, is_image: bool) -> Iterator[tuple[str, str]]:
    """An object in S3 has an address, and an image at most 5 MB."""
    location = source.get("s3Location")
    if location is not None and "uri" not in location and not {"bucketName", "objectKey"} <= location.keys():
        yield f"{path}.s3Location.uri", "is required"
    if is_image and "base64String" in source:
        yield from image_body.find_image_faults(
            f"{path}.base64String", source["base64String"], most_bytes=MOST_IMAGE_BYTES
        )


# --- both ------------------------------------------------------------------------------------------------------------


def require_kind_at_once(body: Json) -> Iterator[tuple[str, str]]:
    """InvokeModel takes texts and images."""
    if body["inputType"] not in AT_ONCE:
        yield "inputType", f"{body['inputType']} is embedded asynchronously only, with StartAsyncInvoke"


class Vector(Open):
    """A vector."""

    embedding = fields.List(fields.Number(), required=True, description="The numbers.")
    embeddingOption = fields.String(description="The kind of the vector, of a video or audio.")
    embeddingScope = fields.String(description="What it is of: a clip or the whole asset.")
    startSec = fields.Number(description="Where the clip begins.")
    endSec = fields.Number(description="Where the clip ends.")


class MarengoAnswer(Open):
    """The vectors."""

    data = fields.Either(
        fields.List(fields.Nested(Vector)), fields.Nested(Vector), description="The vectors, or the only one."
    )
