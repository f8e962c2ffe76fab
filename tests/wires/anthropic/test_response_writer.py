"""Claude's wire: replies and streams, against the shapes that AWS and Anthropic document."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.converse import member, replay
from bedrock_flask.wires import WIRES
from bedrock_flask.wires.anthropic import (
    TO_CLAUDE,
    is_complete,
    is_terminal,
    open_writer,
    read_usage,
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


def answer(*content: Json, **members: Any) -> Json:
    return {"output": {"message": {"role": "assistant", "content": list(content)}}, "stopReason": "end_turn", **members}


def chunks_of(*content: Json, **members: Any) -> list[Json]:
    return list(write_chunks(replay(answer(*content, **members)), "m"))


def test_the_documented_reply_is_complete_and_its_usage_is_read() -> None:
    assert is_complete(REPLY)
    assert read_usage(REPLY) == Usage(14, 5, 0, 0)


@pytest.mark.parametrize("member", ["type", "content", "stop_reason"])
def test_a_reply_without_a_part_of_it_is_not_complete(member: str) -> None:
    assert not is_complete({name: value for name, value in REPLY.items() if name != member})
    assert not is_complete(REPLY | {member: None})


@pytest.mark.parametrize("foreign", [{}, {"message": "no"}, {"usage": 5}, {"message": {"usage": []}}, {"content": []}])
def test_a_foreign_document_is_neither_complete_nor_finished_and_tells_no_usage(foreign: Json) -> None:
    assert not is_complete(foreign)
    assert not is_terminal(foreign)
    assert read_usage(foreign) == Usage()


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
    assert read_usage(start) == Usage(13, 1)
    assert read_usage(start).merge(read_usage(delta)) == Usage(13, 178)
    assert read_usage(stop) == Usage(13, 178)
    assert [is_terminal(chunk) for chunk in (start, delta, stop)] == [False, False, True]


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
CLAUDES = {"end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "model_context_window_exceeded"}


def test_every_reason_to_stop_is_told_in_claudes_words_or_in_bedrocks_own() -> None:
    assert sorted(TO_CLAUDE) == sorted(STOPS)
    assert {document for reason, document in TO_CLAUDE.items() if document != reason} == {"refusal"}
    assert set(TO_CLAUDE.values()) - CLAUDES == {"malformed_model_output", "malformed_tool_use"}


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use", "sleepy"])
def test_a_reason_that_claude_has_no_word_for_is_no_plain_end_of_a_turn(reason: str) -> None:
    assert write_reply(answer(stopReason=reason), "m")["stop_reason"] == reason
    [delta] = [chunk["delta"] for chunk in chunks_of(stopReason=reason) if chunk["type"] == "message_delta"]
    assert delta == {"stop_reason": reason, "stop_sequence": None}


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence"])
def test_a_turn_that_calls_a_tool_ends_for_it(reason: str) -> None:
    call = {"toolUse": {"toolUseId": "t", "name": "look", "input": {}}}
    assert write_reply(answer(call, stopReason=reason), "m")["stop_reason"] == "tool_use"


@pytest.mark.parametrize("reason", ["guardrail_intervened", "content_filtered"])
def test_a_refusal_says_who_refused(reason: str) -> None:
    reply = write_reply(answer(stopReason=reason), "m")
    [delta] = [chunk["delta"] for chunk in chunks_of(stopReason=reason) if chunk["type"] == "message_delta"]
    for document in (reply, delta):
        assert document["stop_reason"] == "refusal"
        assert document["stop_details"]["type"] == "refusal"
        assert reason in document["stop_details"]["explanation"]


def test_an_answer_that_does_not_say_why_it_stops_is_not_complete() -> None:
    document = {name: value for name, value in RESPONSE.items() if name != "stopReason"}
    assert write_reply(document, "m")["stop_reason"] is None
    assert not is_complete(write_reply(document, "m"))


def test_a_stream_without_a_stop_does_not_end() -> None:
    cut = [event for event in replay(RESPONSE) if "messageStop" not in event]
    chunks = list(write_chunks(cut, "m"))
    assert chunks[-1]["type"] == "content_block_stop"
    assert not any(map(is_terminal, chunks))


def test_a_signature_that_comes_in_pieces_is_told_whole_and_last() -> None:
    def delta(**document: str) -> Json:
        return {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": document}}}

    events = [delta(text="hm"), delta(signature="c2"), delta(signature="ln"), delta(text="m")]
    stop: Json = {"contentBlockStop": {"contentBlockIndex": 0}}
    deltas = [chunk["delta"] for chunk in write_chunks([*events, stop], "m") if "delta" in chunk]
    assert deltas == [
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "thinking_delta", "thinking": "m"},
        {"type": "signature_delta", "signature": "c2ln"},
    ]


def test_arguments_are_passed_on_as_they_come() -> None:
    """Nothing is held back: each piece is written before the next one is asked for."""
    pulled = []

    def events() -> Iterator[Json]:
        start = {"toolUse": {"toolUseId": "t", "name": "add"}}
        yield {"contentBlockStart": {"start": start, "contentBlockIndex": 3}}
        for piece in ('{"city":', ' "Paris"}'):
            pulled.append(piece)
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": piece}}, "contentBlockIndex": 3}}

    chunks = write_chunks(events(), "m")
    assert next(chunks)["index"] == 0
    assert next(chunks)["delta"]["partial_json"] == '{"city":'
    assert pulled == ['{"city":']
    assert next(chunks)["delta"]["partial_json"] == ' "Paris"}'


SIGNED = {"reasoningContent": {"reasoningText": {"text": "", "signature": "c2ln"}}}
CALLED = {"toolUse": {"toolUseId": "t", "name": "now", "input": {}}}
ANSWERS: list[tuple[Json, ...]] = [
    ({"text": "4"},),
    (SIGNED, {"text": "4"}),
    ({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}, CALLED),
    ({"reasoningContent": {"redactedContent": "QUJD"}}, {"text": "4"}),
    ({"text": "I look."}, {"toolUse": {"toolUseId": "t", "name": "add", "input": {"a": [1, 2.5, None]}}}, CALLED),
]


@pytest.mark.parametrize("content", ANSWERS)
def test_anthropics_own_sdk_puts_the_stream_together_to_what_the_reply_says(content: tuple[Json, ...]) -> None:
    counts = {"inputTokens": 3, "cacheReadInputTokens": 32651, "cacheWriteInputTokens": 17, "outputTokens": 10}
    document = answer(*content, usage=counts)
    message: Any = None
    buffers: dict[int, bytes] = {}
    for chunk in write_chunks(without_empty_arguments(replay(document)), "m"):
        parsed: Any = chunk
        message = accumulate_event(event=parsed, current_snapshot=message, json_bufs=buffers)
    whole = Message.model_validate(write_reply(document, "m"), strict=True)
    assert words(message) == words(whole)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 10)
    assert (message.usage.cache_read_input_tokens, message.usage.cache_creation_input_tokens) == (32651, 17)


def without_empty_arguments(events: Iterable[Json]) -> Iterator[Json]:
    """A call without arguments sends no delta at all."""
    return (event for event in events if member(event, "contentBlockDelta", "delta", "toolUse", "input") != "{}")


def words(message: Any) -> Json:
    document: Json = message.to_dict()
    return {name: document[name] for name in ("role", "content", "stop_reason", "stop_sequence", "usage")}


def test_blocks_that_claude_has_not_are_left_out_of_a_reply() -> None:
    image = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
    assert write_reply(answer(image, {"text": "x"}), "m")["content"] == [{"type": "text", "text": "x"}]


def test_it_stands_under_its_name() -> None:
    assert WIRES["anthropic"].open_writer is open_writer
