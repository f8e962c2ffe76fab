"""Video and other asynchronous families: bodies as AWS publishes them fit, altered ones are refused by their paths."""

import copy
from typing import Any

import pytest

from bedrock_flask.contract import breaches
from bedrock_flask.models.loading import load_registry
from bedrock_flask.wires import find_wire

IMAGE = {"format": "png", "source": {"bytes": "aGk="}}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
STORED = {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/a.jpeg", "bucketOwner": "123456789012"}}}
CONFIG = {"fps": 24, "dimension": "1280x720", "seed": 0}
REEL = {
    "one shot": {
        "taskType": "TEXT_VIDEO",
        "textToVideoParams": {"text": "a boat", "images": [IMAGE]},
        "videoGenerationConfig": {"durationSeconds": 6, **CONFIG},
    },
    "automated": {
        "taskType": "MULTI_SHOT_AUTOMATED",
        "multiShotAutomatedParams": {"text": "a voyage " * 400},
        "videoGenerationConfig": {"durationSeconds": 120, **CONFIG},
    },
    "manual": {
        "taskType": "MULTI_SHOT_MANUAL",
        "multiShotManualParams": {"shots": [{"text": "a boat", "image": STORED}, {"text": "a storm"}]},
        "videoGenerationConfig": CONFIG,
    },
}
FRAME = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGk="}}
# As on AWS's own page: a PNG that is called a JPEG.
MISNAMED = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG}}
LUMA = {
    "prompt": "a boat",
    "aspect_ratio": "21:9",
    "loop": True,
    "duration": "9s",
    "resolution": "540p",
    "keyframes": {"frame0": FRAME, "frame1": FRAME},
}
PEGASUS = {
    "inputPrompt": "What happens?",
    "mediaSource": {"base64String": "aGk="},
    "temperature": 0,
    "responseFormat": {"type": "json_schema", "jsonSchema": {"type": "object", "properties": {}}},
    "maxOutputTokens": 4096,
}
BODIES: dict[str, tuple[str, Any]] = {
    **{f"nova-reel: {name}": ("nova-reel", body) for name, body in REEL.items()},
    "luma": ("luma", LUMA),
    "luma: least": ("luma", {"prompt": "a boat"}),
    "luma: a type that is not its image's": ("luma", {"prompt": "a boat", "keyframes": {"frame0": MISNAMED}}),
    "pegasus": ("pegasus", PEGASUS),
    "pegasus-1-5: segments": ("pegasus-1-5", {"mediaSource": {"s3Location": {"uri": "s3://b/v"}}, "segments": [{}]}),
}


@pytest.fixture(scope="module")
def adapters() -> Any:
    return load_registry().adapters


@pytest.mark.parametrize("name", BODIES)
def test_bodies_as_aws_publishes_them_fit(adapters: Any, name: str) -> None:
    adapter, body = BODIES[name]
    assert adapters[adapter].find_async_faults(body) == []


ALTERED = [
    ("nova-reel: one shot", "taskType", "TEXT_VIDEOS", "taskType"),
    ("nova-reel: one shot", "textToVideoParams.text", "x" * 513, "textToVideoParams.text"),
    ("nova-reel: one shot", "textToVideoParams.text", "", "textToVideoParams.text"),
    ("nova-reel: one shot", "textToVideoParams.images", [IMAGE, IMAGE], "textToVideoParams.images"),
    (
        "nova-reel: one shot",
        "textToVideoParams.images",
        [{"format": "png", "source": {"bytes": "a boat, as text"}}],
        "textToVideoParams.images[0].source.bytes",
    ),
    (
        "nova-reel: one shot",
        "textToVideoParams.images",
        [{"format": "jpeg", "source": {"bytes": PNG}}],
        "textToVideoParams.images[0].source.bytes",
    ),
    (
        "nova-reel: manual",
        "multiShotManualParams.shots",
        [{"text": "a", "image": STORED}, {"text": "b", "image": {"format": "jpeg", "source": {"bytes": PNG}}}],
        "multiShotManualParams.shots[1].image.source.bytes",
    ),
    ("nova-reel: one shot", "textToVideoParams.negativeText", "no", "textToVideoParams.negativeText"),
    ("nova-reel: one shot", "videoGenerationConfig.durationSeconds", 12, "videoGenerationConfig.durationSeconds"),
    ("nova-reel: one shot", "videoGenerationConfig.fps", 30, "videoGenerationConfig.fps"),
    ("nova-reel: one shot", "videoGenerationConfig.fps", "24", "videoGenerationConfig.fps"),
    ("nova-reel: one shot", "videoGenerationConfig.dimension", "1920x1080", "videoGenerationConfig.dimension"),
    ("nova-reel: one shot", "videoGenerationConfig.seed", 2_147_483_647, "videoGenerationConfig.seed"),
    ("nova-reel: one shot", "multiShotManualParams", {"shots": [{"text": "a"}]}, "multiShotManualParams"),
    ("nova-reel: automated", "videoGenerationConfig.durationSeconds", 13, "videoGenerationConfig.durationSeconds"),
    ("nova-reel: automated", "videoGenerationConfig.durationSeconds", 126, "videoGenerationConfig.durationSeconds"),
    ("nova-reel: automated", "multiShotAutomatedParams", None, "multiShotAutomatedParams"),
    ("nova-reel: manual", "multiShotManualParams.shots", [{"text": "a"}] * 21, "multiShotManualParams.shots"),
    ("nova-reel: manual", "multiShotManualParams.shots", [{"txt": "a"}], "multiShotManualParams.shots[0].text"),
    ("luma", "prompt", "x" * 5001, "prompt"),
    ("luma", "aspect_ratio", "2:1", "aspect_ratio"),
    ("luma", "loop", "true", "loop"),
    ("luma", "duration", 5, "duration"),
    ("luma", "resolution", "1080p", "resolution"),
    ("luma", "resolutions", "720p", "resolutions"),
    ("luma", "keyframes.frame0.source.media_type", "image/gif", "keyframes.frame0.source.media_type"),
    ("luma", "keyframes.frame2", FRAME, "keyframes.frame2"),
    ("luma", "keyframes.frame0.source.data", "a boat, as text", "keyframes.frame0.source.data"),
    ("pegasus", "temperature", 1.1, "temperature"),
    ("pegasus", "maxOutputTokens", 4097, "maxOutputTokens"),
    ("pegasus", "mediaSource", {}, "mediaSource"),
    ("pegasus", "mediaSource", {"base64String": "a", "s3Location": {"uri": "s3://b/v"}}, "mediaSource"),
    ("pegasus", "responseFormat.type", "json_object", "responseFormat.type"),
    ("pegasus", "inputprompt", "What?", "inputprompt"),
    ("pegasus-1-5: segments", "temperature", "hot", "temperature"),
]


@pytest.mark.parametrize(("name", "member", "value", "path"), ALTERED)
def test_altered_ones_are_refused_where_they_are_wrong(
    adapters: Any, name: str, member: str, value: Any, path: str
) -> None:
    adapter, body = BODIES[name]
    altered = place = copy.deepcopy(body)
    *steps, last = member.split(".")
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    assert path in {fault.path for fault in adapters[adapter].find_async_faults(altered)}


@pytest.mark.parametrize("name", ["nova-reel", "luma", "pegasus", "pegasus-1-5"])
def test_they_keep_the_contract(adapters: Any, name: str) -> None:
    assert list(breaches(adapters[name])) == []


def test_pegasus_answers_are_read_with_reasons_that_no_page_names(adapters: Any) -> None:
    chunk = {"message": "", "finishReason": "segmented"}
    for name in ("pegasus", "pegasus-1-5"):
        wire = find_wire(adapters[name])
        assert wire.is_terminal(chunk)
        assert wire.is_terminal({"finishReason": "length"})
        assert not wire.is_terminal({"message": "A boat"})
    assert find_wire(adapters["pegasus-1-5"]).is_complete({"segments": [{"startSec": 0}]})
    assert not find_wire(adapters["pegasus"]).is_complete({"finishReason": "stop"})


def test_a_model_s_life_is_known(adapters: Any) -> None:
    reel = adapters["nova-reel"].known_models["amazon.nova-reel-v1:1"]
    assert (reel.active, reel.ends_on) == (False, "2026-09-30")
    assert adapters["pegasus"].known_models["twelvelabs.pegasus-1-2-v1:0"].successor == "twelvelabs.pegasus-1-5-v1:0"
