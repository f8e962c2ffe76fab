"""Nova's wire, against the shapes that AWS documents."""

from typing import Any

import pytest

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.converse import replay
from bedrock_flask.fields import find_faults
from bedrock_flask.wires.nova import WIRE, is_complete, is_terminal, read_request, read_usage, write_reply

REPLY = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {
        "inputTokens": 1,
        "outputTokens": 2,
        "totalTokens": 3,
        "cacheReadInputTokenCount": 0,
        "cacheWriteInputTokenCount": 0,
    },
}


def test_the_documented_reply_is_complete_and_its_usage_is_read() -> None:
    assert is_complete(REPLY)
    assert read_usage(REPLY) == Usage(1, 2, 0, 0)


@pytest.mark.parametrize("foreign", [{}, {"output": []}, {"output": {"message": "x"}, "stopReason": "y"}, {"usage": 1}])
def test_a_foreign_document_is_not_complete_and_tells_no_usage(foreign: dict[str, Any]) -> None:
    assert not is_complete(foreign)
    assert not is_terminal(foreign)
    assert read_usage(foreign) == Usage()


def test_a_response_is_written_as_the_documented_reply() -> None:
    response = {
        "output": REPLY["output"],
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "cacheDetails": []},
        "metrics": {"latencyMs": 5},
    }
    assert write_reply(response, "amazon.nova-lite-v1:0") == REPLY


def test_a_stream_has_the_documented_chunks() -> None:
    use = {"toolUseId": "t1", "name": "add", "input": {"a": 1}}
    response = {
        "output": {"message": {"role": "assistant", "content": [{"text": "He"}, {"toolUse": use}]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "cacheReadInputTokens": 4},
    }
    counts = {
        "inputTokens": 1,
        "outputTokens": 2,
        "totalTokens": 3,
        "cacheReadInputTokenCount": 4,
        "cacheWriteInputTokenCount": 0,
    }
    assert list(WIRE.write_chunks(replay(response), "amazon.nova-lite-v1:0")) == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "He"}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "t1", "name": "add"}}, "contentBlockIndex": 1}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": '{"a": 1}'}}, "contentBlockIndex": 1}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "tool_use"}},
        {"metadata": {"usage": counts, "metrics": {}, "trace": {}}},
    ]


def test_the_last_chunks_metrics_count() -> None:
    metrics = {"inputTokenCount": 1, "outputTokenCount": 2}
    chunk = {"metadata": {"usage": {"inputTokens": 1}}, "amazon-bedrock-invocationMetrics": metrics}
    assert read_usage(chunk) == Usage(1, 2)
    assert is_terminal(chunk)


def test_a_request_is_read_with_novas_own_parameters_apart() -> None:
    tools = {"tools": [{"toolSpec": {"name": "add", "inputSchema": {"json": {"type": "object"}}}}]}
    reasoning = {"type": "enabled", "maxReasoningEffort": "low"}
    request = read_request(
        {
            "schemaVersion": "messages-v1",
            "system": [{"text": "S", "cachePoint": {"type": "default"}}],
            "messages": [
                {"role": "user", "content": [{"text": "Hi", "cachePoint": {"type": "default"}}, {"text": "!"}]}
            ],
            "inferenceConfig": {"maxTokens": 50, "topP": 0.9, "topK": 20, "reasoningConfig": reasoning},
            "toolConfig": tools,
        }
    )
    assert request == {
        "system": [{"text": "S"}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "Hi"}, {"cachePoint": {"type": "default"}}, {"text": "!"}]}],
        "inferenceConfig": {"maxTokens": 50, "topP": 0.9},
        "additionalModelRequestFields": {"inferenceConfig": {"topK": 20, "reasoningConfig": reasoning}},
        "toolConfig": tools,
    }
    assert find_faults(Body(), request) == []


def test_older_names_of_parameters_are_read_as_the_newer_ones() -> None:
    document = {"max_new_tokens": 5, "top_p": 0.5, "top_k": 7}
    request = read_request({"messages": [], "inferenceConfig": document})
    assert request["inferenceConfig"] == {"maxTokens": 5, "topP": 0.5}
    assert request["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 7}}
