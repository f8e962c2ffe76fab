"""Chat completions as other servers write them, read as Converse."""

from typing import Any

import pytest

from bedrock_flask.bedrock.usage import METRICS
from bedrock_flask.converse import fold
from bedrock_flask.errors import UpstreamError, UpstreamProtocolError
from bedrock_flask.wires.openai_chat import read_chunks, read_reply

Json = dict[str, Any]


def reply(reason: str | None = "stop", **message: Any) -> Json:
    return {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}]}


def chunk(reason: str | None = None, **delta: Any) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def content(read: Json) -> list[Json]:
    return list(read["output"]["message"]["content"])


def function(name: str, arguments: Any) -> Json:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"finish_reason": "length"}, "max_tokens"),
        ({"finish_reason": "tool_calls"}, "tool_use"),
        ({"finish_reason": "content_filter"}, "content_filtered"),
        ({"finish_reason": "stop", "native_finish_reason": "stop_sequence"}, "stop_sequence"),
        ({"finish_reason": "stop", "native_finish_reason": "completed"}, "end_turn"),
        ({"finish_reason": "brand_new"}, "brand_new"),
        ({"stop_reason": "stop"}, "end_turn"),
    ],
)
def test_the_reason_to_stop_is_converses(choice: Json, expected: str) -> None:
    assert read_reply({"choices": [{"message": {"content": "Hi."}, **choice}]})["stopReason"] == expected


def test_tokens_from_the_cache_are_counted_apart() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    assert read_reply({**reply(content="Hi."), "usage": usage})["usage"] == {
        "inputTokens": 5,
        "outputTokens": 2,
        "cacheReadInputTokens": 4,
        "totalTokens": 11,
    }


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": "Hm.", "content": "Hi."},
        {"reasoning": "Hm.", "content": "Hi."},
        {"reasoning": "Hm.", "reasoning_content": "Hm.", "content": [{"type": "text", "text": "Hi."}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}], "refusal": "Hi."},
    ],
)
def test_reasoning_comes_under_several_names(message: Json) -> None:
    assert content(read_reply(reply(**message))) == [
        {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
        {"text": "Hi."},
    ]


def test_reasoning_behind_a_signature_is_another_block_where_no_index_says_so() -> None:
    detail = {"type": "reasoning.text", "text": "Hm.", "signature": "S"}
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "S"}}}
    assert content(read_reply(reply(reasoning_details=[detail, detail]))) == [thought, thought]


def test_calls_without_an_index_are_calls_of_their_own() -> None:
    calls = [{"id": "a", **function("look", {"q": 1})}, {"id": "b", **function("look", "")}]
    uses = [
        {"toolUse": {"toolUseId": "a", "name": "look", "input": {"q": 1}}},
        {"toolUse": {"toolUseId": "b", "name": "look", "input": {}}},
    ]
    assert content(read_reply(reply("tool_calls", tool_calls=calls))) == uses
    assert content(fold(read_chunks([chunk(tool_calls=[call]) for call in calls] + [chunk("tool_calls")]))) == uses


def test_calls_that_arrive_in_turns_are_put_together() -> None:
    first, second = {"index": 0, "id": "a", **function("look", "")}, {"index": 1, "id": "b", **function("see", "")}
    pieces = [
        [first, second],
        [{"index": 1, "function": {"arguments": '{"y"'}}, {"index": 0, "function": {"arguments": '{"x"'}}],
        [{"index": 0, "function": {"arguments": ":1}"}}, {"index": 1, "function": {"arguments": ":2}"}}],
    ]
    read = fold(read_chunks([chunk(tool_calls=calls) for calls in pieces] + [chunk("tool_calls")]))
    assert [block["toolUse"]["input"] for block in content(read)] == [{"x": 1}, {"y": 2}]


def test_what_converse_does_not_have_keeps_its_kind() -> None:
    custom = {"type": "custom", "id": "c", "custom": {"name": "n", "input": "x"}}
    parts = [{"type": "audio", "audio": "x"}, {"type": "text", "text": "Hi."}]
    assert content(read_reply(reply(content=parts, tool_calls=[custom]))) == [
        {"audio": parts[0]},
        {"text": "Hi."},
        {"custom": custom},
    ]


def test_the_metrics_end_a_stream_that_gives_no_reason() -> None:
    metrics = {"choices": [], METRICS: {"inputTokenCount": 3, "outputTokenCount": 2}}
    read = fold(read_chunks([chunk(content="Hi."), metrics]))
    assert (content(read), read["usage"]["totalTokens"]) == ([{"text": "Hi."}], 5)


def test_an_error_instead_of_an_answer_is_raised() -> None:
    for error, message, status in [
        ({"message": "No."}, "The model reported an error: No.", 502),
        ({"code": 503}, "503", 503),
        ({"code": "rate_limit_exceeded", "message": "Wait."}, "Wait.", 429),
        ({"x": 1}, "The model reported an error: it gave no details", 502),
    ]:
        with pytest.raises(UpstreamError, match=message) as raised:
            list(read_chunks([{"error": error}]))
        assert raised.value.status == status


@pytest.mark.parametrize(
    "message",
    [
        {"content": 5},
        {"content": [{"text": "x"}]},
        {"tool_calls": [{"id": "x"}]},
        {"tool_calls": [{"function": {"name": "n"}}]},
        {"reasoning_details": [5]},
        {"reasoning_details": [{"type": None}]},
        {"annotations": [{"type": "url_citation"}]},
    ],
)
def test_any_other_document_is_a_protocol_error(message: Json) -> None:
    with pytest.raises(UpstreamProtocolError):
        read_reply(reply(**message))
