"""Claude's wire, against the shapes that AWS and Anthropic document."""

from typing import Any

import pytest

from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.converse import replay
from bedrock_flask.fields import faults
from bedrock_flask.usage import Usage
from bedrock_flask.wires import WIRES
from bedrock_flask.wires.anthropic import (
    TO_CLAUDE,
    TO_CONVERSE,
    complete,
    finished,
    read_request,
    usage,
    write_chunks,
    write_reply,
)

Json = dict[str, Any]

REPLY = {
    "id": "msg_bdrk_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-6",
    "content": [{"type": "text", "text": "4"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 14,
        "output_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    },
}
RESPONSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "4"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 14, "outputTokens": 5, "totalTokens": 19},
}


def body(**members: Any) -> Json:
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": [], **members}


def read(**members: Any) -> Json:
    """The Converse request of a body, which is a valid one."""
    request = read_request(body(**members))
    assert faults(Body(), request) == []
    return request


def blocks(*content: Json) -> list[Json]:
    request = read(messages=[{"role": "user", "content": list(content)}])
    return list(request["messages"][0]["content"])


def answer(*content: Json, **members: Any) -> Json:
    return {"output": {"message": {"role": "assistant", "content": list(content)}}, "stopReason": "end_turn", **members}


def chunks_of(*content: Json, **members: Any) -> list[Json]:
    return list(write_chunks(replay(answer(*content, **members)), "m"))


def test_the_documented_reply_is_complete_and_its_usage_is_read() -> None:
    assert complete(REPLY)
    assert usage(REPLY) == Usage(14, 5, 0, 0)


@pytest.mark.parametrize("member", ["type", "content", "stop_reason"])
def test_a_reply_without_a_part_of_it_is_not_complete(member: str) -> None:
    assert not complete({name: value for name, value in REPLY.items() if name != member})
    assert not complete(REPLY | {member: None})


@pytest.mark.parametrize("foreign", [{}, {"message": "no"}, {"usage": 5}, {"message": {"usage": []}}, {"content": []}])
def test_a_foreign_document_is_neither_complete_nor_finished_and_tells_no_usage(foreign: Json) -> None:
    assert not complete(foreign)
    assert not finished(foreign)
    assert usage(foreign) == Usage()


def test_a_response_is_written_as_the_documented_reply() -> None:
    reply = write_reply(RESPONSE, "us.anthropic.claude-opus-4-6-v1")
    assert reply.pop("id").startswith("msg_bdrk_")
    assert reply == {name: value for name, value in REPLY.items() if name != "id"}


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022"),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
        ("anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("my-alias", "my-alias"),
    ],
)
def test_a_reply_names_the_model_as_claude_does(model_id: str, name: str) -> None:
    assert write_reply(RESPONSE, model_id)["model"] == name


def test_every_answer_has_an_id_of_its_own() -> None:
    assert write_reply(RESPONSE, "m")["id"] != write_reply(RESPONSE, "m")["id"]


def test_a_text_stream_has_the_documented_chunks() -> None:
    events: list[Json] = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "He"}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "llo"}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {
            "messageStop": {
                "stopReason": "stop_sequence",
                "additionalModelResponseFields": {"stop_sequence": "END"},
            }
        },
        {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 2, "cacheReadInputTokens": 9}}},
    ]
    start, *rest = write_chunks(events, "anthropic.claude-opus-4-6-v1")
    assert start["type"] == "message_start"
    assert start["message"].pop("id")
    assert start["message"] == {
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-6",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 0,
        },
    }
    assert rest == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "He"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "llo"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"},
            "usage": {
                "input_tokens": 3,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 9,
                "output_tokens": 2,
            },
        },
        {"type": "message_stop"},
    ]


def test_a_tool_use_streams_as_partial_json() -> None:
    use = {"toolUseId": "toolu_1", "name": "add", "input": {"a": 2}}
    assert chunks_of({"toolUse": use})[1:4] == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": '{"a": 2}'},
        },
        {"type": "content_block_stop", "index": 0},
    ]


def test_reasoning_streams_as_thinking_and_its_signature() -> None:
    text = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}
    assert chunks_of(text)[1:5] == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
    ]


def test_redacted_reasoning_stands_whole_in_the_blocks_start() -> None:
    delta = {"contentBlockIndex": 0, "delta": {"reasoningContent": {"redactedContent": "QUJD"}}}
    events: list[Json] = [
        {"contentBlockDelta": delta},
        {"contentBlockDelta": delta},
        {"contentBlockStop": {"contentBlockIndex": 0}},
    ]
    assert list(write_chunks(events, "m")) == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "redacted_thinking", "data": "QUJDQUJD"},
        },
        {"type": "content_block_stop", "index": 0},
    ]


def test_a_stream_without_metadata_gets_no_message_stop() -> None:
    events: list[Json] = [
        {"messageStart": {"role": "assistant"}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"new": {}},
    ]
    assert [chunk["type"] for chunk in write_chunks(events, "m")] == ["message_start"]


def test_leaving_a_stream_closes_the_events() -> None:
    closed = []

    def events() -> Any:
        try:
            yield from replay(RESPONSE)
        finally:
            closed.append(True)

    chunks = write_chunks(events(), "m")
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_usage_is_cumulative_over_the_chunks_of_a_real_stream() -> None:
    start = {"type": "message_start", "message": {**REPLY, "usage": {"input_tokens": 13, "output_tokens": 1}}}
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 178}}
    metrics = {"inputTokenCount": 13, "outputTokenCount": 178, "invocationLatency": 2714, "firstByteLatency": 366}
    stop = {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}
    assert usage(start) == Usage(13, 1)
    assert usage(start).updated(usage(delta)) == Usage(13, 178)
    assert usage(stop) == Usage(13, 178)
    assert [finished(chunk) for chunk in (start, delta, stop)] == [False, False, True]


def test_the_lifetimes_of_cache_writes_are_told() -> None:
    details = [{"ttl": "5m", "inputTokens": 1}, {"ttl": "1h", "inputTokens": 2}]
    written = write_reply(answer(usage={"inputTokens": 1, "outputTokens": 1, "cacheDetails": details}), "m")["usage"]
    assert written["cache_creation"] == {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2}


STOPS = [
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "guardrail_intervened",
    "content_filtered",
    "malformed_model_output",
    "malformed_tool_use",
    "model_context_window_exceeded",
]
CLAUDES = [
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "refusal",
    "model_context_window_exceeded",
    "pause_turn",
]


def test_stop_reasons_map_both_ways_and_none_is_forgotten() -> None:
    assert sorted(TO_CLAUDE) == sorted(STOPS)
    assert sorted(TO_CONVERSE) == sorted(CLAUDES)
    assert set(TO_CLAUDE.values()) <= set(CLAUDES)
    assert set(TO_CONVERSE.values()) <= set(STOPS)


def test_a_stop_reason_of_tomorrow_is_the_end_of_a_turn() -> None:
    assert write_reply(answer(stopReason="sleepy"), "m")["stop_reason"] == "end_turn"


def test_a_plain_request_is_read() -> None:
    assert read(
        system="Be terse.",
        messages=[{"role": "user", "content": "2+2?"}],
        temperature=0.5,
        top_p=0.9,
        stop_sequences=["END"],
    ) == {
        "system": [{"text": "Be terse."}],
        "messages": [{"role": "user", "content": [{"text": "2+2?"}]}],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
    }


def test_what_converse_cannot_say_becomes_additional_fields() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2048}
    request = read(
        top_k=5,
        thinking=thinking,
        anthropic_beta=["context-1m-2025-08-07"],
        metadata={"user_id": "u"},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    )
    assert request["additionalModelRequestFields"] == {
        "top_k": 5,
        "thinking": thinking,
        "anthropic_beta": ["context-1m-2025-08-07"],
        "metadata": {"user_id": "u"},
        "output_config": {"effort": "low"},
    }
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type": "object"}'}}}
    assert request["outputConfig"] == {"textFormat": form}


def test_images_are_read() -> None:
    source = {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}
    assert blocks({"type": "image", "source": source}) == [{"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}}]


def test_documents_are_read_in_all_their_forms() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
    text = {"type": "text", "media_type": "text/plain", "data": "words"}
    pieces = {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    read_pdf, read_text, read_pieces, read_string = blocks(
        {"type": "document", "source": pdf, "title": "Q3_report: v1.pdf", "context": "old", "citations": None},
        {"type": "document", "source": text, "citations": {"enabled": True}},
        {"type": "document", "source": pieces, "title": "T"},
        {"type": "document", "source": {"type": "content", "content": "c"}, "title": "T"},
    )
    assert read_pdf["document"] == {
        "format": "pdf",
        "name": "Q3 report v1 pdf",
        "source": {"bytes": "AAAA"},
        "context": "old",
    }
    assert read_text["document"]["source"] == {"text": "words"}
    assert read_text["document"]["citations"] == {"enabled": True}
    assert read_text["document"]["name"].startswith("document-")
    assert read_pieces["document"]["source"] == {"content": [{"text": "a"}, {"text": "b"}]}
    assert read_string["document"]["source"] == {"content": [{"text": "c"}]}


def test_tool_use_and_its_result_are_read() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    assert blocks(
        {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "2"}, image]},
        {"type": "tool_result", "tool_use_id": "t2", "content": "boom", "is_error": True},
        {"type": "tool_result", "tool_use_id": "t3"},
    ) == [
        {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}},
        {
            "toolResult": {
                "toolUseId": "t1",
                "content": [{"text": "2"}, {"image": {"format": "png", "source": {"bytes": "AAAA"}}}],
            }
        },
        {"toolResult": {"toolUseId": "t2", "content": [{"text": "boom"}], "status": "error"}},
        {"toolResult": {"toolUseId": "t3", "content": []}},
    ]


def test_thinking_is_read_with_its_signature() -> None:
    assert blocks(
        {"type": "thinking", "thinking": "", "signature": "S"}, {"type": "redacted_thinking", "data": "QUJD"}
    ) == [
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "S"}}},
        {"reasoningContent": {"redactedContent": "QUJD"}},
    ]


def test_search_results_server_tools_and_changes_of_tools_are_read() -> None:
    piece = {"type": "text", "text": "p"}
    assert blocks(
        {"type": "search_result", "source": "s", "title": "t", "content": [piece], "citations": {"enabled": True}},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
        {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "add"}},
        {"type": "compaction", "content": "So far: nothing."},
        {"type": "container_upload", "file_id": "f"},
    ) == [
        {"searchResult": {"source": "s", "title": "t", "content": [{"text": "p"}], "citations": {"enabled": True}}},
        {"toolUse": {"toolUseId": "s1", "name": "web_search", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s1", "content": [{"json": {"content": []}}], "type": "web_search_tool_result"}},
        {"toolAddition": {"tool": {"type": "tool_reference", "name": "add"}}},
        {"text": "So far: nothing."},
    ]


def test_cache_marks_become_cache_points_behind_what_they_mark() -> None:
    mark: Json = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    plain: Json = {"cache_control": {"type": "ephemeral"}}
    point, hour = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
    request = read(
        system=[{"type": "text", "text": "S", **mark}],
        tools=[{"name": "add", "input_schema": {"type": "object"}, **plain}],
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "a", **plain},
                    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "2", **mark}]},
                    {"type": "text", "text": "b", "cache_control": None},
                ],
            }
        ],
    )
    assert request["system"] == [{"text": "S"}, hour]
    assert request["toolConfig"]["tools"][1] == point
    assert request["messages"][0]["content"] == [
        {"text": "a"},
        point,
        {"toolResult": {"toolUseId": "t", "content": [{"text": "2"}]}},
        hour,
        {"text": "b"},
    ]


ADD = {"name": "add", "description": "Adds.", "input_schema": {"type": "object"}, "strict": True}
SPEC = {
    "toolSpec": {"name": "add", "description": "Adds.", "inputSchema": {"json": {"type": "object"}}, "strict": True}
}


@pytest.mark.parametrize(
    ("choice", "read_choice"),
    [
        ({"type": "auto"}, {"auto": {}}),
        ({"type": "any"}, {"any": {}}),
        ({"type": "tool", "name": "add"}, {"tool": {"name": "add"}}),
    ],
)
def test_tools_and_their_choice_are_read(choice: Json, read_choice: Json) -> None:
    request = read(tools=[ADD], tool_choice=choice)
    assert request["toolConfig"] == {"tools": [SPEC], "toolChoice": read_choice}
    assert "additionalModelRequestFields" not in request


def test_no_tool_means_no_tools_unless_the_history_has_used_some() -> None:
    assert "toolConfig" not in read(tools=[ADD], tool_choice={"type": "none"})
    used = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "add", "input": {}}]}
    request = read(tools=[ADD], tool_choice={"type": "none"}, messages=[used])
    assert request["toolConfig"] == {"tools": [SPEC]}
    assert request["additionalModelRequestFields"] == {"tool_choice": {"type": "none"}}


def test_what_only_claude_knows_of_tools_stays_claudes() -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    typed = {"type": "bash_20250124", "name": "bash"}
    request = read(tools=[ADD, typed], tool_choice=choice)
    assert request["toolConfig"]["tools"] == [SPEC]
    assert request["additionalModelRequestFields"] == {"tools": [typed], "tool_choice": choice}


LOCATIONS: list[tuple[Json, Json]] = [
    (
        {"type": "char_location", "document_index": 0, "start_char_index": 1, "end_char_index": 2},
        {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}},
    ),
    (
        {"type": "page_location", "document_index": 0, "start_page_number": 1, "end_page_number": 2},
        {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}},
    ),
    (
        {"type": "content_block_location", "document_index": 0, "start_block_index": 1, "end_block_index": 2},
        {"documentChunk": {"documentIndex": 0, "start": 1, "end": 2}},
    ),
]


@pytest.mark.parametrize(("claude", "converse"), LOCATIONS)
def test_citations_go_both_ways(claude: Json, converse: Json) -> None:
    told = {**claude, "cited_text": "words", "document_title": "T"}
    text = {"type": "text", "text": "said", "citations": [told]}
    cited = {"title": "T", "sourceContent": [{"text": "words"}], "location": converse}
    [block] = blocks(text)
    assert block == {"citationsContent": {"content": [{"text": "said"}], "citations": [cited]}}
    assert write_reply(answer(block), "m")["content"] == [text]


def test_citations_of_search_results_and_pages_go_both_ways() -> None:
    search = {
        "type": "search_result_location",
        "cited_text": "w",
        "title": "T",
        "source": "S",
        "search_result_index": 0,
        "start_block_index": 1,
        "end_block_index": 2,
    }
    web = {"type": "web_search_result_location", "cited_text": "w", "title": "T", "url": "https://example.com"}
    text = {"type": "text", "text": "said", "citations": [search, web]}
    assert write_reply(answer(*blocks(text)), "m")["content"] == [text]


def test_an_answer_of_claudes_own_sdk_can_be_replayed_with_its_nulls() -> None:
    assert blocks({"type": "text", "text": "4", "citations": None}) == [{"text": "4"}]


def test_blocks_that_claude_has_not_are_left_out_of_a_reply() -> None:
    image = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
    assert write_reply(answer(image, {"text": "x"}), "m")["content"] == [{"type": "text", "text": "x"}]


def test_it_stands_under_its_name() -> None:
    assert WIRES["anthropic"].write_chunks is write_chunks
