"""Pegasus by TwelveLabs: answers questions about a video."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    DOCUMENTED,
    ONE_REPORT,
    Adapter,
    Capabilities,
    Json,
    KnownModel,
    Open,
    Schema,
    Source,
    build_answer,
    fields,
    hookimpl,
)

STOPS = {"stop": "end_turn", "length": "max_tokens"}


class S3Location(Schema):
    """A video in S3."""

    uri = fields.String(required=True, min_length=1, description="`s3://bucket/key` of the video.")
    bucketOwner = fields.String(description="The account that owns the bucket.")


class ResponseFormat(Schema):
    """The form of the answer."""

    type = fields.String(one_of=("json_schema",), description="The kind of the form: json_schema.")
    jsonSchema = fields.Object(description="The JSON Schema that the answer conforms to.")


# AWS's pages name 25 MB and 36 MB as the maximum of base64, so neither is one here.
MEDIA_SOURCE = {
    "base64String": fields.String(min_length=1, description="The video in base64."),
    "s3Location": fields.Nested(S3Location, description="The video in S3; at most an hour, less than 2 GB."),
}


class PegasusBody(Schema):
    """A question about a video."""

    inputPrompt = fields.String(required=True, min_length=1, description="The question; at most 2000 tokens.")
    mediaSource = fields.OneKey(MEDIA_SOURCE, required=True, description="The video.")
    temperature = fields.Number(min=0, max=1, description="Sampling temperature; default 0.2.")
    responseFormat = fields.Nested(ResponseFormat, description="The form of the answer.")
    maxOutputTokens = fields.Integer(min=1, max=4096, description="Maximum number of output tokens.")


class SegmentationBody(Open):
    """A request to Pegasus 1.5, whose segmentation AWS describes on no page yet: any member may pass."""

    inputPrompt = fields.String(min_length=1, description="The question.")
    mediaSource = fields.OneKey(MEDIA_SOURCE, description="The video.")
    temperature = fields.Number(min=0, unverified_max=1, description="Sampling temperature.")
    responseFormat = fields.Object(description="The form of the answer.")
    maxOutputTokens = fields.Integer(min=1, unverified_max=98_304, description="Maximum number of output tokens.")


class PegasusAnswer(Schema):
    """An answer about a video."""

    message = fields.String(required=True, description="The answer.")
    finishReason = fields.String(
        one_of=tuple(STOPS), allow_none=True, description="Why the answer ends: it is whole, or has the maximum length."
    )


class SegmentationAnswer(Open):
    """An answer of Pegasus 1.5; its other members pass."""

    message = fields.String(description="The answer.")
    finishReason = fields.String(allow_none=True, description="Why the answer ends.")


def decode(reply: Json) -> Json:
    """Decode an answer, or a chunk of one; Pegasus counts its tokens in Bedrock's headers and metrics only."""
    reason = reply.get("finishReason")
    return build_answer(reply.get("message"), stop_reason=STOPS.get(reason, "end_turn") if reason else None)


def decode_segmentation(reply: Json) -> Json:
    """Decode an answer of Pegasus 1.5, or a chunk of one; segments may be in it without a message."""
    return decode({"message": "", **reply} if reply else {})


SAMPLE = {
    "inputPrompt": "What happens in this video?",
    "mediaSource": {"s3Location": {"uri": "s3://amzn-s3-demo-bucket/boat.mp4", "bucketOwner": "123456789012"}},
    "temperature": 0.2,
    "maxOutputTokens": 256,
}
REPLY = {"message": "A paper boat crosses a lake.", "finishReason": "stop"}
CHUNKS = (
    {"message": "A paper boat"},
    {"message": " crosses a lake."},
    {"message": "", "finishReason": "stop"},
)
PEGASUS = Capabilities(video=True, media_in_results=False, surfaces=("invoke",))
_PAGE = "AWS user guide, TwelveLabs Pegasus 1.2 (read 2026-11-30)"
_CARD = "AWS user guide, the card of Pegasus v1.5 (launched 2026-10-08): text from video, on bedrock-runtime"
# What a chat model has, and a body of one question about one video has no place for.
_NO_CHAT = ("tools", "system", "images", "documents", "audio", "reasoning", "media_in_results")
SOURCES = {
    **{name: [Source(f"{_PAGE}: the request has no such member", DOCUMENTED)] for name in _NO_CHAT},
    "structured": [Source(f"{_PAGE}: `responseFormat` of the type json_schema", DOCUMENTED)],
    "closed_schemas": [Source(f"{_PAGE}: `responseFormat`, of which it names no condition", DOCUMENTED)],
    "video": [Source(_PAGE, DOCUMENTED)],
    "surfaces": [Source(f"{_PAGE}: InvokeModel and InvokeModelWithResponseStream", DOCUMENTED)],
    "streaming": [
        Source(f"{_PAGE}: InvokeModelWithResponseStream", DOCUMENTED),
        Source("The members of a chunk stand on no page of AWS: those of the whole answer are expected", ONE_REPORT),
    ],
}
KNOWN = {
    "twelvelabs.pegasus-1-2-v1:0": KnownModel(
        name="Pegasus v1.2",
        profiles=("us", "eu", "global"),
        active=False,
        ends_on="2027-03-22",
        successor="twelvelabs.pegasus-1-5-v1:0",
        output=4096,
    )
}
KNOWN_SEGMENTATION = {
    "twelvelabs.pegasus-1-5-v1:0": KnownModel(
        name="Pegasus v1.5", profiles=("us", "global"), on_demand=False, context=261_120, output=98_304
    )
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="pegasus",
            description="Pegasus by TwelveLabs: answers questions about a video.",
            body=PegasusBody,
            answer=PegasusAnswer,
            speaks={"pegasus": "InvokeModel"},
            models={"twelvelabs.pegasus-*": PEGASUS},
            default="twelvelabs.pegasus-1-2-v1:0",
            provider="TwelveLabs",
            known_models=KNOWN,
            sources=SOURCES,
            decode=decode,
            reply=REPLY,
            chunks=CHUNKS,
            sample=SAMPLE,
        )
    )
    register(
        Adapter(
            name="pegasus-1-5",
            description="Pegasus 1.5 by TwelveLabs: answers questions about a video, and divides it into segments.",
            body=SegmentationBody,
            answer=SegmentationAnswer,
            speaks={"pegasus_1_5": "InvokeModel"},
            models={"twelvelabs.pegasus-1-5*": PEGASUS.but(surfaces=("invoke", "async-invoke"))},
            default="twelvelabs.pegasus-1-5-v1:0",
            provider="TwelveLabs",
            known_models=KNOWN_SEGMENTATION,
            sources={
                **SOURCES,
                "video": [Source(_CARD, DOCUMENTED)],
                "surfaces": [
                    Source(f"{_CARD}. Whether StartAsyncInvoke takes it stands on no page, so it may", ONE_REPORT)
                ],
            },
            decode=decode_segmentation,
            reply=REPLY,
            chunks=CHUNKS,
            sample={name: SAMPLE[name] for name in ("inputPrompt", "mediaSource")},
        )
    )
