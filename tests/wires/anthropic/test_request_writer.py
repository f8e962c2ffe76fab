"""Claude's wire: Converse requests of any origin in Claude's own words."""

from base64 import b64encode
from typing import Any

import pytest

from bedrock_flask.bodies import anthropic_body
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.wires.anthropic import read_request, write_request

Json = dict[str, Any]
USER = {"role": "user", "content": [{"text": "2+2?"}]}


def written(**members: Any) -> Json:
    """The body of a request, which Bedrock takes with its version."""
    body = write_request({"messages": [USER], "inferenceConfig": {"maxTokens": 64}, **members})
    assert find_faults(anthropic_body.Body(), {"anthropic_version": anthropic_body.VERSION, **body}) == []
    return body


def saying(*content: Json) -> Json:
    return {"messages": [{"role": "user", "content": list(content)}]}


def blocks(*content: Json) -> list[Json]:
    return list(written(**saying(*content))["messages"][0]["content"])


def test_a_plain_request_is_written() -> None:
    inference = {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]}
    assert written(system=[{"text": "Be terse."}], inferenceConfig=inference) == {
        "system": [{"type": "text", "text": "Be terse."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "2+2?"}]}],
        "max_tokens": 64,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
    }


def test_extras_are_claudes_own_members() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2048}
    body = written(extras={"thinking": thinking, "top_k": 5, "effort": "low", "parallel_tool_calls": False})
    assert body["thinking"] == thinking
    assert body["top_k"] == 5
    assert body["output_config"] == {"effort": "low"}
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_what_converse_passes_on_to_the_model_stands_in_the_body() -> None:
    bash = {"type": "bash_20250124", "name": "bash"}
    add = {"toolSpec": {"name": "add", "inputSchema": {"json": {"type": "object"}}}}
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}", "name": "n"}}}}
    body = written(
        toolConfig={"tools": [add]},
        outputConfig={**form, "effort": "high"},
        additionalModelRequestFields={"top_k": 5, "tools": [bash], "output_config": {"effort": "max"}},
    )
    assert body["tools"] == [{"name": "add", "input_schema": {"type": "object"}}, bash]
    assert body["top_k"] == 5
    assert body["output_config"] == {"effort": "max", "format": {"type": "json_schema", "schema": {}}}


def test_documents_that_are_text_are_told_as_text() -> None:
    words = b64encode("Wörter".encode()).decode()
    document = {"format": "md", "name": "Notes", "source": {"bytes": words}}
    [block] = blocks({"document": document})
    assert block["source"] == {"type": "text", "media_type": "text/plain", "data": "Wörter"}
    assert block["title"] == "Notes"


def test_a_tools_json_is_told_as_text() -> None:
    results = [
        {"toolResult": {"toolUseId": "t", "content": [{"json": {"a": "é"}}, {"text": "x"}], "status": "success"}}
    ]
    assert blocks(*results) == [
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": [{"type": "text", "text": '{"a": "é"}'}, {"type": "text", "text": "x"}],
        }
    ]


S3 = {"s3Location": {"uri": "s3://b/k"}}


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"video": {"format": "mp4", "source": S3}}, "video"),
        ({"audio": {"format": "mp3", "source": S3}}, "audio"),
        ({"image": {"format": "png", "source": S3}}, "image"),
        ({"guardContent": {"text": {"text": "x"}}}, "guardContent"),
        ({"document": {"format": "docx", "name": "n", "source": {"bytes": "QUJD"}}}, "document"),
        ({"document": {"format": "txt", "name": "n", "source": {"bytes": "/w=="}}}, "document"),
        ({"document": {"format": "pdf", "name": "n", "source": S3}}, "document"),
    ],
)
def test_what_claudes_format_has_not_is_refused_by_its_place(block: Json, path: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        write_request(saying({"text": "x"}, block))
    assert [fault.path for fault in caught.value.fields] == [f"messages[0].content[1].{path}"]


def test_a_cache_point_with_nothing_before_it_and_a_tool_of_bedrocks_are_refused() -> None:
    for request, path in (
        (saying({"cachePoint": {"type": "default"}}, {"text": "x"}), "messages[0].content[0].cachePoint"),
        ({"messages": [], "toolConfig": {"tools": [{"systemTool": {"name": "g"}}]}}, "toolConfig.tools[0].systemTool"),
    ):
        with pytest.raises(InvalidBody) as caught:
            write_request(request)
        assert [fault.path for fault in caught.value.fields] == [path]


def test_an_item_that_was_left_goes_back_where_it_stood() -> None:
    upload = {"type": "container_upload", "file_id": "f"}
    payload = {"messages": [{"role": "user", "content": [upload, {"type": "text", "text": "x", "later": [1]}, upload]}]}
    assert write_request(read_request(payload)) == payload
