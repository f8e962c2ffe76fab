"""OpenAI's embeddings of every family: batches, images, parameters of models, and what is refused before any call."""

import base64
import json
import struct
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway, GatewayWith, SendWhole, StartGateway, Upstream

Json = dict[str, Any]
PATH = "/v1/embeddings"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"0" * 60).decode()
PNG_URI = f"data:image/png;base64,{PNG}"
IMAGE = {"type": "image_url", "image_url": {"url": PNG_URI}}
TEXT = {"type": "text", "text": "a door"}
# The length of a vector, and the inputs of one call.
MODELS = {
    "amazon.titan-embed-text-v1": (1536, 1),
    "amazon.titan-embed-text-v2:0": (1024, 1),
    "amazon.titan-embed-image-v1": (1024, 1),
    "cohere.embed-english-v3": (1024, 96),
    "us.cohere.embed-v4:0": (1536, 96),
    "amazon.nova-2-multimodal-embeddings-v1:0": (3072, 1),
    "us.twelvelabs.marengo-embed-2-7-v1:0": (1024, 1),
    "us.twelvelabs.marengo-embed-3-0-v1:0": (512, 1),
}


def list_bodies(emulator: Emulator) -> list[Json]:
    return [json.loads(call["body"]) for call in emulator.calls()]


def find_error(response: Any) -> Json:
    assert response.status_code == 400, response.text
    error: Json = response.json()["error"]
    return error


@pytest.mark.parametrize("model", MODELS)
def test_every_family_embeds_texts_in_order(gateway: Gateway, emulator: Emulator, model: str) -> None:
    size, batch = MODELS[model]
    texts = [f"text number {number}" for number in range(6)]
    response = gateway.post(PATH, {"model": model, "input": texts})
    assert response.status_code == 200, response.text
    document = response.json()
    assert [each["index"] for each in document["data"]] == [0, 1, 2, 3, 4, 5]
    vectors = [each["embedding"] for each in document["data"]]
    assert {len(vector) for vector in vectors} == {size}
    assert len(emulator.calls()) == (6 if batch == 1 else 1)
    assert document["usage"]["prompt_tokens"] == document["usage"]["total_tokens"] > 0
    alone = gateway.post(PATH, {"model": model, "input": texts[4]}).json()["data"]
    assert [each["embedding"] for each in alone] == [vectors[4]]


@pytest.fixture
def patient(gateway_with: GatewayWith, emulator: Emulator) -> Gateway:
    """A gateway for large bodies and answers."""
    return gateway_with(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url,
        BEDROCK_FLASK_READ_TIMEOUT="60",
        BEDROCK_FLASK_MAX_BODY_BYTES="200000000",
    )


@pytest.mark.parametrize("model", ["cohere.embed-multilingual-v3", "cohere-embed"])
def test_texts_go_in_the_batches_that_the_model_takes(patient: Gateway, emulator: Emulator, model: str) -> None:
    texts = [f"text {number}" for number in range(200)]
    response = patient.post(PATH, {"model": model, "input": texts})
    assert response.status_code == 200, response.text
    assert len(response.json()["data"]) == 200
    sizes = [len(body["texts"]) for body in list_bodies(emulator)]
    assert sorted(sizes) == [8, 96, 96]
    assert sorted(text for body in list_bodies(emulator) for text in body["texts"]) == sorted(texts)


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        ("titan-embed", {"dimensions": 256}, {"dimensions": 256}),
        ("titan-embed", {"normalize": False}, {"normalize": False}),
        ("titan-embed", {"embeddingTypes": ["binary"]}, {"embeddingTypes": ["binary"]}),
        ("titan-embed-g1", {"dimensions": 1536}, {}),
        ("titan-embed-image", {"dimensions": 384}, {"embeddingConfig": {"outputEmbeddingLength": 384}}),
        ("cohere-embed-v3", {}, {"input_type": "search_document"}),
        ("cohere-embed-v3", {"input_type": "search_query", "truncate": "NONE"}, {"input_type": "search_query"}),
        ("cohere-embed", {"dimensions": 512, "truncate": "LEFT"}, {"output_dimension": 512, "truncate": "LEFT"}),
        (
            "cohere-embed",
            {"embedding_types": ["int8"], "max_tokens": 9},
            {"embedding_types": ["int8"], "max_tokens": 9},
        ),
        ("marengo-2", {"textTruncate": "none"}, {"textTruncate": "none"}),
        ("marengo", {"inferenceId": "i"}, {"inferenceId": "i"}),
    ],
)
def test_parameters_of_the_model_reach_it(
    gateway: Gateway, emulator: Emulator, model: str, given: Json, sent: Json
) -> None:
    response = gateway.post(PATH, {"model": model, "input": "a door", **given})
    assert response.status_code == 200, response.text
    [body] = list_bodies(emulator)
    assert sent.items() <= body.items()


def test_nova_gets_the_purpose_and_the_settings_of_its_kind_of_input(gateway: Gateway, emulator: Emulator) -> None:
    more = {"input_type": "search_query", "truncationMode": "START", "dimensions": 256}
    assert gateway.post(PATH, {"model": "nova-embed", "input": "a door", **more}).status_code == 200
    [body] = list_bodies(emulator)
    assert body["singleEmbeddingParams"] == {
        "embeddingPurpose": "GENERIC_RETRIEVAL",
        "embeddingDimension": 256,
        "text": {"truncationMode": "START", "value": "a door"},
    }


@pytest.mark.parametrize(
    ("model", "more", "param"),
    [
        ("titan-embed", {"dimensions": 300}, "dimensions"),
        ("titan-embed", {"normalize": "yes"}, "normalize"),
        ("titan-embed", {"input_type": "search_query"}, "input_type"),
        ("titan-embed", {"truncate": "END"}, "truncate"),
        ("titan-embed", {"embeddingTypes": ["float", "binary"]}, "embeddingTypes"),
        ("titan-embed", {"input": ["x", "y" * 50_001]}, "input[1]"),
        ("titan-embed-g1", {"dimensions": 256}, "dimensions"),
        ("titan-embed-image", {"dimensions": 512}, "dimensions"),
        ("cohere-embed-v3", {"dimensions": 512}, "dimensions"),
        ("cohere-embed-v3", {"input_type": "query"}, "input_type"),
        ("cohere-embed-v3", {"truncate": "RIGHT"}, "truncate"),
        ("cohere-embed-v3", {"input": ["x"] * 120 + ["y" * 2049]}, "input[120]"),
        ("cohere-embed", {"dimensions": 384}, "dimensions"),
        ("cohere-embed", {"embedding_types": ["float", "int8"]}, "embedding_types"),
        ("cohere-embed", {"embedding_types": ["int4"]}, "embedding_types[0]"),
        ("cohere-embed", {"max_tokens": "many"}, "max_tokens"),
        ("nova-embed", {"dimensions": 512}, "dimensions"),
        ("nova-embed", {"input_type": "query"}, "input_type"),
        ("nova-embed", {"truncationMode": "MIDDLE"}, "truncationMode"),
        # Of images only.
        ("nova-embed", {"detailLevel": "DOCUMENT_IMAGE"}, "detailLevel"),
        ("marengo", {"dimensions": 1024}, "dimensions"),
        ("marengo", {"input_type": "search_query"}, "input_type"),
        ("marengo", {"textTruncate": "end"}, "textTruncate"),
        ("cohere-embed", {"input": ["a", ""]}, "input[1]"),
        ("cohere-embed", {"input": [{"content": [{"type": "text", "text": " "}]}]}, "input[0]"),
        ("cohere-embed", {"input": [{"content": []}]}, "input[0].content"),
        ("cohere-embed", {"input": [{"content": [{"type": "video", "video": "x"}]}]}, "input[0].content[0].type"),
        ("cohere-embed", {"input": [{"contents": [TEXT]}]}, "input[0].content"),
        ("cohere-embed", {"input": [None]}, "input[0]"),
        ("cohere-embed", {"input": 5}, "input"),
    ],
)
def test_what_the_model_cannot_take_is_refused_by_the_callers_name_before_any_call(
    gateway: Gateway, emulator: Emulator, model: str, more: Json, param: str
) -> None:
    error = find_error(gateway.post(PATH, {"model": model, "input": ["a", "b"], **more}))
    assert error["param"] == param, error
    assert emulator.calls() == []


def test_a_parameter_that_the_model_does_not_have_can_be_dropped(gateway: Gateway, emulator: Emulator) -> None:
    drop = {"x-bedrock-flask-unsupported": "drop"}
    body = {"model": "nova-embed", "input": "a", "truncate": "END", "detailLevel": "DOCUMENT_IMAGE", "user": "u"}
    response = gateway.post(PATH, body, headers=drop)
    assert response.status_code == 200, response.text
    assert {*response.headers["x-bedrock-flask-dropped"].split(", ")} == {"truncate", "detailLevel", "user"}
    assert "detailLevel" not in emulator.calls()[0]["body"]


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "image"),
    [
        ("titan-embed-image", {"inputImage": PNG}),
        ("cohere-embed-v3", {"images": [PNG_URI], "input_type": "image"}),
        ("cohere-embed", {"inputs": [{"content": [IMAGE]}], "input_type": "search_document"}),
        ("marengo-2", {"inputType": "image", "mediaSource": {"base64String": PNG}}),
        ("marengo", {"inputType": "image", "image": {"mediaSource": {"base64String": PNG}}}),
    ],
)
def test_an_image_is_an_input_by_its_uri_or_as_a_part(
    gateway: Gateway, emulator: Emulator, model: str, image: Json
) -> None:
    by_parts = [{"content": [IMAGE]}, {"content": [{"type": "image_url", "image_url": PNG_URI}]}]
    response = gateway.post(PATH, {"model": model, "input": ["a door", PNG_URI, *by_parts, "a road"]})
    assert response.status_code == 200, response.text
    vectors = [each["embedding"] for each in response.json()["data"]]
    assert vectors[1] == vectors[2] == vectors[3]
    assert vectors[0] != vectors[4] != vectors[1] != vectors[0]
    assert [body for body in list_bodies(emulator) if PNG in json.dumps(body)] == [image] * 3


def test_nova_gets_an_image_in_its_format(gateway: Gateway, emulator: Emulator) -> None:
    body = {"model": "nova-embed", "input": {"content": [IMAGE]}, "detailLevel": "DOCUMENT_IMAGE"}
    assert gateway.post(PATH, body).status_code == 200
    image = list_bodies(emulator)[0]["singleEmbeddingParams"]["image"]
    assert image == {"format": "png", "source": {"bytes": PNG}, "detailLevel": "DOCUMENT_IMAGE"}


@pytest.mark.parametrize(
    ("model", "content", "sent"),
    [
        ("titan-embed-image", [TEXT, IMAGE], {"inputText": "a door", "inputImage": PNG}),
        (
            "cohere-embed",
            [TEXT, IMAGE, TEXT],
            {"inputs": [{"content": [TEXT, IMAGE, TEXT]}], "input_type": "search_document"},
        ),
        (
            "marengo",
            [IMAGE, TEXT],
            {"inputType": "text_image", "text_image": {"mediaSource": {"base64String": PNG}, "inputText": "a door"}},
        ),
        (
            "marengo",
            [IMAGE, IMAGE],
            {
                "inputType": "multi_input",
                "multi_input": {"mediaSources": [{"mediaType": "image", "base64String": PNG}] * 2},
            },
        ),
    ],
)
def test_a_text_and_images_get_one_vector_together(
    gateway: Gateway, emulator: Emulator, model: str, content: list[Json], sent: Json
) -> None:
    response = gateway.post(PATH, {"model": model, "input": [{"content": content}]})
    assert response.status_code == 200, response.text
    assert len(response.json()["data"]) == 1
    assert list_bodies(emulator) == [sent]


@pytest.mark.parametrize(
    ("model", "given", "param", "words"),
    [
        ("titan-embed", PNG_URI, "input", "takes texts only"),
        ("titan-embed", ["a", {"content": [TEXT, IMAGE]}], "input[1]", "takes texts only"),
        ("cohere-embed-v3", [{"content": [TEXT, IMAGE]}], "input[0]", "not both"),
        ("nova-embed", {"content": [IMAGE, IMAGE]}, "input", "not both"),
        ("titan-embed-image", [{"content": [IMAGE, TEXT, IMAGE]}], "input[0]", "not several images"),
        ("cohere-embed", ["a", f"data:image/png;base64,{JPEG}"], "input[1]", "its content is jpeg"),
        # Its own body does not say what an image is.
        ("titan-embed-image", f"data:image/png;base64,{JPEG}", "input", "its content is jpeg"),
        (
            "cohere-embed",
            [{"content": [TEXT, {"type": "image_url", "image_url": {"url": f"data:image/webp;base64,{PNG}"}}]}],
            "input[0].content[1].image_url.url",
            "its content is png",
        ),
        ("cohere-embed", "data:image/png;base64,JVBERi0xLjQ=", "input", "must be a PNG, JPEG, GIF or WebP"),
        ("cohere-embed", "data:image/svg+xml;base64,PHN2Zy8+", "input", "unsupported media type"),
        ("cohere-embed", "data:image/png;base64,???", "input", "not base64"),
        ("cohere-embed", "data:image/png;base64,", "input", "no content"),
        (
            "cohere-embed-v3",
            f"data:image/gif;base64,{base64.b64encode(b'GIF89a' + b'0' * 9).decode()}",
            "input",
            "media",
        ),
        (
            "cohere-embed",
            [{"content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}],
            "input[0].content[0].image_url.url",
            "does not fetch",
        ),
    ],
)
def test_an_image_that_the_model_cannot_take_is_refused_by_its_place(
    gateway: Gateway, emulator: Emulator, model: str, given: Any, param: str, words: str
) -> None:
    error = find_error(gateway.post(PATH, {"model": model, "input": given}))
    assert (error["param"], words in error["message"]) == (param, True), error
    assert emulator.calls() == []


def test_an_image_that_is_too_large_for_the_model_is_refused(patient: Gateway, emulator: Emulator) -> None:
    image = PNG_URI.rstrip("=") + "A" * 8_000_002
    for model in ("cohere-embed", "cohere-embed-v3", "marengo", "marengo-2"):
        error = find_error(patient.post(PATH, {"model": model, "input": ["a", image]}))
        assert (error["param"], "at most 5 MB" in error["message"]) == ("input[1]", True)
    assert emulator.calls() == []


def test_an_image_of_a_hundred_megabytes_is_refused(gateway: Gateway, patient: Gateway) -> None:
    body = {"model": "titan-embed-image", "input": PNG_URI.rstrip("=") + "A" * 134_000_002}
    response = gateway.post(PATH, body)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")
    error = find_error(patient.post(PATH, body))
    assert (error["param"], "at most 25 MB" in error["message"]) == ("input", True)


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def answering(start_gateway: StartGateway, upstream: Upstream) -> Gateway:
    return start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url)


def test_vectors_of_integers_are_floats_in_base64(gateway: Gateway) -> None:
    body = {"model": "cohere-embed", "input": "a", "embedding_types": ["int8"], "dimensions": 256}
    [plain] = gateway.post(PATH, body).json()["data"]
    [packed] = gateway.post(PATH, {**body, "encoding_format": "base64"}).json()["data"]
    assert all(isinstance(number, int) for number in plain["embedding"])
    assert list(struct.unpack("<256f", base64.b64decode(packed["embedding"]))) == plain["embedding"]


@pytest.mark.parametrize("path", [PATH, "/v1/models/titan-embed-image/invoke", "/model/titan-embed-image/invoke"])
def test_a_message_of_titan_multimodal_is_an_error_on_every_route(
    answering: Gateway, upstream: Upstream, whole: SendWhole, path: str
) -> None:
    upstream.scripts.append(whole(b'{"embedding":null,"inputTextTokenCount":0,"message":"The image is broken."}'))
    body = {"model": "titan-embed-image", "input": "a"} if path == PATH else {"inputText": "a"}
    response = answering.post(path, body)
    assert response.status_code in (424, 502), response.text
    assert "The image is broken." in response.text


def test_tokens_of_all_calls_are_added_up_from_bodies_or_headers(
    answering: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    counted = whole(b'{"embeddings":[[0.5]]}', x_amzn_bedrock_input_token_count="7")
    upstream.scripts += [counted, counted]
    body = {"model": "cohere-embed", "input": [PNG_URI, PNG_URI]}
    assert answering.post(PATH, body).json()["usage"] == {"prompt_tokens": 14, "total_tokens": 14}
    upstream.scripts += [whole(b'{"embedding":[0.5],"inputTextTokenCount":4}')] * 2
    body = {"model": "titan-embed", "input": ["a", "b"]}
    assert answering.post(PATH, body).json()["usage"] == {"prompt_tokens": 8, "total_tokens": 8}


@pytest.mark.parametrize(
    ("model", "count", "refused", "place"),
    [("titan-embed", 4, 2, "input[2]"), ("cohere-embed-v3", 100, 98, "input[96] to input[99]")],
)
def test_an_input_that_bedrock_refuses_fails_the_whole_with_its_index(
    gateway: Gateway, model: str, count: int, refused: int, place: str
) -> None:
    texts = [f"text {number}" for number in range(count)]
    texts[refused] = "[[error ValidationException]]"
    error = find_error(gateway.post(PATH, {"model": model, "input": texts}))
    assert error["param"] == place.partition(" ")[0]
    assert f"(in the call for {place})" in error["message"]


# --- models that make something else ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}),
        ("/v1/responses", {"input": "x"}),
        ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}),
    ],
)
@pytest.mark.parametrize("model", ["cohere-embed", "amazon.nova-2-multimodal-embeddings-v1:0", "marengo"])
def test_a_chat_with_an_embedding_model_is_refused_with_the_route_that_fits(
    gateway: Gateway, emulator: Emulator, model: str, path: str, body: Json
) -> None:
    response = gateway.post(path, {"model": model, **body})
    assert response.status_code == 400
    assert f"'{model}' makes embeddings, not text; use POST /v1/embeddings" in response.text
    assert emulator.calls() == []


def test_a_chat_model_makes_no_vectors(gateway: Gateway, emulator: Emulator) -> None:
    error = find_error(gateway.post(PATH, {"model": "nova", "input": "x"}))
    assert error["message"].startswith("'nova' makes text, not embeddings; use POST /v1/chat/completions")
    assert emulator.calls() == []


@pytest.mark.parametrize("path", ["/v1/models/{}/invoke", "/model/{}/invoke"])
def test_bedrocks_own_body_is_checked_on_its_own_routes(gateway: Gateway, emulator: Emulator, path: str) -> None:
    response = gateway.post(path.format("cohere-embed"), {"texts": ["a"], "input_type": "search_document"})
    assert (response.status_code, len(response.json()["embeddings"][0])) == (200, 1536)
    response = gateway.post(path.format("nova-embed"), {"taskType": "SEGMENTED_EMBEDDING"})
    assert response.status_code == 400
    assert "taskType" in response.text
    assert "StartAsyncInvoke" in response.text


@pytest.mark.parametrize("encoding", ["float", "base64"])
@pytest.mark.parametrize("vector", ["a text", ["x"], [[]], [True], [0.1, None], [{}], 5])
def test_what_is_not_a_vector_of_numbers_is_no_answer(
    gateway: Gateway, emulator: Emulator, vector: Any, encoding: str
) -> None:
    reply = {"embedding": vector, "inputTextTokenCount": 1}
    assert emulator.post("/_emulator/replies", {"times": 1, "body": reply}).ok
    response = gateway.post("/v1/embeddings", {"model": "titan-embed", "input": "a", "encoding_format": encoding})
    assert response.status_code == 502, response.text


def test_a_number_that_no_vector_can_have_is_no_answer(gateway: Gateway, emulator: Emulator) -> None:
    reply = {"embedding": [1e300], "inputTextTokenCount": 1}
    assert emulator.post("/_emulator/replies", {"times": 1, "body": reply}).ok
    response = gateway.post("/v1/embeddings", {"model": "titan-embed", "input": "a", "encoding_format": "base64"})
    assert (response.status_code, response.json()["error"]["code"]) == (502, "upstream_protocol")


def test_an_answer_without_vectors_of_any_type_is_none(gateway: Gateway, emulator: Emulator) -> None:
    assert emulator.post("/_emulator/replies", {"times": 1, "body": {"embeddings": {}}}).ok
    response = gateway.post("/v1/embeddings", {"model": "cohere-embed", "input": "a"})
    assert (response.status_code, response.json()["error"]["code"]) == (502, "upstream_truncated")
