"""Amazon Nova Reel: videos of up to two minutes from texts and images, written to S3 by an asynchronous call."""

from collections.abc import Callable, Iterator

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    AsyncInvoke,
    Capabilities,
    Json,
    KnownModel,
    Schema,
    Source,
    fields,
    hookimpl,
    image_body,
)

# The member with the parameters of each task.
TASKS = {
    "TEXT_VIDEO": "textToVideoParams",
    "MULTI_SHOT_AUTOMATED": "multiShotAutomatedParams",
    "MULTI_SHOT_MANUAL": "multiShotManualParams",
}
# The lengths of the videos that a text alone describes, in seconds; the length of a storyboard is that of its shots.
SECONDS = {"TEXT_VIDEO": (6,), "MULTI_SHOT_AUTOMATED": tuple(range(12, 121, 6))}


class S3Location(Schema):
    """An image in S3."""

    uri = fields.String(required=True, min_length=1, description="`s3://bucket/key` of the image.")
    bucketOwner = fields.String(description="The account that owns the bucket, if it is another one.")


class ImageSource(Schema):
    """A PNG or JPEG image: the first frame of a shot."""

    format = fields.String(required=True, one_of=("png", "jpeg"), description="The format of the image.")
    source = fields.OneKey(
        {
            "bytes": image_body.Image(description="The image in base64."),
            "s3Location": fields.Nested(S3Location, description="The image in S3."),
        },
        required=True,
        description="The image itself, or its place in S3. AWS: 1280 x 720 pixels.",
    )


class TextToVideo(Schema):
    """One shot of six seconds."""

    text = fields.String(required=True, min_length=1, max_length=512, description="What the video shows.")
    images = fields.List(
        fields.Nested(ImageSource), max_items=1, description="The first frame of the video; one image at most."
    )


class MultiShotAutomated(Schema):
    """A storyboard that the model writes itself."""

    text = fields.String(required=True, min_length=1, max_length=4000, description="What the video shows.")


class Shot(Schema):
    """One shot of a storyboard."""

    text = fields.String(required=True, min_length=1, max_length=512, description="What the shot shows.")
    image = fields.Nested(ImageSource, description="The first frame of the shot.")


class MultiShotManual(Schema):
    """A storyboard of the caller's."""

    shots = fields.List(
        fields.Nested(Shot), required=True, min_items=1, max_items=20, description="The shots, of six seconds each."
    )


class VideoGenerationConfig(Schema):
    """How the video is generated."""

    durationSeconds = fields.Integer(
        min=6,
        max=120,
        description="Its length: 6 for one shot, or a multiple of 6 from 12 to 120 for an automated one.",
    )
    fps = fields.Integer(one_of=(24,), description="Frames per second: 24.")
    dimension = fields.String(one_of=("1280x720",), description="Width and height: 1280x720.")
    seed = fields.Integer(
        min=0, max=2_147_483_646, description="The seed of the random numbers; default 42. Another gives another video."
    )


class NovaReelBody(Schema):
    """The `modelInput` of StartAsyncInvoke."""

    taskType = fields.String(required=True, one_of=tuple(TASKS), description="One shot, or a storyboard.")
    textToVideoParams = fields.Nested(TextToVideo, description="The parameters of TEXT_VIDEO.")
    multiShotAutomatedParams = fields.Nested(MultiShotAutomated, description="The parameters of MULTI_SHOT_AUTOMATED.")
    multiShotManualParams = fields.Nested(MultiShotManual, description="The parameters of MULTI_SHOT_MANUAL.")
    videoGenerationConfig = fields.Nested(VideoGenerationConfig, description="How the video is generated.")


def check_task(body: Json) -> Iterator[tuple[str, str]]:
    """A task has its own parameters, and no other's."""
    task = body["taskType"]
    for name, member in TASKS.items():
        if name == task and member not in body:
            yield member, f"is required with the taskType {task}"
        elif name != task and member in body:
            yield member, f"must be absent with the taskType {task}"


def check_duration(body: Json) -> Iterator[tuple[str, str]]:
    """The length of the video is one that its task can have."""
    seconds = body.get("videoGenerationConfig", {}).get("durationSeconds")
    allowed = SECONDS.get(body["taskType"])
    if seconds is not None and allowed and seconds not in allowed:
        words = "must be 6" if len(allowed) == 1 else "must be a multiple of 6 from 12 to 120"
        yield "videoGenerationConfig.durationSeconds", f"{words} with the taskType {body['taskType']}"


def check_images(body: Json) -> Iterator[tuple[str, str]]:
    """An image is of the format that it says."""
    video, shots = body.get("textToVideoParams", {}), body.get("multiShotManualParams", {}).get("shots", ())
    placed = [(f"textToVideoParams.images[{index}]", each) for index, each in enumerate(video.get("images", ()))]
    placed += [
        (f"multiShotManualParams.shots[{index}].image", each["image"])
        for index, each in enumerate(shots)
        if "image" in each
    ]
    for path, image in placed:
        if "bytes" in image["source"]:
            data = image["source"]["bytes"]
            yield from image_body.find_image_faults(f"{path}.source.bytes", data, declared=image["format"])


SAMPLE = {
    "taskType": "TEXT_VIDEO",
    "textToVideoParams": {"text": "A paper boat on a calm lake at dawn."},
    "videoGenerationConfig": {"durationSeconds": 6, "fps": 24, "dimension": "1280x720", "seed": 42},
}

KNOWN = {
    "amazon.nova-reel-v1:1": KnownModel(
        name="Nova Reel 1.1", regions=("us-east-1",), active=False, legacy_on="2026-03-30", ends_on="2026-09-30"
    ),
    "amazon.nova-reel-v1:0": KnownModel(
        name="Nova Reel 1.0",
        regions=("us-east-1", "eu-west-1", "ap-northeast-1"),
        active=False,
        legacy_on="2026-03-30",
        ends_on="2026-09-30",
    ),
}
REEL = Capabilities(output="video", images=True, streaming=False, surfaces=("async-invoke",))
SOURCES = {
    "output": [Source("AWS user guide for Nova, Video generation access and usage (read 2026-11-30)", DOCUMENTED)],
    "surfaces": [
        Source(
            "AWS user guide for Nova, Video generation access and usage: generating a video is an asynchronous process",
            DOCUMENTED,
        )
    ],
    "images": [
        Source("AWS user guide for Nova, Video generation access and usage: a JPEG or PNG as first frame", DOCUMENTED)
    ],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="nova-reel",
            description="Amazon Nova Reel: videos from texts and images, written to S3 (legacy).",
            body=NovaReelBody,
            rules=[check_task, check_duration, check_images],
            speaks={"nova_reel": "StartAsyncInvoke"},
            models={"amazon.nova-reel-*": REEL},
            default="amazon.nova-reel-v1:1",
            known_models=KNOWN,
            sources=SOURCES,
            async_invoke=AsyncInvoke(outputs=("output.mp4", "manifest.json", "video-generation-status.json")),
            sample=SAMPLE,
        )
    )
