"""OpenAI's images for every image model: what is translated, what is refused by name, and what comes back."""

import base64
import json
from typing import Any

import pytest

from bedrock_flask.protocol.drawn_images import draw_image
from bedrock_flask.protocol.image_files import find_base64_size
from tests.doubles import Emulator, Gateway
from tests.protocol.test_masks import read_grey

Json = dict[str, Any]
PNG = draw_image("a street", 96, 64)
CLEAR = draw_image("", 96, 64, transparent=True)
GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
CORE, DIFFUSION, CANVAS, TITAN = "stable-image-core", "sd3-5-large", "nova-canvas", "titan-image"
TEXT = "A lighthouse that is made of paper."


def sent(emulator: Emulator) -> Json:
    """The body of the last call."""
    return dict(json.loads(emulator.calls()[-1]["body"]))


def paths(response: Any) -> list[str]:
    return [each["path"] for each in response.json()["error"]["errors"]]


GENERATED: list[tuple[str, Json, Json]] = [
    (CORE, {}, {"prompt": TEXT}),
    (CORE, {"n": 1, "size": "auto", "quality": "auto", "background": "auto", "moderation": "auto"}, {"prompt": TEXT}),
    (CORE, {"size": "1024x1024", "background": "opaque"}, {"prompt": TEXT, "aspect_ratio": "1:1"}),
    (CORE, {"size": "1536x1024", "seed": 7}, {"prompt": TEXT, "aspect_ratio": "3:2", "seed": 7}),
    (
        CORE,
        {"output_format": "jpeg", "negative_prompt": "people"},
        {"output_format": "jpeg", "negative_prompt": "people"},
    ),
    (CORE, {"response_format": "b64_json", "stream": False, "user": "u1"}, {"prompt": TEXT}),
    (
        "stable-diffusion-xl",
        {"size": "1344x768", "n": 1, "cfg_scale": 9, "seed": 7},
        {"text_prompts": [{"text": TEXT}], "width": 1344, "height": 768, "cfg_scale": 9, "seed": 7},
    ),
    (CANVAS, {}, {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": TEXT}}),
    (
        CANVAS,
        {"n": 2, "size": "1280x720", "quality": "hd", "seed": 7, "style": "PHOTOREALISM", "output_format": "png"},
        {
            "taskType": "TEXT_IMAGE",
            "textToImageParams": {"text": TEXT, "style": "PHOTOREALISM"},
            "imageGenerationConfig": {
                "numberOfImages": 2,
                "width": 1280,
                "height": 720,
                "quality": "premium",
                "seed": 7,
            },
        },
    ),
    (
        CANVAS,
        {"taskType": "COLOR_GUIDED_GENERATION", "colorGuidedGenerationParams": {"colors": ["#FF9800"]}},
        {
            "taskType": "COLOR_GUIDED_GENERATION",
            "colorGuidedGenerationParams": {"text": TEXT, "colors": ["#FF9800"]},
        },
    ),
    (
        TITAN,
        {"size": "1173x640", "imageGenerationConfig": {"cfgScale": 5}},
        {"imageGenerationConfig": {"width": 1173, "height": 640, "cfgScale": 5}},
    ),
]


@pytest.mark.parametrize(("model", "members", "expected"), GENERATED)
def test_a_request_becomes_the_models_own_body(
    gateway: Gateway, emulator: Emulator, model: str, members: Json, expected: Json
) -> None:
    response = gateway.post(GENERATIONS, {"model": model, "prompt": TEXT, **members})
    assert response.status_code == 200, response.text
    body = sent(emulator)
    assert {name: body.get(name) for name in expected} == expected
    answer = response.json()
    assert len(answer["data"]) == members.get("n", 1)
    for each in answer["data"]:
        width, height = find_base64_size(each["b64_json"]) or (0, 0)
        assert answer["size"] == f"{width}x{height}"
    assert answer["output_format"] == members.get("output_format", "png")
    assert answer["created"] > 1_700_000_000


REFUSED: list[tuple[str, Json, str, str]] = [
    (CORE, {"n": 2}, "n", "must be 1"),
    (CORE, {"size": "1792x1024"}, "size", "1024x1024"),
    (CORE, {"size": "large"}, "size", "WIDTHxHEIGHT"),
    (CORE, {"quality": "hd"}, "quality", "cannot take this"),
    (CORE, {"style": "vivid"}, "style", "cannot take this"),
    (CORE, {"background": "transparent"}, "background", "must be opaque"),
    (CORE, {"output_format": "gif"}, "output_format", "must be one of"),
    (CORE, {"output_compression": 50}, "output_compression", "cannot take this"),
    (CORE, {"moderation": "low"}, "moderation", "cannot take this"),
    (CORE, {"response_format": "url"}, "response_format", "stores no images"),
    (CORE, {"stream": True}, "stream", "not streamed"),
    (CORE, {"strength": 0.5}, "strength", "cannot take this"),
    (CORE, {"n": 11}, "n", "at most 10"),
    (CANVAS, {"size": "1000x1000"}, "size", "multiples of 16"),
    (CANVAS, {"style": "natural"}, "style", "PHOTOREALISM"),
    (CANVAS, {"quality": "low"}, "quality", "premium"),
    (CANVAS, {"n": 6}, "n", "at most 5"),
    (CANVAS, {"output_format": "jpeg"}, "output_format", "must be png"),
    (TITAN, {"size": "1280x720"}, "size", "1280x768"),
]


@pytest.mark.parametrize(("model", "members", "path", "words"), REFUSED)
def test_what_a_model_cannot_do_is_refused_by_name_before_any_call(
    gateway: Gateway, emulator: Emulator, model: str, members: Json, path: str, words: str
) -> None:
    response = gateway.post(GENERATIONS, {"model": model, "prompt": TEXT, **members})
    assert response.status_code == 400, response.text
    assert paths(response) == [path]
    assert words in response.json()["error"]["errors"][0]["message"]
    assert emulator.calls() == []


@pytest.mark.parametrize("model", ["stable-image-inpaint", "stable-style-transfer", "stable-fast-upscale"])
def test_a_model_that_only_changes_images_names_the_route_for_it(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    response = gateway.post(GENERATIONS, {"model": model, "prompt": TEXT})
    assert response.status_code == 400, response.text
    assert "use POST /v1/images/edits" in response.json()["error"]["message"]
    assert emulator.calls() == []


def test_it_is_dropped_on_request_and_reported(gateway: Gateway, emulator: Emulator) -> None:
    body = {"model": CORE, "prompt": TEXT, "n": 2, "quality": "hd", "style": "vivid", "user": "u1", "size": "7x13"}
    response = gateway.post(GENERATIONS, body, headers={"x-bedrock-flask-unsupported": "drop"})
    assert response.status_code == 200, response.text
    assert sent(emulator) == {"prompt": TEXT}
    assert {*response.headers["x-bedrock-flask-dropped"].split(", ")} == {"n", "quality", "style", "user", "size"}


def test_a_size_of_other_pixels_is_reported(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post(GENERATIONS, {"model": CORE, "prompt": TEXT, "size": "1536x1024"})
    assert response.json()["size"] == "1280x832"
    assert response.headers["x-bedrock-flask-translated"] == "size"


def form(**members: Any) -> dict[str, Any]:
    """A form as OpenAI's SDKs send it."""
    files = [("image[]" if isinstance(members["image"], list) else "image", each) for each in _list(members["image"])]
    files += [("mask", members["mask"])] if "mask" in members else []
    return {
        "files": [(name, ("a.png", base64.b64decode(data), "image/png")) for name, data in files],
        "data": {name: value for name, value in members.items() if name not in ("image", "mask")},
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


EDITED: list[tuple[Json, Json]] = [
    (
        {"model": DIFFUSION, "image": PNG, "prompt": TEXT, "strength": 0.7},
        {"prompt": TEXT, "image": PNG, "strength": 0.7},
    ),
    ({"model": "stable-image-remove-background", "image": PNG, "prompt": ""}, {"image": PNG}),
    ({"model": "stable-fast-upscale", "image": PNG}, {"image": PNG}),
    (
        {"model": "stable-outpaint", "image": PNG, "prompt": TEXT, "left": 64, "creativity": 0.5},
        {"image": PNG, "prompt": TEXT, "left": 64, "creativity": 0.5},
    ),
    (
        {"model": "stable-style-transfer", "image": [PNG, CLEAR], "prompt": TEXT},
        {"init_image": PNG, "style_image": CLEAR, "prompt": TEXT},
    ),
    (
        {"model": CANVAS, "image": PNG, "prompt": TEXT},
        {"taskType": "IMAGE_VARIATION", "imageVariationParams": {"images": [PNG], "text": TEXT}},
    ),
    (
        {"model": CANVAS, "image": [PNG, CLEAR], "prompt": TEXT, "n": 2},
        {
            "imageVariationParams": {"images": [PNG, CLEAR], "text": TEXT},
            "imageGenerationConfig": {"numberOfImages": 2},
        },
    ),
    (
        {"model": TITAN, "image": PNG, "taskType": "BACKGROUND_REMOVAL"},
        {"taskType": "BACKGROUND_REMOVAL", "backgroundRemovalParams": {"image": PNG}},
    ),
]


@pytest.mark.parametrize(("members", "expected"), EDITED)
@pytest.mark.parametrize("as_form", [True, False], ids=["form", "json"])
def test_an_edit_becomes_the_models_own_body(
    gateway: Gateway, emulator: Emulator, members: Json, expected: Json, as_form: bool
) -> None:
    response = gateway.ask("POST", EDITS, **form(**members)) if as_form else gateway.post(EDITS, members)
    assert response.status_code == 200, response.text
    body = sent(emulator)
    assert {name: body.get(name) for name in expected} == expected
    assert find_base64_size(response.json()["data"][0]["b64_json"])


@pytest.mark.parametrize(
    ("model", "member", "black"),
    [
        ("stable-image-inpaint", "mask", False),
        ("stable-image-erase-object", "mask", False),
        (CANVAS, "maskImage", True),
        ("stable-diffusion-xl", "mask_image", False),
    ],
)
def test_a_transparent_mask_is_black_or_white_as_the_model_wants_it(
    gateway: Gateway, emulator: Emulator, model: str, member: str, black: bool
) -> None:
    prompt = {} if model == "stable-image-erase-object" else {"prompt": TEXT}
    response = gateway.ask("POST", EDITS, **form(model=model, image=PNG, mask=CLEAR, **prompt))
    assert response.status_code == 200, response.text
    body = sent(emulator)
    mask = body[member] if member in body else body["inPaintingParams"][member]
    assert read_grey(base64.b64decode(mask)) == (96, 64, [bytes([0 if black else 255]) * 96] * 64)


def test_the_mask_of_outpainting_is_the_other_way_round(gateway: Gateway, emulator: Emulator) -> None:
    body = {"model": CANVAS, "prompt": TEXT, "image": PNG, "mask": CLEAR, "taskType": "OUTPAINTING"}
    assert gateway.post(EDITS, body).status_code == 200
    assert read_grey(base64.b64decode(sent(emulator)["outPaintingParams"]["maskImage"]))[2][0] == b"\xff" * 96


UNEDITED: list[tuple[Json, str, str]] = [
    ({"model": CORE, "image": PNG, "prompt": TEXT}, "image", "does not support images"),
    ({"model": DIFFUSION, "prompt": TEXT}, "image", "is required"),
    ({"model": DIFFUSION, "prompt": TEXT, "image": "a house!"}, "image", "base64"),
    ({"model": DIFFUSION, "prompt": TEXT, "image": "aGVsbG8gd29ybGQ="}, "image", "must be a PNG"),
    ({"model": DIFFUSION, "prompt": TEXT, "image": "data:image/png,hello world"}, "image", "must be a PNG"),
    ({"model": DIFFUSION, "prompt": TEXT, "image": [PNG, PNG]}, "image", "must be"),
    ({"model": DIFFUSION, "prompt": TEXT, "images": [{"file_id": "f1"}]}, "images[0].file_id", "stores no files"),
    ({"model": DIFFUSION, "prompt": TEXT, "image": PNG, "mask": CLEAR}, "mask", "cannot take"),
    ({"model": "stable-image-inpaint", "prompt": TEXT, "image": PNG, "mask": PNG}, "mask", "alpha channel"),
    ({"model": "stable-image-remove-background", "prompt": TEXT, "image": PNG}, "prompt", "cannot take"),
    ({"model": "stable-image-search-replace", "prompt": TEXT, "image": PNG}, "", "search_prompt"),
    ({"model": "stable-image-inpaint", "prompt": TEXT, "image": PNG, "size": "1024x1024"}, "size", "cannot take"),
    ({"model": CANVAS, "prompt": TEXT, "image": PNG, "input_fidelity": "high"}, "input_fidelity", "cannot take"),
]


@pytest.mark.parametrize(("body", "path", "words"), UNEDITED)
def test_an_edit_that_the_model_cannot_make_is_refused_by_name(
    gateway: Gateway, emulator: Emulator, body: Json, path: str, words: str
) -> None:
    response = gateway.post(EDITS, body)
    assert response.status_code == 400, response.text
    [fault] = response.json()["error"]["errors"]
    assert fault["path"].startswith(path)
    assert words in fault["message"]
    assert emulator.calls() == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="[[]"\r\n\r\n1\r\n--x--\r\n'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
    ],
)
def test_what_is_no_form_is_refused(gateway: Gateway, emulator: Emulator, content_type: str, body: bytes) -> None:
    response = gateway.ask("POST", EDITS, data=body, headers={"content-type": content_type})
    assert response.status_code == 400, response.text
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_form_has_a_most_of_parts(gateway: Gateway, emulator: Emulator) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    response = gateway.ask("POST", EDITS, data=part * 201 + b"--x--\r\n", headers=headers)
    assert response.status_code == 413, response.text


def test_base64_that_is_nothing_but_line_breaks_costs_as_much_as_its_length(
    gateway: Gateway, emulator: Emulator
) -> None:
    body = {"image": "A" + "\n" * 500_000 + "!"}
    response = gateway.post("/v1/models/stable-image-remove-background/invoke", body, timeout=10)
    assert response.status_code == 400, response.text


def test_a_filter_is_an_error_in_openais_words(gateway: Gateway, emulator: Emulator) -> None:
    assert emulator.post("/_emulator/replies", {"times": 1, "body": {"finish_reasons": ["Filter reason: prompt"]}}).ok
    response = gateway.post(GENERATIONS, {"model": CORE, "prompt": TEXT})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["gateway_code"]) == ("content_policy_violation", "content_filtered")
    assert "Filter reason: prompt" in error["message"]


def test_images_that_a_filter_has_left_are_returned_and_the_others_reported(
    gateway: Gateway, emulator: Emulator
) -> None:
    assert emulator.post("/_emulator/replies", {"times": 1, "body": {"images": [PNG], "error": "One was withheld."}}).ok
    answer = gateway.post(GENERATIONS, {"model": CANVAS, "prompt": TEXT, "n": 2}).json()
    assert answer["data"] == [{"b64_json": PNG}]
    assert answer["bedrock_flask_left_out"] == ["One was withheld."]


@pytest.mark.parametrize("image", ["arn:aws:iam::123456789012:role/r", "é", "aG", " "])
def test_what_is_not_an_image_is_no_answer(gateway: Gateway, emulator: Emulator, image: str) -> None:
    assert emulator.post("/_emulator/replies", {"times": 1, "body": {"images": [image]}}).ok
    response = gateway.post(GENERATIONS, {"model": CANVAS, "prompt": TEXT})
    assert response.status_code == 502, response.text
    assert "123456789012" not in response.text


def test_what_is_reported_beside_images_names_nothing_of_the_account(gateway: Gateway, emulator: Emulator) -> None:
    reply = {"images": [PNG], "error": "arn:aws:iam::123456789012:role/r may not."}
    assert emulator.post("/_emulator/replies", {"times": 1, "body": reply}).ok
    answer = gateway.post(GENERATIONS, {"model": CANVAS, "prompt": TEXT, "n": 2}).json()
    assert answer["bedrock_flask_left_out"] == ["(an ARN of the gateway's account) may not."]
