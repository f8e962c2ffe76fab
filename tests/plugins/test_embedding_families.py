"""The embedding families: bodies as AWS publishes them fit, altered ones are refused at the right path."""

import base64
from typing import Any

import pytest

from bedrock_flask.models.loading import load_registry
from bedrock_flask.wires import find_wire

Json = dict[str, Any]
REGISTRY = load_registry()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"0" * 60).decode()
PNG_URI = f"data:image/png;base64,{PNG}"
S3 = {"s3Location": {"uri": "s3://amzn-s3-demo-bucket/dog.jpg", "bucketOwner": "123456789012"}}
FIXED = {"method": "fixed", "fixed": {"durationSec": 5}}


class Engine:
    """Vectors that depend on the text, and words as tokens."""

    def converse(self, request: Json) -> Any:
        raise NotImplementedError

    def embed(self, text: str, dimensions: int) -> list[float]:
        return [(hash(text) % 7 - 3) / 4 or 0.5, -0.5] * (dimensions // 2)

    def count(self, text: str) -> int:
        return len(text.split())


def nova(kind: str, content: Json, task: str = "SINGLE_EMBEDDING", **more: Any) -> Json:
    name = "singleEmbeddingParams" if task == "SINGLE_EMBEDDING" else "segmentedEmbeddingParams"
    return {"taskType": task, name: {"embeddingPurpose": "GENERIC_INDEX", kind: content, **more}}


def segmented(kind: str, content: Json, **more: Any) -> Json:
    return nova(kind, content, "SEGMENTED_EMBEDDING", **more)


HELLO = {"truncationMode": "END", "value": "Hello"}
VIDEO = {"format": "mp4", "embeddingMode": "AUDIO_VIDEO_COMBINED", "source": {"s3Location": {"uri": "s3://b/v.mp4"}}}
SECONDS = {"segmentationConfig": {"durationSeconds": 15}}
# (adapter, surface, body)
FITTING = [
    ("titan-embed-g1", "invoke", {"inputText": "What are the services?"}),
    ("titan-embed", "invoke", {"inputText": "x"}),
    ("titan-embed", "invoke", {"inputText": "x", "embeddingTypes": ["binary"]}),
    ("titan-embed", "invoke", {"inputText": "x", "dimensions": 512, "normalize": False, "embeddingTypes": ["float"]}),
    ("titan-embed", "invoke", {"inputText": "x" * 50_000}),
    ("titan-embed-image", "invoke", {"inputText": "x", "embeddingConfig": {"outputEmbeddingLength": 384}}),
    ("titan-embed-image", "invoke", {"inputImage": PNG}),
    ("titan-embed-image", "invoke", {"inputText": "x", "inputImage": JPEG, "embeddingConfig": {}}),
    ("cohere-embed-v3", "invoke", {"texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["int8"]}),
    ("cohere-embed-v3", "invoke", {"images": [PNG_URI], "input_type": "image", "embedding_types": ["int8", "float"]}),
    # AWS's example names the media type so.
    ("cohere-embed-v3", "invoke", {"images": [f"data:image/jpg;base64,{JPEG}"], "input_type": "image"}),
    ("cohere-embed-v3", "invoke", {"texts": ["x"] * 96, "input_type": "clustering", "truncate": "NONE"}),
    ("cohere-embed", "invoke", {"texts": ["a"], "input_type": "search_document"}),
    ("cohere-embed", "invoke", {"images": [PNG_URI] * 2, "input_type": "search_document", "output_dimension": 256}),
    (
        "cohere-embed",
        "invoke",
        {
            "input_type": "search_document",
            "inputs": [
                {
                    "content": [
                        {"type": "text", "text": "A chart."},
                        {"type": "image_url", "image_url": {"url": PNG_URI}},
                        {"type": "image_url", "image_url": PNG_URI},
                    ]
                }
            ],
            "embedding_types": ["int8", "float"],
            "output_dimension": 512,
            "truncate": "RIGHT",
            "max_tokens": 128000,
        },
    ),
    ("nova-embed", "invoke", {"schemaVersion": "nova-multimodal-embed-v1", **nova("text", HELLO)}),
    ("nova-embed", "invoke", nova("text", {"truncationMode": "NONE", "source": {"s3Location": {"uri": "s3://b/k"}}})),
    ("nova-embed", "invoke", nova("image", {"format": "png", "source": {"bytes": PNG}}, embeddingDimension=384)),
    (
        "nova-embed",
        "invoke",
        nova(
            "image", {"format": "jpeg", "detailLevel": "DOCUMENT_IMAGE", "source": {"s3Location": {"uri": "s3://b/k"}}}
        ),
    ),
    ("nova-embed", "invoke", nova("audio", {"format": "wav", "source": {"bytes": "UklGRg=="}})),
    ("nova-embed", "invoke", nova("video", {**VIDEO, "embeddingMode": "AUDIO_VIDEO_SEPARATE"})),
    # A version that AWS's own programs have.
    (
        "nova-embed",
        "async-invoke",
        {"schemaVersion": "amazon.nova-embedding-v1:0", **segmented("video", {**VIDEO, **SECONDS})},
    ),
    (
        "nova-embed",
        "async-invoke",
        segmented("text", {**HELLO, "segmentationConfig": {"maxLengthChars": 800}}, embeddingDimension=3072),
    ),
    ("nova-embed", "async-invoke", segmented("audio", {"format": "mp3", "source": S3, **SECONDS})),
    ("nova-embed", "async-invoke", segmented("image", {"format": "webp", "source": S3})),
    ("marengo-2", "invoke", {"inputType": "text", "inputText": "a dog", "textTruncate": "none"}),
    ("marengo-2", "invoke", {"inputType": "image", "mediaSource": {"base64String": "example-base64-image"}}),
    ("marengo-2", "invoke", {"inputType": "image", "mediaSource": S3}),
    ("marengo-2", "invoke", {"inputType": "text", "inputText": "a dog", "embeddingOption": "visual-text"}),
    (
        "marengo-2",
        "async-invoke",
        {
            "inputType": "video",
            "mediaSource": S3,
            "startSec": 0,
            "lengthSec": 13.5,
            "useFixedLengthSec": 5,
            "minClipSec": 4,
            "embeddingOption": ["visual-text", "audio"],
        },
    ),
    ("marengo-2", "async-invoke", {"inputType": "audio", "mediaSource": S3, "useFixedLengthSec": 10}),
    ("marengo", "invoke", {"inputType": "text", "text": {"inputText": "a dog"}, "inferenceId": "i"}),
    ("marengo", "invoke", {"inputType": "image", "image": {"mediaSource": S3}}),
    ("marengo", "invoke", {"inputType": "text_image", "text_image": {"inputText": "a", "mediaSource": S3}}),
    (
        "marengo",
        "invoke",
        {
            "inputType": "multi_input",
            "multi_input": {
                "inputText": "<@img1> walks with <@img2>",
                "mediaSources": [
                    {"name": "img1", "mediaType": "image", **S3},
                    {"name": "img2", "mediaType": "image", "base64String": PNG},
                ],
            },
        },
    ),
    # As AWS's guide to migration has it: one name beside the input, and the parts of an address.
    ("marengo", "invoke", {"inputType": "text", "text": {"inputText": "a"}, "embeddingOption": "visual"}),
    (
        "marengo",
        "async-invoke",
        {
            "inputType": "video",
            "video": {"mediaSource": {"s3Location": {"bucketName": "b", "objectKey": "k"}}},
            "embeddingOption": "transcription",
        },
    ),
    (
        "marengo",
        "async-invoke",
        {
            "inputType": "video",
            "video": {
                "mediaSource": S3,
                "startSec": 10,
                "endSec": 20,
                "segmentation": {"method": "dynamic", "dynamic": {"minDurationSec": 4}},
                "embeddingOption": ["visual", "audio"],
                "embeddingType": ["separate_embedding", "fused_embedding"],
                "embeddingScope": ["clip", "asset"],
            },
        },
    ),
    (
        "marengo",
        "async-invoke",
        {
            "inputType": "audio",
            "audio": {
                "mediaSource": S3,
                "segmentation": FIXED,
                "embeddingOption": ["audio", "transcription"],
                "embeddingType": ["fused_embedding"],
            },
        },
    ),
]
TEXTS = {"texts": ["a"], "input_type": "search_document"}
# (adapter, surface, body, path)
UNFIT = [
    ("titan-embed-g1", "invoke", {"inputText": "x", "dimensions": 1536}, "dimensions"),
    ("titan-embed-g1", "invoke", {"inputtext": "x"}, "inputText"),
    ("titan-embed", "invoke", {"inputText": "x" * 50_001}, "inputText"),
    ("titan-embed", "invoke", {"inputText": "x", "embeddingTypes": "float"}, "embeddingTypes"),
    ("titan-embed", "invoke", {"inputText": "x", "embeddingTypes": ["int8"]}, "embeddingTypes[0]"),
    ("titan-embed-image", "invoke", {"embeddingConfig": {}}, "inputText"),
    (
        "titan-embed-image",
        "invoke",
        {"inputText": "x", "embeddingConfig": {"outputEmbeddingLength": 512}},
        "embeddingConfig.outputEmbeddingLength",
    ),
    ("titan-embed-image", "invoke", {"inputImage": "A" * 36_000_000}, "inputImage"),
    ("titan-embed-image", "invoke", {"inputImage": "a house, as text"}, "inputImage"),
    ("cohere-embed-v3", "invoke", {"texts": ["a"]}, "input_type"),
    ("cohere-embed-v3", "invoke", {**TEXTS, "images": [PNG_URI]}, "images"),
    ("cohere-embed-v3", "invoke", {"input_type": "search_query"}, "texts"),
    ("cohere-embed-v3", "invoke", {"texts": ["a"] * 97, "input_type": "search_query"}, "texts"),
    ("cohere-embed-v3", "invoke", {"texts": ["a", "b" * 2049], "input_type": "search_query"}, "texts[1]"),
    ("cohere-embed-v3", "invoke", {**TEXTS, "truncate": "RIGHT"}, "truncate"),
    ("cohere-embed-v3", "invoke", {**TEXTS, "output_dimension": 1024}, "output_dimension"),
    ("cohere-embed-v3", "invoke", {"images": [PNG], "input_type": "image"}, "images[0]"),
    ("cohere-embed-v3", "invoke", {"images": [f"data:image/gif;base64,{PNG}"], "input_type": "image"}, "images[0]"),
    ("cohere-embed-v3", "invoke", {"images": [f"data:image/png;base64,{JPEG}"], "input_type": "image"}, "images[0]"),
    ("cohere-embed-v3", "invoke", {"images": ["data:image/png;base64,a house"], "input_type": "image"}, "images[0]"),
    ("cohere-embed-v3", "invoke", {"images": [PNG_URI, PNG_URI], "input_type": "image"}, "images"),
    ("cohere-embed", "invoke", {**TEXTS, "input_type": "image"}, "input_type"),
    ("cohere-embed", "invoke", {**TEXTS, "truncate": "END"}, "truncate"),
    ("cohere-embed", "invoke", {**TEXTS, "output_dimension": 384}, "output_dimension"),
    ("cohere-embed", "invoke", {**TEXTS, "embedding_types": ["float", "int4"]}, "embedding_types[1]"),
    ("cohere-embed", "invoke", {**TEXTS, "images": [PNG_URI]}, "images"),
    (
        "cohere-embed",
        "invoke",
        {"input_type": "search_document", "inputs": [{"content": [{"type": "text", "txt": "x"}]}]},
        "inputs[0].content[0].text",
    ),
    (
        "cohere-embed",
        "invoke",
        {
            "input_type": "search_document",
            "inputs": [{"content": [{"type": "image_url", "image_url": {"url": f"data:image/webp;base64,{PNG}"}}]}],
        },
        "inputs[0].content[0].image_url.url",
    ),
    ("nova-embed", "invoke", segmented("video", {**VIDEO, **SECONDS}), "taskType"),
    ("nova-embed", "async-invoke", nova("text", HELLO), "taskType"),
    ("nova-embed", "invoke", nova("text", HELLO, embeddingDimension=512), "singleEmbeddingParams.embeddingDimension"),
    ("nova-embed", "invoke", nova("text", {"value": "x"}), "singleEmbeddingParams.text.truncationMode"),
    ("nova-embed", "invoke", nova("text", {"truncationMode": "END"}), "singleEmbeddingParams.text"),
    ("nova-embed", "invoke", nova("text", HELLO, image={"format": "png", "source": S3}), "singleEmbeddingParams"),
    (
        "nova-embed",
        "invoke",
        nova("image", {"format": "png", "source": {"bytes": JPEG}}),
        "singleEmbeddingParams.image.source.bytes",
    ),
    (
        "nova-embed",
        "invoke",
        nova("image", {"format": "png", "source": {"bytes": "a house, as text"}}),
        "singleEmbeddingParams.image.source.bytes",
    ),
    (
        "nova-embed",
        "invoke",
        nova("image", {"format": "jpg", "source": {"bytes": JPEG}}),
        "singleEmbeddingParams.image.format",
    ),
    ("nova-embed", "invoke", {"taskType": "SINGLE_EMBEDDING"}, "singleEmbeddingParams"),
    (
        "nova-embed",
        "async-invoke",
        segmented("text", {**HELLO, "segmentationConfig": {"maxLengthChars": 799}}),
        "segmentedEmbeddingParams.text.segmentationConfig.maxLengthChars",
    ),
    (
        "nova-embed",
        "async-invoke",
        segmented("video", {**VIDEO, "segmentationConfig": {"durationSeconds": 31}}),
        "segmentedEmbeddingParams.video.segmentationConfig.durationSeconds",
    ),
    ("marengo-2", "invoke", {"inputType": "video", "mediaSource": S3}, "inputType"),
    ("marengo-2", "invoke", {"inputType": "text"}, "inputText"),
    ("marengo-2", "invoke", {"inputType": "image"}, "mediaSource"),
    (
        "marengo-2",
        "invoke",
        {"inputType": "image", "mediaSource": {"base64String": "a house, as text"}},
        "mediaSource.base64String",
    ),
    ("marengo-2", "invoke", {"inputType": "text", "text": {"inputText": "a"}}, "inputText"),
    (
        "marengo-2",
        "async-invoke",
        {"inputType": "video", "mediaSource": S3, "useFixedLengthSec": 11},
        "useFixedLengthSec",
    ),
    (
        "marengo-2",
        "async-invoke",
        {"inputType": "video", "mediaSource": S3, "useFixedLengthSec": 2, "minClipSec": 3},
        "useFixedLengthSec",
    ),
    ("marengo", "invoke", {"inputType": "audio", "audio": {"mediaSource": S3}}, "inputType"),
    ("marengo", "invoke", {"inputType": "text", "inputText": "a"}, "text"),
    ("marengo", "invoke", {"inputType": "image", "image": {"mediaSource": {}}}, "image.mediaSource"),
    (
        "marengo",
        "invoke",
        {"inputType": "image", "image": {"mediaSource": {"s3Location": {}}}},
        "image.mediaSource.s3Location.uri",
    ),
    (
        "marengo",
        "invoke",
        {"inputType": "image", "image": {"mediaSource": {"base64String": "A" * 8_000_000}}},
        "image.mediaSource.base64String",
    ),
    (
        "marengo",
        "invoke",
        {
            "inputType": "multi_input",
            "multi_input": {"inputText": "<@dog>", "mediaSources": [{"name": "cat", "mediaType": "image", **S3}]},
        },
        "multi_input.inputText",
    ),
    (
        "marengo",
        "invoke",
        {"inputType": "multi_input", "multi_input": {"mediaSources": [{"mediaType": "image"}]}},
        "multi_input.mediaSources[0]",
    ),
    (
        "marengo",
        "async-invoke",
        {
            "inputType": "video",
            "video": {"mediaSource": S3, "embeddingOption": ["visual"], "embeddingType": ["fused_embedding"]},
        },
        "video.embeddingOption",
    ),
    (
        "marengo",
        "async-invoke",
        {
            "inputType": "video",
            "video": {"mediaSource": S3, "embeddingOption": "visual", "embeddingType": ["fused_embedding"]},
        },
        "video.embeddingOption",
    ),
    (
        "marengo",
        "async-invoke",
        {"inputType": "video", "video": {"mediaSource": S3, "segmentation": {"fixed": {"durationSec": 11}}}},
        "video.segmentation.fixed.durationSec",
    ),
]


@pytest.mark.parametrize(("name", "surface", "body"), FITTING)
def test_a_body_as_aws_publishes_it_fits_and_is_answered(name: str, surface: str, body: Json) -> None:
    adapter = REGISTRY.adapters[name]
    assert adapter.find_faults(body, surface) == []
    assert adapter.emulate is not None
    assert adapter.answer is not None
    reply = adapter.emulate(body, Engine())
    if surface == "invoke":
        assert adapter.answer().validate(reply) == {}
        assert find_wire(adapter).is_complete(reply)


@pytest.mark.parametrize(("name", "surface", "body", "path"), UNFIT)
def test_an_altered_one_is_refused_at_its_path(name: str, surface: str, body: Json, path: str) -> None:
    assert path in [fault.path for fault in REGISTRY.adapters[name].find_faults(body, surface)]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("amazon.titan-embed-text-v1", "titan-embed-g1"),
        ("amazon.titan-embed-text-v1:2:8k", "titan-embed-g1"),
        ("amazon.titan-embed-g1-text-02", "titan-embed-g1"),
        ("amazon.titan-embed-text-v2:0:8k", "titan-embed"),
        ("amazon.titan-embed-image-v1:0", "titan-embed-image"),
        ("cohere.embed-english-v3", "cohere-embed-v3"),
        ("cohere.embed-multilingual-v3:0:512", "cohere-embed-v3"),
        ("global.cohere.embed-v4:0", "cohere-embed"),
        ("amazon.nova-2-multimodal-embeddings-v1:0", "nova-embed"),
        ("us.twelvelabs.marengo-embed-3-0-v1:0", "marengo"),
        ("apac.twelvelabs.marengo-embed-2-7-v1:0", "marengo-2"),
    ],
)
def test_an_id_goes_to_its_family(model: str, name: str) -> None:
    adapter, capabilities = REGISTRY.pick(model)
    assert (adapter.name, capabilities.output, capabilities.streaming) == (name, "embedding", False)


@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("titan-embed", {256, 512, 1024}),
        ("titan-embed-g1", {1536}),
        ("titan-embed-image", {256, 384, 1024}),
        ("cohere-embed", {256, 512, 1024, 1536}),
        ("cohere-embed-v3", {1024}),
        ("nova-embed", {256, 384, 1024, 3072}),
        ("marengo", {512}),
        ("marengo-2", {1024}),
    ],
)
def test_the_first_of_its_dimensions_is_what_a_model_answers_by_default(name: str, lengths: set[int]) -> None:
    adapter = REGISTRY.adapters[name]
    assert adapter.encode is not None
    assert adapter.decode is not None
    assert adapter.emulate is not None
    body = adapter.encode({"messages": [{"role": "user", "content": [{"text": "a door"}]}]})
    [vector] = adapter.decode(adapter.emulate(body, Engine()))["embeddings"]
    [capabilities] = {*adapter.models.values()}
    assert (len(vector), {*capabilities.dimensions}) == (capabilities.dimensions[0], lengths)


def test_cohere_answers_a_list_and_with_types_an_object() -> None:
    adapter = REGISTRY.adapters["cohere-embed-v3"]
    assert adapter.emulate is not None
    assert adapter.decode is not None
    plain = adapter.emulate(TEXTS, Engine())
    assert (plain["response_type"], len(plain["embeddings"][0])) == ("embeddings_floats", 1024)
    types = ["float", "int8", "uint8", "binary", "ubinary"]
    typed = adapter.emulate({**TEXTS, "embedding_types": types}, Engine())
    assert typed["response_type"] == "embeddings_by_type"
    assert {kind: len(vectors[0]) for kind, vectors in typed["embeddings"].items()} == {
        "float": 1024,
        "int8": 1024,
        "uint8": 1024,
        "binary": 128,
        "ubinary": 128,
    }
    assert all(-128 <= number < 128 for kind in ("int8", "binary") for number in typed["embeddings"][kind][0])
    assert all(0 <= number < 256 for kind in ("uint8", "ubinary") for number in typed["embeddings"][kind][0])
    assert adapter.decode(typed)["embeddings"] == typed["embeddings"]["float"] == plain["embeddings"]
    del typed["embeddings"]["float"]
    assert adapter.decode(typed)["embeddings"] == typed["embeddings"]["int8"]


@pytest.mark.parametrize("uri", [PNG_URI, f"DATA:image/PNG;base64,{PNG}"])
def test_an_image_of_cohere_v3_is_described(uri: str) -> None:
    adapter = REGISTRY.adapters["cohere-embed-v3"]
    assert adapter.emulate is not None
    body = {"images": [uri], "input_type": "image"}
    assert adapter.find_faults(body) == []
    reply = adapter.emulate(body, Engine())
    assert (reply["texts"], reply["images"]) == ([], [{"width": 1, "height": 1, "format": "png", "bit_depth": 8}])


def test_a_message_of_titan_multimodal_is_an_error_whatever_else_there_is() -> None:
    adapter = REGISTRY.adapters["titan-embed-image"]
    wire = find_wire(adapter)
    whole = {"embedding": [0.5], "inputTextTokenCount": 1, "message": None}
    assert wire.is_complete(whole)
    for reply in ({"message": "Bad image."}, {**whole, "message": "Bad image."}):
        assert not wire.is_complete(reply)
        assert wire.find_error(reply) == {"type": "ModelErrorException", "message": "Bad image."}


@pytest.mark.parametrize("data", [{"embedding": [1]}, [{"embedding": [1]}]])
def test_marengos_vector_is_found_in_each_published_form(data: Any) -> None:
    adapter = REGISTRY.adapters["marengo"]
    assert adapter.decode is not None
    assert adapter.decode({"data": data}) == {"embeddings": [[1]]}
    assert adapter.decode({"embedding": [1], "startSec": 0}) == {"embeddings": [[1]]}


def test_nova_emulates_a_vector_of_a_text_without_characters() -> None:
    reply = REGISTRY.adapters["nova-embed"].emulate(nova("text", {"truncationMode": "NONE", "value": ""}), Engine())
    assert len(reply["embeddings"]) == 1


def test_nova_knows_coheres_names_for_a_purpose() -> None:
    place: Any = REGISTRY.adapters["nova-embed"].extras["input_type"]
    assert place("search_query", {}) == {"additionalModelRequestFields": {"embeddingPurpose": "GENERIC_RETRIEVAL"}}
    assert place("IMAGE_RETRIEVAL", {}) == {"additionalModelRequestFields": {"embeddingPurpose": "IMAGE_RETRIEVAL"}}
    with pytest.raises(ValueError, match="must be one of"):
        place("query", {})


def test_a_video_of_marengo_has_vectors_of_its_clips_and_of_the_whole() -> None:
    adapter = REGISTRY.adapters["marengo"]
    assert adapter.emulate is not None
    video = {"mediaSource": S3, "embeddingOption": ["visual", "audio"], "embeddingScope": ["clip"]}
    data = adapter.emulate({"inputType": "video", "video": video}, Engine())["data"]
    assert {(each["embeddingOption"], each["embeddingScope"]) for each in data} == {
        ("visual", "clip"),
        ("audio", "clip"),
    }
    assert [each["startSec"] for each in data] == [0, 0, 6, 6]
