"""Image models in their own bodies, as AWS's pages have them: by the native route, and by boto3."""

import base64
import json
from typing import Any

import pytest

from bedrock_flask.models.loading import load_registry
from bedrock_flask.protocol.drawn_images import draw_image
from bedrock_flask.protocol.image_files import find_base64_format, find_base64_size
from tests.doubles import Emulator, Gateway

Json = dict[str, Any]
REGISTRY = load_registry()
PNG, JPEG = draw_image("a street", 96, 64), draw_image("a street", 96, 64, "jpeg")
CORE, ULTRA, DIFFUSION = (
    "stability.stable-image-core-v1:1",
    "stability.stable-image-ultra-v1:1",
    "stability.sd3-5-large-v1:0",
)
XL = "stability.stable-diffusion-xl-v1"
CANVAS, TITAN = "amazon.nova-canvas-v1:0", "amazon.titan-image-generator-v2:0"


def service(name: str) -> str:
    return f"us.stability.{name}-v1:0"


def task(kind: str, params: str, config: Json | None = None, **members: Any) -> Json:
    return {"taskType": kind, params: members, **({"imageGenerationConfig": config} if config else {})}


TEXT = "A lighthouse that is made of paper."
CONFIG = {"width": 512, "height": 512, "quality": "standard", "cfgScale": 8.0, "seed": 42, "numberOfImages": 1}
TRY_ON: Json = {"sourceImage": PNG, "referenceImage": PNG}
XL_TEXT = [{"text": TEXT, "weight": 0.5}, {"text": "people", "weight": -1}]
# Model, body, and what the answer is: its format and its size.
ACCEPTED: list[tuple[str, Json, str, tuple[int, int]]] = [
    (DIFFUSION, {"prompt": TEXT}, "png", (1024, 1024)),
    (DIFFUSION, {"prompt": TEXT, "aspect_ratio": "16:9", "output_format": "webp"}, "webp", (1344, 768)),
    (DIFFUSION, {"prompt": TEXT, "mode": "text-to-image", "style_preset": "anime"}, "png", (1024, 1024)),
    (ULTRA, {"prompt": TEXT, "style_preset": "neon-punk", "output_format": "webp"}, "webp", (1024, 1024)),
    (CORE, {"prompt": TEXT, "style_preset": "origami", "output_format": "webp"}, "webp", (1024, 1024)),
    (DIFFUSION, {"prompt": TEXT, "image": JPEG, "strength": 0.7}, "png", (96, 64)),
    (DIFFUSION, {"prompt": TEXT, "image": JPEG, "strength": 0, "mode": "image-to-image"}, "png", (96, 64)),
    ("stability.sd3-large-v1:0", {"prompt": TEXT, "seed": 7}, "png", (1024, 1024)),
    (XL, {"text_prompts": XL_TEXT[:1], "cfg_scale": 10, "seed": 0, "steps": 50, "samples": 1}, "png", (1024, 1024)),
    (
        XL,
        {"text_prompts": XL_TEXT, "width": 1344, "height": 768, "sampler": "K_LMS", "style_preset": "anime"},
        "png",
        (1344, 768),
    ),
    (
        XL,
        {"text_prompts": XL_TEXT, "init_image": JPEG, "image_strength": 0.4, "init_image_mode": "IMAGE_STRENGTH"},
        "png",
        (96, 64),
    ),
    (
        "stability.stable-diffusion-xl",
        {"text_prompts": XL_TEXT, "init_image": JPEG, "start_schedule": 0.6, "sampler": "K_DPMPP_SDE"},
        "png",
        (96, 64),
    ),
    (
        XL,
        {"text_prompts": XL_TEXT, "init_image": PNG, "mask_source": "MASK_IMAGE_BLACK", "mask_image": PNG},
        "png",
        (96, 64),
    ),
    (ULTRA, {"prompt": TEXT, "mode": "text-to-image", "output_format": "jpeg"}, "jpeg", (1024, 1024)),
    (ULTRA, {"prompt": TEXT, "seed": 4_294_967_295}, "png", (1024, 1024)),
    (CORE, {"prompt": TEXT, "negative_prompt": "people", "aspect_ratio": "2:3"}, "png", (832, 1280)),
    (service("stable-creative-upscale"), {"image": JPEG, "prompt": TEXT, "creativity": 0.30}, "png", (2496, 1664)),
    (service("stable-conservative-upscale"), {"image": JPEG, "prompt": TEXT}, "png", (2496, 1664)),
    (service("stable-fast-upscale"), {"image": JPEG}, "png", (192, 128)),
    (service("stable-image-inpaint"), {"image": PNG, "mask": PNG, "prompt": TEXT}, "png", (96, 64)),
    (service("stable-outpaint"), {"image": PNG, "left": 512, "right": 512, "up": 200, "down": 100}, "png", (1120, 364)),
    (
        service("stable-image-search-recolor"),
        {"image": PNG, "prompt": "a red coat", "select_prompt": "coat"},
        "png",
        (96, 64),
    ),
    (
        service("stable-image-search-replace"),
        {"image": PNG, "prompt": "a coat", "search_prompt": "shirt"},
        "png",
        (96, 64),
    ),
    # As AWS's own example sends it.
    (service("stable-image-erase-object"), {"image": [PNG], "mask": PNG}, "png", (96, 64)),
    (service("stable-image-erase-object"), {"image": PNG, "grow_mask": 20, "output_format": "webp"}, "webp", (96, 64)),
    (service("stable-image-remove-background"), {"image": PNG}, "png", (96, 64)),
    (service("stable-image-control-sketch"), {"image": JPEG, "prompt": TEXT, "control_strength": 1}, "png", (96, 64)),
    (service("stable-image-control-structure"), {"image": JPEG, "prompt": TEXT}, "png", (96, 64)),
    (service("stable-image-style-guide"), {"image": JPEG, "prompt": TEXT, "fidelity": 0.5}, "png", (1024, 1024)),
    (
        service("stable-style-transfer"),
        {"init_image": JPEG, "style_image": PNG, "prompt": "statue", "change_strength": 0.1},
        "png",
        (96, 64),
    ),
    (CANVAS, task("TEXT_IMAGE", "textToImageParams", CONFIG, text=TEXT, negativeText="people"), "png", (512, 512)),
    (CANVAS, task("TEXT_IMAGE", "textToImageParams", text=TEXT, style="PHOTOREALISM"), "png", (1024, 1024)),
    (CANVAS, task("TEXT_IMAGE", "textToImageParams", text=TEXT, negativeText=""), "png", (1024, 1024)),
    (CANVAS, task("TEXT_IMAGE", "textToImageParams", {"width": 2048, "height": 2048}, text=TEXT), "png", (2048, 2048)),
    (
        CANVAS,
        task(
            "TEXT_IMAGE",
            "textToImageParams",
            text=TEXT,
            conditionImage=PNG,
            controlMode="SEGMENTATION",
            controlStrength=0.3,
        ),
        "png",
        (1024, 1024),
    ),
    (
        CANVAS,
        task("COLOR_GUIDED_GENERATION", "colorGuidedGenerationParams", text=TEXT, colors=["#FF9800"]),
        "png",
        (1024, 1024),
    ),
    (
        CANVAS,
        task("IMAGE_VARIATION", "imageVariationParams", images=[PNG, JPEG], similarityStrength=0.2),
        "png",
        (1024, 1024),
    ),
    (CANVAS, task("INPAINTING", "inPaintingParams", image=PNG, maskPrompt="the street"), "png", (96, 64)),
    (
        CANVAS,
        task("OUTPAINTING", "outPaintingParams", image=PNG, maskImage=PNG, text=TEXT, outPaintingMode="PRECISE"),
        "png",
        (96, 64),
    ),
    (CANVAS, task("BACKGROUND_REMOVAL", "backgroundRemovalParams", image=PNG), "png", (96, 64)),
    (
        CANVAS,
        task(
            "VIRTUAL_TRY_ON",
            "virtualTryOnParams",
            **TRY_ON,
            maskType="GARMENT",
            garmentBasedMask={"garmentClass": "UPPER_BODY", "garmentStyling": {"tuckingStyle": "TUCKED"}},
            maskExclusions={"preserveFace": "ON"},
            mergeStyle="SEAMLESS",
            returnMask=True,
        ),
        "png",
        (96, 64),
    ),
    (TITAN, task("TEXT_IMAGE", "textToImageParams", CONFIG, text=TEXT), "png", (512, 512)),
    (
        TITAN,
        task("INPAINTING", "inPaintingParams", CONFIG, image=PNG, text=TEXT, maskPrompt="windows", returnMask=False),
        "png",
        (96, 64),
    ),
    (
        TITAN,
        task("OUTPAINTING", "outPaintingParams", image=PNG, text=TEXT, maskImage=PNG, outPaintingMode="DEFAULT"),
        "png",
        (96, 64),
    ),
    (TITAN, task("IMAGE_VARIATION", "imageVariationParams", images=[PNG], text=TEXT), "png", (1024, 1024)),
    (TITAN, task("BACKGROUND_REMOVAL", "backgroundRemovalParams", image=PNG), "png", (96, 64)),
]


def first_image(answer: Json) -> str:
    image: str = answer["images"][0] if "images" in answer else answer["artifacts"][0]["base64"]
    return image


@pytest.mark.parametrize(("model", "body", "form", "size"), ACCEPTED)
def test_a_published_body_gets_an_image_of_the_right_format_and_size(
    gateway: Gateway, emulator: Emulator, model: str, body: Json, form: str, size: tuple[int, int]
) -> None:
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert response.status_code == 200, response.text
    image = first_image(response.json())
    assert (find_base64_format(image), find_base64_size(image)) == (form, size)
    adapter = REGISTRY.pick(model)[0]
    assert adapter.answer is not None
    assert adapter.answer().validate(response.json()) == {}
    # The same body has the same image.
    assert gateway.post(f"/v1/models/{model}/invoke", body).json() == response.json()


@pytest.mark.parametrize(("model", "body", "form", "size"), ACCEPTED[::5])
def test_a_published_body_passes_by_boto3(
    emulator: Emulator, model: str, body: Json, form: str, size: tuple[int, int]
) -> None:
    answer = json.loads(emulator.client().invoke_model(modelId=model, body=json.dumps(body))["body"].read())
    image = first_image(answer)
    assert (find_base64_format(image), find_base64_size(image)) == (form, size)


REFUSED: list[tuple[str, Json, str]] = [
    (DIFFUSION, {"promt": TEXT, "prompt": TEXT}, "promt"),
    (DIFFUSION, {"aspect_ratio": "1:1"}, "prompt"),
    (DIFFUSION, {"prompt": TEXT, "aspect_ratio": "4:3"}, "aspect_ratio"),
    (DIFFUSION, {"prompt": TEXT, "seed": 4_294_967_295}, "seed"),
    (DIFFUSION, {"prompt": TEXT, "seed": "7"}, "seed"),
    (DIFFUSION, {"prompt": TEXT, "image": "a house, as text!", "strength": 0.5}, "image"),
    (DIFFUSION, {"prompt": TEXT, "image": f"data:image/png;base64,{PNG}", "strength": 0.5}, "image"),
    (DIFFUSION, {"prompt": TEXT, "image": PNG, "strength": 1.1}, "strength"),
    (DIFFUSION, {"prompt": TEXT, "mode": "image-to-image", "image": PNG}, "strength"),
    (DIFFUSION, {"prompt": "x" * 10_001}, "prompt"),
    (XL, {"prompt": TEXT}, "text_prompts"),
    (XL, {"text_prompts": [{"text": TEXT, "wait": 1}]}, "text_prompts[0].wait"),
    (XL, {"text_prompts": XL_TEXT, "width": 1344, "height": 1024}, "width"),
    (XL, {"text_prompts": XL_TEXT, "cfg_scale": 36}, "cfg_scale"),
    (XL, {"text_prompts": XL_TEXT, "samples": 2}, "samples"),
    (XL, {"text_prompts": XL_TEXT, "steps": 9}, "steps"),
    (XL, {"text_prompts": XL_TEXT, "steps": 151}, "steps"),
    (XL, {"text_prompts": XL_TEXT, "image_strength": 0.4}, "init_image"),
    (XL, {"text_prompts": XL_TEXT, "init_image": PNG, "mask_source": "MASK_IMAGE_WHITE"}, "mask_image"),
    (XL, {"text_prompts": XL_TEXT, "init_image": PNG, "mask_image": PNG}, "mask_source"),
    (ULTRA, {"prompt": TEXT, "output_format": "gif"}, "output_format"),
    (CORE, {"prompt": TEXT, "style_preset": "none"}, "style_preset"),
    (CORE, {"prompt": TEXT, "image": PNG}, "image"),
    (CORE, {"text_prompts": [{"text": TEXT}]}, "text_prompts"),
    (service("stable-creative-upscale"), {"image": PNG, "prompt": TEXT, "creativity": 0.51}, "creativity"),
    (service("stable-fast-upscale"), {"image": PNG, "prompt": TEXT}, "prompt"),
    (service("stable-outpaint"), {"image": PNG, "left": 0}, "left"),
    (service("stable-outpaint"), {"image": PNG, "left": 2001}, "left"),
    (service("stable-image-erase-object"), {"image": [PNG, PNG]}, "image"),
    (service("stable-image-search-replace"), {"image": PNG, "prompt": TEXT}, "search_prompt"),
    (service("stable-style-transfer"), {"init_image": PNG, "prompt": TEXT}, "style_image"),
    (CANVAS, task("TEXT_TO_IMAGE", "textToImageParams", text=TEXT), "taskType"),
    (CANVAS, task("INPAINTING", "textToImageParams", text=TEXT), "inPaintingParams"),
    (
        CANVAS,
        {**task("TEXT_IMAGE", "textToImageParams", text=TEXT), "backgroundRemovalParams": {"image": PNG}},
        "backgroundRemovalParams",
    ),
    (CANVAS, task("TEXT_IMAGE", "textToImageParams", text=""), "textToImageParams.text"),
    (CANVAS, task("TEXT_IMAGE", "textToImageParams", {"width": 500}, text=TEXT), "imageGenerationConfig.width"),
    (
        CANVAS,
        task("TEXT_IMAGE", "textToImageParams", {"width": 320, "height": 1296}, text=TEXT),
        "imageGenerationConfig.width",
    ),
    (
        CANVAS,
        task("TEXT_IMAGE", "textToImageParams", {"width": 2048, "height": 2064}, text=TEXT),
        "imageGenerationConfig.width",
    ),
    (
        CANVAS,
        task("TEXT_IMAGE", "textToImageParams", {"numberOfImages": 6}, text=TEXT),
        "imageGenerationConfig.numberOfImages",
    ),
    (CANVAS, task("TEXT_IMAGE", "textToImageParams", {"cfgScale": 1}, text=TEXT), "imageGenerationConfig.cfgScale"),
    (TITAN, task("TEXT_IMAGE", "textToImageParams", {"cfgScale": 1}, text=TEXT), "imageGenerationConfig.cfgScale"),
    (TITAN, task("TEXT_IMAGE", "textToImageParams", {"cfgScale": 10.1}, text=TEXT), "imageGenerationConfig.cfgScale"),
    (TITAN, task("TEXT_IMAGE", "textToImageParams", {"seed": -1}, text=TEXT), "imageGenerationConfig.seed"),
    (
        CANVAS,
        task("TEXT_IMAGE", "textToImageParams", text=TEXT, controlMode="CANNY_EDGE"),
        "textToImageParams.conditionImage",
    ),
    (
        CANVAS,
        task("INPAINTING", "inPaintingParams", image=PNG, maskPrompt="sky", maskImage=PNG),
        "inPaintingParams.maskPrompt",
    ),
    (CANVAS, task("OUTPAINTING", "outPaintingParams", image=PNG, text=TEXT), "outPaintingParams.maskPrompt"),
    (
        CANVAS,
        task("COLOR_GUIDED_GENERATION", "colorGuidedGenerationParams", text=TEXT, colors=["red"]),
        "colorGuidedGenerationParams.colors[0]",
    ),
    (
        CANVAS,
        task("VIRTUAL_TRY_ON", "virtualTryOnParams", **TRY_ON, maskType="PROMPT"),
        "virtualTryOnParams.promptBasedMask",
    ),
    (TITAN, task("TEXT_IMAGE", "textToImageParams", text="x" * 513), "textToImageParams.text"),
    (TITAN, task("VIRTUAL_TRY_ON", "virtualTryOnParams", **TRY_ON), "taskType"),
]


@pytest.mark.parametrize(("model", "body", "path"), REFUSED)
def test_an_altered_body_is_refused_by_its_path_before_any_call(
    gateway: Gateway, emulator: Emulator, model: str, body: Json, path: str
) -> None:
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert response.status_code == 400, response.text
    assert path in [each["path"] for each in response.json()["errors"]]
    assert emulator.calls() == []


def test_a_transparent_image_has_an_alpha_channel(gateway: Gateway, emulator: Emulator) -> None:
    model = service("stable-image-remove-background")
    [image] = gateway.post(f"/v1/models/{model}/invoke", {"image": PNG}).json()["images"]
    assert base64.b64decode(image)[25] == 6


def test_canvas_makes_as_many_different_images_as_were_asked_for(gateway: Gateway, emulator: Emulator) -> None:
    body = task("TEXT_IMAGE", "textToImageParams", {"numberOfImages": 5, "width": 320, "height": 320}, text=TEXT)
    images = gateway.post(f"/v1/models/{CANVAS}/invoke", body).json()["images"]
    assert len(set(images)) == 5


FILTERED = [
    (CORE, {"prompt": TEXT}, {"finish_reasons": ["Filter reason: prompt"]}, "Filter reason: prompt"),
    (
        CORE,
        {"prompt": TEXT},
        {"seeds": [7], "finish_reasons": ["Filter reason: output image"], "images": []},
        "Filter reason: output image",
    ),
    (
        CANVAS,
        task("TEXT_IMAGE", "textToImageParams", text=TEXT),
        {"images": [], "error": "Not allowed."},
        "Not allowed.",
    ),
    (TITAN, task("TEXT_IMAGE", "textToImageParams", text=TEXT), {"error": "Not allowed."}, "Not allowed."),
    (
        XL,
        {"text_prompts": [{"text": TEXT}]},
        {"result": "success", "artifacts": [{"seed": 7, "base64": PNG, "finishReason": "CONTENT_FILTERED"}]},
        "CONTENT_FILTERED",
    ),
]


@pytest.mark.parametrize(("model", "body", "answer", "reason"), FILTERED)
def test_what_a_filter_withholds_is_an_error_though_bedrock_says_200(
    gateway: Gateway, emulator: Emulator, model: str, body: Json, answer: Json, reason: str
) -> None:
    assert emulator.post("/_emulator/replies", {"times": 1, "body": answer, "model": model}).ok
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert response.status_code == 400, response.text
    assert response.json()["code"] == "content_filtered"
    assert reason in response.json()["detail"]


def test_an_inference_error_is_bedrocks(gateway: Gateway, emulator: Emulator) -> None:
    assert emulator.post("/_emulator/replies", {"times": 1, "body": {"finish_reasons": ["Inference error"]}}).ok
    response = gateway.post(f"/v1/models/{CORE}/invoke", {"prompt": TEXT})
    assert (response.status_code, response.json()["code"]) == (502, "bedrock_internal")


def test_the_services_need_a_profile_of_the_us() -> None:
    known = REGISTRY.known_models
    ids = [model for model in known if model.startswith("stability.stable-") and not known[model].on_demand]
    assert len(ids) == 13
    assert all(known[model].profiles == ("us",) for model in ids)
    assert not known[CANVAS].active
    assert known[CANVAS].ends_on == "2026-09-30"
