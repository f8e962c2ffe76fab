"""An estimate of tokens follows one rule that can be checked by hand."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.errors import InvalidBody
from bedrock_flask.translation.estimate_tokens import estimate_tokens

Json = dict[str, Any]
IMAGE = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}


def ask(*content: Json, **more: Any) -> Json:
    return {"messages": [{"role": "user", "content": [*content]}], **more}


def document(format: str, size: int) -> Json:
    source = {"bytes": base64.b64encode(b"x" * size).decode()}
    return {"document": {"format": format, "name": "d", "source": source}}


@pytest.mark.parametrize(
    ("request_", "tokens"),
    [
        (ask({"text": "x" * 40}), 10),
        (ask({"text": "x" * 41}), 11),
        # Four bytes, and not four letters.
        (ask({"text": "é" * 40}), 20),
        (ask({"text": "x" * 40}, system=[{"text": "y" * 20}]), 15),
        (ask({"text": "x"}, {"text": "y"}, {"cachePoint": {"type": "default"}}), 1),
        (ask(IMAGE), 1600),
        (ask({"toolResult": {"toolUseId": "t", "content": [{"text": "x" * 8}, IMAGE]}}), 1602),
        (ask(document("txt", 48)), 12),
        (ask(document("pdf", 96)), 3),
        (ask({"document": {"format": "txt", "name": "d", "source": {"text": "x" * 8}, "context": "y" * 8}}), 4),
        (ask({"guardContent": {"text": {"text": "x" * 8}}}), 2),
        ({"messages": []}, 0),
        (ask({"text": "x" * 4}, toolConfig={"tools": [{"toolSpec": {"name": "f"}}, {"cachePoint": {}}]}), 8),
    ],
)
def test_the_rule_gives(request_: Json, tokens: int) -> None:
    assert estimate_tokens(request_) == tokens


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"video": {"format": "mp4", "source": {"bytes": "AA=="}}}, "messages[0].content[0].video"),
        ({"audio": {"format": "mp3", "source": {"bytes": "AA=="}}}, "messages[0].content[0].audio"),
        (
            {"document": {"format": "pdf", "name": "d", "source": {"s3Location": {"uri": "s3://b/k"}}}},
            "messages[0].content[0].document",
        ),
        (
            {"toolResult": {"toolUseId": "t", "content": [{"video": {}}]}},
            "messages[0].content[0].toolResult.content[0].video",
        ),
        ({"kindOfTomorrow": {}}, "messages[0].content[0].kindOfTomorrow"),
    ],
)
def test_what_has_no_rule_is_refused_by_its_path(block: Json, path: str) -> None:
    with pytest.raises(InvalidBody) as raised:
        estimate_tokens(ask(block))
    assert [fault.path for fault in raised.value.fields] == [path]


@given(st.lists(st.text(), max_size=5), st.text())
def test_more_text_is_never_fewer_tokens(texts: list[str], more: str) -> None:
    blocks = [{"text": text} for text in texts]
    assert estimate_tokens(ask(*blocks)) <= estimate_tokens(ask(*blocks, {"text": more}))
