"""What the model cannot take is rejected by its path."""

import json
from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.repairs import apply_repairs

Json = dict[str, Any]
ABLE = Capabilities(tools=True, system=True, documents=True, video=True, audio=True, images=True)


def tool(name: str) -> Json:
    return {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}}


def user(*content: Json) -> Json:
    return {"role": "user", "content": list(content)}


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


def test_two_tools_of_one_name_are_refused_at_the_second() -> None:
    point = {"cachePoint": {"type": "default"}}
    request = make_request(user(HI), toolConfig={"tools": [tool("a.b"), point, tool("c"), point, tool("a.b")]})
    assert refused(request, ABLE.but(cache=True)) == ["toolConfig.tools[4].toolSpec.name"]


def test_bedrock_takes_2500_stop_sequences_and_no_more() -> None:
    repair(make_request(user(HI), inferenceConfig={"stopSequences": 2500 * ["x"]}))
    paths = refused(make_request(user(HI), inferenceConfig={"stopSequences": 2501 * ["x"]}))
    assert paths == ["inferenceConfig.stopSequences"]


@pytest.mark.parametrize(
    ("members", "lacking", "path"),
    [
        ({"system": [{"text": "Be terse."}]}, {"system": False, "output": "image"}, "system"),
        ({"toolConfig": {"tools": [tool("look")]}}, {"tools": False}, "toolConfig"),
    ],
)
def test_what_a_model_cannot_take_is_refused(members: Json, lacking: Json, path: str) -> None:
    request = {"messages": [user(HI)], **members}
    assert repair(request) == request
    assert refused(request, ABLE.but(**lacking)) == [path]


def test_media_are_refused_at_each_path() -> None:
    image = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}}
    video = {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/k"}}}}
    use = {"toolUse": {"toolUseId": "a", "name": "look", "input": {}}}
    result = {"toolResult": {"toolUseId": "a", "content": [image]}}
    request = make_request(user(HI, image, video), {"role": "assistant", "content": [use]}, user(result))
    assert refused(request, ABLE.but(images=False, video=False)) == [
        "messages[0].content[1].image",
        "messages[0].content[2].video",
        "messages[2].content[0].toolResult.content[0].image",
    ]
