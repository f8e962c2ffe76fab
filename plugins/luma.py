"""Luma Ray: videos of five or nine seconds from a text and images, written to S3 by an asynchronous call."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    AsyncInvoke,
    Capabilities,
    KnownModel,
    Schema,
    Source,
    fields,
    hookimpl,
    image_body,
)


class ImageSource(Schema):
    """An image in base64."""

    type = fields.String(required=True, one_of=("base64",), description="How the image is given: base64.")
    media_type = fields.String(
        required=True, one_of=("image/jpeg", "image/png"), description="The type of the image: JPEG or PNG."
    )
    # AWS's own example names another type than that of its image, so the two are not compared.
    data = image_body.Image(required=True, description="The image in base64.")


class Keyframe(Schema):
    """A frame of the video that is given."""

    type = fields.String(required=True, one_of=("image",), description="What the frame is: an image.")
    source = fields.Nested(ImageSource, required=True, description="The image.")


class Keyframes(Schema):
    """The first and the last frame."""

    frame0 = fields.Nested(Keyframe, description="The first frame of the video.")
    frame1 = fields.Nested(Keyframe, description="The last frame of the video.")


class LumaBody(Schema):
    """The `modelInput` of StartAsyncInvoke."""

    prompt = fields.String(required=True, min_length=1, max_length=5000, description="What the video shows.")
    aspect_ratio = fields.String(
        one_of=("1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"),
        description="The ratio of width and height; default 16:9.",
    )
    loop = fields.Boolean(description="Whether the end of the video leads to its beginning; default false.")
    duration = fields.String(one_of=("5s", "9s"), description="The length of the video; default 5s.")
    resolution = fields.String(one_of=("540p", "720p"), description="The height of the video; default 720p.")
    keyframes = fields.Nested(Keyframes, description="Images to begin and to end with.")


SAMPLE = {
    "prompt": "A paper boat on a calm lake at dawn.",
    "aspect_ratio": "16:9",
    "loop": False,
    "duration": "5s",
    "resolution": "720p",
}
_PAGE = "AWS user guide, Luma AI models (read 2026-11-30)"
RAY = Capabilities(output="video", images=True, streaming=False, surfaces=("async-invoke",))
SOURCES = {
    "output": [Source(_PAGE, DOCUMENTED)],
    "surfaces": [Source(f"{_PAGE}: StartAsyncInvoke", DOCUMENTED)],
    "images": [Source(f"{_PAGE}: key frames", DOCUMENTED)],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="luma",
            description="Luma Ray: videos of five or nine seconds from a text and images, written to S3.",
            body=LumaBody,
            speaks={"luma": "StartAsyncInvoke"},
            models={"luma.ray-*": RAY},
            default="luma.ray-v2:0",
            provider="Luma AI",
            known_models={"luma.ray-v2:0": KnownModel(name="Ray2", regions=("us-west-2",))},
            sources=SOURCES,
            async_invoke=AsyncInvoke(outputs=("output.mp4",)),
            sample=SAMPLE,
        )
    )
