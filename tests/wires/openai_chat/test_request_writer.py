"""Converse requests, written as Chat Completions bodies."""

from typing import Any

import pytest

from bedrock_flask.bodies.openai_chat_body import Body
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.wires.openai_chat import read_request, write_request

Json = dict[str, Any]

POINT: Json = {"cachePoint": {"type": "default"}}
MARK: Json = {"cache_control": {"type": "ephemeral"}}
BYTES: Json = {"bytes": "AAAA"}
S3: Json = {"s3Location": {"uri": "s3://b/k"}}


def written(*blocks: Json, role: str = "user", **members: Any) -> Json:
    request = {"messages": [{"role": role, "content": list(blocks or [{"text": "hi"}])}], **members}
    changed = write_request(request)
    assert find_faults(Body(), {"model": "m", **changed}) == []
    return changed


def parts(*blocks: Json) -> list[Json]:
    [message] = written(*blocks)["messages"]
    return list(message["content"])


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def test_a_whole_request_is_written() -> None:
    schema = {"type": "object", "properties": {}}
    assert write_request(
        {
            "system": [{"text": "Be terse."}],
            "messages": [
                {"role": "user", "content": [{"text": "2+2?"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "S"}}},
                        {"text": "so"},
                        {"toolUse": {"toolUseId": "t", "name": "add", "input": {"a": 2}}},
                    ],
                },
                {
                    "role": "user",
                    "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "4"}]}}, {"text": "go on"}],
                },
            ],
            "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "add", "description": "Adds.", "inputSchema": {"json": schema}}}],
                "toolChoice": {"tool": {"name": "add"}},
            },
            "extras": {"effort": "low", "seed": 7, "json_object": True},
        }
    ) == {
        "messages": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "2+2?"},
            {
                "role": "assistant",
                "content": "so",
                "tool_calls": [
                    {"id": "t", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}},
                ],
                "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "S", "index": 0}],
            },
            {"role": "tool", "tool_call_id": "t", "content": "4"},
            {"role": "user", "content": "go on"},
        ],
        "max_completion_tokens": 64,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "tools": [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "add"}},
        "reasoning_effort": "low",
        "seed": 7,
        "response_format": {"type": "json_object"},
    }


@pytest.mark.parametrize(("choice", "document"), [({"auto": {}}, "auto"), ({"any": {}}, "required")])
def test_the_choice_of_a_tool_is_written(choice: Json, document: str) -> None:
    tools = [{"toolSpec": {"name": "add", "inputSchema": {"json": {}}}}, POINT]
    changed = written(toolConfig={"tools": tools, "toolChoice": choice})
    assert changed["tool_choice"] == document
    assert changed["tools"][0]["cache_control"] == MARK["cache_control"]


def test_the_wish_for_no_tool_is_written() -> None:
    assert written(extras={"tool_choice": {"type": "none"}})["tool_choice"] == "none"


def test_a_form_without_a_name_gets_one() -> None:
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type": "object"}'}}}}
    assert written(outputConfig={**form, "effort": "low"})["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}},
    }
    assert written(outputConfig={"effort": "low"})["reasoning_effort"] == "low"


def test_what_a_model_takes_beyond_converse_stands_in_its_body() -> None:
    changed = write_request(
        {"messages": [], "additionalModelRequestFields": {"top_k": 5}, "serviceTier": {"type": "flex"}}
    )
    assert changed == {"messages": [], "top_k": 5, "service_tier": "flex"}


def test_an_extra_that_nobody_has_placed_stands_in_the_body_for_the_model_to_refuse() -> None:
    changed = write_request({"messages": [], "extras": {"messages[0].name": "Ann"}})
    assert changed == {"messages": [], "messages[0].name": "Ann"}
    assert read_request(changed)["extras"] == {"messages[0].name": "Ann"}


def test_media_are_written() -> None:
    assert parts(
        {"image": {"format": "jpeg", "source": BYTES}},
        {"audio": {"format": "mp3", "source": BYTES}},
        {"document": {"format": "pdf", "name": "a", "source": BYTES, "context": "old"}},
        {"document": {"format": "txt", "name": "b", "source": {"text": "c"}}},
        {"document": {"format": "txt", "name": "d", "source": {"content": [{"text": "c"}, {"text": "d"}]}}},
    ) == [
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"format": "mp3", "data": "AAAA"}},
        text("old"),
        {"type": "file", "file": {"filename": "a", "file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "file", "file": {"filename": "b", "file_data": "data:text/plain;base64,Yw=="}},
        {"type": "file", "file": {"filename": "d", "file_data": "data:text/plain;base64,Ywpk"}},
    ]


def test_text_of_other_kinds_is_text() -> None:
    result = {"title": "T", "source": "S", "content": [{"text": "x"}]}
    assert parts(
        {"searchResult": result},
        {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": []}},
        {"guardContent": {"text": {"text": "c"}}},
        {"guardContent": {"image": {"format": "png", "source": BYTES}}},
    ) == [
        text("T\nS\nx"),
        text("ab"),
        text("c"),
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]


def test_what_a_tool_gave_is_written_before_what_the_user_says() -> None:
    content = [{"json": {"a": 1}}, {"image": {"format": "png", "source": BYTES}}]
    results = [
        {"toolResult": {"toolUseId": "t", "content": content}},
        {"toolResult": {"toolUseId": "u", "content": []}},
    ]
    assert written({"text": "hi"}, results[0], POINT, results[1])["messages"] == [
        {
            "role": "tool",
            "tool_call_id": "t",
            "content": [text('{"a": 1}'), {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            **MARK,
        },
        {"role": "tool", "tool_call_id": "u", "content": ""},
        {"role": "user", "content": "hi"},
    ]


def test_cache_points_are_marks_of_what_stands_before_them() -> None:
    hour = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert parts(POINT, {"text": "a"}, hour, POINT, {"text": "b"}) == [
        {**text(""), **MARK},
        {**text("a"), "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {**text(""), **MARK},
        text("b"),
    ]


def test_instructions_in_the_middle_are_a_message_there() -> None:
    assert written({"text": "Be terse."}, role="system")["messages"] == [{"role": "system", "content": "Be terse."}]


def test_request_metadata_is_metadata_and_never_lost() -> None:
    document = {"team": "a", "user": "u"}
    assert written(requestMetadata=document)["metadata"] == document
    changed = written(requestMetadata={"user": "u"}, extras={"metadata": {"a": "\u00e4"}})
    assert (changed["metadata"], changed["user"]) == ({"a": "\u00e4"}, "u")


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({"content": [{"image": {"format": "png", "source": S3}}]}, "contains an image in Amazon S3, which"),
        (
            {"content": [{"document": {"format": "pdf", "name": "a", "source": S3}}]},
            "contains a document in Amazon S3, which",
        ),
        ({"content": [{"document": {"name": "a", "source": BYTES}}]}, "a document without a known format"),
        (
            {
                "content": [
                    {"document": {"format": "pdf", "name": "a", "source": BYTES, "citations": {"enabled": True}}}
                ]
            },
            "contains a document with citations enabled, which",
        ),
        ({"content": [{"audio": {"format": "flac", "source": BYTES}}]}, "contains audio in the format flac, which"),
        ({"content": [{"video": {"format": "mp4", "source": BYTES}}]}, "contains a video block, which"),
        ({"content": [], "tools": [{"systemTool": {"name": "nova_grounding"}}]}, "a tool that Bedrock runs itself"),
    ],
)
def test_what_the_format_cannot_say_is_refused_by_name(request_: Json, what: str) -> None:
    request = {
        "messages": [{"role": "user", "content": request_["content"]}],
        "toolConfig": {"tools": request_.get("tools", [])},
    }
    with pytest.raises(InvalidBody) as caught:
        write_request(request)
    assert what in caught.value.fields[0].message
