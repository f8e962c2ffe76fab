"""The bytes of media: base64, and images labelled by what they are."""

import base64
import json
from typing import Any

import pytest

from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.translation.repairs import apply_repairs

Json = dict[str, Any]
ABLE = Capabilities(tools=True, system=True, documents=True, video=True, audio=True, images=True)


def tool(name: str) -> Json:
    return {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}}


def user(*content: Json) -> Json:
    return {"role": "user", "content": list(content)}


def assistant(*content: Json) -> Json:
    return {"role": "assistant", "content": list(content)}


def use(tie: str, **more: str) -> Json:
    return {"toolUse": {"toolUseId": tie, "name": "look", "input": {}, **more}}


HI = {"text": "Hi"}


def make_request(*messages: Json, **members: Any) -> Json:
    return {"messages": list(messages), "toolConfig": {"tools": [tool("look")]}, **members}


def refused(request: Json, able: Capabilities = ABLE) -> list[str]:
    before = json.dumps(request)
    with pytest.raises(InvalidBody) as error:
        apply_repairs(request, able)
    assert json.dumps(request) == before
    return [fault.path for fault in error.value.fields]


def repair(request: Json, able: Capabilities = ABLE) -> Json:
    return apply_repairs(request, able).request


def medium(kind: str, data: str) -> Json:
    named = {"name": "a"} if kind == "document" else {}
    return {kind: {"format": "x", "source": {"bytes": data}, **named}}


@pytest.mark.parametrize("kind", ["document", "video", "audio"])
@pytest.mark.parametrize("data", ["not base64!", "", " ", "x", "é"])
def test_bytes_that_are_no_base64_are_refused(kind: str, data: str) -> None:
    assert refused(make_request(user(HI, medium(kind, data)))) == [f"messages[0].content[1].{kind}.source.bytes"]
    inside = {"toolResult": {"toolUseId": "a", "content": [medium(kind, data)]}}
    paths = refused(make_request(user(HI), assistant(use("a")), user(inside)))
    assert paths == [f"messages[2].content[0].toolResult.content[0].{kind}.source.bytes"]


def test_line_breaks_in_base64_are_taken_out() -> None:
    repaired = repair(make_request(user(HI, medium("document", "JVBE\nRi0=\n"))))
    assert repaired["messages"][0]["content"][1]["document"]["source"] == {"bytes": "JVBERi0="}


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


def content(*blocks: Json) -> list[Json]:
    request = {"messages": [{"role": "user", "content": list(blocks)}]}
    repaired = apply_repairs(request, ABLE)
    assert repaired.reported == ()
    assert find_faults(Body(), repaired.request) == []
    return list(repaired.request["messages"][0]["content"])


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
