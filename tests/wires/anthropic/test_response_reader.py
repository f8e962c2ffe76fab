"""Messages replies and streams as other servers write them, read as Converse."""

from typing import Any

import pytest

from bedrock_flask.bedrock.usage import METRICS
from bedrock_flask.converse import fold
from bedrock_flask.errors import UpstreamError, UpstreamProtocolError
from bedrock_flask.wires.anthropic import read_chunks, read_reply

Json = dict[str, Any]


def reply(*content: Json, **members: Any) -> Json:
    return {"type": "message", "content": [*content], "stop_reason": "end_turn", "usage": {}, **members}


def content(read: Json) -> list[Json]:
    return list(read["output"]["message"]["content"])


def test_a_reply_says_what_was_written_to_the_cache_and_for_how_long() -> None:
    counts = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 4}
    usage = {"input_tokens": 3, "output_tokens": 2, "cache_creation_input_tokens": 4, "cache_creation": counts}
    assert read_reply(reply(usage=usage))["usage"] == {
        "inputTokens": 3,
        "outputTokens": 2,
        "cacheWriteInputTokens": 4,
        "totalTokens": 9,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 4}],
    }


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("refusal", "content_filtered"), ("stop_sequence", "stop_sequence"), ("pause_turn", "pause_turn")],
)
def test_a_reason_that_converse_does_not_have_keeps_its_name(reason: str, expected: str) -> None:
    assert read_reply(reply(stop_reason=reason))["stopReason"] == expected


def test_tools_that_a_server_runs_are_marked_and_unknown_blocks_keep_their_kind() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}}
    unknown = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    assert content(read_reply(reply(use, unknown))) == [
        {"toolUse": {"toolUseId": "s", "name": "web_search", "type": "server_tool_use", "input": {"q": "x"}}},
        {"web_search_tool_result": unknown},
    ]


def test_deltas_replace_the_input_that_a_tool_use_starts_with() -> None:
    start = {"type": "tool_use", "id": "t", "name": "look", "input": {"q": "old"}}
    chunks = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"q": 1}'}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "brand_new_delta", "value": 1}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop", METRICS: {"inputTokenCount": 4}},
    ]
    assert fold(read_chunks(chunks)) == {
        "output": {
            "message": {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "t", "name": "look", "input": {"q": 1}}}],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 4, "outputTokens": 9, "totalTokens": 13},
    }


def test_an_error_in_the_stream_is_raised() -> None:
    with pytest.raises(UpstreamError, match="Overloaded"):
        list(read_chunks([{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}]))


@pytest.mark.parametrize("document", [{}, {"content": 5}, {"content": [5]}, {"content": [{"type": "tool_use"}]}])
def test_any_other_document_is_a_protocol_error(document: Json) -> None:
    with pytest.raises(UpstreamProtocolError):
        read_reply(document)
