"""OpenAI's own package for Python, unmodified, makes and edits images; the program of docs/how-to/images.md runs."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from bedrock_flask.protocol.drawn_images import draw_image
from bedrock_flask.protocol.image_files import find_format, find_size
from tests.clients.endpoint import Endpoint
from tests.doubles import Emulator

PAGE = Path(__file__).parents[2] / "docs/how-to/images.md"
ADDRESS = "http://127.0.0.1:8000"
IMAGE = base64.b64decode(draw_image("a street", 96, 64))
MASK = base64.b64decode(draw_image("", 96, 64, transparent=True))
TEXT = "A lighthouse that is made of paper."


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key, max_retries=0) as sdk:
        yield sdk


def read(response: Any) -> list[bytes]:
    return [base64.b64decode(each.b64_json) for each in response.data]


def test_images_are_made(client: openai.OpenAI, emulator: Emulator, sent: Callable[[], list[Any]]) -> None:
    response = client.images.generate(
        model="amazon.nova-canvas-v1:0", prompt=TEXT, n=2, size="1280x720", quality="hd", response_format="b64_json"
    )
    one, other = read(response)
    assert one != other
    assert [(find_format(each), find_size(each)) for each in (one, other)] == [("png", (1280, 720))] * 2
    assert response.size == "1280x720"
    assert response.output_format == "png"
    assert sent()[-1]["imageGenerationConfig"]["quality"] == "premium"


def test_the_models_own_members_go_beside_openais(
    client: openai.OpenAI, emulator: Emulator, sent: Callable[[], list[Any]]
) -> None:
    own = {"negative_prompt": "people", "seed": 7}
    response = client.images.generate(
        model="stable-image-core", prompt=TEXT, size="1024x1024", output_format="jpeg", extra_body=own
    )
    assert find_format(read(response)[0]) == "jpeg"
    assert sent()[-1] == {"prompt": TEXT, "aspect_ratio": "1:1", "output_format": "jpeg", **own}


def test_an_image_is_edited_under_a_mask(
    client: openai.OpenAI, emulator: Emulator, sent: Callable[[], list[Any]]
) -> None:
    response = client.images.edit(
        model="us.stability.stable-image-inpaint-v1:0",
        image=("street.png", IMAGE),
        mask=("mask.png", MASK),
        prompt=TEXT,
        extra_body={"grow_mask": 3, "style_preset": "anime"},
    )
    assert find_size(read(response)[0]) == (96, 64)
    body = sent()[-1]
    assert base64.b64decode(body["image"]) == IMAGE
    assert {name: body[name] for name in ("prompt", "grow_mask", "style_preset")} == {
        "prompt": TEXT,
        "grow_mask": 3,
        "style_preset": "anime",
    }


def test_several_images_are_varied(client: openai.OpenAI, emulator: Emulator, sent: Callable[[], list[Any]]) -> None:
    client.images.edit(model="nova-canvas", image=[("a.png", IMAGE), ("b.png", MASK)], prompt=TEXT, n=3)
    body = sent()[-1]
    assert [base64.b64decode(each) for each in body["imageVariationParams"]["images"]] == [IMAGE, MASK]
    assert body["imageGenerationConfig"] == {"numberOfImages": 3}


def test_nested_members_of_a_form_are_objects(
    client: openai.OpenAI, emulator: Emulator, sent: Callable[[], list[Any]]
) -> None:
    own = {"taskType": "INPAINTING", "inPaintingParams": {"maskPrompt": "the street"}}
    client.images.edit(model="nova-canvas", image=("a.png", IMAGE), prompt=TEXT, extra_body=own)
    params = sent()[-1]["inPaintingParams"]
    assert (params["maskPrompt"], params["text"]) == ("the street", TEXT)


def test_a_refusal_is_the_sdks_own_error(client: openai.OpenAI, emulator: Emulator) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="stable-image-core", prompt=TEXT, n=2)
    assert caught.value.param == "n"
    assert emulator.calls() == []


def test_a_filter_is_the_sdks_own_error(client: openai.OpenAI, emulator: Emulator) -> None:
    reply = {"body": {"finish_reasons": ["Filter reason: output image"]}, "times": 1}
    assert emulator.post("/_emulator/replies", reply).ok
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="stable-image-core", prompt=TEXT)
    assert caught.value.code == "content_policy_violation"


def test_the_pages_program_runs(
    endpoint: Endpoint, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [program] = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert ADDRESS in program
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET", endpoint.key)
    (tmp_path / "mask.png").write_bytes(MASK)
    names: dict[str, Any] = {}
    exec(compile(program.replace(ADDRESS, endpoint.url), str(PAGE), "exec"), names)
    assert find_size((tmp_path / "door.png").read_bytes()) == (1024, 1024)
    assert names["edited"].size == "1024x1024"
