"""Images by URL in chats: fetched from hosts that the operator lists, else refused by the path with the remedy."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.protocol.drawn_images import draw_image
from tests.doubles import Emulator, Gateway, StartGateway, Upstream, run_upstream, send_whole
from tests.transport.certificate import make_certificate, serve_with

Json = dict[str, Any]
PNG = draw_image("a street", 8, 8)
SERVED = send_whole(base64.b64decode(PNG), content_type="image/png")
TEXT = "What is this?"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="module")
def running(certificate: Path) -> Iterator[Upstream]:
    with run_upstream(serve_with(certificate)) as server:
        yield server


@pytest.fixture
def web(running: Upstream) -> Upstream:
    return running.reset()


@pytest.fixture(scope="module")
def fetching(start_gateway: StartGateway, running: Upstream, certificate: Path) -> Gateway:
    return start_gateway(
        SSL_CERT_FILE=str(certificate),
        BEDROCK_FLASK_IMAGE_HOSTS=f"localhost:{running.port}",
        BEDROCK_FLASK_IMAGE_NETWORKS="127.0.0.0/8,::1/128",
        BEDROCK_FLASK_IMAGE_MAX_BYTES="20000",
        BEDROCK_FLASK_MAX_BODY_BYTES="60000",
        BEDROCK_FLASK_IMAGE_TIMEOUT="2",
    )


def chat(url: str) -> tuple[str, Json, str]:
    part = {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    content = [{"type": "text", "text": TEXT}, part]
    return (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": content}]},
        "messages[0].content[1].image_url.url",
    )


def responses(url: str) -> tuple[str, Json, str]:
    content = [{"type": "input_text", "text": TEXT}, {"type": "input_image", "image_url": url}]
    return "/v1/responses", {"input": [{"role": "user", "content": content}]}, "input[0].content[1].image_url"


def messages(url: str) -> tuple[str, Json, str]:
    content = [{"type": "text", "text": TEXT}, {"type": "image", "source": {"type": "url", "url": url}}]
    body = {"messages": [{"role": "user", "content": content}], "max_tokens": 9}
    return "/v1/messages", body, "messages[0].content[1].source.url"


each_dialect = pytest.mark.parametrize("ask", [chat, responses, messages])


def find_images(body: Any) -> list[Any]:
    """The images of a Converse request, or of Claude's own body, as base64."""
    blocks = [block for message in body["messages"] for block in message["content"]]
    found = [block["image"]["source"]["bytes"] for block in blocks if "image" in block]
    return found + [block["source"]["data"] for block in blocks if block.get("type") == "image"]


@each_dialect
@pytest.mark.parametrize("model", ["nova", "claude"])
def test_an_image_is_fetched_and_sent_as_bytes(
    fetching: Gateway, emulator: Emulator, web: Upstream, ask: Any, model: str
) -> None:
    web.scripts.append(SERVED)
    path, body, _ = ask(f"https://localhost:{web.port}/a.png")
    response = fetching.post(path, {"model": model, **body})
    assert response.status_code == 200, response.text
    assert find_images(json.loads(emulator.calls()[-1]["body"])) == [PNG]


def test_a_url_with_escaped_slashes_is_a_url(fetching: Gateway, emulator: Emulator, web: Upstream) -> None:
    web.scripts.append(SERVED)
    path, body, _ = chat(f"https://localhost:{web.port}/a.png")
    # PHP writes JSON so.
    response = fetching.post(path, json.dumps({"model": "nova", **body}).replace("/", r"\/"))
    assert response.status_code == 200, response.text
    assert find_images(json.loads(emulator.calls()[-1]["body"])) == [PNG]


@each_dialect
def test_a_fault_has_the_path_of_the_url_and_no_call_is_made(
    fetching: Gateway, emulator: Emulator, web: Upstream, ask: Any
) -> None:
    web.scripts.append(send_whole(b"", "302 Found", location="https://169.254.169.254/"))
    path, body, at = ask(f"https://localhost:{web.port}/a.png")
    response = fetching.post(path, {"model": "nova", **body})
    assert response.status_code == 400, response.text
    assert at in response.text
    assert "redirected" in response.text
    assert emulator.calls() == []


@pytest.mark.parametrize(
    "url", ["https://localhost/a.png", "https://169.254.169.254/", "http://localhost:{port}/a.png"]
)
def test_a_host_that_is_not_listed_is_refused(fetching: Gateway, emulator: Emulator, web: Upstream, url: str) -> None:
    path, body, at = chat(url.format(port=web.port))
    response = fetching.post(path, {"model": "nova", **body})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == at
    assert web.requests == []
    assert emulator.calls() == []


def test_each_url_that_fails_is_reported(fetching: Gateway, emulator: Emulator, web: Upstream) -> None:
    web.scripts += [send_whole(b"", "404 Not Found"), send_whole(b"", "404 Not Found")]
    part = {"type": "image_url", "image_url": {"url": f"https://localhost:{web.port}/a.png"}}
    body = {"model": "nova", "messages": [{"role": "user", "content": [part, part]}]}
    faults = fetching.post("/v1/chat/completions", body).json()["error"]["errors"]
    assert [each["path"] for each in faults] == [f"messages[0].content[{index}].image_url.url" for index in range(2)]


def test_the_body_with_its_images_has_the_limit_of_a_body(fetching: Gateway, emulator: Emulator, web: Upstream) -> None:
    large = send_whole(base64.b64decode(PNG) + bytes(19_000), content_type="image/png")
    web.scripts += [large] * 3
    part = {"type": "image_url", "image_url": {"url": f"https://localhost:{web.port}/a.png"}}
    body = {"model": "nova", "messages": [{"role": "user", "content": [part] * 3}]}
    response = fetching.post("/v1/chat/completions", body)
    assert response.status_code == 413, response.text


def test_more_images_than_a_model_takes_are_not_fetched(fetching: Gateway, emulator: Emulator, web: Upstream) -> None:
    part = {"type": "image_url", "image_url": {"url": f"https://localhost:{web.port}/a.png"}}
    body = {"model": "nova", "messages": [{"role": "user", "content": [part] * 21}]}
    response = fetching.post("/v1/chat/completions", body)
    assert response.json()["error"]["param"] == "messages[0].content[20].image_url.url"
    assert web.requests == []


def test_nothing_is_fetched_for_a_model_that_takes_no_images(
    fetching: Gateway, emulator: Emulator, web: Upstream
) -> None:
    path, body, _ = chat(f"https://localhost:{web.port}/a.png")
    response = fetching.post(path, {"model": "amazon.nova-micro-v1:0", **body})
    assert response.status_code == 400
    assert web.requests == []


@each_dialect
@pytest.mark.parametrize("model", ["nova", "claude"])
def test_where_nothing_is_fetched_the_refusal_names_the_remedy(
    gateway: Gateway, emulator: Emulator, web: Upstream, ask: Any, model: str
) -> None:
    path, body, at = ask(f"https://localhost:{web.port}/a.png")
    response = gateway.post(path, {"model": model, **body})
    assert response.status_code == 400, response.text
    assert at in response.text
    assert "BEDROCK_FLASK_IMAGE_HOSTS" in response.text
    assert web.requests == []
    assert emulator.calls() == []


def test_a_data_uri_passes_as_it_came(fetching: Gateway, emulator: Emulator) -> None:
    path, body, _ = chat(f"data:image/png;base64,{PNG}")
    assert fetching.post(path, {"model": "nova", **body}).status_code == 200
