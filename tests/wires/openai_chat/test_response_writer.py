"""Answers of Chat Completions, whole and streamed; cases are those of the catalogue of what gateways get wrong."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.bodies.openai_chat_body import Body
from bedrock_flask.converse import fold, replay
from bedrock_flask.errors import BedrockError
from bedrock_flask.fields import find_faults
from bedrock_flask.wires.openai_chat import (
    FINISH,
    is_complete,
    is_terminal,
    read_request,
    read_usage,
    write_chunks,
    write_reply,
)

Json = dict[str, Any]

COUNTS = {"inputTokens": 3, "cacheReadInputTokens": 32651, "cacheWriteInputTokens": 17, "outputTokens": 10}
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 13, "outputTokenCount": 5}}


def response(*content: Json, **members: Any) -> Json:
    document = {"output": {"message": {"role": "assistant", "content": list(content)}}, "stopReason": "end_turn"}
    return {**document, "usage": COUNTS, **members}


def message(*content: Json, **members: Any) -> Json:
    return dict(write_reply(response(*content, **members), "m")["choices"][0]["message"])


def use(name: str, given: Any, **more: Any) -> Json:
    return {"toolUse": {"toolUseId": f"call_{name}", "name": name, "input": given, **more}}


def thought(**document: Any) -> Json:
    return {"reasoningContent": {"reasoningText": document}}


def start(index: int, name: str, **more: Any) -> Json:
    document = {"toolUse": {"toolUseId": f"call_{name}", "name": name, **more}}
    return {"contentBlockStart": {"start": document, "contentBlockIndex": index}}


def delta(index: int, **document: Any) -> Json:
    return {"contentBlockDelta": {"delta": document, "contentBlockIndex": index}}


def stop(index: int) -> Json:
    return {"contentBlockStop": {"contentBlockIndex": index}}


BEGIN: Json = {"messageStart": {"role": "assistant"}}


def deltas(*events: Json) -> list[Json]:
    """What the chunks of some events add to the message."""
    return [chunk["choices"][0]["delta"] for chunk in write_chunks(events, "m")]


# --- whole -----------------------------------------------------------------------------------------------------------


def test_a_response_is_written_as_a_completion() -> None:
    reply = write_reply(response({"text": "4"}), "us.anthropic.claude-opus-4-6-v1")
    assert reply.pop("id").startswith("chatcmpl-")
    assert reply.pop("created") > 1_700_000_000
    assert reply == {
        "object": "chat.completion",
        "model": "us.anthropic.claude-opus-4-6-v1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "4", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
                "native_finish_reason": "end_turn",
            }
        ],
        "usage": {
            "prompt_tokens": 32671,
            "completion_tokens": 10,
            "total_tokens": 32681,
            "prompt_tokens_details": {"cached_tokens": 32651, "cache_write_tokens": 17},
        },
    }


def test_every_answer_has_an_id_of_its_own() -> None:
    assert write_reply(response(), "m")["id"] != write_reply(response(), "m")["id"]


def test_calls_alone_leave_no_content() -> None:
    call = {"id": "call_add", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
    assert message(use("add", {"a": 2})) == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [call],
    }
    assert message({"text": "so"}, use("add", {"a": 2}))["content"] == "so"
    assert message()["content"] == ""


def test_arguments_that_the_limit_cut_are_the_text_that_there_is() -> None:
    [call] = message(use("add", '{"a": '))["tool_calls"]
    assert call["function"]["arguments"] == '{"a": '


def test_a_tool_that_bedrock_runs_is_not_the_clients_to_run() -> None:
    assert "tool_calls" not in message(use("search", {}, type="server_tool_use"))
    assert deltas(start(0, "search", type="server_tool_use"), delta(0, toolUse={"input": "{}"}), stop(0)) == []


def test_reasoning_is_told_in_plain_and_in_parts() -> None:
    redacted = {"reasoningContent": {"redactedContent": "Q+/="}}
    document = message(thought(text="a", signature="S"), redacted, thought(text="b"), {"text": "4"})
    assert document["reasoning_content"] == "ab"
    assert document["reasoning_details"] == [
        {"type": "reasoning.text", "text": "a", "signature": "S", "index": 0},
        {"type": "reasoning.encrypted", "data": "Q+/=", "index": 1},
        {"type": "reasoning.text", "text": "b", "index": 2},
    ]


def test_case_15_a_signature_without_text_reaches_the_client() -> None:
    document = message(thought(text="", signature="S"), {"text": "4"})
    assert document["reasoning_details"] == [{"type": "reasoning.text", "text": "", "signature": "S", "index": 0}]
    assert "reasoning_content" not in document
    [only] = deltas(delta(0, reasoningContent={"signature": "S"}))
    assert only == {"reasoning_details": [{"type": "reasoning.text", "signature": "S", "index": 0}]}


WEB: Json = {"title": "T", "location": {"web": {"url": "https://example.com", "domain": "example.com"}}}
PAGE: Json = {"title": "D", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}


def test_what_is_cited_from_the_web_is_an_annotation_and_the_text_is_kept() -> None:
    cited = {"citationsContent": {"content": [{"text": "said"}], "citations": [WEB, PAGE]}}
    document = message({"text": "So "}, cited)
    place = {"url": "https://example.com", "title": "T", "start_index": 3, "end_index": 7}
    assert document["content"] == "So said"
    assert document["annotations"] == [{"type": "url_citation", "url_citation": place}]
    streamed = deltas(delta(0, text="So "), delta(1, text="said"), delta(1, citation=WEB), delta(1, citation=PAGE))
    assert streamed[2:] == [{"annotations": document["annotations"]}]


def test_a_tier_that_openai_knows_is_told() -> None:
    assert write_reply(response(serviceTier={"type": "flex"}), "m")["service_tier"] == "flex"
    assert "service_tier" not in write_reply(response(serviceTier={"type": "reserved"}), "m")


# --- why it stopped --------------------------------------------------------------------------------------------------


REASONS = [
    ("end_turn", "stop"),
    ("stop_sequence", "stop"),
    ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"),
    ("tool_use", "tool_calls"),
    ("guardrail_intervened", "content_filter"),
    ("content_filtered", "content_filter"),
    ("malformed_model_output", "error"),
    ("malformed_tool_use", "error"),
    ("sleepy", "error"),
]


@pytest.mark.parametrize(("native", "reason"), REASONS)
def test_case_22_each_reason_is_told_and_converses_own_beside_it(native: str, reason: str) -> None:
    document = {"finish_reason": reason, "native_finish_reason": native}
    answer = response({"text": "4"}, stopReason=native)
    [choice] = write_reply(answer, "m")["choices"]
    *_, last, _ = write_chunks(replay(answer), "m")
    assert choice.items() >= document.items()
    assert last["choices"][0].items() >= document.items()


def test_case_22_no_reason_is_forgotten() -> None:
    assert sorted(FINISH) == sorted(native for native, _ in REASONS if native != "sleepy")


def test_case_22_a_call_that_the_limit_cut_ends_by_its_length() -> None:
    reply = write_reply(response(use("add", '{"a": '), stopReason="max_tokens"), "m")
    assert reply["choices"][0]["finish_reason"] == "length"


# --- streamed --------------------------------------------------------------------------------------------------------


def test_case_23_the_finish_is_the_last_choice_and_usage_comes_behind_it() -> None:
    events: list[Json] = [BEGIN, delta(0, text="He"), delta(0, text="llo"), stop(0)]
    events += [{"messageStop": {"stopReason": "end_turn"}}, {"metadata": {"usage": COUNTS}}]
    first, *rest = write_chunks(events, "m")
    head = {name: first[name] for name in ("id", "object", "created", "model")}
    assert head["object"] == "chat.completion.chunk"
    assert first["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
    ]
    assert [chunk["choices"][0]["delta"] for chunk in rest[:-1]] == [{"content": "He"}, {"content": "llo"}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in rest[:-1]] == [None, None, "stop"]
    assert rest[-1] == {**head, "choices": [], "usage": write_reply(response(), "m")["usage"]}
    assert all(chunk.items() >= head.items() for chunk in rest)


def test_case_21_what_is_cached_counts_among_the_prompt_streamed_or_not() -> None:
    counts = write_reply(response(), "m")["usage"]
    assert (counts["prompt_tokens"], counts["prompt_tokens_details"]["cached_tokens"]) == (32671, 32651)
    assert counts["total_tokens"] == 32681
    assert [*write_chunks(replay(response()), "m")][-1]["usage"] == counts
    assert read_usage({"usage": counts}) == Usage(3, 10, 32651, 17)


def test_case_12_a_call_without_arguments_has_an_empty_object() -> None:
    assert arguments(deltas(start(0, "now"), stop(0))) == {0: "{}"}
    assert json.loads(arguments(deltas(start(0, "now"), delta(0, toolUse={"input": " "}), stop(0)))[0]) == {}
    assert arguments(deltas(start(0, "now"), delta(0, toolUse={"input": ""}), stop(0))) == {0: "{}"}


def arguments(document: list[Json]) -> dict[int, str]:
    """The arguments of each call, joined."""
    joined: dict[int, str] = {}
    for each in document:
        for call in each.get("tool_calls", ()):
            joined[call["index"]] = joined.get(call["index"], "") + call["function"]["arguments"]
    return joined


def test_case_13_arguments_are_forwarded_as_they_arrive() -> None:
    def events() -> Iterator[Json]:
        yield start(0, "weather")
        for piece in ('{"city":', ' "Paris"}'):
            arrived.append(piece)
            yield delta(0, toolUse={"input": piece})

    arrived: list[str] = []
    chunks = write_chunks(events(), "m")
    next(chunks)
    for number, piece in enumerate(('{"city":', ' "Paris"}'), 1):
        [call] = next(chunks)["choices"][0]["delta"]["tool_calls"]
        assert call == {"index": 0, "function": {"arguments": piece}}
        assert len(arrived) == number


def test_case_14_calls_are_counted_from_0_and_named_once() -> None:
    first, second = (name for name in ("a", "b"))
    document = deltas(
        delta(0, text="so"),
        stop(0),
        start(1, first),
        delta(1, toolUse={"input": "{}"}),
        stop(1),
        start(2, second),
        delta(2, toolUse={"input": "{}"}),
        stop(2),
    )
    calls = [call for each in document for call in each.get("tool_calls", ())]
    assert calls == [
        {"index": 0, "id": "call_a", "type": "function", "function": {"name": "a", "arguments": ""}},
        {"index": 0, "function": {"arguments": "{}"}},
        {"index": 1, "id": "call_b", "type": "function", "function": {"name": "b", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]


def test_reasoning_is_streamed_in_plain_and_in_parts() -> None:
    assert deltas(
        delta(0, reasoningContent={"text": "hm"}),
        delta(0, reasoningContent={"signature": "S"}),
        delta(1, reasoningContent={"redactedContent": "Q+/="}),
    ) == [
        {"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}]},
        {"reasoning_details": [{"type": "reasoning.text", "signature": "S", "index": 0}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "Q+/=", "index": 1}]},
    ]


def test_a_stream_that_just_ends_has_no_finish_and_no_usage() -> None:
    chunks = list(write_chunks([BEGIN, delta(0, text="He")], "m"))
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None]
    assert not any(map(is_terminal, chunks))


def test_an_error_behind_some_events_comes_behind_their_chunks() -> None:
    def events() -> Iterator[Json]:
        yield BEGIN
        raise BedrockError("throttlingException", "slow down")

    chunks = write_chunks(events(), "m")
    assert next(chunks)["choices"][0]["delta"]["role"] == "assistant"
    with pytest.raises(BedrockError):
        next(chunks)


def test_events_of_tomorrow_are_left_out() -> None:
    [first] = write_chunks([{"new": {}}, delta(0, new={}), BEGIN], "m")
    assert first["choices"][0]["delta"]["role"] == "assistant"


def test_leaving_a_stream_closes_the_events() -> None:
    closed = []

    def events() -> Iterator[Json]:
        try:
            yield from replay(response({"text": "4"}))
        finally:
            closed.append(True)

    chunks = write_chunks(events(), "m")
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert closed == [True]


# --- as a model's own format -----------------------------------------------------------------------------------------


REPLY: Json = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "openai.gpt-oss-20b-1:0",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 70, "completion_tokens": 20, "total_tokens": 90},
}


@pytest.mark.parametrize("reason", [None, "", []])
def test_an_answer_without_a_reason_for_its_end_is_not_complete(reason: Any) -> None:
    [choice] = REPLY["choices"]
    assert not is_complete({**REPLY, "choices": [{**choice, "finish_reason": reason}]})
    assert not is_complete({**REPLY, "choices": [{name: choice[name] for name in choice if name != "finish_reason"}]})


def test_a_models_own_reply_is_complete_and_its_usage_is_read() -> None:
    assert is_complete(REPLY)
    assert read_usage(REPLY) == Usage(70, 20)
    details = {"prompt_tokens_details": {"cached_tokens": 64}}
    assert read_usage({"usage": {**REPLY["usage"], **details}}) == Usage(6, 20, 64)
    counts = {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 64}}
    assert read_usage({"usage": counts}) == Usage(0, None, 64)


@pytest.mark.parametrize(
    "foreign",
    [
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": [1]},
        {"choices": [{"text": "x"}]},
        {"usage": {"prompt_tokens": -1}},
    ],
)
def test_a_foreign_document_is_neither_complete_nor_finished_and_tells_no_usage(foreign: Json) -> None:
    assert not is_complete(foreign)
    assert not is_terminal(foreign)
    assert read_usage(foreign) == Usage()


def chunk(reason: str | None, **more: Any) -> Json:
    return {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": reason}], **more}


@pytest.mark.parametrize(
    ("document", "last"),
    [
        (chunk(None), False),
        (chunk("stop"), True),
        (chunk("stop", usage=REPLY["usage"]), True),
        (chunk("stop", usage=None), False),
        (chunk("stop", usage=None, **METRICS), True),
        (chunk(None, **METRICS), True),
        ({"choices": [], "usage": REPLY["usage"]}, True),
        ({"choices": [], "prompt_filter_results": []}, False),
        ({"choices": [{"index": 0, "message": {"content": "x"}, "stop_reason": "length"}]}, True),
    ],
)
def test_a_models_own_stream_is_over_with_its_reason_its_usage_or_its_metrics(document: Json, last: bool) -> None:
    assert is_terminal(document) is last


def test_the_metrics_of_the_last_chunk_are_its_usage() -> None:
    assert read_usage(chunk("stop", **METRICS)) == Usage(13, 5)


# --- laws ------------------------------------------------------------------------------------------------------------

words = st.text(max_size=5)
base64 = st.sampled_from(["QUJD", "Q+/=", "AAAA"])
inputs = st.dictionaries(words, st.none() | st.integers() | words | st.lists(words), max_size=2)
blocks = st.one_of(
    st.builds(lambda wording: {"text": wording}, words),
    st.builds(use, st.sampled_from("ab"), inputs),
    st.builds(lambda text: thought(text=text), words),
    st.builds(lambda text, signature: thought(text=text, signature=signature), words, base64),
    st.builds(lambda data: {"reasoningContent": {"redactedContent": data}}, base64),
    st.builds(
        lambda wording, each: {"citationsContent": {"content": [{"text": wording}], "citations": each}},
        words,
        st.lists(st.sampled_from([WEB, PAGE]), max_size=2),
    ),
)
counts = st.integers(0, 10**6)
responses = st.builds(
    lambda content, reason, used: response(*content, stopReason=reason, usage=dict(zip(COUNTS, used, strict=True))),
    st.lists(blocks, max_size=5),
    st.sampled_from([native for native, _ in REASONS]),
    st.tuples(counts, counts, counts, counts),
)
calm = settings(deadline=None, max_examples=100)


@calm
@given(responses)
def test_a_reply_written_is_whole_and_its_usage_is_read_back(answer: Json) -> None:
    reply = write_reply(fold(replay(answer)), "m")
    assert json.loads(json.dumps(reply)) == reply
    assert is_complete(reply)
    assert read_usage(reply) == from_members(answer["usage"])


@calm
@given(responses)
def test_a_stream_written_says_what_the_reply_says_and_ends_once(answer: Json) -> None:
    reply = write_reply(answer, "m")
    chunks = list(write_chunks(replay(answer), "m"))
    assert [is_terminal(chunk) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1]["usage"] == reply["usage"]
    [choice] = reply["choices"]
    assert put_together(chunks[:-1]) == (understood(choice["message"]), choice["finish_reason"])


@calm
@given(responses)
def test_an_answer_can_be_sent_back_as_history_and_its_reasoning_is_the_same(answer: Json) -> None:
    document = {"role": "assistant", "content": "x", **write_reply(answer, "m")["choices"][0]["message"]}
    # One that is blank says nothing, and is refused.
    options = {"model": "m", "messages": [{**document, "content": (document["content"] or "").strip() or "x"}]}
    assert find_faults(Body(), options) == []
    sent = [block for block in read_request(options)["messages"][0]["content"] if "reasoningContent" in block]
    assert sent == [block for block in answer["output"]["message"]["content"] if says_something(block)]
    pieces = [detail for chunk in write_chunks(replay(answer), "m") for detail in details_of(chunk)]
    options["messages"][0]["reasoning_details"] = pieces
    again = [block for block in read_request(options)["messages"][0]["content"] if "reasoningContent" in block]
    assert again == sent


def says_something(block: Json) -> bool:
    document = block.get("reasoningContent", {})
    text = document.get("reasoningText", {})
    return bool("redactedContent" in document or text.get("signature") or text.get("text", "").strip())


def details_of(chunk: Json) -> list[Json]:
    return [each for choice in chunk["choices"] for each in choice["delta"].get("reasoning_details", ())]


def put_together(chunks: list[Json]) -> tuple[Json, str]:
    """What a client of the stream puts together, and why it stopped."""
    whole: Json = {"content": "", "calls": {}, "thoughts": {}, "annotations": [], "reasoning_content": ""}
    for each in chunks:
        document = each["choices"][0]["delta"]
        whole["content"] += document.get("content", "")
        whole["reasoning_content"] += document.get("reasoning_content", "")
        whole["annotations"] += document.get("annotations", ())
        for detail in document.get("reasoning_details", ()):
            held = whole["thoughts"].setdefault(detail["index"], {"type": detail["type"]})
            held |= {name: held.get(name, "") + detail[name] for name in detail if name not in ("type", "index")}
        for call in document.get("tool_calls", ()):
            held = whole["calls"].setdefault(call["index"], {"id": call.get("id"), "arguments": ""})
            held |= {name: call["function"][name] for name in call["function"] if name != "arguments"}
            held["arguments"] += call["function"]["arguments"]
    return whole, chunks[-1]["choices"][0]["finish_reason"]


def understood(document: Json) -> Json:
    """A whole message in the same form."""
    details = document.get("reasoning_details", ())
    return {
        "content": document["content"] or "",
        "calls": {n: {"id": call["id"], **call["function"]} for n, call in enumerate(document.get("tool_calls", ()))},
        "thoughts": {each["index"]: {name: each[name] for name in each if name != "index"} for each in details},
        "annotations": document.get("annotations", []),
        "reasoning_content": document.get("reasoning_content", ""),
    }
