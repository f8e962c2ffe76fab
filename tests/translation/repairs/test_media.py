"""Images and documents."""

import base64
from typing import Any

import pytest

from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.documents import TEXT

Json = dict[str, Any]

ABLE = Capabilities(tools=True, images=True, documents=True)
HEADS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def image(form: str, data: bytes) -> Json:
    return {"image": {"format": form, "source": {"bytes": encoded(data)}}}


def document(name: str) -> Json:
    return {"document": {"format": "txt", "name": name, "source": {"text": "x"}}}


def content(*blocks: Json) -> list[Json]:
    request = {"messages": [{"role": "user", "content": list(blocks)}]}
    told = apply_repairs(request, ABLE)
    assert told.reported == ()
    assert find_faults(Body(), told.request) == []
    return list(told.request["messages"][0]["content"])


def names(*said: str) -> list[str]:
    return [block["document"]["name"] for block in content({"text": "Read"}, *map(document, said))[1:]]


@pytest.mark.parametrize("label", ["png", "jpeg", "jpg"])
@pytest.mark.parametrize("form", HEADS)
def test_an_image_is_called_what_its_bytes_are(form: str, label: str) -> None:
    data = HEADS[form] + 500 * b"\0"
    assert content(image(label, data)) == [image(form, data)]


def test_a_very_small_image_is_told_by_its_first_bytes() -> None:
    assert content(image("png", b"GIF87a")) == [image("gif", b"GIF87a")]


@pytest.mark.parametrize(
    "source", [encoded(b"BM" + 60 * b"\0"), encoded(b"<svg xmlns="), encoded(b"%PDF-1.7"), "§§§", "AAA", "a b\n"]
)
def test_bytes_that_are_no_image_for_bedrock_are_refused(source: str) -> None:
    bad = {"image": {"format": "png", "source": {"bytes": source}}}
    messages = [
        {"role": "user", "content": [{"text": "Hi"}, bad]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [bad]}}]},
    ]
    with pytest.raises(InvalidBody) as error:
        apply_repairs({"messages": messages}, ABLE)
    assert [fault.path for fault in error.value.fields] == [
        "messages[0].content[1].image.source.bytes",
        "messages[1].content[0].toolResult.content[0].image.source.bytes",
    ]


def test_an_image_that_lies_in_s3_keeps_its_label_but_for_a_misnomer() -> None:
    source = {"s3Location": {"uri": "s3://b/k"}}
    assert content({"image": {"format": "jpg", "source": source}}) == [{"image": {"format": "jpeg", "source": source}}]
    assert content({"image": {"format": "gif", "source": source}}) == [{"image": {"format": "gif", "source": source}}]


def test_a_lone_document_has_a_text_beside_it() -> None:
    point = {"cachePoint": {"type": "default"}}
    assert content(document("a"), document("b")) == [document("a"), document("b"), {"text": TEXT}]
    able = ABLE.but(cache=True)
    request = {"messages": [{"role": "user", "content": [document("a"), point]}]}
    assert apply_repairs(request, able).request["messages"][0]["content"] == [document("a"), {"text": TEXT}, point]


def test_a_text_in_the_same_turn_is_enough() -> None:
    request = {
        "messages": [{"role": "user", "content": [document("a")]}, {"role": "user", "content": [{"text": "Sum up"}]}]
    }
    assert apply_repairs(request, ABLE).request["messages"] == [
        {"role": "user", "content": [document("a"), {"text": "Sum up"}]}
    ]


def test_documents_of_one_name_get_numbers() -> None:
    assert names("a", "a", "b", "a") == ["a", "a (2)", "b", "a (3)"]
    assert names("a", "a", "a (2)") == ["a", "a (2)", "a (2) (2)"]
    assert names(200 * "a", 200 * "a") == [200 * "a", f"{196 * 'a'} (2)"]


def test_documents_of_one_name_in_several_turns_and_results_get_numbers() -> None:
    result = {"toolResult": {"toolUseId": "t", "content": [document("a")]}}
    request = {
        "messages": [
            {"role": "user", "content": [document("a"), {"text": "x"}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}]},
            {"role": "user", "content": [result]},
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "n", "inputSchema": {"json": {"type": "object"}}}}]},
    }
    last = apply_repairs(request, ABLE).request["messages"][2]["content"][0]
    assert last["toolResult"]["content"][0]["document"]["name"] == "a (2)"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Résumé_2026.pdf", "Resume 2026 pdf"),
        ("a  b\tc", "a b c"),
        ("報告", "document"),
        ("", "document"),
        ("[x] (y) - z", "[x] (y) - z"),
        (f"{199 * 'a'}  b", 199 * "a"),
    ],
)
def test_a_name_has_the_letters_that_bedrock_takes(name: str, plain: str) -> None:
    assert names(name) == [plain]
