"""The body of Nova's embeddings, and the rules between its members.

Source: Amazon Nova user guide, Complete embeddings request and response schema, as of November 2026.
"""

from collections.abc import Iterator

from bedrock_flask.plugin import Json, Open, Schema, fields, image_body

DIMENSIONS = (3072, 1024, 384, 256)
# Of the whole base64, whatever the kind of the content.
MOST_BYTES = 25 * image_body.MEGABYTE
KINDS = ("text", "image", "video", "audio")
SINGLE, SEGMENTED = "SINGLE_EMBEDDING", "SEGMENTED_EMBEDDING"
PURPOSES = (
    "GENERIC_INDEX",
    "GENERIC_RETRIEVAL",
    "TEXT_RETRIEVAL",
    "IMAGE_RETRIEVAL",
    "VIDEO_RETRIEVAL",
    "DOCUMENT_RETRIEVAL",
    "AUDIO_RETRIEVAL",
    "CLASSIFICATION",
    "CLUSTERING",
)


class S3Location(Schema):
    """An object in S3."""

    uri = fields.String(required=True, description="The URI: `s3://bucket/key`.")
    bucketOwner = fields.String(description="The AWS account that owns the bucket.")


S3_LOCATION = fields.Nested(S3Location, description="An object in S3.")
MEDIUM = {"bytes": fields.String(description="The content in base64, of up to 25 MB."), "s3Location": S3_LOCATION}


class Text(Schema):
    """A text."""

    truncationMode = fields.String(
        required=True, one_of=("START", "END", "NONE"), description="Where a text that is too long is cut."
    )
    # The page says 8,192; Bedrock's errors say `expected maxLength: 50000`.
    value = fields.String(max_length=50_000, description="The text itself.")
    source = fields.OneKey({"s3Location": S3_LOCATION}, description="A file with the text.")


class Image(Schema):
    """An image."""

    detailLevel = fields.String(
        one_of=("STANDARD_IMAGE", "DOCUMENT_IMAGE"), description="The resolution; default STANDARD_IMAGE."
    )
    format = fields.String(required=True, one_of=("png", "jpeg", "gif", "webp"), description="The format.")
    source = fields.OneKey(MEDIUM, required=True, description="The image.")


class Audio(Schema):
    """Audio; of up to 30 seconds for a single vector."""

    format = fields.String(required=True, one_of=("mp3", "wav", "ogg"), description="The format.")
    source = fields.OneKey(MEDIUM, required=True, description="The audio.")


class Video(Schema):
    """A video; of up to 30 seconds for a single vector."""

    format = fields.String(
        required=True,
        one_of=("mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp"),
        description="The format.",
    )
    source = fields.OneKey(MEDIUM, required=True, description="The video.")
    embeddingMode = fields.String(
        required=True,
        one_of=("AUDIO_VIDEO_COMBINED", "AUDIO_VIDEO_SEPARATE"),
        description="One vector for picture and sound, or one for each.",
    )


class TextSegments(Schema):
    """How a text is cut."""

    maxLengthChars = fields.Integer(
        min=800, max=50_000, description="The most characters of a segment; default 32,000."
    )


class MediaSegments(Schema):
    """How a video or audio is cut."""

    durationSeconds = fields.Integer(min=1, max=30, description="The most seconds of a segment; default 5.")


class SegmentedText(Text):
    """A text that is cut into segments."""

    segmentationConfig = fields.Nested(TextSegments, required=True, description="How the text is cut.")


class SegmentedAudio(Audio):
    """Audio that is cut into segments."""

    segmentationConfig = fields.Nested(MediaSegments, required=True, description="How the audio is cut.")


class SegmentedVideo(Video):
    """A video that is cut into segments."""

    segmentationConfig = fields.Nested(MediaSegments, required=True, description="How the video is cut.")


class Parameters(Schema):
    """What is embedded, and for what."""

    embeddingPurpose = fields.String(required=True, one_of=PURPOSES, description="What the vector is for.")
    embeddingDimension = fields.Integer(one_of=DIMENSIONS, description="The number of dimensions; default 3072.")
    image = fields.Nested(Image, description="An image; exactly one of text, image, video and audio is required.")


class SingleParameters(Parameters):
    """What gets one vector."""

    text = fields.Nested(Text, description="A text.")
    audio = fields.Nested(Audio, description="Audio.")
    video = fields.Nested(Video, description="A video.")


class SegmentedParameters(Parameters):
    """What is cut into segments with a vector each; an image is one segment."""

    text = fields.Nested(SegmentedText, description="A text.")
    audio = fields.Nested(SegmentedAudio, description="Audio.")
    video = fields.Nested(SegmentedVideo, description="A video.")


class NovaEmbedBody(Schema):
    """An embedding request."""

    # AWS's own programs have other versions than the page.
    schemaVersion = fields.String(description="The version of this format: `nova-multimodal-embed-v1`, the default.")
    taskType = fields.String(
        required=True,
        one_of=(SINGLE, SEGMENTED),
        description="One vector (InvokeModel), or one for each segment (StartAsyncInvoke).",
    )
    singleEmbeddingParams = fields.Nested(SingleParameters, description="What gets one vector.")
    segmentedEmbeddingParams = fields.Nested(SegmentedParameters, description="What gets a vector for each segment.")


class Vector(Open):
    """A vector."""

    embeddingType = fields.String(description="What it is of: TEXT, IMAGE, VIDEO, AUDIO or AUDIO_VIDEO_COMBINED.")
    embedding = fields.List(fields.Number(), required=True, description="The numbers.")
    truncatedCharLength = fields.Integer(description="The character behind which a text that was too long is cut.")


class NovaEmbedAnswer(Open):
    """The vectors: one, or two of a video whose picture and sound are apart."""

    embeddings = fields.List(fields.Nested(Vector), required=True, description="The vectors.")


def find_parameters(body: Json) -> tuple[str, Json | None]:
    """The name and the value of the parameters for the task of a body."""
    name = "singleEmbeddingParams" if body["taskType"] == SINGLE else "segmentedEmbeddingParams"
    return name, body.get(name)


def check_parameters(body: Json) -> Iterator[tuple[str, str]]:
    """The parameters of the task, with exactly one kind of content."""
    name, parameters = find_parameters(body)
    if parameters is None:
        yield name, f"is required for {body['taskType']}"
        return
    kinds = [kind for kind in KINDS if kind in parameters]
    if len(kinds) != 1:
        yield name, f"must have exactly one of: {', '.join(KINDS)}"
    text = parameters.get("text", {"value": ""})
    if ("value" in text) is ("source" in text):
        yield f"{name}.text", "must have exactly one of: value, source"


def check_media(body: Json) -> Iterator[tuple[str, str]]:
    """Inline content has at most 25 MB, and an image is of the format that it says."""
    name, parameters = find_parameters(body)
    for kind in KINDS[1:]:
        medium = (parameters or {}).get(kind, {})
        if "bytes" in medium.get("source", {}):
            yield from image_body.find_image_faults(
                f"{name}.{kind}.source.bytes",
                medium["source"]["bytes"],
                declared=medium["format"] if kind == "image" else "",
                most_bytes=MOST_BYTES,
            )


def require_single(body: Json) -> Iterator[tuple[str, str]]:
    """InvokeModel makes one vector."""
    if body["taskType"] != SINGLE:
        yield "taskType", f"must be {SINGLE} here: segments are embedded asynchronously only, with StartAsyncInvoke"


def require_segmented(body: Json) -> Iterator[tuple[str, str]]:
    """StartAsyncInvoke makes a vector for each segment."""
    if body["taskType"] != SEGMENTED:
        yield "taskType", f"must be {SEGMENTED} in an asynchronous call; one vector is made with InvokeModel"
